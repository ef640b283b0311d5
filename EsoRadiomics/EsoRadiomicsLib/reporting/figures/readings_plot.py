"""The score in every reading of the paper: a specification curve, sorted scores above the choices that made them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from ...core.formatting import number, plain
from ...core.translation import tr
from ...scoring.reading_scores import ReadingScore, ReadingScores
from ...scoring.score import Score
from ...scoring.score_text import rad_score
from .style import BLUE, GREY, INK, OUTLOOK, PALE, WIDTH_MM, add_axes_mm, new_figure

LEFT_MM, RIGHT_MM, TOP_MM, CURVE_MM, ROW_MM, GAP_MM, FOOT_MM = 52.0, 30.0, 18.0, 42.0, 4.6, 1.6, 5.0
TITLE, TEXT = 8.5, 6.8


def readings_figure(score: Score, readings: ReadingScores, labels: Mapping[str, str]) -> Figure:
    """Draw the curve and the matrix; the card's own reading is a diamond, another group than its own is filled.

    Args:
        score: the patient's, in the card's own reading.
        readings: from :func:`EsoRadiomicsLib.scoring.reading_scores.score_readings`.
        labels: of settings, for people.
    """
    order = sorted(readings.scored, key=lambda item: item.rad_score or 0.0)
    rows = sum(len(choice.values) for choice in readings.choices)
    matrix = rows * ROW_MM + (len(readings.choices) - 1) * GAP_MM
    figure = new_figure(TOP_MM + CURVE_MM + 3 + matrix + FOOT_MM)
    width = WIDTH_MM - LEFT_MM - RIGHT_MM
    curve = add_axes_mm(figure, LEFT_MM, TOP_MM, width, CURVE_MM)
    page = add_axes_mm(figure, LEFT_MM, TOP_MM + CURVE_MM + 3, width, matrix)
    _curve(curve, score, readings, order)
    _matrix(page, readings, order, labels, matrix)
    _titles(figure, score, readings)
    return figure


def _curve(axes: Any, score: Score, readings: ReadingScores, order: list[ReadingScore]) -> None:
    signature = score.study.signature
    assert signature is not None  # a study without one is never scored
    own = readings.scores[0]
    values = [item.rad_score or 0.0 for item in order]
    edges = [*values, *([signature.cutoff.value] if signature.cutoff else [])]
    margin = 0.1 * ((max(edges) - min(edges)) or 1.0)
    low, high = min(edges) - margin, max(edges) + margin
    axes.set(xlim=(-0.5, len(order) - 0.5), ylim=(low, high))
    if signature.cutoff is not None:
        cutoff = signature.cutoff
        for group, start, end in ((cutoff.below, low, cutoff.value), (cutoff.above, cutoff.value, high)):
            axes.axhspan(start, end, color=OUTLOOK[group.outlook], alpha=0.09, lw=0, zorder=0)
            # The curve rises from left to right, so these two corners are empty.
            x, y, ha, va = (0.01, end, "left", "top") if group is cutoff.above else (0.99, start, "right", "bottom")
            words = {"size": TEXT, "color": OUTLOOK[group.outlook], "transform": axes.get_yaxis_transform()}
            axes.text(x, y, f" {tr(group.label)} ", ha=ha, va=va, **words)
        axes.axhline(cutoff.value, color=INK, lw=0.9, ls=(0, (3, 2)), zorder=1)
    cutoffs = (signature.cutoff, score.study.outcome.cutoff if score.study.outcome else None)
    outlooks = {group.id: group.outlook for each in cutoffs if each for group in (each.above, each.below)}
    for x, item in enumerate(order):
        other = item.group is not None and item.group != own.group
        colour = OUTLOOK[outlooks[item.group]] if other and item.group in outlooks else BLUE
        if item is own:
            axes.axvline(x, color=PALE, lw=3.0, zorder=0)
            axes.plot(x, item.rad_score, "D", ms=6, color=BLUE, mec="white", mew=0.7, zorder=5)
        else:
            axes.plot(x, item.rad_score, "o", ms=4.2, mew=0.9, mec=colour, mfc=colour if other else "white", zorder=4)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=TEXT, bottom=False, labelbottom=False)
    axes.set_ylabel(tr(signature.name), size=TEXT)


def _matrix(
    axes: Any, readings: ReadingScores, order: list[ReadingScore], labels: Mapping[str, str], height_mm: float
) -> None:
    axes.set(xlim=(-0.5, len(order) - 0.5), ylim=(height_mm, 0))
    axes.set_axis_off()
    effects = {effect.setting: effect for effect in readings.effects}
    own = next((x for x, item in enumerate(order) if item is readings.scores[0]), None)
    if own is not None:
        axes.axvline(own, color=PALE, lw=3.0, zorder=0)
    y = ROW_MM / 2
    beside = axes.get_yaxis_transform()
    for choice in readings.choices:
        top = y
        for i, value in enumerate(choice.values):
            axes.axhline(y, color=PALE, lw=0.5, zorder=0)
            text = f"{_words(value)}" + (tr(" (card)") if i == 0 else "")
            axes.text(-0.01, y, text, transform=beside, size=TEXT - 0.4, ha="right", va="center", color=INK)
            places = [x for x, item in enumerate(order) if item.values[choice.setting] == value]
            axes.plot(places, [y] * len(places), "s", ms=2.6, color=BLUE if i == 0 else INK, zorder=3)
            y += ROW_MM
        label = tr(labels[choice.setting])
        axes.text(-0.42, top, label, transform=beside, size=TEXT - 0.4, va="center", weight="bold")
        effect = effects[choice.setting]
        moved = number(effect.mean_shift, 2)
        if readings.scores[0].group is not None:
            moved += tr(", {n} of {pairs}", n=effect.flips, pairs=effect.pairs)
        axes.text(1.01, top, moved, transform=beside, size=TEXT - 0.4, va="center", color=GREY)
        y += GAP_MM


def _words(value: Any) -> str:
    if value is None:
        return tr("none")
    if isinstance(value, (list, tuple)):
        return " × ".join(plain(item) for item in value)
    return plain(value) if isinstance(value, float) else str(value).replace("sitk", "").replace("-", " ")


def _titles(figure: Figure, score: Score, readings: ReadingScores) -> None:
    height = figure.get_size_inches()[1] * 25.4
    signature = score.study.signature
    assert signature is not None

    def write(x: float, y: float, text: str, **style: Any) -> None:
        figure.text(x / WIDTH_MM, 1 - y / height, text, va="center", **style)

    n = len(readings.scored)
    write(
        2,
        4,
        tr("The {signature_name} in {n} readings of the paper", signature_name=tr(signature.name), n=n),
        size=TITLE,
        weight="bold",
    )
    own = rad_score(score.rad_score, signature.cutoff)
    low, high = map(number, readings.interval)
    text = tr("{own} as the card reads it (diamond); {low} to {high} over all", own=own, low=low, high=high)
    write(2, 9, text, size=TEXT + 0.6)
    if score.group:
        text = tr("{group} in {same} of {n}", same=readings.same_group, n=n, group=tr(score.group.label))
        text += tr("; filled: the other group") if readings.same_group < n else ""
        write(2, 13, text, size=TEXT + 0.6)
    column = tr("change, other group") if score.group else tr("mean change")
    write(WIDTH_MM - RIGHT_MM + 1.2, TOP_MM + CURVE_MM + 1, column, size=TEXT - 0.4, color=GREY)
