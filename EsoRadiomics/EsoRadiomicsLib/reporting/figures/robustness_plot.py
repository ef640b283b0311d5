"""The Rad-score under perturbations: a dot each, by kind, against the patient's own score and the cut-off."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from ...core.formatting import number, plain
from ...core.translation import mark, tr
from ...scoring.robustness import Robustness
from ...scoring.score import Score
from ...scoring.score_text import rad_score
from .style import BLUE, DEMONSTRATION, GREY, INK, OUTLOOK, PALE, VERMILLION, WIDTH_MM, add_axes_mm, new_figure

LABELS = mark(
    {
        "volume": "Contour grown or shrunk\n0.5–2 mm",
        "shift": "Contour shifted\n0.5–2 mm in plane",
        "rotation": "Image and contour rotated\n1–6°",
        "boundary": "Boundary redrawn\nalong supervoxels",
        "noise": "Noise added\nat the image's own level",
    }
)
LEFT_MM, RIGHT_MM, TOP_MM, ROW_MM, FOOT_MM = 42.0, 24.0, 22.0, 9.5, 10.0
TITLE, TEXT = 8.5, 6.8


def robustness_figure(score: Score, robustness: Robustness) -> Figure:
    """Draw a row of dots for each kind of perturbation, filled = another risk group, and the 95 % interval below."""
    signature = score.study.signature
    assert signature is not None  # a study without one is never scored
    kinds = list(robustness.flips)
    rows = len(kinds) + 1
    figure = new_figure(TOP_MM + ROW_MM * rows + FOOT_MM)
    chart = add_axes_mm(figure, LEFT_MM, TOP_MM, WIDTH_MM - LEFT_MM - RIGHT_MM, ROW_MM * rows)
    chart.set_ylim(rows - 0.5, -0.5)
    scores = [item.rad_score for item in robustness.replicates if item.rad_score is not None]
    values = [*scores, robustness.rad_score, *([signature.cutoff.value] if signature.cutoff else [])]
    margin = 0.06 * ((max(values) - min(values)) or 1.0)
    low, high = min(values) - margin, max(values) + margin
    chart.set_xlim(low, high)
    if signature.cutoff is not None:
        cutoff = signature.cutoff
        for group, start, end in ((cutoff.below, low, cutoff.value), (cutoff.above, cutoff.value, high)):
            chart.axvspan(start, end, color=OUTLOOK[group.outlook], alpha=0.09, lw=0, zorder=0)
        chart.axvline(cutoff.value, color=INK, lw=0.9, ls=(0, (3, 2)), zorder=1)
    chart.axvline(robustness.rad_score, color=BLUE, lw=1.0, zorder=1)
    own = score.group.id if score.group else None
    for row, kind in enumerate(kinds):
        items = [item for item in robustness.replicates if item.kind == kind and item.rad_score is not None]
        for i, item in enumerate(items):
            flipped = item.group != own
            y = row + 0.36 * ((i + 0.5) / len(items) * 2 - 1)
            colour = VERMILLION if flipped else BLUE
            chart.plot(item.rad_score, y, "o", ms=4, mew=0.9, mec=colour, mfc=colour if flipped else "white", zorder=4)
        flipped_count, count = robustness.flips[kind]
        beside = tr("{n} of {count}", n=flipped_count, count=count) if signature.cutoff else tr("{n} scored", n=count)
        _beside(chart, row, beside)
    chart.plot(robustness.interval, [rows - 1] * 2, color=INK, lw=2.2, solid_capstyle="butt", zorder=4)
    chart.plot(robustness.rad_score, rows - 1, "D", ms=6, color=BLUE, mec="white", mew=0.7, zorder=5)
    flips = sum(count for count, _ in robustness.flips.values())
    beside = tr("{n} of {count}", n=flips, count=robustness.scored) if signature.cutoff else ""
    _beside(chart, rows - 1, beside, weight="bold")
    for row in range(1, rows):
        chart.axhline(row - 0.5, color=PALE, lw=0.6, zorder=1)
    chart.set_yticks(range(rows), [*(tr(LABELS[kind]) for kind in kinds), tr("95 % interval")], size=TEXT)
    chart.tick_params(axis="y", length=0)
    chart.tick_params(axis="x", labelsize=TEXT, length=2.5, width=0.6)
    for side in ("left", "right", "top"):
        chart.spines[side].set_visible(False)
    chart.set_xlabel(tr(signature.name), size=TEXT)
    _titles(figure, score, robustness)
    return figure


def _beside(chart: Any, row: int, text: str, **style: str) -> None:
    chart.text(1.02, row, text, transform=chart.get_yaxis_transform(), size=TEXT, va="center", **style)


def _titles(figure: Figure, score: Score, robustness: Robustness) -> None:
    signature = score.study.signature
    assert signature is not None
    height = figure.get_size_inches()[1] * 25.4

    def write(x: float, y: float, text: str, **style: Any) -> None:
        figure.text(x / WIDTH_MM, 1 - y / height, text, va="center", **style)

    write(2, 4, tr("How firm is this {signature_name}?", signature_name=tr(signature.name)), size=TITLE, weight="bold")
    low, high = robustness.interval
    own = rad_score(robustness.rad_score, signature.cutoff)
    count = len(robustness.replicates)
    write(
        2,
        9,
        tr(
            "{own}; 95 % interval under {count} perturbations: {low} to {high}",
            own=own,
            count=count,
            low=number(low),
            high=number(high),
        ),
        size=TEXT + 0.6,
    )
    if signature.cutoff is not None:
        write(
            LEFT_MM,
            TOP_MM - 3,
            tr("line: patient · dashed: cut-off {cutoff}", cutoff=plain(signature.cutoff.value)),
            size=TEXT,
            color=GREY,
        )
        write(WIDTH_MM - RIGHT_MM + 3, TOP_MM - 3, tr("flips ●"), size=TEXT, weight="bold", color=VERMILLION)
    if score.demonstration:
        write(2, 14, tr(DEMONSTRATION), size=TEXT, weight="bold", color=VERMILLION)
