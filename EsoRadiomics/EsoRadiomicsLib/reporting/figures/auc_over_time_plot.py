"""Time-dependent AUC over the follow-up: for how long a model tells early from late events."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from ...scoring.patient_curve import time_ticks
from ...statistics.discrimination import AucOverTime
from .series_style import series
from .style import GREY, add_axes_mm, new_figure, plain_axes

TEXT, SMALL = 7.5, 6.5
WIDTH, HEIGHT = 110.0, 82.0


def auc_over_time_figure(curves: Mapping[str, AucOverTime], *, title: str, unit: str) -> Figure:
    """A line a model, the 95 % limits of the first as a band, and 0.5, which chance gives."""
    figure = new_figure(HEIGHT, WIDTH)
    axes = add_axes_mm(figure, 16, 9, WIDTH - 20, HEIGHT - 20)
    axes.axhline(0.5, color=GREY, lw=0.8, ls=(0, (4, 2)))
    for k, ((model, curve), (colour, dash)) in enumerate(zip(curves.items(), series(), strict=False)):
        axes.plot(curve.times, curve.value, color=colour, lw=1.3, ls=dash, label=model)
        if k == 0:
            axes.fill_between(curve.times, curve.lower, curve.upper, color=colour, alpha=0.13, lw=0)
    lowest = min(float(curve.value.min()) for curve in curves.values())
    axes.set(ylim=(min(0.4, lowest - 0.05), 1.02))
    longest = max(float(curve.times[-1]) for curve in curves.values())
    axes.set(xlim=(0, 1.02 * longest), xticks=time_ticks(longest, unit))
    axes.set_xlabel(f"Time ({unit})", size=TEXT, labelpad=2)
    axes.set_ylabel("AUC", size=TEXT, labelpad=2)
    axes.set_title(title, size=TEXT + 1, weight="bold", loc="left", pad=4)
    plain_axes(axes)
    axes.legend(loc="lower right", fontsize=SMALL, frameon=False, handlelength=3, ncols=2)
    return figure
