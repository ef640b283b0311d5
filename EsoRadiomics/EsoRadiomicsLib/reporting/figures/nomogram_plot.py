"""The nomogram in the look clinicians know from R's rms, with the patient's points marked and connected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.figure import Figure

from ...core.formatting import number
from ...core.translation import tr
from ...core.wide_text import wrapped
from ...scoring.nomogram import Nomogram, Place, Tick
from ...scoring.predicted_outcome import Bounds
from ...scoring.score_text import percent, points
from ...studies.card_parts import UNSURE
from ..nomogram_text import labelled, notes, usual_side, value_text
from .style import (
    DEMONSTRATION,
    GREY,
    INK,
    PATIENT,
    VERMILLION,
    WIDTH_MM,
    add_page,
    fitting_size,
    new_figure,
    text_width_mm,
)

LABEL_X, LEFT, RIGHT = 2.0, 44.0, 147.0
VALUE_X, POINTS_X = 154.0, WIDTH_MM - 2.0
ROW_MM, TOP_MM, FOOT_MM = 10.5, 16.0, 8.5
TICK_MM, MINOR_MM = 1.5, 0.8
TITLE_SIZE, LABEL_SIZE, TICK_SIZE, NOTE_SIZE = 9.0, 8.0, 7.0, 6.5
NOTE_MM, DEMONSTRATION_MM, GAP_MM = 3.2, 4.0, 0.9
OVERHANG_MM = 4.0
"""How far a tick's label may reach beyond the ends of the axes."""


def nomogram_figure(nomogram: Nomogram, place: Place, *, demonstration: bool = False) -> Figure:
    """Draw a nomogram: points, a row per variable, total points, survival; the patient's values at the right.

    What rests on a missing variable is drawn as a bar from its least to its largest value. ``demonstration`` says so on
    the figure.
    """
    lower = len(nomogram.outcomes) or 1
    remarks = notes(nomogram, place)
    top = TOP_MM + (DEMONSTRATION_MM if demonstration else 0)
    height = top + ROW_MM * (len(nomogram.rows) + 1 + lower) + FOOT_MM + NOTE_MM * len(remarks)
    figure = new_figure(height)
    page = add_page(figure)
    _title(page, nomogram, demonstration)
    sketch = _Sketch(page, nomogram)
    y_rows = [top + ROW_MM * (i + 1) for i in range(len(nomogram.rows))]
    y_total = top + ROW_MM * (len(nomogram.rows) + 1)
    y_lower = [y_total + ROW_MM * (i + 1) for i in range(lower)]

    y_of = dict(zip((row.name for row in nomogram.rows), y_rows, strict=True))
    _patient_lines(sketch, place, y_of, (top, y_total, y_lower[-1]))
    sketch.axis(top, nomogram.points, sketch.on_points, tr("Points"), above=True, minor=True)
    page.text(VALUE_X, top, tr("This patient"), size=LABEL_SIZE, weight="bold", color=PATIENT, va="center")
    page.text(POINTS_X, top, tr("points"), size=TICK_SIZE, color=GREY, ha="right", va="center")
    for row, y in zip(nomogram.rows, y_rows, strict=True):
        sketch.axis(y, row.ticks, sketch.on_points, row.label, sides=row.sides)
        bounds = place.points[row.name]
        sketch.mark(y, bounds, sketch.on_points)
        known = place.values.get(row.name)
        lines = wrapped(value_text(row, known), 17, most=2)
        size = LABEL_SIZE if len(lines) < 2 else NOTE_SIZE
        colour = INK if known is not None else GREY
        page.text(VALUE_X, y, "\n".join(lines), size=size, color=colour, va="center", linespacing=1.1)
        page.text(POINTS_X, y, points(bounds), size=LABEL_SIZE, ha="right", va="center")
    page.plot([VALUE_X, POINTS_X], [y_total - ROW_MM / 2] * 2, color=INK, lw=0.6)
    sketch.axis(y_total, nomogram.total, sketch.on_total, tr("Total points"), minor=True)
    sketch.mark(y_total, place.total, sketch.on_total)
    page.text(POINTS_X, y_total, points(place.total), size=LABEL_SIZE, weight="bold", ha="right", va="center")
    if nomogram.outcomes:
        for axis, bounds, y in zip(nomogram.outcomes, place.outcomes, y_lower, strict=True):
            note = tr(axis.evidence) if axis.evidence in UNSURE else ""
            sketch.axis(y, axis.ticks, sketch.on_total, f"{axis.label} (%)", note=note, span=nomogram.total)
            sketch.mark(y, place.total, sketch.on_total)
            page.text(POINTS_X, y, percent(bounds), size=9, weight="bold", color=PATIENT, ha="right", va="center")
    else:
        predictor = place.linear_predictor
        sketch.axis(y_lower[0], nomogram.linear_predictor, sketch.on_total, tr("Linear predictor"), span=nomogram.total)
        sketch.mark(y_lower[0], place.total, sketch.on_total)
        ends = dict.fromkeys(number(lp, 3) for lp in (predictor.low, predictor.high))
        page.text(POINTS_X, y_lower[0], tr(" to ").join(ends), size=LABEL_SIZE, weight="bold", ha="right", va="center")
    for i, note in enumerate(reversed(remarks)):
        page.text(LABEL_X, height - 2 - NOTE_MM * i, note, size=NOTE_SIZE, color=GREY, style="italic", va="bottom")
    return figure


