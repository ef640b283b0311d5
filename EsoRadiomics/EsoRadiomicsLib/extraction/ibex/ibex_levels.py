"""From CT numbers to gray levels, as IBEX scales them before it counts pairs and runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CT_NUMBER_OFFSET = 1000
CT_NUMBER_MAX = 65535


@dataclass(frozen=True)
class GrayLevels:
    """Levels 1…``count`` of the voxels of the ROI, 0 outside (int, z, y, x)."""

    image: np.ndarray
    count: int


def ct_numbers(hu: np.ndarray) -> np.ndarray:
    """IBEX's CT numbers of a CT in HU: HU + 1000 as a 16-bit unsigned integer, rounded half up, below −1000 HU 0."""
    return np.clip(np.floor(hu.astype(float) + CT_NUMBER_OFFSET + 0.5), 0, CT_NUMBER_MAX)


def scale_levels(ct: np.ndarray, mask: np.ndarray, limits: tuple[float, float], count: int) -> GrayLevels:
    """Scale CT numbers linearly from ``limits`` to the levels 1…``count``; what lies outside gets the end's level."""
    low, high = limits
    levels = np.floor((count - 1) / (high - low) * (ct - low) + 1.5)
    return GrayLevels(np.where(mask, np.clip(levels, 1, count), 0).astype(np.int64), count)


def adaptive_levels(ct: np.ndarray, mask: np.ndarray) -> GrayLevels:
    """IBEX's ``AdaptLimitLevel``: one level a CT number, from the lowest above 0 in the ROI to the highest."""
    inside = ct[mask]
    low, high = min(inside[inside > 0], default=0.0), float(inside.max())
    high = max(high, low + 1)
    return scale_levels(ct, mask, (low, high), int(high - low) + 1)
