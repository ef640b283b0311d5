"""The Rad-score as a waterfall: from the intercept, feature by feature, to the score and its side of the cut-off."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from ...core.formatting import decimals, number
from ...core.translation import tr
from ...core.wide_text import wrapped
from ...scoring.score import Contribution, Score
from ...scoring.score_text import rad_score, rule
from ...scoring.waterfall import is_outside, named, waterfall
from ...studies.card_parts import Cutoff, Signature
from .style import (
    BLUE,
    DEMONSTRATION,
    GREY,
    INK,
    OUTLOOK,
    PALE,
    VERMILLION,
    WIDTH_MM,
    add_axes_mm,
    add_page,
    fitting_size,
    new_figure,
    text_width_mm,
)

IMAGE_X, CLASS_X, FEATURE_X = 2.0, 20.0, 35.0
CHART_X, CHART_MM = 90.0, 54.0
MEASURED_X, COEFFICIENT_X, PART_X = 159.0, 174.0, WIDTH_MM - 2.0
HEAD_MM, FOOT_MM = 24.0, 12.0
PLAIN_HEAD_MM = 14.0
"""Where there is no cut-off to be named above the chart."""
TITLE, TEXT, SMALL = 8.5, 6.8, 6.4


def contributions_figure(score: Score) -> Figure:
    """Draw every feature's part of the Rad-score, largest first; ``|z| > 3`` is marked with a diamond."""
    signature = score.study.signature
    assert signature is not None  # a study without one is never scored
    found = waterfall(signature, score.contributions)
    items, sums, places = found.items, found.sums, found.places
    first = 1 if signature.intercept else 0
    lines = first + len(items) + 1
    pitch = 4.9 if lines > 10 else 6.0
    head = HEAD_MM if signature.cutoff else PLAIN_HEAD_MM
    figure = new_figure(head + pitch * lines + FOOT_MM)
    page = add_page(figure)
    chart = add_axes_mm(figure, CHART_X, head, CHART_MM, pitch * lines)
    chart.set_ylim(lines - 0.5, -0.5)

    def y_mm(row: int) -> float:
        return head + pitch * (row + 0.5)

    _scale(page, chart, signature.cutoff, found.low, found.high)
    _header(page, score, signature, head)
    if first:
        page.text(FEATURE_X, y_mm(0), tr("Intercept"), size=TEXT, va="center")
        page.text(PART_X, y_mm(0), decimals(signature.intercept, places), size=TEXT, va="center", ha="right")
        chart.plot([sums[0], sums[0]], [-0.31, 1], color=GREY, lw=0.6, zorder=2)
    for row, (item, start) in enumerate(zip(items, sums, strict=False), start=first):
        _line(page, y_mm(row), item, places)
        colour = _colour(item, signature.cutoff)
        chart.barh(row, item.contribution, left=start, height=0.62, color=colour, edgecolor=colour, lw=0.4, zorder=3)
        end = start + item.contribution
        chart.plot([end, end], [row, row + 1], color=GREY, lw=0.6, zorder=2)
    _result(page, chart, score, signature, y_mm(lines - 1), lines - 1)
    if any(is_outside(item) for item in items):
        y = head + pitch * lines + FOOT_MM - 3.5
        page.plot([IMAGE_X + 1], [y], "D", ms=3, color=VERMILLION)
        page.text(IMAGE_X + 3.5, y, tr("|z| > 3: unlike the reference cohort"), size=SMALL, va="center", color=GREY)
    return figure


def _header(page: Any, score: Score, signature: Signature, head: float) -> None:
    title = tr("{signature_name}: what each feature adds", signature_name=tr(signature.name))
    size = fitting_size(title, TITLE, PART_X - IMAGE_X, "bold")
    page.text(IMAGE_X, 3.5, title, size=size, weight="bold", va="center")
    if score.demonstration:
        page.text(IMAGE_X, 8.0, tr(DEMONSTRATION), size=TEXT, weight="bold", color=VERMILLION, va="center")
    y = head - 3
    for x, text in ((IMAGE_X, tr("Image")), (CLASS_X, tr("Class")), (FEATURE_X, tr("Feature"))):
        page.text(x, y, text, size=TEXT, weight="bold", va="center")
    measured = tr("value") if signature.normalisation == "none" else "z"
    for x, text in ((MEASURED_X, measured), (COEFFICIENT_X, tr("coeff.")), (PART_X, tr("adds"))):
        page.text(x, y, text, size=TEXT, weight="bold", va="center", ha="right")
    page.plot([IMAGE_X, PART_X], [head - 0.6] * 2, color=PALE, lw=0.6)


