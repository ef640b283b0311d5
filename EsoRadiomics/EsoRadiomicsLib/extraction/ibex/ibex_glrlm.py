"""IBEX's 2.5-D gray-level run lengths: runs within rows (0°) or columns (90°) of each slice, summed over slices.

A run ends at the ROI's edge. The formulas are Galloway's and Tang's, on levels 1…N; IBEX printed no result of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .ibex_levels import GrayLevels
from .ibex_names import ALL_DIRECTIONS, GLRLM_DIRECTIONS


@dataclass(frozen=True)
class RunMatrix:
    """Level and length of every run; ``weight`` is 1, or ½ in IBEX's mean of the two directions."""

    level: np.ndarray
    length: np.ndarray
    weight: float
    n_voxels: int

    @property
    def n_runs(self) -> float:
        """How many runs there are."""
        return self.level.size * self.weight

    def mean(self, of_runs: np.ndarray) -> float:
        """Σ of a value of each run / number of runs."""
        return float(of_runs.mean())

    def nonuniformity(self, of_runs: np.ndarray) -> float:
        """Σ (runs of one level or length)² / number of runs."""
        return float(((np.bincount(of_runs) * self.weight) ** 2).sum() / self.n_runs)


def run_matrix(levels: GrayLevels, direction: int) -> RunMatrix:
    """The runs of a direction (0, 90; −333: the mean of both).

    0° is PyRadiomics' angle (0, 0, 1) in (z, y, x), 90° its (0, 1, 0).
    """
    directions = GLRLM_DIRECTIONS if direction == ALL_DIRECTIONS else (direction,)
    runs = [_runs(levels.image if angle == 0 else levels.image.swapaxes(1, 2)) for angle in directions]
    level, length = (np.concatenate(part) for part in zip(*runs, strict=True))
    return RunMatrix(level, length, 1 / len(directions), int(np.count_nonzero(levels.image)))


def _runs(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Levels and lengths of the runs along the last axis."""
    line = np.pad(image, ((0, 0), (0, 0), (0, 1))).ravel()  # a zero ends every line
    starts = np.flatnonzero(np.diff(line, prepend=0))
    lengths = np.diff(starts, append=line.size)
    inside = line[starts] > 0
    return line[starts][inside], lengths[inside]


GLRLM_FORMULAS: dict[str, Callable[[RunMatrix], float]] = {
    "GrayLevelNonuniformity": lambda m: m.nonuniformity(m.level),
    "HighGrayLevelRunEmpha": lambda m: m.mean(m.level.astype(float) ** 2),
    "LongRunEmphasis": lambda m: m.mean(m.length.astype(float) ** 2),
    "LongRunHighGrayLevelEmpha": lambda m: m.mean(m.length.astype(float) ** 2 * m.level**2),
    "LongRunLowGrayLevelEmpha": lambda m: m.mean(m.length.astype(float) ** 2 / m.level**2),
    "LowGrayLevelRunEmpha": lambda m: m.mean(1.0 / m.level**2),
    "RunLengthNonuniformity": lambda m: m.nonuniformity(m.length),
    "RunPercentage": lambda m: m.n_runs / m.n_voxels,
    "ShortRunEmphasis": lambda m: m.mean(1.0 / m.length**2),
    "ShortRunHighGrayLevelEmpha": lambda m: m.mean(m.level.astype(float) ** 2 / m.length**2),
    "ShortRunLowGrayLevelEmpha": lambda m: m.mean(1.0 / (m.length**2 * m.level**2)),
}
PER_VOXEL = ("GrayLevelNonuniformity", "RunLengthNonuniformity")
