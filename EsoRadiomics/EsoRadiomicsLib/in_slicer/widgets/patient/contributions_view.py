"""What makes the score, in the viewer: the waterfall of the report, and the score among the published groups."""
# ruff: noqa: N802 — Qt names its event handlers

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qt

from ....core.formatting import decimals, number, plain
from ....core.translation import tr as library_tr
from ....reporting.palette import BLUE, GREY, INK, OUTLOOK, PALE, VERMILLION
from ....scoring.nomogram import pretty
from ....scoring.score import Contribution
from ....scoring.score_text import rad_score, rule
from ....scoring.waterfall import ScaleRow, Waterfall, is_outside, named, scale_rows, span, waterfall
from ....studies.card_parts import Cutoff, Signature
from ....studies.study import Study
from ...language import tr as _
from ..sketch import Sketch, blank_page

TITLE, TEXT = 3.6, 2.9
"""Sizes of text in mm of the page."""
HEAD_MM, ROW_MM, FOOT_MM = 11.0, 4.2, 5.0
SCALE_HEAD_MM = 8.0
PAGE_MM = 120.0
NAME_MM, CHART_MM = 52.0, (54.0, 90.0)
SHADE = 23


class ContributionsView(qt.QWidget):
    """One patient's score: bars from the intercept to it, and below them what to compare it with."""

    def __init__(self) -> None:
        qt.QWidget.__init__(self)
        self.setMinimumSize(240, 200)
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self._signature: Signature | None = None
        self.update()

    def show_result(self, study: Study, document: Mapping[str, Any], *, with_scale: bool = True) -> None:
        """Show ``result.json`` of a study; no scale where that is shown elsewhere, or the patient is alone on it."""
        assert study.signature is not None  # a study without one is never scored
        self._signature, self._score = study.signature, document["score"]
        items = [Contribution(**item) for item in document["score"]["contributions"]]
        self.bars, self.rows = waterfall(study.signature, items), scale_rows(study, document)
        self._with_scale = with_scale and bool(self.rows)
        self.update()

    def paintEvent(self, event: Any) -> None:
        with blank_page(self) as (painter, width, height):
            if self._signature is not None:
                self._paint(painter, width, height)

    def _paint(self, painter: Any, width: float, height: float) -> None:
        signature = self._signature
        assert signature is not None
        lines = len(self.bars.items) + 1 + bool(signature.intercept)
        tall = HEAD_MM + FOOT_MM + lines * ROW_MM
        if self._with_scale:
            lines += len(self.rows) + 1
            tall += SCALE_HEAD_MM + FOOT_MM + (len(self.rows) + 1) * ROW_MM
        mm = min(width / PAGE_MM, height / tall)
        row = ROW_MM * mm + max(0.0, height - tall * mm) / lines
        sketch = ScorePainter(painter, mm, width, row, signature, self._score)
        below = sketch.bars(self.bars)
        if self._with_scale:
            sketch.scale(below, self.rows)


