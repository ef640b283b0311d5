"""Bland–Altman plot of two readings of one feature."""

from __future__ import annotations

import difflib

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...agreement.bland_altman import bland_altman
from ...agreement.comparison import Comparison
from ...core.errors import UsageError
from ...core.formatting import number
from .icc_plot import TEXT, TITLE
from .style import BLUE, GREY, INK, VERMILLION, add_axes_mm, add_page, new_figure, plain_axes

LEFT, TOP, WIDTH, HEIGHT = 20.0, 15.0, 122.0, 66.0
LEAST_APART_MM = 8.0


def bland_altman_figure(comparison: Comparison, feature: str, raters: tuple[str, str] | None = None) -> Figure:
    """Difference against mean, with bias, limits of agreement and the confidence interval of each.

    Args:
        comparison: one of an agreement study's.
        feature: its name.
        raters: the two readers or sessions to compare; by default the first two.

    Raises:
        UsageError: no such feature or rater.
        InputError: fewer than three cases with both readings.
    """
    first, second = raters or comparison.raters[:2]
    a, b = (_readings(comparison, rater, feature) for rater in (first, second))
    limits = bland_altman(a, b)
    rows = (
        ("bias + 1.96 SD", limits.upper, limits.upper_ci, VERMILLION),
        ("bias", limits.bias, limits.bias_ci, BLUE),
        ("bias − 1.96 SD", limits.lower, limits.lower_ci, VERMILLION),
    )
    figure = new_figure(TOP + HEIGHT + 12)
    page = add_page(figure)
    page.text(2, 4.5, feature, size=TITLE, weight="bold", va="center")
    page.text(2, 9.3, f"{comparison.name}, {limits.n} cases", size=TEXT, color=GREY, va="center")
    axes = add_axes_mm(figure, LEFT, TOP, WIDTH, HEIGHT)
    axes.axhline(0, color=GREY, lw=0.7, ls=(0, (1, 2)), zorder=2)
    for _, value, interval, colour in rows:
        axes.axhspan(*interval, color=colour, alpha=0.14, lw=0, zorder=1)
        axes.axhline(value, color=colour, lw=1.1, ls="-" if colour == BLUE else (0, (5, 2)), zorder=2)
    axes.plot((a + b) / 2, a - b, "o", ms=4.2, color=INK, mfc="white", mew=0.9, zorder=3)
    kind = "session " if comparison.name.startswith("intra") else "reader "
    axes.set_xlabel(f"mean of {kind}{first} and {kind}{second}", size=TEXT, labelpad=3)
    axes.set_ylabel(f"difference, {kind}{first} − {kind}{second}", size=TEXT, labelpad=3)
    plain_axes(axes)
    low, high = axes.get_ylim()
    middle = TOP + HEIGHT * (high - limits.bias) / (high - low)
    apart = max(HEIGHT * (limits.upper - limits.bias) / (high - low), LEAST_APART_MM)
    for (label, value, interval, colour), step in zip(rows, (-1, 0, 1), strict=True):
        x, y = LEFT + WIDTH + 2, middle + step * apart
        page.text(x, y - 1.7, f"{label}  {number(value, 3)}", size=TEXT, color=colour, weight="bold", va="center")
        ends = f"95 % CI {number(interval[0], 3)} to {number(interval[1], 3)}"
        page.text(x, y + 1.7, ends, size=TEXT, va="center", color=GREY)
    return figure


def _readings(comparison: Comparison, rater: str, feature: str) -> NDArray[np.float64]:
    features = comparison.table["feature"].tolist()
    for what, name, known in (("feature", feature, features), ("reader or session", rater, [*comparison.raters])):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1) or known[:1]
            raise UsageError(f"{comparison.name} has no {what} “{name}”. Did you mean “{close[0]}”?")
    return comparison.ratings[:, comparison.raters.index(rater), features.index(feature)]
