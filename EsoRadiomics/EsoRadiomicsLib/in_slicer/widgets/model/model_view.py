"""The part “Fit and validate a model”: widgets here, what they do in :mod:`in_slicer.panel.model_panel`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import slicer

from ....core.errors import EsoRadiomicsError
from ....core.resources import resource_path
from ....core.translation import tr as library_tr
from ....scoring.nomogram import build_nomogram
from ...language import tr as _
from ...panel.choices import study_of
from ...panel.model_inputs import ModelInputs
from ...panel.model_panel import ModelSection
from ...panel.model_result import CARD, NOMOGRAM, REPORT, ModelResult
from .. import dependencies
from ..cohort.cohort_view import open_file
from ..dialogs import choose_folder
from ..layout import FiguresLayout
from ..parameter_view import ParameterView
from ..patient.nomogram_view import NomogramView
from ..patient.panel_view import PanelView
from ..patient.result_view import scroll_to
from ..run_row import RunRow
from ..section_ui import load_section
from ..slicer_process import PythonProcess
from .model_fields import ModelFields
from .model_html import model_html

CHOSEN = [field.name for field in fields(ModelInputs) if field.name not in ("study", "reference")]
"""What the parameter node keeps for this section; study and reference are section 2's."""


class ModelView(ParameterView):
    """Wires the widgets of ``Model.ui``."""

    def __init__(
        self, section: Any, parameter_node: Callable[[], Any], panel: PanelView, figures: FiguresLayout
    ) -> None:
        """``section``: gets the widgets; ``panel``: uses a model; ``figures``: show one."""
        super().__init__(load_section(section, "Model.ui"), parameter_node)
        self._panel, self._figures = panel, figures
        self._asked = "", ""
        self._lacking = ""
        self._shown: ModelResult | None = None
        self._nomogram = NomogramView()
        self._section = ModelSection(PythonProcess(), self._on_section)
        self._fields = ModelFields(self.ui, self._on_choice)
        self._row = RunRow(self.ui.fitButton, self.ui.modelCancelButton, self.ui.modelBar, self.ui.modelMessage)
        self.ui.modellingButton.connect("clicked(bool)", self._on_install)
        self.ui.fitButton.connect("clicked(bool)", lambda checked: self._section.fit(self._inputs()))
        self.ui.validateButton.connect("clicked(bool)", lambda checked: self._section.validate(self._inputs()))
        self.ui.modelCancelButton.connect("clicked(bool)", lambda checked: self._section.cancel())
        self.ui.figuresButton.connect("clicked(bool)", lambda checked: self._show_figures())
        self.ui.useButton.connect("clicked(bool)", self._on_use)
        self.ui.modelReportButton.connect("clicked(bool)", self._on_report)

    # Life of the module

    def open(self) -> None:
        """Show what the parameter node says, and the last result; its figures are shown when asked for."""
        self._check_packages()
        self._connect_parameters()
        self._asked = self._parameters.model.table, self._parameters.study  # what a scene says of it stays
        if self._section.result is None:
            self._section.restore(self._parameters.model.result)
            self._shown = self._section.result
        self._update()

    def close(self) -> None:
        """Another module is opened; what runs goes on."""
        self._disconnect_parameters()
        self._figures.leave()

    def scene_closing(self) -> None:
        """The scene is about to be emptied, or the panel to go: nothing may run on."""
        self._disconnect_parameters()
        self._section.scene_closing()
        self._asked, self._shown = ("", ""), None
        self._figures.leave()

    def _check_packages(self) -> None:
        missing = dependencies.missing_packages(_requirements())
        self._lacking = dependencies.packages_sentence(missing)
        self.ui.modellingFrame.visible = bool(missing)
        self.ui.modellingLabel.text = self._lacking

    # Parameter node and widgets

    def _inputs(self) -> ModelInputs:
        choices = {name: getattr(self._parameters.model, name) for name in CHOSEN}
        choices["clinical"] = tuple(choices["clinical"])
        return ModelInputs(study=self._parameters.study, reference=self._parameters.reference, **choices)

    def _store(self, inputs: ModelInputs) -> None:
        """Into the parameter node."""
        choices = self._parameters.model
        with slicer.util.NodeModify(self._parameters):
            for name in CHOSEN:
                value = getattr(inputs, name)
                value = list(value) if name == "clinical" else value
                if getattr(choices, name) != value:
                    setattr(choices, name, value)

    def _update(self, caller: Any = None, event: Any = None) -> None:
        """The parameter node changed; a new table or study gets likely columns."""
        if self._parameters is None:
            return
        inputs = self._inputs()
        if (inputs.table, inputs.study) != self._asked:
            new_table = inputs.table != self._asked[0]
            self._asked = inputs.table, inputs.study
            self._store(self._section.proposed(inputs, new_table=new_table))
            inputs = self._inputs()
        self._fields.show(inputs, self._section.needs(inputs))
        self._render()

    def _on_choice(self) -> None:
        """The user chose something."""
        if self._parameters is not None:
            self._store(self._fields.read(self._inputs()))

    def _on_section(self) -> None:
        """The controller's state changed; a new result is remembered, and shown."""
        result = self._section.result
        self._render()
        if self._parameters is None or result is None or result is self._shown:
            return
        self._shown = result
        with slicer.util.NodeModify(self._parameters):
            self._parameters.model.result = str(result.folder)
            if result.study is not None:
                self._parameters.model.card = str(result.folder / CARD)
        self._show_figures()
        scroll_to(self.ui.modelResultFrame)

    def _render(self) -> None:
        """Show the controller's state."""
        if self._parameters is None:
            return
        section, inputs, ui = self._section, self._inputs(), self.ui
        lacking = [self._lacking] if self._lacking else []
        to_fit = [*section.missing_to_fit(inputs), *lacking]
        to_validate = [*section.missing_to_validate(inputs), *lacking]
        self._row.show(section, to_fit, _("Repeats the protocol of section 2's study on the table's patients."))
        ui.validateButton.enabled = not to_validate and not section.running
        ui.validateButton.toolTip = "\n".join(to_validate) or _("Checks the card on all patients of the table.")
        ui.modelStudyLabel.text = _study_line(inputs)
        result = section.result
        ui.modelResultFrame.visible = result is not None and not section.running
        if result is not None:
            ui.modelResultLabel.text = model_html(result)
            ui.useButton.visible = result.study is not None

    def _show_figures(self) -> None:
        """Show the result's figures in the viewer; the nomogram of its card can be dragged."""
        result = self._section.result
        if result is None or not result.figures:
            return
        pages: list[tuple[str, Any]] = []
        for title, path in result.figures:
            nomogram = build_nomogram(result.study) if title == NOMOGRAM and result.study else None
            if nomogram is not None:
                self._nomogram.show_patient(nomogram, result.typical, whose=_("Median score"))
            pages.append((title, path.read_bytes() if nomogram is None else self._nomogram))
        validated = next((i for i, (title, _page) in enumerate(pages) if "validation" in title), 0)
        self._figures.view.show(pages, validated)
        self._figures.enter()

    # What the user does

    def _on_install(self, checked: bool) -> None:
        """Install what building models needs; Slicer shows it and asks first."""
        with slicer.util.tryWithErrorDisplay(_("The packages were not installed.")):
            dependencies.install_packages(_requirements(), dependencies.missing_packages(_requirements()))
        self._check_packages()
        self._render()

    def _on_use(self, checked: bool) -> None:
        """Score the next patients with this card."""
        folder = self._panel.studies_folder or choose_folder(_("Folder for your own study cards"))
        card = self._section.install(folder) if folder is not None else None
        if card is not None:
            self._panel.use_study(card)
            self._figures.leave()
        self._render()

    def _on_report(self, checked: bool) -> None:
        if self._section.result is not None:
            open_file(self._section.result.folder / REPORT)


def _requirements() -> Path:
    return resource_path("requirements-modelling.txt")


def _study_line(inputs: ModelInputs) -> str:
    """Which protocol is repeated, and which card is validated."""
    try:
        protocol = library_tr(study_of(inputs.study).title)
        card = library_tr(study_of(inputs.card).title) if inputs.card else _("the study of section 2")
    except EsoRadiomicsError as error:
        return str(error)
    return _("Fit repeats the protocol of: {protocol}. Validate checks: {card}.").format(protocol=protocol, card=card)
