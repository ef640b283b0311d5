"""Lines, words and marks with QPainter, in mm of a page; what the module's own views have in common.

Only calls that PythonQt and PySide6 share are used, so that the views are tested without Slicer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import qt

from ...reporting.palette import PAPER

LEAST_TEXT_PX = 8


@contextmanager
def blank_page(widget: Any) -> Iterator[tuple[Any, float, float]]:
    """A painter on the widget, which is white now, and the widget's width and height."""
    painter, area = qt.QPainter(), widget.contentsRect()
    painter.begin(widget)
    try:
        painter.fillRect(qt.QRectF(area), qt.QColor(PAPER))
        yield painter, area.width(), area.height()
    finally:
        painter.end()


class Sketch:
    """Draws with ``painter``; ``mm`` is a page's millimetre in pixels."""

    def __init__(self, painter: Any, mm: float) -> None:
        self._painter, self._mm = painter, mm
        painter.setRenderHint(qt.QPainter.Antialiasing, True)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str,
        *,
        align: int = -1,
        bold: bool = False,
        italic: bool = False,
        room: float = 0,
        paper: bool = False,
    ) -> None:
        """One line centred on y; it starts (−1), is centred (0) or ends (1) at x, cut to ``room``, on ``paper``."""
        metrics = self.font(size, bold, italic)
        if room:
            text = metrics.elidedText(text, qt.Qt.ElideRight, room)
        width = metrics.horizontalAdvance(text)
        left = x - width * (align + 1) / 2
        if paper:
            half = metrics.height() / 2
            self._painter.fillRect(
                qt.QRectF(left - 1, y - 0.7 * half, width + 2, 1.4 * half), qt.QColor(255, 255, 255, 216)
            )
        self._painter.setPen(qt.QPen(qt.QColor(colour)))
        self._painter.drawText(qt.QPointF(left, y + (metrics.ascent() - metrics.descent()) / 2), text)

    def width_of(self, text: str, size: float, bold: bool = False) -> float:
        """Pixels that a text takes."""
        return self.font(size, bold).horizontalAdvance(text)

    def font(self, size: float, bold: bool = False, italic: bool = False) -> Any:
        """Take up a font of ``size`` mm; its metrics."""
        font = qt.QFont(self._painter.font())
        font.setPixelSize(max(LEAST_TEXT_PX, round(size * self._mm)))
        font.setBold(bold)
        font.setItalic(italic)
        self._painter.setFont(font)
        return qt.QFontMetricsF(font)

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str, width: float, dashed: bool = False) -> None:
        """A line of ``width`` quarter millimetres."""
        pen = self.pen(colour, width)
        if dashed:
            pen.setStyle(qt.Qt.DashLine)
            self._painter.setPen(pen)
        self._painter.drawLine(qt.QPointF(x1, y1), qt.QPointF(x2, y2))

    def pen(self, colour: str, width: float) -> Any:
        """Take up a pen."""
        pen = qt.QPen(qt.QColor(colour))
        pen.setWidthF(width * self._mm / 4)
        self._painter.setPen(pen)
        return pen

    def fill(self, x1: float, y1: float, x2: float, y2: float, colour: str, alpha: int = 255) -> None:
        """A filled rectangle."""
        shade = qt.QColor(colour)
        shade.setAlpha(alpha)
        self._painter.fillRect(qt.QRectF(x1, y1, x2 - x1, y2 - y1), shade)

    def diamond(self, x: float, y: float, radius: float, colour: str) -> None:
        """A diamond with a pale edge."""
        path = qt.QPainterPath()
        path.moveTo(x, y - radius)
        for dx, dy in ((radius, 0), (0, radius), (-radius, 0)):
            path.lineTo(x + dx, y + dy)
        path.closeSubpath()
        self.pen("#FFFFFF", 1.0)
        self._painter.setBrush(qt.QBrush(qt.QColor(colour)))
        self._painter.drawPath(path)
