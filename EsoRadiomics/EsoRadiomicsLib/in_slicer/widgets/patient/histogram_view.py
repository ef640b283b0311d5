"""The HU of the GTV and of the image beside the GTV's line: whether both can be what they are said to be."""
# ruff: noqa: N802 — Qt names its event handlers

from __future__ import annotations

from typing import Any

import numpy as np
import qt

from ....core.translation import tr as library_tr
from ....imaging.hounsfield import PLACES
from ....reporting.palette import BLUE, GREY, INK, PALE, VERMILLION
from ...language import tr as _
from ...panel.gtv_account import HuShares
from ..sketch import LEAST_TEXT_PX, Sketch, blank_page

HEIGHT_PX, TEXT = 74, 2.6


class HistogramView(qt.QWidget):
    """Two histograms, each on its own scale, with the places of air, fat and soft tissue."""

    def __init__(self) -> None:
        qt.QWidget.__init__(self)
        self.setFixedHeight(HEIGHT_PX)
        self._shares: HuShares | None = None

    def show_shares(self, shares: HuShares | None) -> None:
        """Show these, or nothing."""
        self._shares = shares
        self.setVisible(shares is not None)
        self.update()

    def paintEvent(self, event: Any) -> None:
        with blank_page(self) as (painter, width, height):
            if self._shares is not None:
                HistogramPainter(painter, width, height, self._shares).page()


class HistogramPainter(Sketch):
    """Draws onto ``width`` × ``height`` pixels."""

    def __init__(self, painter: Any, width: float, height: float, shares: HuShares) -> None:
        super().__init__(painter, 1.35 * LEAST_TEXT_PX / TEXT)
        self._shares, self._left, self._right = shares, 4.0, width - 4.0
        self._top, self._bottom = 16.0, height - 16.0

    def page(self) -> None:
        """Places, curves, the study's lowest HU, axis."""
        shares = self._shares
        sides = {"fat": 1, "soft tissue": -1}  # their names would overlap
        for name, (low, high) in PLACES:
            self.fill(self._x(low), self._top, self._x(high), self._bottom, PALE, 150)
            align = sides.get(name, 0)
            x = self._x(high if align > 0 else low if align < 0 else (low + high) / 2)
            self.text(x, self._top - 8, library_tr(name), TEXT, GREY, align=align)
        self._curve(shares.image, GREY)
        self._curve(shares.gtv, BLUE)
        self.text(self._right, self._top - 8, "GTV", TEXT, BLUE, align=1, bold=True)
        beside = self._right - self.width_of("GTV", TEXT, bold=True) - 8
        self.text(beside, self._top - 8, _("image"), TEXT, GREY, align=1)
        if shares.hu_min is not None:
            x = self._x(shares.hu_min)
            self.line(x, self._top, x, self._bottom, VERMILLION, 1.2, dashed=True)
        self.line(self._left, self._bottom, self._right, self._bottom, INK, 1.0)
        for hu in (-1000, -500, 0, 500):
            self.text(self._x(hu), self._bottom + 8, f"{hu}".replace("-", "−"), TEXT, INK, align=0)
        self.text(self._right, self._bottom + 8, "HU", TEXT, INK, align=1)

    def _curve(self, shares: np.ndarray, colour: str) -> None:
        edges = self._shares.edges
        points = []
        for low, high, share in zip(edges, edges[1:], shares, strict=False):
            y = self._bottom - (self._bottom - self._top) * float(share)
            points += [qt.QPointF(self._x(low), y), qt.QPointF(self._x(high), y)]
        self.pen(colour, 1.4)
        self._painter.drawPolyline(qt.QPolygonF(points))

    def _x(self, hu: float) -> float:
        low, high = float(self._shares.edges[0]), float(self._shares.edges[-1])
        return self._left + (self._right - self._left) * (float(hu) - low) / (high - low)
