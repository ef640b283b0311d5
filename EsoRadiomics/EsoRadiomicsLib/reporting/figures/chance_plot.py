"""What chance gives: discrimination of the same protocol on shuffled outcomes, with the real result beside it."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ...core.formatting import p_value
from ...statistics.inputs import FloatArray
from .style import GREY, VERMILLION, add_axes_mm, new_figure, plain_axes

TEXT, SMALL = 7.5, 6.5
WIDTH, HEIGHT = 110.0, 60.0


def chance_figure(runs: FloatArray, real: float, p: float, *, title: str, metric: str) -> Figure:
    """Histogram of ``runs`` (N,), a line at the ``real`` value, and the share ``p`` of runs that reach it."""
    figure = new_figure(HEIGHT, WIDTH)
    axes = add_axes_mm(figure, 15, 9, WIDTH - 19, HEIGHT - 20)
    low, high = min(0.4, float(runs.min()), real) - 0.01, max(0.8, float(runs.max()), real) + 0.02
    axes.hist(runs, bins=np.arange(low, high + 0.02, 0.02).tolist(), color=GREY, alpha=0.6, lw=0)
    axes.axvline(real, color=VERMILLION, lw=1.4)
    axes.set_xlim(low, high)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.25)
    sentence = f"this Rad-score: {real:.3f}\nas good by chance: {p_value(p)}"
    left = real > (low + high) / 2
    axes.text(
        real + (-0.008 if left else 0.008),
        0.97,
        sentence,
        size=SMALL,
        color=VERMILLION,
        ha="right" if left else "left",
        va="top",
        transform=axes.get_xaxis_transform(),
    )
    axes.set_xlabel(f"{metric} with shuffled outcomes ({len(runs)} runs)", size=TEXT, labelpad=2)
    axes.set_ylabel("Runs", size=TEXT, labelpad=2)
    axes.set_title(title, size=TEXT + 1, weight="bold", loc="left", pad=4)
    plain_axes(axes)
    return figure
