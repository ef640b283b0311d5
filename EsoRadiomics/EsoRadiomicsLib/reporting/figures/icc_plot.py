"""The sorted ICCs of an agreement study, with confidence intervals and the rule's threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...agreement.comparison import DROPPED, KEPT, NOT_COMPUTED, Agreement, Comparison
from ...agreement.icc import parse_form
from ...core.formatting import counted
from .style import BLUE, GREY, INK, VERMILLION, WIDTH_MM, add_axes_mm, add_page, new_figure, plain_axes, text_width_mm

TITLE, TEXT, SMALL = 8.5, 7.0, 6.3
NAMED_FEATURES = 40
"""Up to so many features are drawn as rows with their names, more of them as a curve."""
LOWEST_ICC = -0.4
PASSES, FAILS = "pass", "fail"
_COLOUR = {KEPT: BLUE, DROPPED: VERMILLION}
_DASHED = (0, (4, 2))


def icc_figure(result: Agreement) -> Figure:
    """ICC and 95 % confidence interval of every feature in each comparison, sorted, with the threshold."""
    return _rows_figure(result) if len(result.table) <= NAMED_FEATURES else _curves_figure(result)


def headline(page: Any, result: Agreement) -> None:
    """Rule and number of features kept, above a figure of an agreement study."""
    kept, n = len(result.kept.features), len(result.table)
    page.text(2, 4.5, f"{kept} of {counted(n, 'feature')} kept", size=TITLE, weight="bold", va="center")
    rule = f"{result.rule}   ({parse_form(result.rule.form).meaning})"
    page.text(2, 9.3, rule, size=TEXT, color=GREY, va="center")


def _curves_figure(result: Agreement) -> Figure:
    head, height, pitch, left, right = 22.0, 50.0, 71.0, 14.0, WIDTH_MM - 14
    figure = new_figure(head + len(result.comparisons) * pitch - 8)
    page = add_page(figure)
    headline(page, result)
    limits = _range(result)
    for i, comparison in enumerate(result.comparisons):
        top = head + i * pitch
        axes = add_axes_mm(figure, left, top, right - left, height)
        ranked = _ranked(comparison.table, result)
        x = np.arange(1, len(ranked) + 1)
        for verdict, colour in _COLOUR.items():
            rows = ranked.where(ranked["verdict"] == verdict)
            # Qt, which shows the SVG in Slicer, knows no clipping.
            lower, upper = (rows[name].clip(lower=limits[0]) for name in ("lower", "upper"))
            axes.fill_between(x, lower, upper, step="mid", color=colour, alpha=0.3, lw=0)
            axes.plot(x, rows["icc"].where(rows["icc"] >= limits[0]), ".", ms=2.6, color=colour, mew=0)
        axes.axhline(result.rule.threshold, color=INK, lw=0.8, ls=_DASHED, zorder=4)
        axes.set(xlim=(0.5 - 0.01 * len(x), 0.5 + 1.01 * len(x)), ylim=limits)
        axes.set_ylabel(f"{parse_form(result.rule.form).label} with 95 % CI", size=TEXT, labelpad=2)
        axes.set_xlabel(f"features, sorted by {result.rule.quantity}", size=TEXT, labelpad=2)
        plain_axes(axes)
        label = f"{result.rule.sign} {result.rule.threshold:g}"
        axes.text(0.5 + 1.02 * len(x), result.rule.threshold, label, size=TEXT, va="center")
        _title(page, left, top - 2.5, comparison)
        _counts(page, right, top - 2.5, ranked["verdict"])
    return figure


def _rows_figure(result: Agreement) -> Figure:
    """A row a feature, the comparisons side by side."""
    order = _ranked(result.table, result)["feature"].tolist()
    head, pitch = 22.0, 4.6
    left = 1.06 * text_width_mm(max(order, key=len), TEXT) + 5
    height = pitch * len(order)
    figure = new_figure(head + height + 15)
    page = add_page(figure)
    headline(page, result)
    kept = set(result.kept.features)
    for i, feature in enumerate(order):
        colour = INK if feature in kept else GREY
        y_mm = head + height - pitch * (i + 0.5)
        page.text(left - 2, y_mm, feature, size=TEXT, ha="right", va="center", color=colour)
    width = (WIDTH_MM - left) / len(result.comparisons)
    limits = _range(result)
    for i, comparison in enumerate(result.comparisons):
        axes = add_axes_mm(figure, left + i * width, head, width - 4, height)
        axes.axvline(result.rule.threshold, color=INK, lw=0.8, ls=_DASHED, zorder=1)
        axes.set(xlim=limits, ylim=(-0.5, len(order) - 0.5), yticks=[])
        for y, (_, row) in enumerate(comparison.table.set_index("feature").loc[order].iterrows()):
            _row(axes, y, row)
        axes.set_xlabel(f"{parse_form(result.rule.form).label} with 95 % CI", size=TEXT, labelpad=2)
        plain_axes(axes)
        axes.spines["left"].set_visible(False)
        _title(page, left + i * width, head - 2.5, comparison)
    for x, (label, colour, face) in zip((2, 16), ((PASSES, BLUE, BLUE), (FAILS, VERMILLION, "white")), strict=True):
        page.plot(x + 1, head + height + 9, "o", ms=4, color=colour, mfc=face, mew=1.0)
        page.text(x + 3.2, head + height + 9, label, size=TEXT, va="center")
    return figure


def _row(axes: Any, y: int, row: pd.Series) -> None:
    low = axes.get_xlim()[0]
    if row["verdict"] == NOT_COMPUTED:
        axes.text(low, y, f" no ICC ({row['reason'].split(':')[0]})", size=SMALL, va="center", color=GREY)
        return
    colour = _COLOUR[row["verdict"]]
    face = colour if row["verdict"] == KEPT else "white"
    axes.plot([max(row["lower"], low), row["upper"]], [y, y], color=colour, lw=1.1, solid_capstyle="butt")
    if row["icc"] >= low:
        axes.plot(row["icc"], y, "o", ms=4, color=colour, mfc=face, mew=1.0)


def _ranked(table: pd.DataFrame, result: Agreement) -> pd.DataFrame:
    """From the worst to the best by what the rule judges; features without an ICC first."""
    return table.sort_values("lower" if result.rule.lower_bound else "icc", na_position="first", kind="stable")


def _range(result: Agreement) -> tuple[float, float]:
    """From the lowest limit, though not far below 0, to a little above 1."""
    lowest = np.nanmin([0.0, *(c.table["lower"].min() for c in result.comparisons)])
    return float(max(np.floor(lowest * 10) / 10, LOWEST_ICC)), 1.02


def _title(page: Any, x: float, y: float, comparison: Comparison) -> None:
    what = "sessions" if comparison.name.startswith("intra") else "readers"
    page.text(x, y - 3.6, comparison.name, size=TEXT + 0.5, weight="bold", va="center")
    facts = f"{what} {', '.join(comparison.raters)}; {counted(len(comparison.cases), 'case')}"
    page.text(x, y, facts, size=TEXT, color=GREY, va="center")


def _counts(page: Any, x: float, y: float, verdicts: pd.Series) -> None:
    """How many pass, fail and have no ICC, in the colours they are drawn in; right-aligned at x."""
    words = ((NOT_COMPUTED, "without ICC", GREY), (DROPPED, FAILS, VERMILLION), (KEPT, PASSES, BLUE))
    for verdict, word, colour in words:
        n = (verdicts == verdict).sum()
        if n:
            text = f"{n} {word}"
            page.text(x, y, text, size=TEXT + 0.5, weight="bold", color=colour, ha="right", va="center")
            x -= text_width_mm(text, TEXT + 0.5) * 1.12 + 5