class ScorePainter(Sketch):
    """Draws one score onto a page ``width`` pixels wide, a line every ``row`` pixels."""

    def __init__(
        self, painter: Any, mm: float, width: float, row: float, signature: Signature, score: Mapping[str, Any]
    ) -> None:
        super().__init__(painter, mm)
        self._row, self._signature, self._score = row, signature, score
        self._left, self._edge = 2 * mm, width - 2 * mm
        self._axis = CHART_MM[0] / PAGE_MM * width, CHART_MM[1] / PAGE_MM * width
        self._name_room = NAME_MM / PAGE_MM * width - self._left
        self._coefficient_x = self._edge - 14 * mm

    def bars(self, found: Waterfall) -> float:
        """The waterfall; returns the y below it."""
        signature, cutoff = self._signature, self._signature.cutoff
        self._ends = found.low, found.high
        self._several_images = len({named(item.feature)[0] for item in found.items}) > 1
        top = HEAD_MM * self._mm
        lines = [(_("Intercept"), "", signature.intercept, None)] if signature.intercept else []
        bottom = top + self._row * (len(lines) + len(found.items) + 1)
        title = _("What makes the {signature_name}").format(signature_name=library_tr(signature.name))
        self.text(self._left, 3.5 * self._mm, title, TITLE, INK, bold=True)
        if self._score["group"]:
            room = self._edge - self._left - self.width_of(title, TITLE, bold=True) - 4 * self._mm
            label = library_tr(self._score["group"]["label"])
            self.text(self._edge, 3.5 * self._mm, label, TEXT, self._colour(), align=1, bold=True, room=room)
        self._heads(top, bottom, cutoff)
        y = top + self._row / 2
        if signature.intercept:
            self.text(self._left, y, _("Intercept"), TEXT, INK)
            self.text(self._edge, y, decimals(signature.intercept, found.places), TEXT, INK, align=1)
            y += self._row
        for item, start in zip(found.items, found.sums, strict=False):
            self._bar(y, item, start, found.places)
            y += self._row
        self._total(y, cutoff)
        self._ticks(bottom)
        return bottom + FOOT_MM * self._mm

    def scale(self, top: float, rows: list[ScaleRow]) -> None:
        """The score on its scale, with what it can be compared with."""
        cutoff, value = self._signature.cutoff, self._score["rad_score"]
        self._ends = span([value, *(end for row in rows for end in (row.low, row.high))], cutoff)
        self.line(self._left, top, self._edge, top, PALE, 1.0)
        title = _("The {signature_name} on its scale").format(signature_name=library_tr(self._signature.name))
        self.text(self._left, top + 4 * self._mm, title, TITLE, INK, bold=True)
        if any(row.published for row in rows):
            self.text(self._edge, top + 4 * self._mm, _("published groups: mean ± SD"), TEXT, GREY, align=1)
        first = top + SCALE_HEAD_MM * self._mm
        bottom = first + self._row * (len(rows) + 1)
        self._sides(first, bottom, cutoff)
        y = first + self._row / 2
        for row in rows:
            self.text(self._left, y, row.label, TEXT, GREY, room=self._name_room)
            self.line(self._x(row.low), y, self._x(row.high), y, INK, 2.2)
            for end in (row.low, row.high):
                self.line(self._x(end), y - 0.8 * self._mm, self._x(end), y + 0.8 * self._mm, INK, 1.2)
            if row.published:
                self._painter.setBrush(qt.QBrush(qt.QColor(INK)))
                self._painter.drawEllipse(qt.QPointF(self._x(row.middle), y), self._mm, self._mm)
            words = _("{low} to {high}").format(low=number(row.low, 3), high=number(row.high, 3))
            self.text(self._edge, y, words, TEXT, GREY, align=1)
            y += self._row
        self.line(self._x(value), first, self._x(value), y, self._colour(), 1.2, dashed=True)
        self.text(self._left, y, _("this patient"), TEXT, INK, bold=True)
        self.diamond(self._x(value), y, 1.5 * self._mm, self._colour())
        self.text(self._edge, y, rad_score(value, cutoff), TEXT, INK, align=1, bold=True)
        self._ticks(bottom)

    def _heads(self, top: float, bottom: float, cutoff: Cutoff | None) -> None:
        y = top - 2.2 * self._mm
        self.text(self._coefficient_x, y, _("coeff."), TEXT, GREY, align=1)
        self.text(self._edge, y, _("adds"), TEXT, GREY, align=1)
        self.line(self._left, top, self._edge, top, PALE, 1.0)
        self._sides(top, bottom, cutoff)
        if cutoff is not None:
            room = self._axis[1] - self._axis[0]
            words = _("cut-off {rule}").format(rule=rule(cutoff))
            half = min(self.width_of(words, TEXT), room) / 2
            x = min(max(self._x(cutoff.value), self._axis[0] + half), self._axis[1] - half)
            self.text(x, y, words, TEXT, INK, align=0)

    def _sides(self, top: float, bottom: float, cutoff: Cutoff | None) -> None:
        """Both sides of the cut-off in the colours of their outlook."""
        if cutoff is None:
            return
        x = self._x(cutoff.value)
        self.fill(self._axis[0], top, x, bottom, OUTLOOK[cutoff.below.outlook], SHADE)
        self.fill(x, top, self._axis[1], bottom, OUTLOOK[cutoff.above.outlook], SHADE)
        self.line(x, top, x, bottom, INK, 1.2, dashed=True)

    def _bar(self, y: float, item: Contribution, start: float, places: int) -> None:
        cutoff = self._signature.cutoff
        image, feature_class, name = named(item.feature)
        words = f"{name} · {feature_class}" + (f" · {image}" if self._several_images else "")
        self.text(self._left, y, words, TEXT, INK, room=self._name_room)
        colour = BLUE if cutoff is None else OUTLOOK[(cutoff.above if item.contribution > 0 else cutoff.below).outlook]
        end, half = start + item.contribution, 0.31 * self._row
        low, high = sorted((self._x(start), self._x(end)))
        self.fill(low, y - half, max(high, low + 1), y + half, colour)
        self.line(self._x(end), y, self._x(end), y + self._row, GREY, 0.7)
        self.text(self._coefficient_x, y, number(item.coefficient, 3), TEXT, GREY, align=1)
        self.text(self._edge, y, decimals(item.contribution, places), TEXT, INK, align=1)
        if is_outside(item):
            self.diamond(self._axis[0] - 2 * self._mm, y, self._mm, VERMILLION)

    def _total(self, y: float, cutoff: Cutoff | None) -> None:
        value = self._score["rad_score"]
        self.line(self._left, y - self._row / 2, self._edge, y - self._row / 2, PALE, 1.0)
        self.text(self._left, y, library_tr(self._signature.name), TEXT, INK, bold=True)
        self.diamond(self._x(value), y, 1.5 * self._mm, self._colour())
        self.text(self._edge, y, rad_score(value, cutoff), TEXT, INK, align=1, bold=True)

    def _ticks(self, y: float) -> None:
        low, high = self._ends
        self.line(self._axis[0], y, self._axis[1], y, INK, 1.0)
        free = self._left
        for tick in (tick for tick in pretty(low, high, 4) if low <= tick <= high):
            x, half = self._x(tick), self.width_of(plain(tick), TEXT) / 2
            self.line(x, y, x, y + 0.9 * self._mm, INK, 1.0)
            if x - half > free:
                self.text(x, y + 2.6 * self._mm, plain(tick), TEXT, INK, align=0)
                free = x + half + self._mm

    def _x(self, value: float) -> float:
        low, high = self._ends
        left, right = self._axis
        return left + (right - left) * (value - low) / (high - low)

    def _colour(self) -> str:
        group = self._score["group"]
        return OUTLOOK[group["outlook"]] if group else BLUE
