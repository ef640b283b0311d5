"""The panel's wiring: widgets and parameter node here, what they do in :mod:`in_slicer.panel.patient_panel`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer

from ....core.translation import tr as library_tr
from ....studies.study import Study
from ...language import tr as _
from ...panel.choices import excludes_voxels
from ...panel.patient_panel import Inputs, Panel
from ...panel.patient_report_files import DICOM
from ...scene.likely_nodes import likely_ct, likely_segmentation
from ...scene.scene_access import SceneAccess
from ..dependencies import engine_sentence
from ..dialogs import choose_file, choose_item
from ..parameter_view import ParameterView
from ..run_row import RunRow
from ..slicer_process import PythonProcess, WaitingPython
from ..watch import Watch
from .covariate_fields import CovariateInputs
from .export_dialogs import ask_where, export_menu
from .firmness_view import FirmnessView
from .gtv_choice import jump_to, likely_gtv, likely_segment, new_gtv, show_ct
from .histogram_view import HistogramView
from .result_view import ResultView, scroll_to
from .sample_patient import load_sample
from .segment_editor import SegmentEditor
from .slicer_radiomics_road import installed_extractor
from .study_html import study_html

STUDIES_FOLDER = "EsoRadiomics/StudiesFolder"
QUIET_MS = 1500
"""After the last change, before the CT and the GTV are made ready for scoring."""


class PanelView(ParameterView):
    """Wires the widgets of ``EsoRadiomics.ui``."""

    def __init__(
        self, ui: Any, parameter_node: Callable[[], Any], firmness: FirmnessView, waiting: WaitingPython
    ) -> None:
        super().__init__(ui, parameter_node)
        self._runner = PythonProcess(waiting)
        self._preview: Any = None
        self._histogram = HistogramView()
        ui.histogramContainer.layout().addWidget(self._histogram)
        self._row = RunRow(ui.scoreButton, ui.cancelButton, ui.progressBar, ui.messageLabel)
        self._result = ResultView(ui)
        self._firmness = firmness
        self._editor = SegmentEditor(ui.editorSection)
        self._covariates = CovariateInputs(ui.covariatesContainer, self._on_covariates)
        self._watch = Watch(self._update)
        self._quiet = qt.QTimer()
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(QUIET_MS)
        self._quiet.connect("timeout()", self._make_ready)
        self._arrivals = Watch(self._choose_likely, scene_events=(slicer.vtkMRMLScene.NodeAddedEvent,))
        self._ct: Any = None  # last shown in the slices
        self.ui.studiesFolderEdit.currentPath = slicer.util.settingsValue(STUDIES_FOLDER, "")
        self._panel = self._make_panel()
        self._connect()

    # Life of the module

    def open(self) -> None:
        """Show the scene's parameter node, and the result that the scene holds."""
        self._connect_parameters()
        restored = None if self._panel.running else self._panel.restore()
        parameters = self._parameters
        if restored is not None and parameters.ct is None:
            parameters.ct, parameters.gtv = restored.volume, restored.segmentation
            parameters.gtvSegmentID, parameters.study = restored.segment_id, restored.study
        self._ct = parameters.ct  # a saved scene shows it as its user left it
        self._result.leave()
        self._show_parameters()
        self._choose_likely()
        self._arrivals.nodes([], [])
        self._activate_editor()

    def close(self) -> None:
        """Another module is opened; what is being measured goes on."""
        self._editor.deactivate()
        self._watch.stop()
        self._arrivals.stop()
        self._result.leave()
        self._disconnect_parameters()

    def scene_closing(self) -> None:
        """The scene is about to be emptied, or the panel to go: nothing may run on or hold on to nodes."""
        self._disconnect_parameters()
        self._panel.scene_closing()
        self._watch.stop()
        self._arrivals.stop()
        self._ct = None
        self._editor.release()
        self._result.leave()

    def study(self, id_or_path: str) -> Study:
        """See :meth:`Panel.study`; also knows a study whose card is only in the scene."""
        return self._panel.study(id_or_path)

    def _make_panel(self) -> Panel:
        """The controller, with the user's folder of studies, whose list is shown."""
        panel = Panel(
            SceneAccess(slicer.mrmlScene),
            self._runner,
            on_change=self._render,
            user_studies=self.studies_folder,
            extractor=installed_extractor(),
        )
        self._fill_studies(panel)
        return panel

    def _fill_studies(self, panel: Panel) -> None:
        self.ui.studyCombo.blockSignals(True)
        self.ui.studyCombo.clear()
        for choice in panel.studies():
            title = library_tr(choice.title)
            if not choice.scorable:
                title = _("{title} (cannot be scored)").format(title=title)
            elif not choice.ready:
                title = _("{title} (needs a reference cohort)").format(title=title)
            file = Path(choice.id_or_path)
            if file.is_absolute() and choice.endpoint:
                title = f"{title} ({file.name})"  # tells a variant from its model
            self.ui.studyCombo.addItem(title, choice.id_or_path)
        self.ui.studyCombo.blockSignals(False)

    def _connect(self) -> None:
        """Widgets that the parameter node does not connect by itself."""
        self.ui.gtvSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._on_gtv)
        self.ui.gtvSelector.connect("currentSegmentChanged(QString)", self._on_gtv)
        self.ui.sampleButton.connect("clicked(bool)", self._on_sample)
        self.ui.importButton.connect("clicked(bool)", self._on_import)
        self.ui.editorSection.connect("contentsCollapsed(bool)", self._on_editor_collapsed)
        self.ui.studyCombo.connect("currentIndexChanged(int)", self._on_study)
        self.ui.referenceEdit.connect("currentPathChanged(QString)", self._on_reference)
        self.ui.studiesFolderEdit.connect("currentPathChanged(QString)", self._on_studies_folder)
        self.ui.scoreButton.connect("clicked(bool)", self._on_score)
        self.ui.cancelButton.connect("clicked(bool)", self._on_cancel)
        self._firmness.wire(lambda command: self._panel.score(self._inputs(), command), self._on_cancel)
        self.ui.layoutButton.connect("clicked(bool)", self._on_layout)
        self._menu = export_menu(self.ui.exportButton, self._on_export)

    # What other sections ask for

    @property
    def studies_folder(self) -> Path | None:
        """The user's own study cards."""
        folder = self.ui.studiesFolderEdit.currentPath
        return Path(folder) if folder else None

    def use_study(self, card: Path) -> None:
        """Choose a card that was put into a folder, which becomes the user's."""
        if self.studies_folder != card.parent:
            self.ui.studiesFolderEdit.currentPath = str(card.parent)
        self._fill_studies(self._panel)
        self._parameters.study = str(card)
        self._show_parameters()
        self.ui.studySection.collapsed = False
        scroll_to(self.ui.studySection)

    def wire_reference(self, on_make: Callable[[], None]) -> None:
        """Tell what “Make one…” below the reference cohort does."""
        self.ui.makeReferenceButton.connect("clicked(bool)", lambda checked: on_make())

    def use_reference(self, path: Path) -> None:
        """Choose a reference cohort; the panel shows it."""
        self._parameters.reference = str(path)
        self.ui.referenceEdit.currentPath = str(path)
        self._render()

    def show_case(self, volume: Any, segmentation: Any, segment_id: str) -> None:
        """Choose a CT and what is drawn on it (None: nothing is), and show both."""
        self._parameters.ct = volume
        self.ui.gtvSelector.setCurrentNode(segmentation)
        if segment_id:
            self.ui.gtvSelector.setCurrentSegmentID(segment_id)
        if segmentation is not None and segment_id:
            jump_to(segmentation.GetSegmentCenterRAS(segment_id))
        self.ui.patientSection.collapsed = False
        scroll_to(self.ui.patientSection)

    # Parameter node and widgets

    def _show_parameters(self) -> None:
        """Put into the other widgets what the parameter node says."""
        by_hand = (self.ui.gtvSelector, self.ui.studyCombo, self.ui.referenceEdit)
        for widget in by_hand:
            widget.blockSignals(True)
        self.ui.gtvSelector.setCurrentNode(self._parameters.gtv)
        self.ui.gtvSelector.setCurrentSegmentID(self._parameters.gtvSegmentID)
        self.ui.studyCombo.setCurrentIndex(max(0, self.ui.studyCombo.findData(self._parameters.study)))
        self.ui.referenceEdit.currentPath = self._parameters.reference
        for widget in by_hand:
            widget.blockSignals(False)
        self._on_study()

    def _inputs(self) -> Inputs:
        return Inputs(
            volume=self._parameters.ct,
            segmentation=self._parameters.gtv,
            segment_id=self._parameters.gtvSegmentID,
            study=self._parameters.study,
            covariates=self._covariates.values(),
            reference=self._parameters.reference,
            all_features=self._parameters.allFeatures,
        )

    def _update(self, caller: Any = None, event: Any = None) -> None:
        """The inputs changed, or the voxels behind them."""
        if self._parameters is None:
            return
        inputs = self._inputs()
        self._watch.nodes([inputs.volume], [inputs.segmentation])
        if inputs.volume is not self._ct:
            self._ct = inputs.volume
            if inputs.volume is not None:
                show_ct(inputs.volume)
                self._show_gtv()
        self._panel.inputs_changed(inputs)
        self._show_preview(inputs)
        self._render()
        self._quiet.start()

    def _make_ready(self) -> None:
        if self._parameters is not None:
            self._panel.make_ready(self._inputs())

    def _render(self) -> None:
        """Show the controller's state."""
        if self._parameters is None:
            return
        panel, inputs = self._panel, self._inputs()
        self.ui.welcomeFrame.visible = inputs.volume is None
        missing = [sentence for sentence in (*panel.missing(inputs), engine_sentence(inputs.study or "")) if sentence]
        self.ui.gtvLine.text = panel.gtv_line(inputs)
        self.ui.gtvLine.visible = bool(self.ui.gtvLine.text)
        self.ui.previewCheckBox.visible = excludes_voxels(inputs.study)
        self._histogram.show_shares(panel.hu_shares(inputs))
        self._show_reference(inputs)
        self._row.show(panel, missing, _("Measure and score the patient."))
        if self._result.show(panel, in_layout=self._parameters.showLayout):
            self._show_gtv()
        self._firmness.show(panel, missing, panel.missing_readings(inputs))

    def _show_reference(self, inputs: Inputs) -> None:
        """Ask for a reference cohort where the study needs one, and say what the chosen one is worth for it."""
        needed, words, details = self._panel.reference_line(inputs)
        self.ui.referenceLabel.visible = self.ui.referenceEdit.visible = self.ui.makeReferenceButton.visible = needed
        self.ui.referenceLine.visible, self.ui.referenceLine.text = bool(words), words
        self.ui.referenceLine.toolTip = details

    def _show_preview(self, inputs: Inputs) -> None:
        """Show or hide the voxels that the study will remove."""
        if not self._parameters.preview or inputs.volume is None or inputs.segmentation is None:
            if self._preview is not None:
                self._panel.hide_removed()
            self._preview = None
        elif self._preview is None or not slicer.mrmlScene.IsNodePresent(self._preview):
            self._preview = self._panel.show_removed(inputs)

    def _choose_likely(self) -> None:
        """Nodes came: of what is not chosen yet, choose what is probably meant."""
        if self._parameters is None:
            return
        if self._parameters.ct is None:
            self._parameters.ct = likely_ct(slicer.mrmlScene)
        if self._parameters.gtv is None:  # the likely segment is chosen with it
            self.ui.gtvSelector.setCurrentNode(likely_segmentation(slicer.mrmlScene))

    def _show_gtv(self) -> None:
        """Bring the slices to the chosen GTV."""
        jump_to(self._panel.gtv_centre(self._inputs()))

    # What the user does

    def _on_sample(self) -> None:
        ct, gtv, sentence = load_sample()
        self.show_case(ct, gtv, likely_segment(gtv))
        self._panel.message = sentence
        self._render()

    def _on_gtv(self, *_changed: Any) -> None:
        if self._parameters is None:
            return
        node, segment_id = self.ui.gtvSelector.currentNode(), self.ui.gtvSelector.currentSegmentID()
        if node is not None and node.GetSegmentation().GetSegment(segment_id) is None:
            segment_id = ""  # the selector keeps the ID of a segment that is gone
        if node is not None and node != self._parameters.gtv and not segment_id:
            segment_id = likely_segment(node)
            self.ui.gtvSelector.blockSignals(True)
            self.ui.gtvSelector.setCurrentSegmentID(segment_id)
            self.ui.gtvSelector.blockSignals(False)
        changed = node is not self._parameters.gtv or segment_id != self._parameters.gtvSegmentID
        with slicer.util.NodeModify(self._parameters):
            self._parameters.gtv = node
            self._parameters.gtvSegmentID = segment_id if node is not None else ""
        if changed:
            self._show_gtv()
        self._activate_editor()

    def _on_import(self) -> None:
        path = choose_file(_("RTSTRUCT or DICOM SEG"), _("DICOM (*.dcm *.DCM);;All files (*)"))
        names = self._panel.rois(path) if path is not None else []
        if path is not None and names:
            name = choose_item(_("Import the GTV"), _("Which ROI is the GTV?"), names, likely_gtv(names) or 0)
            node = self._panel.import_rois(path, [name], self._parameters.ct) if name else None
            if node is not None:
                self.ui.gtvSelector.setCurrentNode(node)
        self._render()

    def _on_editor_collapsed(self, collapsed: bool) -> None:
        if collapsed:
            self._editor.deactivate()
        elif self._parameters is not None and self._parameters.ct is not None and self._parameters.gtv is None:
            self.ui.gtvSelector.setCurrentNode(new_gtv(self._parameters.ct))
        else:
            self._activate_editor()

    def _activate_editor(self) -> None:
        if self._parameters is not None and self._parameters.ct is not None and self._parameters.gtv is not None:
            self._editor.activate(self._parameters.gtv, self._parameters.ct, self._parameters.gtvSegmentID)

    def _on_study(self, *_changed: Any) -> None:
        if self._parameters is None:
            return
        self._parameters.study = self.ui.studyCombo.currentData or ""
        choice = next(item for item in self._panel.studies() if item.id_or_path == self._parameters.study)
        if choice.endpoint:
            study = self._panel.study(choice.id_or_path)
            self._covariates.show(tuple(study.covariates.values()), self._parameters.covariates)
            self.ui.studyLabel.text = study_html(study)
            count = len(study.settings.names)
            self.ui.allFeaturesCheckBox.text = _("Measure all {count} features, not only the study's").format(
                count=count
            )
        else:  # a broken card
            self._covariates.show((), {})
            self.ui.studyLabel.text = choice.why_not
        self._update()

    def _on_covariates(self) -> None:
        shown = self._covariates.values()
        kept = {name: value for name, value in self._parameters.covariates.items() if name not in shown}
        given = {name: value for name, value in shown.items() if value is not None}
        self._parameters.covariates = {**kept, **given}

    def _on_reference(self, path: str) -> None:
        if self._parameters is not None:
            self._parameters.reference = path

    def _on_studies_folder(self, path: str) -> None:
        qt.QSettings().setValue(STUDIES_FOLDER, path)
        self._panel.cancel()
        self._panel = self._make_panel()
        self.open()

    def _on_score(self) -> None:
        self._panel.score(self._inputs())

    def _on_cancel(self, *_clicked: Any) -> None:
        self._panel.cancel()

    def _on_layout(self, checked: bool) -> None:
        self._result.show_layout(in_layout=checked)

    def _on_export(self, what: str) -> None:
        result = self._panel.result
        if result is None:
            return
        problem = self._panel.missing_for_dicom() if what == DICOM else ""
        path = None if problem else ask_where(what, result)
        if path is not None:
            with slicer.util.WaitCursor():
                exported = self._panel.export(path, what)
            if exported:
                self._panel.message = _("The report is in {place}").format(place=path)
        elif problem:
            self._panel.error = problem
        self._render()
