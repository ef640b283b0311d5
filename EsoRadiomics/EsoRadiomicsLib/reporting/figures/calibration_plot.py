"""Calibration plot: predicted against observed survival in groups, with the line of perfect predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ...statistics.calibration import CalibrationGroups
from ...statistics.inputs import BoolArray, FloatArray
from ...statistics.smooth_calibration import SmoothCalibration
from .style import BLUE, GREEN, GREY, VERMILLION, add_axes_mm, new_figure, plain_axes

TEXT, SMALL = 7.5, 6.5
SIZE = 88.0
_COLOURS, _MARKERS = (BLUE, GREEN, VERMILLION), ("o", "s", "^")


def calibration_figure(
    groups: Mapping[float, CalibrationGroups],
    smooth: Mapping[float | None, SmoothCalibration],
    *,
    title: str,
    endpoint: str,
    unit: str,
    notes: Sequence[str] = (),
    incidence: bool = False,
) -> Figure:
    """Kaplan–Meier survival with 95 % limits against predicted survival, a colour and marker a horizon.

    Lines are the smooth calibration; where there is none the groups are joined. ``incidence``: of an event with which
    others compete, its risk is drawn, predicted against Aalen–Johansen's.
    """
    figure, axes = _square(title)
    for k, (time, group) in enumerate(groups.items()):
        known = np.isfinite(group.observed)
        x, y = group.predicted[known], group.observed[known]
        # Where nobody is left the limits do not exist, and none are drawn.
        low, high = np.fmin(group.lower[known], y), np.fmax(group.upper[known], y)
        if incidence:
            x, y, low, high = 1 - x, 1 - y, 1 - high, 1 - low
        colour, marker = _COLOURS[k % 3], _MARKERS[k % 3]
        spread = np.vstack([y - low, high - y])
        axes.errorbar(
            x,
            y,
            spread,
            fmt=marker if time in smooth else f"{marker}-",
            ms=4,
            lw=0.9,
            capsize=2,
            elinewidth=0.7,
            color=colour,
            label=f"{time:g} {unit}",
        )
        if time in smooth:
            curve = smooth[time]
            risks = curve.predicted, curve.observed
            axes.plot(*(risks if incidence else [1 - risk for risk in risks]), color=colour, lw=1.2)
    what, how = (f"risk of {endpoint}", "Aalen–Johansen") if incidence else (endpoint, "Kaplan–Meier")
    axes.set_xlabel(f"Predicted {what}", size=TEXT, labelpad=2)
    axes.set_ylabel(f"Observed {what} ({how})", size=TEXT, labelpad=2)
    axes.legend(loc="upper left", fontsize=SMALL, frameon=False)
    axes.text(0.98, 0.03, "\n".join(notes), size=SMALL, ha="right", va="bottom", transform=axes.transAxes)
    return figure


def probability_calibration_figure(
    outcome: BoolArray,
    probability: FloatArray,
    smooth: SmoothCalibration | None,
    *,
    title: str,
    what: str,
    notes: Sequence[str] = (),
    n_groups: int = 5,
) -> Figure:
    """Share of patients with the outcome against the mean predicted probability, in groups of equal size.

    The line is the smooth calibration with its 95 % band; where there is none the groups are joined.
    """
    figure, axes = _square(title)
    parts = [part for part in np.array_split(np.argsort(probability, kind="stable"), n_groups) if len(part)]
    x = np.array([probability[part].mean() for part in parts])
    y = np.array([outcome[part].mean() for part in parts])
    # Wilson's 95 % limits: they stay between 0 and 1 in small groups.
    n, z = np.array([len(part) for part in parts]), 1.96
    centre = (y + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(y * (1 - y) / n + z**2 / (4 * n**2))
    spread = np.maximum(np.vstack([y - (centre - reach), centre + reach - y]), 0)
    axes.errorbar(
        x, y, spread, fmt="o-" if smooth is None else "o", ms=4, lw=0.9, capsize=2, elinewidth=0.7, color=BLUE
    )
    if smooth is not None:
        axes.fill_between(smooth.predicted, smooth.lower, smooth.upper, color=BLUE, alpha=0.13, lw=0)
        axes.plot(smooth.predicted, smooth.observed, color=BLUE, lw=1.2)
    axes.plot(probability[outcome], np.full(int(outcome.sum()), 1.02), "|", ms=3, color=GREY, mew=0.5, clip_on=False)
    axes.plot(
        probability[~outcome], np.full(int((~outcome).sum()), -0.02), "|", ms=3, color=GREY, mew=0.5, clip_on=False
    )
    axes.set_xlabel(f"Predicted probability of {what}", size=TEXT, labelpad=2)
    axes.set_ylabel("Observed share", size=TEXT, labelpad=2)
    axes.text(0.98, 0.03, "\n".join(notes), size=SMALL, ha="right", va="bottom", transform=axes.transAxes)
    return figure


def _square(title: str) -> tuple[Figure, Any]:
    figure = new_figure(SIZE + 1, SIZE)
    axes = add_axes_mm(figure, 15, 9, SIZE - 19, SIZE - 19)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=(0, (4, 2)), zorder=0)
    axes.set_title(title, size=TEXT + 1, weight="bold", loc="left", pad=4)
    plain_axes(axes)
    return figure, axes
