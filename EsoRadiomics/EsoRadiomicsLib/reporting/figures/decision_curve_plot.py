"""Decision curves: net benefit against the risk threshold above which a patient would be treated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from ...statistics.decision_curve import DecisionCurve
from .series_style import series
from .style import GREY, INK, add_axes_mm, new_figure, plain_axes

TEXT, SMALL = 7.5, 6.5
WIDTH, HEIGHT = 110.0, 82.0


def decision_curve_figure(curves: Mapping[str, DecisionCurve], *, title: str) -> Figure:
    """Net benefit of each model, of treating everybody (grey) and of treating nobody (0).

    The band is the first model's 95 % limits.
    """
    figure = new_figure(HEIGHT, WIDTH)
    axes = add_axes_mm(figure, 16, 9, WIDTH - 20, HEIGHT - 20)
    first = next(iter(curves.values()))
    axes.plot(first.thresholds, first.everybody, color=GREY, lw=1.0, label="treat everybody")
    axes.axhline(0, color=INK, lw=0.8, label="treat nobody")
    for (model, curve), (colour, dash) in zip(curves.items(), series(), strict=False):
        axes.plot(curve.thresholds, curve.model, color=colour, lw=1.3, ls=dash, label=model)
        if curve is first:
            axes.fill_between(curve.thresholds, curve.lower, curve.upper, color=colour, alpha=0.13, lw=0)
    best = max(float(np.nanmax(curve.model)) for curve in curves.values())
    top = max(best, float(first.everybody.max()), 0.05)
    axes.set(xlim=(0, 1), ylim=(-0.25 * top, 1.08 * top))
    axes.set_xlabel("Risk threshold", size=TEXT, labelpad=2)
    axes.set_ylabel("Net benefit", size=TEXT, labelpad=2)
    axes.set_title(title, size=TEXT + 1, weight="bold", loc="left", pad=4)
    plain_axes(axes)
    axes.legend(loc="upper right", fontsize=SMALL, frameon=False, handlelength=3)
    return figure
