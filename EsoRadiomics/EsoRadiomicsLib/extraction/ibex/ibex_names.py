"""Names of IBEX's features: ``ibex_category_Feature``, in which IBEX's own names and the papers' stand as printed.

``ibex_glcm25_45-7DifferenceEntropy`` is IBEX's ``45-7DifferenceEntropy`` and, read by R, ``X45.7DifferenceEntropy``:
direction in degrees, offset in voxels, feature. The direction −333 is IBEX's sum over the directions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

PREFIX = "ibex"
IBEX_CATEGORIES = {
    "glcm25": "GrayLevelCooccurenceMatrix25",
    "glrlm25": "GrayLevelRunLengthMatrix25",
    "histogram": "IntensityHistogram",
    "shape": "Shape",
}
ALL_DIRECTIONS = -333
GLCM_DIRECTIONS = (0, 45, 90, 135)
GLCM_OFFSETS = (1, 4, 7)
GLRLM_DIRECTIONS = (0, 90)
PERCENTS = tuple(range(5, 100, 5))

_FEATURES = {
    "glcm25": (
        "AutoCorrelation ClusterProminence ClusterShade ClusterTendendcy Contrast Correlation DifferenceEntropy "
        "Dissimilarity Energy Entropy Homogeneity Homogeneity2 InformationMeasureCorr1 InformationMeasureCorr2 "
        "InverseDiffMomentNorm InverseDiffNorm InverseVariance MaxProbability SumAverage SumEntropy SumVariance "
        "Variance"
    ),
    "glrlm25": (
        "GrayLevelNonuniformity HighGrayLevelRunEmpha LongRunEmphasis LongRunHighGrayLevelEmpha "
        "LongRunLowGrayLevelEmpha LowGrayLevelRunEmpha RunLengthNonuniformity RunPercentage ShortRunEmphasis "
        "ShortRunHighGrayLevelEmpha ShortRunLowGrayLevelEmpha"
    ),
    "histogram": "InterQuartileRange Kurtosis MeanAbsoluteDeviation MedianAbsoluteDeviation Range Skewness",
    "shape": (
        "Compactness1 Compactness2 Convex ConvexHullVolume ConvexHullVolume3D Mass Max3DDiameter MeanBreadth "
        "NumberOfObjects NumberOfVoxel Orientation Roundness SphericalDisproportion Sphericity SurfaceArea "
        "SurfaceAreaDensity Volume VoxelSize"
    ),
}
IBEX_FEATURES: dict[str, tuple[str, ...]] = {category: tuple(text.split()) for category, text in _FEATURES.items()}

_PRINTED = re.compile(
    r"""
    (?P<direction>-?\d+)-(?P<offset>\d+)(?P<glcm>[A-Z]\w*)
    | (?P<percent>\d+)(?P<percentile>Percentile(?:Area)?)
    | (?P<run_direction>-?\d+)(?P<glrlm>[A-Z]\w*)
    | (?P<plain>[A-Z]\w*)
    """,
    re.VERBOSE,
)


class IbexName(NamedTuple):
    """A feature's name in its parts; direction, offset and percent are 0 where the category has none."""

    category: str
    feature: str
    direction: int = 0
    offset: int = 0
    percent: int = 0


def ibex_names(categories: Iterable[str] = IBEX_CATEGORIES) -> tuple[str, ...]:
    """Names of the features of some categories, in the order of IBEX's tables.

    All four give 348: 264 of co-occurrence, 22 of run lengths, 44 of the histogram, 18 of shape. A study's 352
    contain four more, probably columns of ``Quantile``; which they are cannot be known, so they are not made up.
    """
    names: list[str] = []
    for category in categories:
        names += [f"{PREFIX}_{category}_{printed}" for printed in _printed_names(category)]
    return tuple(names)


def _printed_names(category: str) -> list[str]:
    features = IBEX_FEATURES[category]
    if category == "glcm25":
        return [f"{d}-{o}{f}" for f in features for d in GLCM_DIRECTIONS for o in GLCM_OFFSETS]
    if category == "glrlm25":
        return [f"{d}{f}" for f in features for d in GLRLM_DIRECTIONS]
    if category == "histogram":
        return [*features, *(f"{p}{kind}" for kind in ("Percentile", "PercentileArea") for p in PERCENTS)]
    return list(features)


def split_ibex_name(name: str) -> IbexName | None:
    """A name in its parts, or None where it is no feature of IBEX's.

    Any offset and −333 are understood, because IBEX's own tables may hold them.
    """
    prefix, _, rest = name.partition("_")
    category, _, printed = rest.partition("_")
    found = _PRINTED.fullmatch(printed)
    if prefix != PREFIX or category not in IBEX_CATEGORIES or found is None:
        return None
    part, features = found.groupdict(), IBEX_FEATURES[category]
    if category == "glcm25" and part["glcm"] in features:
        direction, offset = int(part["direction"]), int(part["offset"])
        if direction in (*GLCM_DIRECTIONS, ALL_DIRECTIONS) and offset > 0:
            return IbexName(category, part["glcm"], direction, offset)
    elif category == "glrlm25" and part["glrlm"] in features:
        direction = int(part["run_direction"])
        if direction in (*GLRLM_DIRECTIONS, ALL_DIRECTIONS):
            return IbexName(category, part["glrlm"], direction)
    elif category == "histogram" and part["percentile"] and 0 < int(part["percent"]) < 100:
        return IbexName(category, part["percentile"], percent=int(part["percent"]))
    elif category in ("histogram", "shape") and part["plain"] in features:
        return IbexName(category, part["plain"])
    return None


def name_from_table(category: str, printed: str) -> str | None:
    """Our name of a column of an IBEX result table, or None where it is none of ours.

    Args:
        category: the upper header, for example ``F3-GrayLevelCooccurenceMatrix25``.
        printed: the lower header, for example ``45-7Contrast`` or `` 5PercentileArea``.
    """
    short = {long: key for key, long in IBEX_CATEGORIES.items()}.get(category.partition("-")[2].strip())
    if short is None:
        return None
    name = f"{PREFIX}_{short}_{printed.strip()}"
    return name if split_ibex_name(name) else None
