"""Kaplan–Meier or incidence curves of risk groups with numbers at risk below, as journals ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ...scoring.patient_curve import time_ticks
from ...statistics.competing import causes, cumulative_incidence
from ...statistics.inputs import BoolArray, FloatArray, Survival
from ...statistics.kaplan_meier import kaplan_meier, numbers_at_risk
from .series_style import COLOURS, DASHES, ORANGE
from .style import (
    BLUE,
    GREEN,
    INK,
    VERMILLION,
    add_axes_mm,
    add_page,
    fitting_size,
    new_figure,
    plain_axes,
    text_width_mm,
)

TEXT, SMALL = 7.5, 6.5
WIDTH = 125.0
PLOT_TOP, PLOT_HEIGHT, ROW, LINE, SAMPLE = 11.0, 62.0, 4.2, 2.7, 8.0
LABEL_CHARACTERS = 34
_OUTLOOK = {1: (BLUE,), 2: (GREEN, VERMILLION), 3: (GREEN, ORANGE, VERMILLION)}


@dataclass(frozen=True)
class RiskGroup:
    """A group's name as in the legend, and patients; ``clusters`` (n,) say whose row each is, where one has several."""

    label: str
    outcome: Survival
    clusters: npt.ArrayLike | None = None


def kaplan_meier_figure(
    groups: Sequence[RiskGroup], *, title: str, endpoint: str, unit: str, notes: Sequence[str] = ()
) -> Figure:
    """Curves with 95 % bands and censoring marks; ``groups`` from the better to the worse outlook.

    Where events compete they are Aalen–Johansen's cumulative incidences: 1 − Kaplan–Meier would be too high.
    ``notes`` (log-rank p, hazard ratio) stand inside the plot.
    """
    names = [wrap(group.label, LABEL_CHARACTERS, break_on_hyphens=False) for group in groups]
    left = max(15.0, SAMPLE + 6 + max(text_width_mm(line, SMALL) for name in names for line in name) * 1.05 + 3)
    heights = [ROW + LINE * (len(name) - 1) for name in names]
    bottom = PLOT_TOP + PLOT_HEIGHT
    figure = new_figure(bottom + 15 + sum(heights), WIDTH)
    page = add_page(figure)
    axes = add_axes_mm(figure, left, PLOT_TOP, WIDTH - left - 4, PLOT_HEIGHT)
    size = fitting_size(title, TEXT + 1, WIDTH - left - 2, "bold")
    page.text(left, 5, title, size=size, weight="bold", va="center")
    longest = max(float(group.outcome.time.max()) for group in groups)
    colours = _OUTLOOK.get(len(groups), COLOURS[: len(groups)])
    for group, colour, style in zip(groups, colours, DASHES[: len(groups)], strict=True):
        curve = _curve(group)
        axes.step(curve.time, curve.value, where="post", color=colour, lw=1.3, ls=style, label=group.label)
        axes.fill_between(curve.time, curve.lower, curve.upper, step="post", color=colour, alpha=0.13, lw=0)
        axes.plot(curve.time[curve.lost], curve.value[curve.lost], "|", color=colour, ms=3.6, mew=0.7)
    ticks = time_ticks(longest, unit)
    axes.set(xlim=(0, max(longest, ticks[-1])), ylim=(0, 1.03), xticks=ticks)
    axes.set_xlabel(f"Time ({unit})", size=TEXT, labelpad=2)
    incidence = groups[0].outcome.competed is not None
    axes.set_ylabel(f"Cumulative incidence of {endpoint}" if incidence else endpoint, size=TEXT, labelpad=2)
    plain_axes(axes)
    if all(len(name) == 1 for name in names):  # longer names have room below only
        axes.legend(loc="upper left" if incidence else "upper right", fontsize=SMALL, frameon=False, handlelength=3)
    x, side = (0.98, "right") if incidence else (0.02, "left")
    axes.text(x, 0.03, "\n".join(notes), size=SMALL, ha=side, va="bottom", transform=axes.transAxes)
    page.text(3, bottom + 10.5, "Number at risk", size=SMALL, weight="bold", va="center")
    y = bottom + 10.5 + ROW
    for group, name, height, colour, dash in zip(groups, names, heights, colours, DASHES, strict=False):
        page.plot([3, 3 + SAMPLE], [y, y], color=colour, lw=1.3, ls=dash)
        page.text(5 + SAMPLE, y - 1.2, "\n".join(name), size=SMALL, color=colour, va="top", linespacing=1.1)
        for tick, n in zip(ticks, numbers_at_risk(group.outcome, ticks), strict=True):
            x = left + (WIDTH - left - 4) * tick / axes.get_xlim()[1]
            page.text(x, y, str(n), size=SMALL, color=INK, ha="center", va="center")
        y += height
    return figure


@dataclass(frozen=True)
class _Curve:
    """Steps from time 0 on, and where (K,) patients were ``lost`` to follow-up."""

    time: FloatArray
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    lost: BoolArray


def _curve(group: RiskGroup) -> _Curve:
    outcome = group.outcome
    alive = kaplan_meier(outcome.ended, clusters=group.clusters)
    time, lost = np.append(0, alive.time), np.append(False, alive.censored > 0)
    if outcome.competed is None:
        start, columns = 1, (alive.survival, alive.lower, alive.upper)
    else:
        found = cumulative_incidence(causes(outcome), clusters=group.clusters)
        start, columns = 0, (found.incidence, found.lower, found.upper)
    value, lower, upper = (np.append(start, column) for column in columns)
    return _Curve(time, value, lower, upper, lost)
