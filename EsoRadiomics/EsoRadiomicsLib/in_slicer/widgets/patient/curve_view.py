"""The patient's predicted survival over time in the viewer, with its 95 % band: the report's figure, live."""
# ruff: noqa: N802 — Qt names its event handlers

from __future__ import annotations

from typing import Any

import qt

from ....core.formatting import plain
from ....core.translation import tr as library_tr
from ....core.wide_text import columns, wrapped
from ....reporting.palette import GREY, INK, PATIENT
from ....scoring.patient_curve import PatientCurve, time_ticks
from ...language import tr as _
from ..sketch import LEAST_TEXT_PX, Sketch, blank_page

TITLE, TEXT, NOTE = 3.4, 2.7, 2.5
"""Sizes of text in mm of the page."""
PAGE_MM, PAGE_HEIGHT_MM = 190.0, 60.0
LEFT_MM, RIGHT_MM, TOP_MM, FOOT_MM, NOTE_LINE_MM = 14.0, 6.0, 8.0, 10.5, 3.4
SHADE = 40


class CurveView(qt.QWidget):
    """One patient's curve; hidden where the card knows none."""

    def __init__(self) -> None:
        qt.QWidget.__init__(self)
        self.setMinimumSize(320, 140)
        self._curve: PatientCurve | None = None

    def show_curve(self, curve: PatientCurve | None) -> None:
        """Show this curve, or nothing."""
        self._curve = curve
        self.setVisible(curve is not None)
        self.update()

    def paintEvent(self, event: Any) -> None:
        with blank_page(self) as (painter, width, height):
            if self._curve is not None:
                mm = max(min(width / PAGE_MM, height / PAGE_HEIGHT_MM), LEAST_TEXT_PX / NOTE)
                CurvePainter(painter, mm, width, height, self._curve).page()


class CurvePainter(Sketch):
    """Draws one curve onto a page of ``width`` × ``height`` pixels."""

    def __init__(self, painter: Any, mm: float, width: float, height: float, curve: PatientCurve) -> None:
        super().__init__(painter, mm)
        self._curve = curve
        self._left, self._right = LEFT_MM * mm, width - RIGHT_MM * mm
        letters = columns(curve.note) * (self._right - self._left) / self.width_of(curve.note, NOTE)
        self._notes = wrapped(curve.note, max(int(0.95 * letters), 20))
        self._top = TOP_MM * mm
        self._free = 0.0
        self._bottom = height - (FOOT_MM + NOTE_LINE_MM * len(self._notes)) * mm

    def page(self) -> None:
        """Title, axes, band, curve, the card's horizons, and what to know of them."""
        curve = self._curve
        title = _("Predicted {endpoint} of this patient").format(endpoint=library_tr(curve.endpoint))
        self.text(self._left, 4 * self._mm, title, TITLE, INK, bold=True)
        self._axes()
        ends = (curve.worst.survival, curve.best.survival)
        self._band(curve.best.time, *(ends if curve.missing else (curve.best.lower, curve.best.upper)))
        self._line(curve.best.time, curve.best.survival)
        if curve.missing:
            self._line(curve.worst.time, curve.worst.survival)
        for time in curve.marks:
            self._mark(time)
        for i, note in enumerate(self._notes):
            y = self._bottom + (FOOT_MM + NOTE_LINE_MM * (i - 0.3)) * self._mm
            self.text(self._left, y, note, NOTE, GREY, italic=True)

    def _axes(self) -> None:
        curve = self._curve
        self.line(self._left, self._top, self._left, self._bottom, INK, 1.0)
        self.line(self._left, self._bottom, self._right, self._bottom, INK, 1.0)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            self.text(self._left - self._mm, self._y(share), f"{100 * share:.0f} %", TEXT, INK, align=1)
        for tick in time_ticks(curve.last, curve.unit):
            self.line(self._x(tick), self._bottom, self._x(tick), self._bottom + 0.9 * self._mm, INK, 1.0)
            self.text(self._x(tick), self._bottom + 2.6 * self._mm, plain(tick), TEXT, INK, align=0)
        words = _("Time ({unit})").format(unit=library_tr(curve.unit))
        self.text(self._right, self._bottom + 6.2 * self._mm, words, TEXT, INK, align=1)

    def _mark(self, time: float) -> None:
        low, high = self._curve.at(time)
        self.line(self._x(time), self._y(high), self._x(time), self._bottom, GREY, 0.6, dashed=True)
        for value in {low, high}:
            self.diamond(self._x(time), self._y(value), 1.2 * self._mm, PATIENT)
        x, y = self._x(time) + 1.5 * self._mm, max(self._y(high) - 2.4 * self._mm, self._top + 1.4 * self._mm)
        if x < self._free:  # beside the one before: below the curve
            y = self._y(low) + 2.6 * self._mm
        else:
            self._free = x + self.width_of(self._curve.words(time), TEXT)
        self.text(x, y, self._curve.words(time), TEXT, INK, paper=True)

    def _band(self, time: Any, low: Any, high: Any) -> None:
        colour = qt.QColor(PATIENT)
        colour.setAlpha(SHADE)
        self._painter.setPen(qt.QPen(qt.Qt.NoPen))
        self._painter.setBrush(qt.QBrush(colour))
        self._painter.drawPolygon(qt.QPolygonF([*self._steps(time, high), *reversed(self._steps(time, low))]))

    def _line(self, time: Any, survival: Any) -> None:
        self.pen(PATIENT, 1.8)
        self._painter.drawPolyline(qt.QPolygonF(self._steps(time, survival)))

    def _steps(self, time: Any, survival: Any) -> list[Any]:
        """The corners of a step function."""
        points = [qt.QPointF(self._x(time[0]), self._y(survival[0]))]
        for at, before, after in zip(time[1:], survival, survival[1:], strict=False):
            points += [qt.QPointF(self._x(at), self._y(before)), qt.QPointF(self._x(at), self._y(after))]
        return points

    def _x(self, time: float) -> float:
        return self._left + (self._right - self._left) * float(time) / self._curve.last

    def _y(self, survival: float) -> float:
        return self._bottom - (self._bottom - self._top) * float(survival)
