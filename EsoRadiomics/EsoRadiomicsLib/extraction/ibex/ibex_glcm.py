"""IBEX's 2.5-D gray-level co-occurrence: pairs counted slice by slice, one matrix a direction and offset.

A pair counts where both voxels lie in the ROI; the counts of all slices are summed, then normalised. Directions are the
patient's: 0° runs to the left, 90° to the front, and an offset of d is d voxels along each axis (7 at 45° is 7 to the
left and 7 to the front). IBEX takes every logarithm to base 2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from .ibex_levels import GrayLevels
from .ibex_names import ALL_DIRECTIONS, GLCM_DIRECTIONS

_STEPS = {0: (0, 1), 45: (-1, 1), 90: (-1, 0), 135: (-1, -1)}


class PairMatrix:
    """A normalised co-occurrence matrix by its non-zero cells: level of the first and second voxel, probability."""

    def __init__(self, first: np.ndarray, second: np.ndarray, counts: np.ndarray, n_levels: int) -> None:
        self.first, self.second, self.n_levels = first.astype(float), second.astype(float), n_levels
        self.p = counts / counts.sum()

    @cached_property
    def difference(self) -> np.ndarray:
        """|i − j| of each cell."""
        return np.abs(self.first - self.second)

    @cached_property
    def means(self) -> tuple[float, float]:
        """Mean level of the first and of the second voxel."""
        return self.mean(self.first), self.mean(self.second)

    @cached_property
    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        """The values that i + j takes and their probabilities."""
        return _distribution(self.first + self.second, self.p)

    def mean(self, of_cells: np.ndarray) -> float:
        """Σ value × p. Not as a dot product: its bits would depend on the number of threads."""
        return float((of_cells * self.p).sum())

    def central(self, power: int) -> float:
        """E(i + j − μ_i − μ_j)^power."""
        return self.mean((self.first + self.second - sum(self.means)) ** power)

    @cached_property
    def entropies(self) -> tuple[float, float, float]:
        """Entropy of the first level, of the second and of both together, in bits."""
        rows, columns = _distribution(self.first, self.p)[1], _distribution(self.second, self.p)[1]
        return entropy(rows), entropy(columns), entropy(self.p)


def pair_matrix(levels: GrayLevels, direction: int, offset: int, symmetric: bool) -> PairMatrix | None:
    """Count the pairs of a direction (−333: of all four) and an offset; None where the ROI holds no pair.

    Args:
        levels: of the ROI.
        direction: 0, 45, 90, 135 or −333.
        offset: voxels along each axis.
        symmetric: count each pair both ways round.
    """
    directions = GLCM_DIRECTIONS if direction == ALL_DIRECTIONS else (direction,)
    codes = np.concatenate([_pair_codes(levels, step, offset) for step in map(_STEPS.__getitem__, directions)])
    if codes.size == 0:
        return None
    base = levels.count + 1
    if symmetric:
        codes = np.concatenate([codes, codes % base * base + codes // base])
    cells, counts = np.unique(codes, return_counts=True)
    return PairMatrix(cells // base, cells % base, counts, levels.count)


def _pair_codes(levels: GrayLevels, step: tuple[int, int], offset: int) -> np.ndarray:
    """The pairs as ``first × (levels + 1) + second``."""
    slices = []
    for size, move in zip(levels.image.shape[1:], step, strict=True):
        shift = move * offset
        slices.append((slice(max(-shift, 0), size - max(shift, 0)), slice(max(shift, 0), size + min(shift, 0))))
    if any(size <= offset for size, move in zip(levels.image.shape[1:], step, strict=True) if move):
        return np.empty(0, dtype=np.int64)
    (here_y, there_y), (here_x, there_x) = slices
    first, second = levels.image[:, here_y, here_x], levels.image[:, there_y, there_x]
    both = (first > 0) & (second > 0)
    return first[both] * (levels.count + 1) + second[both]


def entropy(p: np.ndarray) -> float:
    """−Σ p log2 p of positive probabilities."""
    return float(abs((p * np.log2(p)).sum()))


def _distribution(values: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distinct, where = np.unique(values, return_inverse=True)
    return distinct, np.bincount(where, weights=p)


def _correlation(m: PairMatrix) -> float:
    mean_first, mean_second = m.means
    first, second = m.first - mean_first, m.second - mean_second
    spread = m.mean(first**2) * m.mean(second**2)
    return float(m.mean(first * second) / np.sqrt(spread)) if spread > 0 else np.nan


def _imc1(m: PairMatrix) -> float:
    """(HXY − HXY1) / max(HX, HY); HXY1 = HX + HY, because p sums to its marginals."""
    rows, columns, joint = m.entropies
    largest = max(rows, columns)
    return (joint - rows - columns) / largest if largest > 0 else np.nan


def _imc2(m: PairMatrix) -> float:
    """√(1 − exp(−2 (HXY2 − HXY))), entropies in bits even here (IBEX's source; Haralick's are natural)."""
    rows, columns, joint = m.entropies
    return float(np.sqrt(1 - np.exp(-2 * max(rows + columns - joint, 0.0))))


def _sum_variance(m: PairMatrix) -> float:
    """Σ (k − SumEntropy)² p(k): centred on the *entropy* of the sums (IBEX's source, as Haralick 1973 printed it)."""
    values, p = m.sums
    return float(((values - entropy(p)) ** 2 * p).sum())


def _variance(m: PairMatrix) -> float:
    """Σ (i + j − μ_i − μ_j)² p: IBEX's Variance is ClusterTendendcy again (its source), not Σ (i − μ)² p."""
    return m.central(2)


def _inverse_difference_norm(m: PairMatrix, power: int) -> float:
    """Σ p / (1 + |i − j|^power / N^power), N the NumLevels of the settings (IBEX's source).

    PyRadiomics' Idn and Idmn divide by the highest level in the ROI.
    """
    return m.mean(1 / (1 + m.difference**power / m.n_levels**power))


def _inverse_variance(m: PairMatrix) -> float:
    apart = m.difference > 0
    return float((m.p[apart] / m.difference[apart] ** 2).sum())


GLCM_FORMULAS: dict[str, Callable[[PairMatrix], float]] = {
    "AutoCorrelation": lambda m: m.mean(m.first * m.second),
    "ClusterProminence": lambda m: m.central(4),
    "ClusterShade": lambda m: m.central(3),
    "ClusterTendendcy": lambda m: m.central(2),  # IBEX's spelling
    "Contrast": lambda m: m.mean(m.difference**2),
    "Correlation": _correlation,
    "DifferenceEntropy": lambda m: entropy(_distribution(m.difference, m.p)[1]),
    "Dissimilarity": lambda m: m.mean(m.difference),
    "Energy": lambda m: m.mean(m.p),
    "Entropy": lambda m: m.entropies[2],
    "Homogeneity": lambda m: m.mean(1 / (1 + m.difference)),
    "Homogeneity2": lambda m: m.mean(1 / (1 + m.difference**2)),
    "InformationMeasureCorr1": _imc1,
    "InformationMeasureCorr2": _imc2,
    "InverseDiffMomentNorm": lambda m: _inverse_difference_norm(m, 2),
    "InverseDiffNorm": lambda m: _inverse_difference_norm(m, 1),
    "InverseVariance": _inverse_variance,
    "MaxProbability": lambda m: float(m.p.max()),
    "SumAverage": lambda m: m.mean(m.first + m.second),
    "SumEntropy": lambda m: entropy(m.sums[1]),
    "SumVariance": _sum_variance,
    "Variance": _variance,
}
