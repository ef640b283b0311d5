"""Figures in the viewer: a tab each, sharp at any size."""
# ruff: noqa: N802 — Qt names its event handlers

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt

from ...reporting.palette import GREY, PAPER
from ..language import tr as _

MARGIN = 12
"""White around a figure, in pixels."""


class FiguresView:
    """The figures of what was computed last; every section shows its own in it.

    ``widget`` is what goes into the viewer, ``on_close`` is called when the user wants the slices back. ``owner`` is
    whose figures are shown, so that a section takes away its own only.
    """

    def __init__(self) -> None:
        self.widget = qt.QTabWidget()
        self.on_close: Callable[[], None] = lambda: None
        self.owner: Any = None
        self._pages: list[Any] = []  # Python widgets that nobody keeps lose their painting
        self.widget.setDocumentMode(True)
        self._close = qt.QPushButton(_("Back to the slices"))
        self._close.connect("clicked(bool)", lambda checked: self.on_close())
        self.widget.setCornerWidget(self._close)
        self.clear("")

    def show(self, pages: Sequence[tuple[str, Any]], current: int = 0, *, owner: Any = None) -> None:
        """Show these in place of those before: a title each, and an SVG (bytes) or a widget, which stays the caller's.

        Args:
            pages: at least one.
            current: the page to be seen first.
            owner: whose they are.
        """
        self._remove_pages()
        self.owner = owner
        for title, content in pages:
            page = SvgPage(content) if isinstance(content, bytes) else content
            self._pages.append(page)
            self.widget.addTab(page, title)
        self.widget.setCurrentIndex(current)

    def clear(self, text: str) -> None:
        """Show a sentence instead of figures."""
        self._remove_pages()
        self.owner = None
        label = qt.QLabel(text)
        label.setAlignment(qt.Qt.AlignCenter)
        label.setStyleSheet(f"color: {GREY}; background: {PAPER}")
        self._pages.append(label)
        self.widget.addTab(label, "")

    def _remove_pages(self) -> None:
        """Take all pages out; a tab widget does not do away with those that it made."""
        self.widget.clear()
        for page in self._pages:
            page.hide()
            if isinstance(page, SvgPage):
                page.deleteLater()
            else:
                page.setParent(None)
        self._pages = []


class SvgPage(qt.QWidget):
    """An SVG on white paper, as large as its proportions let it be."""

    def __init__(self, svg: bytes) -> None:
        qt.QWidget.__init__(self)
        self._renderer = qt.QSvgRenderer()
        self._renderer.load(qt.QByteArray(svg))

    def paintEvent(self, event: Any) -> None:
        painter = qt.QPainter()
        painter.begin(self)
        try:
            area = qt.QRectF(self.contentsRect())
            painter.fillRect(area, qt.QColor(PAPER))
            self._renderer.render(painter, _fitted(self._renderer.viewBoxF(), area))
        finally:
            painter.end()


def _fitted(box: Any, area: Any) -> Any:
    """``box`` scaled into the middle of ``area``, without distortion."""
    width, height = max(area.width() - 2 * MARGIN, 1.0), max(area.height() - 2 * MARGIN, 1.0)
    scale = min(width / max(box.width(), 1.0), height / max(box.height(), 1.0))
    size = box.width() * scale, box.height() * scale
    return qt.QRectF(area.x() + (area.width() - size[0]) / 2, area.y() + (area.height() - size[1]) / 2, *size)
