"""The 851 feature names of the studies, as PyRadiomics 3 writes them: ``image_class_Feature``.

851 = 14 shape + 93 (18 first-order, 24 GLCM, 14 GLDM, 16 GLRLM, 16 GLSZM, 5 NGTDM) × 9 images (the original and
the 8 sub-bands of one wavelet level).
"""

from __future__ import annotations

from collections.abc import Iterable

from ...core.errors import UsageError

ORIGINAL = "original"
WAVELETS = tuple(f"wavelet-{band}" for band in ("LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH", "LLL"))
IMAGES = (ORIGINAL, *WAVELETS)

_FEATURES = {
    "shape": (
        "Elongation Flatness LeastAxisLength MajorAxisLength Maximum2DDiameterColumn Maximum2DDiameterRow "
        "Maximum2DDiameterSlice Maximum3DDiameter MeshVolume MinorAxisLength Sphericity SurfaceArea "
        "SurfaceVolumeRatio VoxelVolume"
    ),
    "firstorder": (
        "10Percentile 90Percentile Energy Entropy InterquartileRange Kurtosis Maximum Mean MeanAbsoluteDeviation "
        "Median Minimum Range RobustMeanAbsoluteDeviation RootMeanSquared Skewness TotalEnergy Uniformity Variance"
    ),
    "glcm": (
        "Autocorrelation ClusterProminence ClusterShade ClusterTendency Contrast Correlation DifferenceAverage "
        "DifferenceEntropy DifferenceVariance Id Idm Idmn Idn Imc1 Imc2 InverseVariance JointAverage JointEnergy "
        "JointEntropy MCC MaximumProbability SumAverage SumEntropy SumSquares"
    ),
    "gldm": (
        "DependenceEntropy DependenceNonUniformity DependenceNonUniformityNormalized DependenceVariance "
        "GrayLevelNonUniformity GrayLevelVariance HighGrayLevelEmphasis LargeDependenceEmphasis "
        "LargeDependenceHighGrayLevelEmphasis LargeDependenceLowGrayLevelEmphasis LowGrayLevelEmphasis "
        "SmallDependenceEmphasis SmallDependenceHighGrayLevelEmphasis SmallDependenceLowGrayLevelEmphasis"
    ),
    "glrlm": (
        "GrayLevelNonUniformity GrayLevelNonUniformityNormalized GrayLevelVariance HighGrayLevelRunEmphasis "
        "LongRunEmphasis LongRunHighGrayLevelEmphasis LongRunLowGrayLevelEmphasis LowGrayLevelRunEmphasis "
        "RunEntropy RunLengthNonUniformity RunLengthNonUniformityNormalized RunPercentage RunVariance "
        "ShortRunEmphasis ShortRunHighGrayLevelEmphasis ShortRunLowGrayLevelEmphasis"
    ),
    "glszm": (
        "GrayLevelNonUniformity GrayLevelNonUniformityNormalized GrayLevelVariance HighGrayLevelZoneEmphasis "
        "LargeAreaEmphasis LargeAreaHighGrayLevelEmphasis LargeAreaLowGrayLevelEmphasis LowGrayLevelZoneEmphasis "
        "SizeZoneNonUniformity SizeZoneNonUniformityNormalized SmallAreaEmphasis SmallAreaHighGrayLevelEmphasis "
        "SmallAreaLowGrayLevelEmphasis ZoneEntropy ZonePercentage ZoneVariance"
    ),
    "ngtdm": "Busyness Coarseness Complexity Contrast Strength",
}
FEATURES_OF_CLASS: dict[str, tuple[str, ...]] = {name: tuple(text.split()) for name, text in _FEATURES.items()}
CLASSES = tuple(FEATURES_OF_CLASS)


def feature_names(images: Iterable[str] = IMAGES, classes: Iterable[str] = CLASSES) -> tuple[str, ...]:
    """Names of all features of ``classes`` on ``images``, in PyRadiomics' order; shape exists on the original only."""
    classes = tuple(classes)
    names = [f"{ORIGINAL}_shape_{feature}" for feature in FEATURES_OF_CLASS["shape"] if "shape" in classes]
    for image in images:
        for name in classes:
            if name != "shape":
                names += [f"{image}_{name}_{feature}" for feature in FEATURES_OF_CLASS[name]]
    return tuple(names)


ALL = feature_names()
_KNOWN = frozenset(ALL)


def is_feature(name: str) -> bool:
    """Whether ``name`` is one of the 851."""
    return name in _KNOWN


def split_name(name: str) -> tuple[str, str, str]:
    """``"wavelet-HLL_glcm_Idn"`` → ``("wavelet-HLL", "glcm", "Idn")``.

    Raises:
        UsageError: the name is not one of the 851.
    """
    if name not in _KNOWN:
        raise UsageError(
            f"“{name}” is not one of the 851 features of PyRadiomics (image_class_Feature, for example "
            "“wavelet-HLL_glcm_Idn”). Check the spelling."
        )
    image, feature_class, feature = name.split("_")
    return image, feature_class, feature
