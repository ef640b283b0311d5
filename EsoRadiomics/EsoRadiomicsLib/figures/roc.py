"""ROC curves of several models in the same patients, with their AUC and its confidence limits."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from ..modelling.roc import RocCurve
from .icc import plain_axes
from .style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, add_axes_mm, new_figure

TEXT, SMALL = 7.5, 6.5
SIZE = 88.0
_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
_STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1.5, 1.5)), (0, (3, 1)))


def roc_figure(curves: Mapping[str, RocCurve], labels: Mapping[str, str], *, title: str) -> Figure:
    """Sensitivity against 1 − specificity; ``labels`` are the legend's texts by model. Circle: Youden's point of the first."""
    figure = new_figure(SIZE + 6, SIZE)
    axes = add_axes_mm(figure, 15, 9, SIZE - 19, SIZE - 19)
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=(0, (4, 2)))
    for k, (model, curve) in enumerate(curves.items()):
        colour, style = _COLOURS[k % len(_COLOURS)], _STYLES[k % len(_STYLES)]
        axes.plot(1 - curve.specificity, curve.sensitivity, color=colour, lw=1.3, ls=style, label=labels[model])
        if k == 0:
            best = curve.youden
            axes.plot(1 - curve.specificity[best], curve.sensitivity[best], "o", ms=5, mfc="white", mec=colour, mew=1.1)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_xlabel("1 − specificity", size=TEXT, labelpad=2)
    axes.set_ylabel("Sensitivity", size=TEXT, labelpad=2)
    axes.set_title(title, size=TEXT + 1, weight="bold", loc="left", pad=4)
    plain_axes(axes)
    axes.legend(loc="lower right", fontsize=SMALL, frameon=False, handlelength=3)
    return figure
