"""The table of ICCs: sorted by any column, filtered by words and verdict; a verdict has colour, shape and word."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import qt

from ....agreement.comparison import DROPPED, KEPT, NOT_COMPUTED
from ....reporting.palette import BLUE, GREY, VERMILLION
from ...language import tr as _
from ...panel.agreement_result import FeatureRow
from ..small_table import make_small

FEATURE, CLASS, IMAGE, ICC, LOWER, UPPER, VERDICT = range(7)
WIDTHS = {CLASS: 58, IMAGE: 78, ICC: 46, LOWER: 42, UPPER: 36, VERDICT: 68}
LOOK = {KEPT: (BLUE, _("● kept")), DROPPED: (VERMILLION, _("○ dropped")), NOT_COMPUTED: (GREY, _("– none"))}


class IccTable:
    """Fills the QTableWidget ``table``; ``on_open`` gets the feature that is double-clicked."""

    def __init__(self, table: Any, filter_edit: Any, verdict_combo: Any, on_open: Callable[[str], None]) -> None:
        self._table, self._filter_edit, self._verdict_combo = table, filter_edit, verdict_combo
        self._shown: Sequence[FeatureRow] = ()
        labels = [_("Feature"), _("Class"), _("Image"), "ICC", _("from"), _("to"), _("Verdict")]
        make_small(table, labels, WIDTHS)
        for column in (LOWER, UPPER):
            table.horizontalHeaderItem(column).setToolTip(_("95 % confidence interval of the ICC"))
        for verdict in (_("all"), *LOOK):
            verdict_combo.addItem(verdict)
        table.connect(
            "cellDoubleClicked(int,int)",
            lambda row, column: on_open(self._table.item(row, FEATURE).data(qt.Qt.UserRole)),
        )
        filter_edit.connect("textChanged(QString)", lambda text: self._filter())
        verdict_combo.connect("currentIndexChanged(int)", lambda index: self._filter())

    def show(self, rows: Sequence[FeatureRow]) -> None:
        """Show these, if they are others than before."""
        if rows is self._shown:
            return
        self._shown = rows
        table = self._table
        table.setSortingEnabled(False)
        table.setUpdatesEnabled(False)
        table.setRowCount(len(rows))
        for i, row in enumerate(rows):
            self._fill(i, row)
        table.setUpdatesEnabled(True)
        table.setSortingEnabled(True)
        self._filter()

    def _fill(self, i: int, row: FeatureRow) -> None:
        colour, words = LOOK[row.verdict]
        texts = {
            FEATURE: row.feature.rpartition("_")[2],
            CLASS: row.feature_class,
            IMAGE: row.image,
            VERDICT: words,
        }
        for column, text in texts.items():
            self._table.setItem(i, column, qt.QTableWidgetItem(text))
        for column, value, steps in ((ICC, row.icc, 1000), (LOWER, row.lower, 100), (UPPER, row.upper, 100)):
            item = qt.QTableWidgetItem()
            if math.isfinite(value):  # cut, not rounded, so that it never reads as a threshold that it does not reach
                item.setData(qt.Qt.DisplayRole, math.floor(value * steps) / steps)
            item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            self._table.setItem(i, column, item)
        self._table.item(i, FEATURE).setData(qt.Qt.UserRole, row.feature)
        self._table.item(i, FEATURE).setToolTip(row.feature)
        verdict = self._table.item(i, VERDICT)
        verdict.setForeground(qt.QBrush(qt.QColor(colour)))
        verdict.setToolTip(f"{row.comparison}: {row.reason}" if row.reason else row.comparison)

    def _filter(self) -> None:
        """Hide the rows without one of the words or with another verdict."""
        table = self._table
        words = self._filter_edit.text.lower().split()
        wanted = LOOK[self._verdict_combo.currentText][1] if self._verdict_combo.currentIndex else ""
        table.setUpdatesEnabled(False)
        for i in range(table.rowCount):
            name = table.item(i, FEATURE).data(qt.Qt.UserRole).lower()
            verdict = table.item(i, VERDICT).text()
            table.setRowHidden(i, not (verdict.endswith(wanted) and all(word in name for word in words)))
        table.setUpdatesEnabled(True)
