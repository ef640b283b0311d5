"""The row below a section's inputs: a button that runs something, Cancel, progress, and a line of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from ...reporting.palette import VERMILLION
from ..panel.section import Section


class RunRow:
    """Shows what a section is doing; enables its button when it can work, and says what is missing when it cannot.

    Work that does not tell how far it is shows its seconds: a bar that moves would draw the whole window all the time.
    """

    def __init__(self, button: Any, cancel: Any, bar: Any, label: Any) -> None:
        self._button, self._cancel, self._bar, self._label = button, cancel, bar, label
        self._seconds = 0
        self._clock = qt.QTimer()
        self._clock.setInterval(1000)
        self._clock.connect("timeout()", self._tick)

    def show(self, section: Section, missing: Sequence[str], tool_tip: str) -> None:
        """``missing``: sentences that say why the button cannot work; ``tool_tip``: what it does when it can."""
        self._button.enabled = not missing and not section.running
        self._button.toolTip = "\n".join(missing) or tool_tip
        self._cancel.visible = self._bar.visible = section.running
        if not section.running:
            self._clock.stop()
        elif not self._clock.active:
            self._seconds = 0
            self._clock.start()
        self._bar.value = round(100 * section.progress)
        self._bar.format = "%p%" if section.progress > 0 else f"{self._seconds} s"
        self._label.text = section.error or section.message or " ".join(missing)
        self._label.styleSheet = f"color: {VERMILLION}" if section.error else ""

    def _tick(self) -> None:
        self._seconds += 1
        if self._bar.value == 0:
            self._bar.format = f"{self._seconds} s"
