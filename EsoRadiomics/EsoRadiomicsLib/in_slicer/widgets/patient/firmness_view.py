"""How firm the patient's score is: the button, the result below it, and its figure in the viewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from slicer.i18n import tr as _

from ...panel.patient_panel import Panel
from ..layout import FiguresLayout
from ..run_row import RunRow
from ..section_ui import load_section
from .firmness_html import firmness_html


class FirmnessView:
    """Wires the widgets of ``Firmness.ui``; the patient's panel runs it, and its result is the patient's."""

    def __init__(self, section: Any, figures: FiguresLayout) -> None:
        self.ui = load_section(section, "Firmness.ui")
        self._figures = figures
        self._row = RunRow(
            self.ui.firmnessButton, self.ui.firmnessCancelButton, self.ui.firmnessBar, self.ui.firmnessMessage
        )
        self._figure, self._awaited = b"", False
        self.ui.firmnessFigureButton.connect("clicked(bool)", lambda checked: self._show_figure())

    def wire(self, on_start: Callable[[], None], on_cancel: Callable[[], None]) -> None:
        """Tell what the buttons do."""

        def start(checked: bool) -> None:
            self._awaited = True
            on_start()

        self.ui.firmnessButton.connect("clicked(bool)", start)
        self.ui.firmnessCancelButton.connect("clicked(bool)", lambda checked: on_cancel())

    def show(self, panel: Panel, missing: Sequence[str]) -> None:
        """Show what the panel is doing, and the firmness of its result; its figure when the button was pressed."""
        tool_tip = _(
            "Scores the patient again under 30 small changes of contour and image, each as a reader makes them."
        )
        self._row.show(panel, missing, tool_tip)
        self.ui.firmnessMessage.visible = panel.running or bool(panel.error or missing)
        result = panel.result
        robustness = result["robustness"] if result is not None else None
        if panel.firmness_figure != self._figure:
            self._figures.take_away(self)
        self._figure = panel.firmness_figure
        self.ui.firmnessLabel.visible = robustness is not None
        self.ui.firmnessFigureButton.visible = bool(self._figure)
        if result is not None and robustness is not None:
            self.ui.firmnessLabel.text = firmness_html(result)
        if self._awaited and not panel.running:
            self._awaited = False
            if self._figure:
                self._show_figure()

    def _show_figure(self) -> None:
        self._figures.view.show([(_("Firmness of the score"), self._figure)], owner=self)
        self._figures.enter()
