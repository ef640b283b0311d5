"""Figures of a cohort: how a score is distributed, and the batches before and after harmonisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ...cohort.cohort_in_readings import CaseInReadings
from ...scoring.score_text import rule
from ...studies.card_parts import Cutoff
from ..figures.style import BLUE, GREEN, INK, SKY, VERMILLION, new_figure

_COLOURS = (BLUE, VERMILLION, GREEN, SKY, INK)
_MARKERS = "osD^vPX*"
_MOST_BINS = 30


def distribution_figure(values: Sequence[float], name: str, cutoff: Cutoff | None) -> Figure:
    """Histogram of a score with a mark for every case, and the study's cut-off."""
    figure = new_figure(55)
    axes = figure.add_axes((0.08, 0.24, 0.9, 0.64))
    axes.hist(values, bins=min(_MOST_BINS, max(5, round(len(values) ** 0.5))), color=SKY, edgecolor="white")
    axes.plot(values, np.zeros(len(values)), "|", color=INK, markersize=9, clip_on=False)
    if cutoff is not None:
        axes.axvline(cutoff.value, color=VERMILLION, linestyle="--")
        where = axes.get_xaxis_transform()
        label = f"{rule(cutoff)}: {cutoff.above.label}"
        axes.text(cutoff.value, 1.03, label, color=VERMILLION, transform=where, va="bottom", fontsize=8)
    axes.set_xlabel(name, fontsize=9)
    axes.set_ylabel("cases", fontsize=9)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def readings_range_figure(cases: Sequence[CaseInReadings], name: str, cutoff: Cutoff | None) -> Figure:
    """A line a case from its lowest to its highest score over the readings of the paper, a dot for the card's own."""
    shown = sorted((case for case in cases if case.scores[0] is not None), key=lambda case: case.scores[0] or 0.0)
    figure = new_figure(70)
    axes = figure.add_axes((0.1, 0.2, 0.88, 0.7))
    for x, case in enumerate(shown):
        colour = INK if case.same_group == len(case.known) else VERMILLION
        axes.plot([x, x], [min(case.known), max(case.known)], color=colour, lw=1.4, solid_capstyle="butt")
        axes.plot(x, case.known[0], "o", color=colour, markersize=3.5)
    if cutoff is not None:
        axes.axhline(cutoff.value, color=VERMILLION, linestyle="--", lw=0.9)
    axes.set_ylabel(name, fontsize=9)
    axes.set_xlabel(
        "cases, by the score in the card's own reading (dot); orange: the group changes with the reading", fontsize=9
    )
    axes.set_xticks([])
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def batches_figure(before: NDArray[np.float64], after: NDArray[np.float64], batches: Sequence[str]) -> Figure:
    """The rows in the plane of the first two principal components, before and after; (rows, features) each."""
    figure = new_figure(85)
    labels = np.asarray(batches)
    for position, (title, values) in enumerate((("before", before), ("after", after))):
        axes = figure.add_axes((0.085 + 0.5 * position, 0.14, 0.4, 0.76))
        plane = _components(values)
        for number, name in enumerate(sorted(set(batches))):
            x, y = plane[labels == name].T
            marker, colour = _MARKERS[number % len(_MARKERS)], _COLOURS[number % len(_COLOURS)]
            axes.plot(x, y, marker, color=colour, markersize=4, alpha=0.7, label=name)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("component 1", fontsize=8)
        axes.set_ylabel("component 2", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7, frameon=False, loc="best")
    return figure


def _components(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(rows, 2) scores on the first two principal components of the z-scored features."""
    sd = values.std(axis=0)
    z = (values[:, sd > 0] - values[:, sd > 0].mean(axis=0)) / sd[sd > 0]
    u, s, _ = np.linalg.svd(z, full_matrices=False)
    plane = np.zeros((len(values), 2))
    plane[:, : min(2, len(s))] = (u * s)[:, :2]
    return plane