class _Sketch:
    """Axes and marks on the page: where a number of points lies, in mm."""

    def __init__(self, page: Any, nomogram: Nomogram) -> None:
        self.page = page
        self._total_end = nomogram.total[-1].points

    def on_points(self, value: float) -> float:
        """x of a variable's points."""
        return LEFT + (RIGHT - LEFT) * value / 100

    def on_total(self, value: float) -> float:
        """x of total points."""
        return LEFT + (RIGHT - LEFT) * value / self._total_end

    def axis(
        self,
        y: float,
        ticks: Sequence[Tick],
        x_of: Any,
        label: str,
        *,
        note: str = "",
        above: bool = False,
        minor: bool = False,
        sides: Callable[[Tick], tuple[int, ...]] = usual_side,
        span: Sequence[Tick] | None = None,
    ) -> None:
        """One axis with its label at the left; ``span`` holds the ticks that set how far its line goes."""
        page, direction = self.page, -1 if above else 1
        ticks = sorted(ticks, key=lambda tick: tick.points)
        ends = ticks if span is None else ticks or span
        page.plot(
            [x_of(ends[0].points), x_of(ends[-1].points)], [y, y], color=INK, lw=0.9, solid_capstyle="butt", zorder=3
        )
        if minor:
            for a, b in pairwise(ticks):
                for part in range(1, 5):
                    x = x_of(a.points + (b.points - a.points) * part / 5)
                    page.plot([x, x], [y, y + direction * MINOR_MM], color=INK, lw=0.5, zorder=3)
        for tick, side in labelled(ticks, x_of, _label_mm, gap=GAP_MM, sides=sides):
            x, way = x_of(tick.points), direction * side
            page.plot([x, x], [y, y + (way or direction) * TICK_MM], color=INK, lw=0.7, zorder=3)
            if way:
                # A long name at an end of the axes grows inwards, clear of what stands beside and opposite.
                size = fitting_size(tick.label, TICK_SIZE, 0.45 * (RIGHT - LEFT))
                beyond = text_width_mm(tick.label, size) / 2 - OVERHANG_MM
                page.text(
                    min(max(x, LEFT + beyond), RIGHT - beyond) if beyond > 0 else x,
                    y + way * (TICK_MM + 0.6),
                    tick.label,
                    size=size,
                    ha="center",
                    va="top" if way > 0 else "bottom",
                    zorder=5,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85},
                )
        lines = wrapped(label, 26)
        size = LABEL_SIZE if len(lines) < 3 else NOTE_SIZE
        page.text(LABEL_X, y - (1.2 if note else 0), "\n".join(lines[:3]), size=size, va="center", linespacing=1.15)
        if note:
            page.text(
                LABEL_X, y + 0.5 + 1.6 * len(lines), note, size=NOTE_SIZE, color=GREY, style="italic", va="center"
            )

    def mark(self, y: float, bounds: Bounds, x_of: Any) -> None:
        """The patient's place on an axis: a dot, an arrow head where it lies beyond, a bar where it is a range."""
        low, high = self.x_within(bounds.low, x_of), self.x_within(bounds.high, x_of)
        if not bounds.known:
            self.page.plot([low, high], [y, y], color=PATIENT, lw=4, alpha=0.45, solid_capstyle="butt", zorder=4)
        for points_, x in ((bounds.low, low), (bounds.high, high)):
            beyond = abs(x_of(points_) - x) > 1e-6
            marker = ("<" if x_of(points_) < x else ">") if beyond else "o"
            self.page.plot([x], [y], marker, color=PATIENT, ms=6.5, mec="white", mew=0.8, zorder=6)

    @staticmethod
    def x_within(points_: float, x_of: Any) -> float:
        """x of some points, kept on the drawn axes."""
        return min(max(x_of(points_), LEFT), RIGHT)


def _patient_lines(sketch: _Sketch, place: Place, rows: Mapping[str, float], y: tuple[float, float, float]) -> None:
    """From each variable up to the points scale, and from the total down to the last outcome axis."""
    y_points, y_total, y_last = y
    style = {"color": PATIENT, "lw": 0.8, "alpha": 0.75, "zorder": 1}
    for name, y_row in rows.items():
        for value in _ends(place.points[name]):
            x = sketch.x_within(value, sketch.on_points)
            sketch.page.plot([x, x], [y_points, y_row], ls=(0, (2, 2)), **style)
    for value in _ends(place.total):
        x = sketch.x_within(value, sketch.on_total)
        sketch.page.plot([x, x], [y_total, y_last], **style)


def _label_mm(label: str) -> float:
    return text_width_mm(label, TICK_SIZE)


def _ends(bounds: Bounds) -> Iterable[float]:
    return (bounds.low,) if bounds.known else (bounds.low, bounds.high)


def _title(page: Any, nomogram: Nomogram, demonstration: bool) -> None:
    size = fitting_size(nomogram.title, TITLE_SIZE, VALUE_X - LABEL_X, "bold")
    page.text(LABEL_X, 4.5, nomogram.title, size=size, weight="bold", va="center")
    if nomogram.reconstructed:
        tag = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": VERMILLION, "lw": 0.8}
        page.text(
            POINTS_X - 1, 4.5, tr("reconstructed"), size=TICK_SIZE, color=VERMILLION, ha="right", va="center", bbox=tag
        )
    if demonstration:
        page.text(LABEL_X, 9.5, tr(DEMONSTRATION), size=TICK_SIZE, weight="bold", color=VERMILLION, va="center")
