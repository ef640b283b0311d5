"""Questions that need a window of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import qt
import slicer


def choose_item(title: str, question: str, items: Sequence[str], current: int = 0) -> str | None:
    """One of the items, or None if the user cancels."""
    dialog = qt.QInputDialog(slicer.util.mainWindow())
    dialog.setWindowTitle(title)
    dialog.setLabelText(question)
    dialog.setComboBoxItems(list(items))
    dialog.setTextValue(items[current])
    chosen = dialog.textValue() if dialog.exec() else None
    dialog.deleteLater()
    return chosen


def ask_text(title: str, question: str, proposed: str) -> str | None:
    """A line of text, or None if the user cancels or leaves it empty."""
    dialog = qt.QInputDialog(slicer.util.mainWindow())
    dialog.setWindowTitle(title)
    dialog.setLabelText(question)
    dialog.setTextValue(proposed)
    entered = dialog.textValue().strip() if dialog.exec() else ""
    dialog.deleteLater()
    return entered or None


def choose_file(title: str, name_filter: str) -> Path | None:
    """An existing file, or None if the user cancels."""
    chosen = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, "", name_filter)
    return Path(chosen) if chosen else None


def choose_new_file(title: str, proposed: str, name_filter: str) -> Path | None:
    """A file to write, or None if the user cancels; the dialog asks before one is overwritten."""
    chosen = qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, proposed, name_filter)
    return Path(chosen) if chosen else None


def choose_folder(title: str) -> Path | None:
    """An existing folder, or None if the user cancels."""
    chosen = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title)
    return Path(chosen) if chosen else None
