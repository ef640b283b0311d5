"""Fisher's exact test for tables of any size; SciPy has the exact one for 2 × 2 only."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import stats
from scipy.special import gammaln

from .inputs import IntArray

# R's margin: tables as likely as the observed one, but for rounding, count as at least as extreme.
_MARGIN = 1e-7
_MAX_STEPS = 300_000
_N_SAMPLES = 100_000


def fisher_exact(table: IntArray) -> float:
    """Two-sided p: the probability of all tables (r, c) with these margins that are no likelier than this one.

    A table has the probability Π row totals! · Π column totals! / (n! · Π cells!). Tables grow column by column; those
    that leave the same row totals and are equally likely so far are counted together, as in FEXACT (Mehta & Patel,
    ACM Trans Math Softw 1986). Where that becomes too many, the p of 100 000 random tables (with a fixed seed).
    """
    counts = np.asarray(table, dtype=np.int64)
    if counts.shape[0] > counts.shape[1]:
        counts = counts.T
    # paths[row totals left][Σ ln cell! so far]: the number of such beginnings of a table.
    paths: dict[tuple[int, ...], dict[float, float]] = {tuple(counts.sum(axis=1).tolist()): {0.0: 1.0}}
    steps = 0
    # The largest column last: it takes what is left.
    for total in sorted(counts.sum(axis=0).tolist()):
        longer: dict[tuple[int, ...], dict[float, float]] = {}
        for left, beginnings in paths.items():
            for column in _columns(left, total):
                ways = longer.setdefault(tuple(a - b for a, b in zip(left, column, strict=True)), {})
                cost = _log_factorials(column)
                steps += len(beginnings)
                if steps > _MAX_STEPS:
                    return _sampled(counts)
                for before, number in beginnings.items():
                    key = round(before + cost, 10)
                    ways[key] = ways.get(key, 0.0) + number
        paths = longer
    (tables,) = paths.values()
    margins = _log_factorials(counts.sum(axis=0)) + _log_factorials(counts.sum(axis=1)) - math.lgamma(counts.sum() + 1)
    least = _log_factorials(counts.ravel()) - _MARGIN
    return min(1.0, math.fsum(number * math.exp(margins - cost) for cost, number in tables.items() if cost >= least))


def _sampled(counts: IntArray) -> float:
    """The observed table counts as one of the random ones, so that p is never 0."""
    margins = counts.sum(axis=1), counts.sum(axis=0)
    tables = stats.random_table.rvs(*margins, size=_N_SAMPLES, random_state=np.random.default_rng(0))
    costs = gammaln(tables + 1).sum(axis=(1, 2))
    return float((np.sum(costs >= gammaln(counts + 1).sum() - _MARGIN) + 1) / (_N_SAMPLES + 1))


def _columns(left: tuple[int, ...], total: int) -> Iterator[tuple[int, ...]]:
    """All columns of cells that add up to ``total`` and take no more than what is ``left`` of each row."""
    if len(left) == 1:
        if total <= left[0]:
            yield (total,)
        return
    for first in range(max(0, total - sum(left[1:])), min(left[0], total) + 1):
        for rest in _columns(left[1:], total - first):
            yield (first, *rest)


def _log_factorials(values: IntArray | tuple[int, ...]) -> float:
    return math.fsum(math.lgamma(value + 1) for value in values)
