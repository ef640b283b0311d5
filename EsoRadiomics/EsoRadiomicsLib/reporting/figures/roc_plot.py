"""ROC curves of several models in the same patients, with their AUC and its confidence limits."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from ...statistics.roc import RocCurve
from .series_style import COLOURS, series
from .style import GREY, add_axes_mm, new_figure, plain_axes

TEXT, SMALL = 7.5, 6.5
SIZE, LINE = 88.0, 3.8


def roc_figure(curves: Mapping[str, RocCurve], labels: Mapping[str, str], *, title: str) -> Figure:
    """Sensitivity against 1 − specificity, the first model's Youden point marked; ``labels`` are the legend's texts."""
    figure = new_figure(SIZE + 1 + LINE * len(curves), SIZE)
    axes = add_axes_mm(figure, 15, 9, SIZE - 19, SIZE - 19)
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=(0, (4, 2)))
    for (model, curve), (colour, dash) in zip(curves.items(), series(), strict=False):
        axes.plot(1 - curve.specificity, curve.sensitivity, color=colour, lw=1.3, ls=dash, label=labels[model])
    first = next(iter(curves.values()))
    best = 1 - first.specificity[first.youden], first.sensitivity[first.youden]
    axes.plot(*best, "o", ms=5, mfc="white", mec=COLOURS[0], mew=1.1)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_xlabel("1 − specificity", size=TEXT, labelpad=2)
    axes.set_ylabel("Sensitivity", size=TEXT, labelpad=2)
    axes.set_title(title, size=TEXT + 1, weight="bold", loc="left", pad=4)
    plain_axes(axes)
    # Below the axes: inside, the curve of a poor model would run through it.
    axes.legend(
        loc="upper left", bbox_to_anchor=(-0.02, -0.115), fontsize=SMALL, frameon=False, handlelength=3, borderpad=0
    )
    return figure
