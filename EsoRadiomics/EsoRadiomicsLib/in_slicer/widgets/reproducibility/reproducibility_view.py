"""The section Reproducibility: widgets here, what they do in :mod:`in_slicer.panel.reproducibility_panel`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import slicer

from ....agreement.icc import FORMS
from ....studies.study import Study
from ...language import tr as _
from ...panel.agreement_result import AgreementResult
from ...panel.reproducibility_panel import AgreementInputs, Reproducibility
from ...scene.scene_readings import SceneReadings
from ...scene.segment_labels import SceneReading
from ..dependencies import engine_sentence
from ..dialogs import choose_folder, choose_item
from ..layout import FiguresLayout
from ..parameter_view import ParameterView
from ..patient.result_view import scroll_to
from ..run_row import RunRow
from ..section_ui import load_section
from ..slicer_process import PythonProcess, WaitingPython
from ..watch import Watch
from .agreement_html import agreement_html
from .icc_table import IccTable
from .readings_table import ReadingsTable

AT_LEAST, ABOVE = "≥", ">"


class ReproducibilityView(ParameterView):
    """Wires the widgets of ``Reproducibility.ui``."""

    def __init__(
        self,
        section: Any,
        parameter_node: Callable[[], Any],
        figures: FiguresLayout,
        study: Callable[[str], Study],
        waiting: WaitingPython,
    ) -> None:
        """``study``: gives a study by what the parameter node says of it; ``waiting``: takes the commands."""
        super().__init__(load_section(section, "Reproducibility.ui"), parameter_node)
        self._figures = figures
        self._scene = SceneReadings(slicer.mrmlScene)
        self._controller = Reproducibility(self._scene, PythonProcess(waiting), on_change=self._render, study=study)
        self._readings = ReadingsTable(self.ui.readingsTable, self._on_reading, self._on_choose_ct)
        self._table = IccTable(self.ui.iccTable, self.ui.filterEdit, self.ui.verdictCombo, self._on_feature)
        self._row = RunRow(
            self.ui.computeButton, self.ui.agreementCancelButton, self.ui.agreementBar, self.ui.agreementMessage
        )
        events = (slicer.vtkMRMLScene.NodeAddedEvent, slicer.vtkMRMLScene.NodeRemovedEvent)
        self._watch = Watch(self._update, scene_events=events)
        self._awaited = False
        self._drawn: AgreementResult | None = None
        for form in FORMS.values():
            self.ui.formCombo.addItem(form.label, form.name)
        for sign in (AT_LEAST, ABOVE):
            self.ui.signCombo.addItem(sign, sign)
        self._connect()

    # Life of the module

    def open(self) -> None:
        """Show the scene's parameter node, its readings, and the result that the scene holds."""
        self._connect_parameters()
        if not self._controller.running:
            self._controller.restore()
        self._figures.leave()
        self._show_parameters()
        self._update()

    def close(self) -> None:
        """Another module is opened; what is being computed goes on."""
        self._watch.stop()
        self._figures.leave()
        self._disconnect_parameters()

    def scene_closing(self) -> None:
        """The scene is about to be emptied, or the panel to go: nothing may run on or hold on to nodes."""
        self._disconnect_parameters()
        self._watch.stop()
        self._controller.scene_closing()
        self._readings.show([])
        self._figures.leave()
        self._figures.take_away(self)

    def _connect(self) -> None:
        """Widgets that the parameter node does not connect by itself."""
        self.ui.fileRadio.connect("toggled(bool)", self._on_source)
        self.ui.proposeButton.connect("clicked(bool)", self._on_propose)
        self.ui.tableEdit.connect("currentPathChanged(QString)", self._on_table)
        self.ui.formCombo.connect("currentIndexChanged(int)", self._on_rule)
        self.ui.signCombo.connect("currentIndexChanged(int)", self._on_rule)
        self.ui.computeButton.connect("clicked(bool)", self._on_compute)
        self.ui.agreementCancelButton.connect("clicked(bool)", lambda checked: self._controller.cancel())
        self.ui.figuresButton.connect("clicked(bool)", lambda checked: self._show_figures())
        self.ui.saveButton.connect("clicked(bool)", self._on_save)

    # Parameter node and widgets

    def _show_parameters(self) -> None:
        """Put into the other widgets what the parameter node says."""
        choices = self._parameters.agreement
        by_hand = (self.ui.fileRadio, self.ui.tableEdit, self.ui.formCombo, self.ui.signCombo)
        for widget in by_hand:
            widget.blockSignals(True)
        self.ui.fileRadio.setChecked(choices.from_file)
        self.ui.sceneRadio.setChecked(not choices.from_file)
        self.ui.tableEdit.currentPath = choices.table
        self.ui.formCombo.setCurrentIndex(max(0, self.ui.formCombo.findData(choices.form)))
        self.ui.signCombo.setCurrentIndex(int(choices.strict))
        for widget in by_hand:
            widget.blockSignals(False)

    def _inputs(self) -> AgreementInputs:
        choices = self._parameters.agreement
        own = {
            "threshold": round(choices.threshold, 3),
            "form": choices.form,
            "strict": choices.strict,
            "lower_bound": choices.lower_bound,
        }
        table = choices.table if choices.from_file else None
        return AgreementInputs(self._parameters.study, table, own if choices.own_rule else {})

    def _update(self, caller: Any = None, event: Any = None) -> None:
        """The inputs changed, or the voxels behind them."""
        if self._parameters is None:
            return
        readings = self._controller.readings()
        segmentations = {reading.segmentation.GetID(): reading.segmentation for reading in readings}
        self._watch.nodes(self._scene.cts(), list(segmentations.values()))
        self._readings.show(readings)
        self._controller.inputs_changed(self._inputs())
        self._render()

    def _render(self) -> None:
        """Show the controller's state."""
        if self._parameters is None:
            return
        inputs, controller = self._inputs(), self._controller
        from_file = inputs.table is not None
        self.ui.readingsTable.visible = self.ui.proposeButton.visible = not from_file
        self.ui.tableEdit.visible = from_file
        self.ui.ruleFrame.visible = bool(inputs.changes)
        self.ui.ruleLabel.text = _("Kept: {rule}").format(rule=controller.rule_line(inputs)) if inputs.study else ""
        missing = [
            sentence for sentence in (*controller.missing(inputs), engine_sentence(inputs.study or "")) if sentence
        ]
        self._row.show(controller, missing, _("Measures all features of all readings and compares them."))
        result = controller.result
        if result is not self._drawn:
            self._figures.take_away(self)
        self.ui.agreementFrame.visible = result is not None
        self._table.show(result.rows if result is not None else ())
        if result is not None:
            self.ui.agreementLabel.text = agreement_html(result.summary)
        if self._awaited and not controller.running:
            self._awaited = False
            if result is not None:
                self._show_figures()
                scroll_to(self.ui.agreementFrame)

    def _show_figures(self, current: int = 0) -> None:
        result = self._controller.result
        if result is not None:
            self._drawn = result
            self._figures.view.show(result.figures, current, owner=self)
            self._figures.enter()

    # What the user does

    def _on_source(self, from_file: bool) -> None:
        if self._parameters is not None:
            self._parameters.agreement.from_file = from_file

    def _on_table(self, path: str) -> None:
        if self._parameters is not None:
            self._parameters.agreement.table = path

    def _on_rule(self, index: int) -> None:
        if self._parameters is not None:
            self._parameters.agreement.form = self.ui.formCombo.currentData
            self._parameters.agreement.strict = self.ui.signCombo.currentData == ABOVE

    def _on_reading(self, reading: SceneReading, **values: Any) -> None:
        self._scene.enter(reading, **values)
        self._update()

    def _on_choose_ct(self, reading: SceneReading) -> None:
        volumes = self._scene.cts()
        names = [volume.GetName() for volume in volumes]
        question = _("On which CT was “{name}” drawn?").format(name=reading.segmentation.GetName())
        name = choose_item(_("CT of a reading"), question, names) if names else None
        if name is not None:
            self._scene.enter_ct(reading, volumes[names.index(name)])
            self._update()

    def _on_propose(self, checked: bool) -> None:
        self._scene.forget_entered()
        self._update()

    def _on_compute(self, checked: bool) -> None:
        self._awaited = True
        self._controller.compute(self._inputs())
        scroll_to(self.ui.agreementMessage)

    def _on_feature(self, feature: str) -> None:
        with slicer.util.WaitCursor():
            place = self._controller.draw(feature)
        if place is not None:
            self._show_figures(place)
        self._render()

    def _on_save(self, checked: bool) -> None:
        parent, result = choose_folder(_("The results get a folder of their own in:")), self._controller.result
        if parent is None or result is None:
            return
        folder = parent / re.sub(r"[^\w-]+", "-", f"agreement-{result.made_from['study']}")
        if self._controller.save(folder):
            self._controller.message = _("The results are in {folder}").format(folder=folder)
        self._render()
