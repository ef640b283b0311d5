"""IBEX's features of one ROI: the wanted names with values, or with the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..features import Found
from .ibex_glcm import GLCM_FORMULAS, pair_matrix
from .ibex_glrlm import GLRLM_FORMULAS, PER_VOXEL, run_matrix
from .ibex_histogram import HISTOGRAM_FORMULAS, bin_probabilities, kurtosis, percentile, percentile_area
from .ibex_levels import GrayLevels, adaptive_levels, ct_numbers, scale_levels
from .ibex_names import IbexName, split_ibex_name
from .ibex_settings import IbexSettings
from .ibex_shape import SHAPE_FORMULAS, IbexShape


def measure_ibex(
    hu: np.ndarray,
    mask: np.ndarray,
    spacing_mm: tuple[float, float, float],
    settings: IbexSettings,
    names: Iterable[str],
) -> Found:
    """Measure an ROI: ``{name: (value, reason if there is none)}``.

    Args:
        hu: CT in HU, (z, y, x) along the patient's left, back and head.
        mask: of the ROI, same shape; not empty.
        spacing_mm: (x, y, z).
        settings: IBEX's.
        names: features of :func:`.ibex_names.ibex_names`.
    """
    box = tuple(slice(int(line.min()), int(line.max()) + 1) for line in np.nonzero(mask))
    inside, ct = mask[box].astype(bool), ct_numbers(hu[box])
    parts = {name: split_ibex_name(name) for name in names}
    by_category: dict[str, dict[str, IbexName]] = {}
    for name, part in parts.items():
        assert part is not None, name
        by_category.setdefault(part.category, {})[name] = part
    found: Found = {}
    if "glcm25" in by_category:
        levels = adaptive_levels(ct, inside) if settings.adapt_limit_level else _fixed_levels(ct, inside, settings)
        found |= _pairs(levels, settings, by_category["glcm25"])
    if "glrlm25" in by_category:
        found |= _runs(_fixed_levels(ct, inside, settings), settings, by_category["glrlm25"])
    if "histogram" in by_category:
        found |= _histogram(ct[inside], settings, by_category["histogram"])
    if "shape" in by_category:
        x, y, z = spacing_mm
        found |= _shape(IbexShape(inside, ct, (x / 10, y / 10, z / 10)), by_category["shape"])
    return {name: found[name] for name in parts}


def _fixed_levels(ct: np.ndarray, mask: np.ndarray, settings: IbexSettings) -> GrayLevels:
    return scale_levels(ct, mask, settings.gray_limits, settings.gray_levels)


def _pairs(levels: GrayLevels, settings: IbexSettings, names: dict[str, IbexName]) -> Found:
    found: Found = {}
    for direction, offset in dict.fromkeys((part.direction, part.offset) for part in names.values()):
        matrix = pair_matrix(levels, direction, offset, settings.symmetric)
        for name, part in names.items():
            if (part.direction, part.offset) != (direction, offset):
                continue
            if matrix is None:
                where = f"at {direction}°" if direction >= 0 else "in any direction"
                found[name] = np.nan, f"no two voxels of the ROI lie {offset} apart {where} in a slice"
            else:
                value = GLCM_FORMULAS[part.feature](matrix)
                found[name] = value, "" if np.isfinite(value) else "the ROI has one gray level there"
    return found


def _runs(levels: GrayLevels, settings: IbexSettings, names: dict[str, IbexName]) -> Found:
    matrices = {direction: run_matrix(levels, direction) for direction in {part.direction for part in names.values()}}
    found: Found = {}
    for name, part in names.items():
        value = GLRLM_FORMULAS[part.feature](matrices[part.direction])
        if part.feature in PER_VOXEL and settings.nonuniformity == "per-run-and-voxel":
            value /= matrices[part.direction].n_voxels
        found[name] = value, ""
    return found


def _histogram(values: np.ndarray, settings: IbexSettings, names: dict[str, IbexName]) -> Found:
    centres, p = bin_probabilities(values, settings.histogram_limits, settings.histogram_bins)
    found: Found = {}
    for name, part in names.items():
        reason = "all voxels of the ROI have one CT number"
        if part.feature == "Percentile":
            value = percentile(values, part.percent)
        elif part.feature == "PercentileArea":
            value = percentile_area(centres, p, part.percent)
            reason = f"the first bin of the histogram holds more than {part.percent} % of the ROI"
        elif part.feature == "Kurtosis" and settings.kurtosis == "bin-probabilities":
            value = kurtosis(p)
        else:
            value = HISTOGRAM_FORMULAS[part.feature](values)
        found[name] = value, "" if np.isfinite(value) else reason
    return found


def _shape(shape: IbexShape, names: dict[str, IbexName]) -> Found:
    reason = "the ROI lies in one slice" if shape.mask.shape[0] == 1 else "the ROI is flat"
    values = {name: float(SHAPE_FORMULAS[part.feature](shape)) for name, part in names.items()}
    return {name: (value, "" if np.isfinite(value) else reason) for name, value in values.items()}
