"""From a case to its features: settings, ROI, the engines that measure, perturbations, the feature table."""
