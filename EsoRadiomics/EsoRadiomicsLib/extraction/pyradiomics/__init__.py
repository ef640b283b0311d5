"""The engine PyRadiomics: its own features, bit for bit."""
