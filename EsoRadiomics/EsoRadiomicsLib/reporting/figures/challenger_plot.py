"""Challengers beside the Rad-score and the simple models: a dot and an interval each."""

from __future__ import annotations

from matplotlib.figure import Figure

from ...evaluation.challenge import Challenge
from .style import BLUE, GREY, INK, VERMILLION, add_axes_mm, new_figure, plain_axes

TEXT = 7.5
WIDTH, ROW, EDGE = 130.0, 7.0, 24.0


def challenger_figure(challenge: Challenge, *, title: str) -> Figure:
    """Means and percentiles over the bootstrap samples; a line where the Rad-score is."""
    n = len(challenge.contenders)
    figure = new_figure(EDGE + n * ROW, WIDTH)
    axes = add_axes_mm(figure, 44, 9, WIDTH - 50, n * ROW)
    own = challenge.contenders[0]
    axes.axvline(own.value, color=VERMILLION, lw=0.8, ls=":")
    axes.axvline(0.5, color=GREY, lw=0.6)
    for row, each in enumerate(challenge.contenders):
        color = VERMILLION if each is own else BLUE if each.challenger else INK
        axes.plot([each.lower, each.upper], [row, row], color=color, lw=1.2)
        axes.plot([each.value], [row], "o", color=color, ms=4.5)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_yticks(range(n), [each.model for each in challenge.contenders])
    axes.set_xlabel(
        f"{challenge.metric} in the patients left out ({challenge.n_samples} bootstrap samples)", size=TEXT, labelpad=2
    )
    axes.set_title(title, size=TEXT + 1, weight="bold", loc="left", pad=4)
    plain_axes(axes)
    axes.tick_params(axis="y", length=0)
    return figure
