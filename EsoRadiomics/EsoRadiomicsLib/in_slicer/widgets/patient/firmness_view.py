"""How firm the patient's score is, and in the readings of its paper: buttons, results, figures in the viewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import slicer

from ...language import tr as _
from ...panel.patient_panel import READINGS, ROBUSTNESS, Panel
from ..layout import FiguresLayout
from ..run_row import RunRow
from ..section_ui import load_section
from .firmness_html import firmness_html, readings_html

PARTS = {ROBUSTNESS: "robustness", READINGS: "paper_readings"}
"""Command → the part of the result that it finds out."""


class FirmnessView:
    """Wires the widgets of ``Firmness.ui``; the patient's panel runs it, and its results are the patient's."""

    def __init__(self, section: Any, figures: FiguresLayout) -> None:
        self.ui = load_section(section, "Firmness.ui")
        self._figures = figures
        self._row = RunRow(
            self.ui.firmnessButton, self.ui.firmnessCancelButton, self.ui.firmnessBar, self.ui.firmnessMessage
        )
        self._panel: Panel | None = None
        self._shown: Any = None
        self._awaited = ""
        self.ui.firmnessFigureButton.connect("clicked(bool)", lambda checked: self._show_figures(""))

    def wire(self, on_start: Callable[[str], None], on_cancel: Callable[[], None]) -> None:
        """Tell what the buttons do; ``on_start`` gets the command."""

        def start(command: str) -> None:
            self._awaited = PARTS[command]
            on_start(command)

        self.ui.firmnessButton.connect("clicked(bool)", lambda checked: start(ROBUSTNESS))
        self.ui.paperReadingsButton.connect("clicked(bool)", lambda checked: start(READINGS))
        self.ui.firmnessCancelButton.connect("clicked(bool)", lambda checked: on_cancel())

    def show(self, panel: Panel, missing: Sequence[str], missing_readings: Sequence[str]) -> None:
        """Show what the panel is doing, and how firm its result is; figures when a button was pressed."""
        self._panel = panel
        tool_tip = _(
            "Scores the patient again under 30 small changes of contour and image, each as a reader makes them."
        )
        self._row.show(panel, missing, tool_tip)
        self.ui.paperReadingsButton.enabled = not missing_readings and not panel.running
        self.ui.paperReadingsButton.toolTip = "\n".join(missing_readings) or _(
            "Scores the patient in every plausible reading of what the paper leaves open."
        )
        self.ui.firmnessMessage.visible = panel.running or bool(panel.error or missing)
        result = panel.result
        if result is not self._shown:
            self._shown = result
            self._figures.take_away(self)
        firm = result is not None and bool(result["robustness"])
        read = result is not None and bool(result.get("paper_readings"))
        self.ui.firmnessLabel.visible, self.ui.paperReadingsLabel.visible = firm, read
        self.ui.firmnessFigureButton.visible = firm or read
        if result is not None and firm:
            self.ui.firmnessLabel.text = firmness_html(result)
        if result is not None and read:
            self.ui.paperReadingsLabel.text = readings_html(result)
        if self._awaited and not panel.running:
            part, self._awaited = self._awaited, ""
            if result is not None and result.get(part) and not panel.error:
                self._show_figures(part)

    def _show_figures(self, first: str) -> None:
        """The figures that there are, a tab each."""
        if self._panel is None:
            return
        titles = {"robustness": _("Firmness of the score"), "paper_readings": _("Readings of the paper")}
        with slicer.util.WaitCursor():
            drawn = {part: self._panel.figure(part) for part in titles}
        shown = [part for part, figure in drawn.items() if figure]
        if shown:
            current = shown.index(first) if first in shown else 0
            self._figures.view.show([(titles[part], drawn[part]) for part in shown], current, owner=self)
            self._figures.enter()
