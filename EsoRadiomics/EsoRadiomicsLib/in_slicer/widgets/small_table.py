"""A table that fits the narrow panel: small letters, low rows, columns that share its width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import qt

ROW_HEIGHT = 22
SMALLER = 0.88


def make_small(table: Any, labels: Sequence[str], widths: Mapping[int, int]) -> None:
    """Give a QTableWidget its columns: those in ``widths`` have that many pixels, the others share the rest."""
    font = qt.QFont(table.font)
    font.setPointSizeF(SMALLER * font.pointSizeF())
    table.setFont(font)
    table.setTextElideMode(qt.Qt.ElideMiddle)  # names often differ at their ends
    table.setColumnCount(len(labels))
    table.setHorizontalHeaderLabels(list(labels))
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
    header = table.horizontalHeader()
    header.setFont(font)
    header.setMinimumSectionSize(20)
    for column in range(len(labels)):
        fixed = column in widths
        header.setSectionResizeMode(column, qt.QHeaderView.Fixed if fixed else qt.QHeaderView.Stretch)
        if fixed:
            table.setColumnWidth(column, widths[column])
