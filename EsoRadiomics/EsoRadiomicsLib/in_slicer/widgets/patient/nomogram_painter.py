"""Painting a nomogram with QPainter: the file figure's look, plus what only a live view has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import qt

from ....core.formatting import number
from ....core.translation import tr as library_tr
from ....core.wide_text import wrapped
from ....reporting.nomogram_text import DEMONSTRATION, labelled, notes, usual_side, value_text
from ....reporting.palette import GREY, INK, PAPER, PATIENT, VERMILLION
from ....scoring.nomogram import Nomogram, Place, Row, Tick
from ....scoring.predicted_outcome import Bounds
from ....scoring.score_text import percent, points
from ....studies.card_parts import UNSURE
from ...language import tr as _
from ..sketch import Sketch
from .nomogram_sheet import EDGE_MM, LABEL_MM, VALUE_MARGIN_MM, Sheet

TITLE, LABEL, TICK, NOTE = 3.4, 3.1, 2.7, 2.5
"""Sizes of text in mm of the page."""
NOTE_LINE_MM = 3.3


class NomogramPainter(Sketch):
    """Draws one nomogram onto one sheet."""

    def __init__(self, painter: Any, sheet: Sheet, nomogram: Nomogram) -> None:
        super().__init__(painter, sheet.scale)
        self._sheet, self._nomogram = sheet, nomogram
        self._value_x = sheet.width - VALUE_MARGIN_MM * self._mm
        self._edge_x = sheet.width - EDGE_MM * self._mm

    def page(self, place: Place, own: Place, *, demonstration: bool) -> None:
        """Everything but the pointer's caption; ``own`` is where the patient's own values lie."""
        sheet, nomogram = self._sheet, self._nomogram
        self._painter.fillRect(qt.QRectF(0, 0, sheet.width, sheet.height), qt.QColor(PAPER))
        self._title(demonstration)
        self._patient_lines(place)
        self._axis(sheet.y_points, nomogram.points, sheet.on_points, _("Points"), above=True, minor=True)
        for row in nomogram.rows:
            self._row(row, place, own)
        self._axis(sheet.y_total, nomogram.total, sheet.on_total, _("Total points"), minor=True)
        self._mark(sheet.y_total, place.total, own.total, sheet.on_total)
        self.text(self._edge_x, sheet.y_total, points(place.total), LABEL, INK, align=1, bold=True)
        self._outcomes(place, own)
        for i, note in enumerate(reversed(notes(nomogram, place))):
            y = sheet.height - (1.2 + NOTE_LINE_MM * (i + 1.5)) * self._mm
            self.text(LABEL_MM * self._mm, y, note, NOTE, GREY, italic=True)
        hint = _("Drag a dot to see what would change; a double click returns to the patient's own values.")
        self.text(LABEL_MM * self._mm, sheet.height - (1.2 + NOTE_LINE_MM / 2) * self._mm, hint, NOTE, GREY)

    def header(self, whose: str, *, changed: bool) -> Any:
        """Above the right column: whose values these are, or the button back to them; returns the button's place."""
        y = self._sheet.y_points
        if not changed:
            self.text(self._value_x, y, whose, LABEL, PATIENT, bold=True)
            self.text(self._edge_x, y, _("points"), TICK, GREY, align=1)
            return qt.QRectF()
        height = 5.4 * self._mm
        button = qt.QRectF(self._value_x, y - height - 0.6 * self._mm, self._edge_x - self._value_x, height)
        self.pen(PATIENT, 1.2)
        self._painter.setBrush(qt.QBrush(qt.QColor(PAPER)))
        self._painter.drawRoundedRect(button, self._mm, self._mm)
        self.text(button.center().x(), button.center().y(), _("Back to patient"), TICK, PATIENT, align=0, bold=True)
        self.text(self._value_x, y + 1.6 * self._mm, _("Changed by hand"), TICK, VERMILLION, bold=True)
        return button

    def band(self, row: Row) -> None:
        """The row below the pointer, as a pale band."""
        sheet = self._sheet
        y = sheet.y_rows[row.name] - sheet.row_height / 2
        colour = qt.QColor(PATIENT)
        colour.setAlpha(22)
        self._painter.fillRect(qt.QRectF(0, y, sheet.width, sheet.row_height), colour)

    def caption(self, row: Row, x: float) -> None:
        """A small box at the pointer: the value there and its points."""
        sheet = self._sheet
        value = row.nearest(sheet.points_at(x))
        at = sheet.on_points(row.points(value))
        found = row.points(value)
        text = _("{value}: {points} points").format(value=value_text(row, value), points=points(Bounds(found, found)))
        width = self.width_of(text, TICK, bold=True) + 3 * self._mm
        left = min(max(at - width / 2, 1), sheet.width - width - 1)
        top = sheet.y_rows[row.name] - 7.2 * self._mm
        self._painter.setPen(qt.QPen(qt.QColor(INK)))
        self._painter.setBrush(qt.QBrush(qt.QColor(INK)))
        self._painter.drawRoundedRect(qt.QRectF(left, top, width, 4.8 * self._mm), self._mm, self._mm)
        self.text(left + width / 2, top + 2.4 * self._mm, text, TICK, PAPER, align=0, bold=True)
        self.line(at, top + 4.8 * self._mm, at, sheet.y_rows[row.name], INK, 1.0)

    def _title(self, demonstration: bool) -> None:
        y = 4.5 * self._mm
        room = self._sheet.width - (LABEL_MM + 30) * self._mm
        self.text(LABEL_MM * self._mm, y, self._nomogram.title, TITLE, INK, bold=True, room=room)
        if self._nomogram.reconstructed:
            tag = _("reconstructed")
            width = self.width_of(tag, TICK) + 3 * self._mm
            self.pen(VERMILLION, 1.0)
            self._painter.setBrush(qt.QBrush(qt.QColor(PAPER)))
            box = qt.QRectF(self._edge_x - width, y - 2.4 * self._mm, width, 4.8 * self._mm)
            self._painter.drawRoundedRect(box, self._mm, self._mm)
            self.text(box.center().x(), y, tag, TICK, VERMILLION, align=0)
        if demonstration:
            self.text(LABEL_MM * self._mm, 9.5 * self._mm, library_tr(DEMONSTRATION), TICK, VERMILLION, bold=True)

    def _patient_lines(self, place: Place) -> None:
        """From each variable up to the points scale, and from the total down to the last outcome axis."""
        sheet = self._sheet
        for name, y in sheet.y_rows.items():
            for value in {place.points[name].low, place.points[name].high}:
                x = sheet.within(sheet.on_points(value))
                self.line(x, sheet.y_points, x, y, PATIENT, 1.0, dashed=True)
        for value in {place.total.low, place.total.high}:
            x = sheet.within(sheet.on_total(value))
            self.line(x, sheet.y_total, x, sheet.y_outcomes[-1], PATIENT, 1.0)

    def _row(self, row: Row, place: Place, own: Place) -> None:
        sheet = self._sheet
        y, bounds, known = sheet.y_rows[row.name], place.points[row.name], place.values.get(row.name)
        self._axis(y, row.ticks, sheet.on_points, row.label, sides=row.sides)
        self._mark(y, bounds, own.points[row.name], sheet.on_points)
        self._lines(self._value_x, y, value_text(row, known), 15, INK if known is not None else GREY)
        self.text(self._edge_x, y, points(bounds), LABEL, INK, align=1)

    def _outcomes(self, place: Place, own: Place) -> None:
        sheet, nomogram = self._sheet, self._nomogram
        span = nomogram.total
        if not nomogram.outcomes:
            y, predictor = sheet.y_outcomes[0], place.linear_predictor
            self._axis(y, nomogram.linear_predictor, sheet.on_total, _("Linear predictor"), span=span)
            self._mark(y, place.total, own.total, sheet.on_total)
            ends = dict.fromkeys(number(lp, 3) for lp in (predictor.low, predictor.high))
            self.text(self._edge_x, y, library_tr(" to ").join(ends), LABEL, INK, align=1, bold=True)
        for axis, now, before, y in zip(
            nomogram.outcomes, place.outcomes, own.outcomes, sheet.y_outcomes, strict=False
        ):
            note = axis.evidence if axis.evidence in UNSURE else ""
            self._axis(y, axis.ticks, sheet.on_total, f"{axis.label} (%)", note=note, span=span)
            self._mark(y, place.total, own.total, sheet.on_total)
            self.text(self._edge_x, y, percent(now), TITLE, PATIENT, align=1, bold=True)
            if now != before:
                self.text(self._value_x, y, _("own {percent}").format(percent=percent(before)), TICK, GREY)

    def _axis(
        self,
        y: float,
        ticks: Sequence[Tick],
        x_of: Callable[[float], float],
        label: str,
        *,
        note: str = "",
        above: bool = False,
        minor: bool = False,
        sides: Callable[[Tick], tuple[int, ...]] = usual_side,
        span: Sequence[Tick] = (),
    ) -> None:
        """One axis with its label at the left; ``span`` holds the ticks that set how far its line goes."""
        way = -1 if above else 1
        ticks = sorted(ticks, key=lambda tick: tick.points)
        ends = ticks and (span or ticks)
        if ends:
            self.line(x_of(ends[0].points), y, x_of(ends[-1].points), y, INK, 1.3)
        for a, b in pairwise(ticks) if minor else ():
            for part in range(1, 5):
                x = x_of(a.points + (b.points - a.points) * part / 5)
                self.line(x, y, x, y + way * 0.8 * self._mm, INK, 0.8)
        placed = labelled(ticks, x_of, lambda text: self.width_of(text, TICK), gap=0.9 * self._mm, sides=sides)
        for tick, side in placed:
            x = x_of(tick.points)
            self.line(x, y, x, y + (way * side or way) * 1.5 * self._mm, INK, 1.0)
            if side:  # a long label at the right end stays out of the patient's column
                x = min(x, self._value_x - self._mm - self.width_of(tick.label, TICK) / 2)
                self.text(x, y + way * side * 3.1 * self._mm, tick.label, TICK, INK, align=0, paper=True)
        self._lines(LABEL_MM * self._mm, y - (1.4 * self._mm if note else 0), label, 26, INK)
        if note:
            self.text(LABEL_MM * self._mm, y + 2.3 * self._mm, note, NOTE, GREY, italic=True)

    def _mark(self, y: float, bounds: Bounds, own: Bounds, x_of: Callable[[float], float]) -> None:
        """The place on an axis: a dot, an arrow head where it lies beyond, a bar where it is a range, a ring of old."""
        radius = 1.25 * self._mm
        if own != bounds:
            for value in {own.low, own.high}:
                self.pen(GREY, 1.3)
                self._painter.setBrush(qt.QBrush(qt.QColor(PAPER)))
                self._painter.drawEllipse(qt.QPointF(self._sheet.within(x_of(value)), y), radius, radius)
        low, high = self._sheet.within(x_of(bounds.low)), self._sheet.within(x_of(bounds.high))
        if not bounds.known:
            colour = qt.QColor(PATIENT)
            colour.setAlpha(115)
            self._painter.fillRect(qt.QRectF(low, y - 0.7 * self._mm, high - low, 1.4 * self._mm), colour)
        for value, x in ((bounds.low, low), (bounds.high, high)):
            beyond = x_of(value) - x
            self.pen(PAPER, 1.2)
            self._painter.setBrush(qt.QBrush(qt.QColor(PATIENT)))
            if abs(beyond) < 0.5:
                self._painter.drawEllipse(qt.QPointF(x, y), radius, radius)
            else:
                path = qt.QPainterPath()
                path.moveTo(x + (radius if beyond > 0 else -radius), y)
                path.lineTo(x - (radius if beyond > 0 else -radius), y - radius)
                path.lineTo(x - (radius if beyond > 0 else -radius), y + radius)
                path.closeSubpath()
                self._painter.drawPath(path)

    def _lines(self, x: float, y: float, text: str, columns: int, colour: str) -> None:
        """Up to three lines of text, centred on y."""
        lines = wrapped(text, columns)[:3]
        size = LABEL if len(lines) < 3 else NOTE
        for i, line in enumerate(lines):
            self.text(x, y + (i - (len(lines) - 1) / 2) * 1.2 * size * self._mm, line, size, colour)