def _line(page: Any, y: float, item: Contribution, places: int) -> None:
    image, class_label, feature = named(item.feature)
    for x, text, colour in ((IMAGE_X, image, GREY), (CLASS_X, class_label, GREY), (FEATURE_X, feature, INK)):
        page.text(x, y, text, size=TEXT, va="center", color=colour)
    measured = number(item.value, 3) if item.z is None else decimals(item.z, 2)
    numbers = (
        (MEASURED_X, measured),
        (COEFFICIENT_X, number(item.coefficient, 3)),
        (PART_X, decimals(item.contribution, places)),
    )
    for x, text in numbers:
        page.text(x, y, text, size=TEXT, va="center", ha="right")
    if is_outside(item):
        page.plot([MEASURED_X - 9.5], [y], "D", ms=3, color=VERMILLION)


def _colour(item: Contribution, cutoff: Cutoff | None) -> str:
    """The colour of the outlook a feature pushes towards."""
    if cutoff is None:
        return BLUE
    return OUTLOOK[(cutoff.above if item.contribution > 0 else cutoff.below).outlook]


def _result(page: Any, chart: Any, score: Score, signature: Signature, y: float, row: int) -> None:
    colour = OUTLOOK[score.group.outlook] if score.group else BLUE
    size = TEXT + 0.7
    page.plot([IMAGE_X, PART_X], [y - 2.6] * 2, color=PALE, lw=0.6)
    name = tr(signature.name)
    fitting = fitting_size(name, size, FEATURE_X - IMAGE_X - 1, "bold")
    page.text(IMAGE_X, y, name, size=fitting, weight="bold", va="center")
    if score.group:
        label = tr(score.group.label)
        fitting = fitting_size(label, size, CHART_X - FEATURE_X - 2, "bold")
        page.text(FEATURE_X, y, label, size=fitting, weight="bold", color=colour, va="center")
    text = rad_score(score.rad_score, signature.cutoff)
    page.text(PART_X, y, text, size=size, weight="bold", va="center", ha="right")
    chart.plot([score.rad_score], [row], "D", ms=6, color=colour, mec="white", mew=0.7, zorder=5)


def _scale(page: Any, chart: Any, cutoff: Cutoff | None, low: float, high: float) -> None:
    """Horizontal scale, shading of the two groups and the cut-off line."""
    chart.set_xlim(low, high)
    chart.set_yticks([])
    chart.locator_params(axis="x", nbins=5)
    chart.tick_params(axis="x", labelsize=TEXT, length=2.5, width=0.6, pad=1.5)
    for side in ("left", "right", "top"):
        chart.spines[side].set_visible(False)
    chart.spines["bottom"].set_linewidth(0.6)
    chart.set_xlabel(tr("running sum"), size=TEXT, labelpad=1.5)
    if cutoff is None:
        return
    chart.axvline(cutoff.value, color=INK, lw=0.9, ls=(0, (3, 2)), zorder=1)
    for group, start, end in ((cutoff.below, low, cutoff.value), (cutoff.above, cutoff.value, high)):
        chart.axvspan(start, end, color=OUTLOOK[group.outlook], alpha=0.09, lw=0, zorder=0)
    style = {"size": TEXT, "weight": "bold", "va": "center", "linespacing": 1.1}
    below, above = cutoff.below, cutoff.above
    page.text(CHART_X, HEAD_MM - 5.4, _narrow(f"◂ {tr(below.label)}"), color=OUTLOOK[below.outlook], **style)
    right = CHART_X + CHART_MM
    page.text(right, HEAD_MM - 5.4, _narrow(f"{tr(above.label)} ▸"), color=OUTLOOK[above.outlook], ha="right", **style)
    x = CHART_X + CHART_MM * (cutoff.value - low) / (high - low)
    text = tr("cut-off: {rule}", rule=rule(cutoff))
    half = text_width_mm(text, TEXT) / 2
    page.text(min(max(x, CHART_X + half), right - half), HEAD_MM - 11.5, text, size=TEXT, ha="center", va="center")


def _narrow(label: str) -> str:
    """A group's label in half the chart's width."""
    return "\n".join(wrapped(label, 20)[:3])
