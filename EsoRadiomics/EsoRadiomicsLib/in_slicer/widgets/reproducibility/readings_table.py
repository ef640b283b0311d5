"""The table of readings: a line a segment, ticked if it is compared; case, reader, session and CT can be changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt

from ....reporting.palette import VERMILLION
from ...language import tr as _
from ...scene.segment_labels import SceneReading
from ..small_table import ROW_HEIGHT, make_small

CASE, READER, SESSION, SEGMENT, CT = range(5)
EDITED = {READER: "reader", SESSION: "session"}
NARROW = 52
LEAST_ROWS, MOST_ROWS = 2, 9


class ReadingsTable:
    """Fills the QTableWidget ``table`` and tells what the user changes in it."""

    def __init__(
        self, table: Any, on_change: Callable[..., None], on_choose_ct: Callable[[SceneReading], None]
    ) -> None:
        """``on_change`` gets the reading and, by name, its new ``used``, ``case``, ``reader`` or ``session``."""
        self._table, self._on_change, self._on_choose_ct = table, on_change, on_choose_ct
        self._shown: list[SceneReading] = []
        make_small(table, [_("Case"), _("Reader"), _("Session"), _("Segment"), _("CT")], {SESSION: NARROW})
        table.connect("cellChanged(int,int)", self._on_cell)
        table.connect("cellDoubleClicked(int,int)", self._on_double_click)

    def show(self, readings: Sequence[SceneReading]) -> None:
        """Show these, if they are others than before."""
        ordered = sorted(readings, key=lambda reading: (reading.case, reading.reader, reading.session))
        if ordered == self._shown:
            return
        self._shown = ordered
        self._table.blockSignals(True)
        self._table.setRowCount(len(ordered))
        self._table.setFixedHeight((1 + max(LEAST_ROWS, min(len(ordered), MOST_ROWS))) * ROW_HEIGHT)
        for row, reading in enumerate(ordered):
            ct = reading.volume.GetName() if reading.volume is not None else _("choose …")
            where = f"{reading.segmentation.GetName()} / {reading.segment}"
            texts = (reading.case, reading.reader, reading.session, reading.segment, ct)
            for column, text in enumerate(texts):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(where if column == SEGMENT else text)
                if column in (SEGMENT, CT):
                    item.setFlags(qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
                self._table.setItem(row, column, item)
            self._table.item(row, CASE).setCheckState(qt.Qt.Checked if reading.used else qt.Qt.Unchecked)
            if reading.volume is None:
                self._table.item(row, CT).setForeground(qt.QBrush(qt.QColor(VERMILLION)))
        self._table.blockSignals(False)

    def _on_cell(self, row: int, column: int) -> None:
        reading, item = self._shown[row], self._table.item(row, column)
        if column in EDITED:
            self._on_change(reading, **{EDITED[column]: item.text().strip()})
        elif column == CASE:
            used = item.checkState() == qt.Qt.Checked
            changed = {"used": used} if used != reading.used else {"case": item.text().strip()}
            self._on_change(reading, **changed)

    def _on_double_click(self, row: int, column: int) -> None:
        if column == CT:
            self._on_choose_ct(self._shown[row])
