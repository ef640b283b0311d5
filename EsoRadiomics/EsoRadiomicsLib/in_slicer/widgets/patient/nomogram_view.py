"""The nomogram as a live view: hover a row for its points, drag a value and see the survival change at once."""
# ruff: noqa: N802 — Qt names its event handlers

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt

from ....reporting.nomogram_text import notes
from ....reporting.palette import GREY, PAPER
from ....scoring.nomogram import Nomogram, Row
from ...language import tr as _
from .nomogram_painter import NOTE_LINE_MM, NomogramPainter
from .nomogram_sheet import Sheet, lay_out

EMPTY = _("Score a patient to see the nomogram.")


class NomogramView(qt.QWidget):
    """A nomogram with one patient on it.

    ``values`` are those on show, by row name: the patient's own until something is dragged; ``on_values`` is called
    with each other ones.
    """

    def __init__(self, on_values: Callable[[Mapping[str, float]], None] = lambda values: None) -> None:
        qt.QWidget.__init__(self)
        self._on_values = on_values
        self.setMouseTracking(True)
        self.setMinimumSize(320, 200)
        self.clear(EMPTY)

    def clear(self, message: str) -> None:
        """Show a sentence instead of a nomogram."""
        self._message = message
        self._nomogram: Nomogram | None = None
        self._own: dict[str, float] = {}
        self.values: dict[str, float] = {}
        self._demonstration, self._whose = False, ""
        self._hovered: tuple[Row, float] | None = None
        self._dragged: Row | None = None
        self._button = qt.QRectF()
        self.update()

    def show_patient(
        self,
        nomogram: Nomogram,
        values: Mapping[str, float],
        *,
        demonstration: bool = False,
        whose: str = "",
    ) -> None:
        """Show a patient's own values on a nomogram (by row name; what is left out is missing)."""
        self.clear("")
        self._whose = whose or _("This patient")
        self._nomogram, self._demonstration = nomogram, demonstration
        self._own, self.values = dict(values), dict(values)

    def back_to_patient(self) -> None:
        """Undo every change made by hand."""
        self.values = dict(self._own)
        self._on_values(self.values)
        self.update()

    def sheet(self) -> Sheet:
        """Where the axes lie now."""
        assert self._nomogram is not None
        area = self.contentsRect()  # the one size that PythonQt and PySide6 both give by a call
        lines = len(notes(self._nomogram, self._nomogram.place(self._own))) + 1
        return lay_out(self._nomogram, area.width(), area.height(), foot_mm=NOTE_LINE_MM * lines + 2)

    def paintEvent(self, event: Any) -> None:
        painter = qt.QPainter()
        painter.begin(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def mouseMoveEvent(self, event: Any) -> None:
        position = event.pos()
        self._pointer_at(position.x(), position.y())

    def mousePressEvent(self, event: Any) -> None:
        position = event.pos()
        if self._nomogram is None:
            return
        if self._button.contains(qt.QPointF(position.x(), position.y())):
            self.back_to_patient()
            return
        self._dragged = self._row_at(position.x(), position.y())
        self._pointer_at(position.x(), position.y())

    def mouseReleaseEvent(self, event: Any) -> None:
        self._dragged = None
        self.update()

    def mouseDoubleClickEvent(self, event: Any) -> None:
        self._dragged = None
        self.back_to_patient()

    def leaveEvent(self, event: Any) -> None:
        self._hovered = None
        self.update()

    def _pointer_at(self, x: float, y: float) -> None:
        if self._nomogram is None:
            return
        if self._dragged is not None:
            self.values[self._dragged.name] = self._dragged.nearest(self.sheet().points_at(x))
            self._hovered = self._dragged, x
            self._on_values(self.values)
        else:
            row = self._row_at(x, y)
            self._hovered = (row, x) if row is not None else None
        self.update()

    def _row_at(self, x: float, y: float) -> Row | None:
        sheet = self.sheet()
        margin = 2 * sheet.scale
        on_axis = sheet.left - margin < x < sheet.right + margin
        return sheet.row_at(self._nomogram, y) if on_axis and self._nomogram else None

    def _paint(self, painter: Any) -> None:
        if self._nomogram is None:
            area = qt.QRectF(self.contentsRect())
            painter.fillRect(area, qt.QColor(PAPER))
            painter.setPen(qt.QPen(qt.QColor(GREY)))
            painter.drawText(area, qt.Qt.AlignCenter, self._message)
            return
        sketch = NomogramPainter(painter, self.sheet(), self._nomogram)
        place, own = self._nomogram.place(self.values), self._nomogram.place(self._own)
        sketch.page(place, own, demonstration=self._demonstration)
        self._button = sketch.header(self._whose, changed=self.values != self._own)
        if self._hovered is not None:
            row, x = self._hovered
            sketch.band(row)
            sketch.caption(row, x)
