"""The score alone on its scale, large: what stands in the nomogram's place for a study without an outcome model."""
# ruff: noqa: N802 — Qt names its event handlers

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qt

from ....reporting.palette import GREY
from ....scoring.waterfall import scale_rows
from ....studies.study import Study
from ...language import tr as _
from ..sketch import blank_page
from .contributions_view import FOOT_MM, PAGE_MM, ROW_MM, SCALE_HEAD_MM, TEXT, ScorePainter

NOTE_MM, LARGEST_ROW_MM = 12.0, 14.0


class ScaleView(qt.QWidget):
    """One patient's score with what it can be compared with."""

    def __init__(self) -> None:
        qt.QWidget.__init__(self)
        self.setMinimumSize(240, 120)
        self._study: Study | None = None

    def show_result(self, study: Study, document: Mapping[str, Any]) -> None:
        """Show ``result.json`` of a study."""
        self._study, self._score = study, document["score"]
        self._rows = scale_rows(study, document)
        self.update()

    def paintEvent(self, event: Any) -> None:
        with blank_page(self) as (painter, width, height):
            if self._study is not None:
                self._paint(painter, width, height)

    def _paint(self, painter: Any, width: float, height: float) -> None:
        assert self._study is not None and self._study.signature is not None  # a study without one is never scored
        lines = len(self._rows) + 1
        tall = SCALE_HEAD_MM + FOOT_MM + NOTE_MM + lines * ROW_MM
        mm = min(width / PAGE_MM, height / tall)
        row = min(ROW_MM * mm + max(0.0, height - tall * mm) / lines, LARGEST_ROW_MM * mm)
        sketch = ScorePainter(painter, mm, width, row, self._study.signature, self._score)
        sketch.scale(0.0, self._rows)
        y = SCALE_HEAD_MM * mm + lines * row + (FOOT_MM + NOTE_MM / 2) * mm
        sketch.text(2 * mm, y, _("This study has no outcome model, hence no nomogram."), TEXT, GREY, italic=True)
