"""The row below a section's inputs: a button that runs something, Cancel, progress, and a line of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from ...reporting.palette import VERMILLION
from ..panel.section import Section

BUSY_MS = 1500


class RunRow:
    """Shows what a section is doing; enables its button when it can work, and says what is missing when it cannot."""

    def __init__(self, button: Any, cancel: Any, bar: Any, label: Any) -> None:
        self._button, self._cancel, self._bar, self._label = button, cancel, bar, label
        self._busy = qt.QTimer()  # what is quick need not move: each move draws the whole window
        self._busy.setSingleShot(True)
        self._busy.setInterval(BUSY_MS)
        self._busy.connect("timeout()", self._move)

    def show(self, section: Section, missing: Sequence[str], tool_tip: str) -> None:
        """``missing``: sentences that say why the button cannot work; ``tool_tip``: what it does when it can."""
        self._button.enabled = not missing and not section.running
        self._button.toolTip = "\n".join(missing) or tool_tip
        self._cancel.visible = self._bar.visible = section.running
        if not section.running or section.progress > 0:
            self._busy.stop()
            self._bar.maximum = 100
        elif not self._busy.active and self._bar.maximum:
            self._busy.start()
        self._bar.value = round(100 * section.progress)
        self._label.text = section.error or section.message or " ".join(missing)
        self._label.styleSheet = f"color: {VERMILLION}" if section.error else ""

    def _move(self) -> None:
        self._bar.maximum = 0  # busy, for work that does not tell how far it is
