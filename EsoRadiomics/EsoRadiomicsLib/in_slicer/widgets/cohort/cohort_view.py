"""The part “Measure a cohort”: widgets here, what they do in :mod:`EsoRadiomicsLib.in_slicer.panel.cohort_panel`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import qt
import slicer

from ....cohort.cohort_table import FEATURES_CSV, REPORT_HTML
from ....cohort.problems import Problem
from ....core.errors import EsoRadiomicsError
from ....core.translation import tr as library_tr
from ....reporting.palette import GREY, VERMILLION
from ...language import tr as _
from ...panel.choices import study_of
from ...panel.cohort_panel import CohortInputs, CohortSection, has_readings, has_signature
from ...panel.cohort_result import CohortResult
from ..dependencies import engine_sentence
from ..dialogs import ask_text, choose_folder
from ..layout import FiguresLayout
from ..parameter_view import ParameterView
from ..patient.panel_view import PanelView
from ..patient.result_view import scroll_to
from ..run_row import RunRow
from ..section_ui import load_section
from ..slicer_process import PythonProcess, WaitingPython

RESULTS = "results"
WIDEST_CASE = 110
"""Pixels; what several cases have in common names them all."""


class CohortView(ParameterView):
    """Wires the widgets of ``Cohort.ui``."""

    def __init__(
        self,
        section: Any,
        parameter_node: Callable[[], Any],
        panel: PanelView,
        figures: FiguresLayout,
        waiting: WaitingPython,
    ) -> None:
        """``section``: gets the widgets; ``panel``: shows a loaded case; ``figures``: make room for it.

        ``waiting``: takes the commands.
        """
        super().__init__(load_section(section, "Cohort.ui"), parameter_node)
        self._panel, self._figures, self._frame = panel, figures, section
        panel.wire_reference(self._on_guide)
        self._listed: Sequence[Problem] | None = None
        self._shown: CohortResult | None = None
        self._section = CohortSection(slicer.mrmlScene, PythonProcess(waiting), on_change=self._on_section)
        ui = self.ui
        self._row = RunRow(ui.runButton, ui.cohortCancelButton, ui.cohortBar, ui.cohortMessage)
        self.ui.jobsBox.maximum = os.cpu_count() or 1
        self.ui.problemsTable.setColumnCount(3)
        self.ui.problemsTable.setHorizontalHeaderLabels([_("Case"), _("Stage"), _("Problem and remedy")])
        self._connect()

    # Life of the module

    def open(self) -> None:
        """Show what the parameter node says, and what the last run left in its folder."""
        self._connect_parameters()
        self._update()

    def close(self) -> None:
        """Another module is opened; a run goes on."""
        self._disconnect_parameters()

    def scene_closing(self) -> None:
        """The scene is about to be emptied, or the panel to go: nothing may run on."""
        self._disconnect_parameters()
        self._section.scene_closing()
        self._shown = None

    def _connect(self) -> None:
        self.ui.manifestEdit.connect("currentPathChanged(QString)", self._on_path)
        self.ui.folderEdit.connect("currentPathChanged(QString)", self._on_path)
        self.ui.scanButton.connect("clicked(bool)", self._on_scan)
        self.ui.openManifestButton.connect("clicked(bool)", self._on_open_manifest)
        self.ui.checkButton.connect("clicked(bool)", self._on_check)
        self.ui.runButton.connect("clicked(bool)", self._on_run)
        self.ui.cohortCancelButton.connect("clicked(bool)", self._on_cancel)
        self.ui.problemsTable.connect("cellDoubleClicked(int,int)", self._on_problem)
        self.ui.cohortReportButton.connect("clicked(bool)", self._on_report)
        self.ui.cohortFolderButton.connect("clicked(bool)", self._on_folder)
        self.ui.makeCohortReferenceButton.connect("clicked(bool)", self._on_reference)

    # Parameter node and widgets

    def _inputs(self) -> CohortInputs:
        choices = self._parameters.cohort
        return CohortInputs(
            manifest=choices.manifest,
            folder=choices.folder,
            study=self._parameters.study,
            reference=self._parameters.reference,
            all_features=choices.all_features,
            all_readings=choices.all_readings,
            jobs=choices.jobs,
            allow_outside=choices.allow_outside,
        )

    def _update(self, caller: Any = None, event: Any = None) -> None:
        """The parameter node changed."""
        if self._parameters is None:
            return
        choices = self._parameters.cohort
        for widget, path in ((self.ui.manifestEdit, choices.manifest), (self.ui.folderEdit, choices.folder)):
            if widget.currentPath != path:
                widget.blockSignals(True)
                widget.currentPath = path
                widget.blockSignals(False)
        self._section.inputs_changed(self._inputs())
        self._shown = self._section.result
        self._propose_table()
        self._render()

    def _on_section(self) -> None:
        """The controller's state changed."""
        result = self._section.result
        self._render()
        if self._parameters is None or result is None or result is self._shown:
            return
        self._shown = result
        self._propose_table()
        scroll_to(self.ui.cohortResultFrame)

    def _propose_table(self) -> None:
        """The table of a run is the one to fit a model on, unless another is chosen."""
        if self._shown is not None and not self._parameters.model.table:
            self._parameters.model.table = str(self._shown.folder / FEATURES_CSV)

    def _render(self) -> None:
        """Show the controller's state."""
        if self._parameters is None:
            return
        section, inputs = self._section, self._inputs()
        missing = [sentence for sentence in (*section.missing(inputs), engine_sentence(inputs.study or "")) if sentence]
        to_check = section.missing_to_check(inputs)
        self._row.show(
            section, missing, _("Measures the cases that are new, changed or failed; finished ones are kept.")
        )
        self.ui.checkButton.enabled = not to_check and not section.running
        self.ui.checkButton.toolTip = "\n".join(to_check) or _("Reads all headers and lists every problem beforehand.")
        self.ui.scanButton.enabled = not section.running
        self.ui.openManifestButton.enabled = not to_check
        self.ui.cohortStudyLabel.text = _study_line(inputs)
        self.ui.cohortFeaturesCheckBox.visible = _known_to(has_signature, inputs.study)
        self.ui.cohortReadingsCheckBox.visible = _known_to(has_readings, inputs.study)
        lacking = section.missing_to_refer(inputs)
        self.ui.makeCohortReferenceButton.enabled = not lacking and not section.running
        self.ui.makeCohortReferenceButton.toolTip = "\n".join(lacking) or _(
            "Means and SDs of these patients for the study of section 2, what they are worth, and chosen there at once."
        )
        self._show_problems(section.problems)
        self.ui.cohortResultFrame.visible = section.result is not None and not section.running
        if section.result is not None:
            self.ui.cohortResultLabel.text = result_text(section.result)

    def _show_problems(self, problems: Sequence[Problem]) -> None:
        if problems is self._listed:
            return
        self._listed = problems
        table = self.ui.problemsTable
        table.visible = self.ui.problemsHint.visible = bool(problems)
        table.clearSelection()
        table.setSortingEnabled(False)
        table.setRowCount(len(problems))
        for row, problem in enumerate(problems):
            where = [problem.case or _("all"), *filter(None, (problem.reader, problem.session))]
            texts = (", ".join(where), problem.stage, self._section.short(problem.sentence))
            for column, text in enumerate(texts):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(text)
                item.setForeground(qt.QBrush(qt.QColor(VERMILLION if problem.blocking else GREY)))
                table.setItem(row, column, item)
            table.item(row, 0).setData(qt.Qt.UserRole, row)
        table.setSortingEnabled(True)
        table.resizeColumnToContents(0)
        table.resizeColumnToContents(1)
        table.setColumnWidth(0, min(table.columnWidth(0), WIDEST_CASE))
        table.resizeRowsToContents()

    # What the user does

    def _on_path(self, path: str) -> None:
        if self._parameters is None:
            return
        choices, manifest = self._parameters.cohort, self.ui.manifestEdit.currentPath
        with slicer.util.NodeModify(self._parameters):
            choices.manifest, choices.folder = manifest, self.ui.folderEdit.currentPath
            if Path(manifest).is_file() and not choices.folder:
                choices.folder = str(Path(manifest).parent / RESULTS)

    def _on_scan(self) -> None:
        folder = choose_folder(_("Folder with one subfolder a patient, or with their files"))
        if folder is not None:
            self._section.scan(folder, self._on_manifest)

    def _on_manifest(self, manifest: Path) -> None:
        """A manifest was made."""
        self.ui.manifestEdit.currentPath = str(manifest)

    def _on_check(self) -> None:
        self._section.check(self._inputs())

    def _on_run(self) -> None:
        self._section.run(self._inputs())

    def _on_guide(self) -> None:
        """Section 2 asks for a reference cohort."""
        self._parameters.cohort.all_readings = _known_to(has_readings, self._parameters.study)
        self._frame.collapsed = self.ui.measureSection.collapsed = False
        if not self._section.running and self._section.result is None:
            self._section.message = _(
                "For a reference cohort: choose the manifest of comparable patients (their CTs and GTVs, no outcomes "
                "needed), press Run, then “Make a reference cohort of these patients”."
            )
        self._render()
        scroll_to(self.ui.cohortMessage)

    def _on_reference(self) -> None:
        inputs = self._inputs()
        proposed = Path(inputs.folder).resolve().parent.name
        label = ask_text(_("Reference cohort"), _("What is it? Shown with every score that rests on it."), proposed)
        if label is not None:
            self._section.make_reference(inputs, label, self._panel.use_reference)

    def _on_cancel(self) -> None:
        self._section.cancel()

    def _on_problem(self, row: int, column: int) -> None:
        """Load the case of a line, and choose it in section 1."""
        problem = self._section.problems[self.ui.problemsTable.item(row, 0).data(qt.Qt.UserRole)]
        loaded = self._section.load(self._inputs(), problem)
        if loaded is not None:
            self._figures.leave()
            self._panel.show_case(loaded.volume, loaded.segmentation, loaded.segment_id)
        self._render()

    def _on_open_manifest(self) -> None:
        open_file(Path(self._parameters.cohort.manifest))

    def _on_report(self) -> None:
        open_file(Path(self._parameters.cohort.folder) / REPORT_HTML)

    def _on_folder(self) -> None:
        open_file(Path(self._parameters.cohort.folder))


def open_file(path: Path) -> None:
    """Open a file or folder with the program that the system has for it."""
    if not qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path))):
        slicer.util.infoDisplay(_("Nothing on this computer opens {path}. Open it yourself.").format(path=path))


def result_text(result: CohortResult) -> str:
    """Numbers and scores of a run, a line each."""
    lines = [_("Table: {name} in {folder}").format(name=FEATURES_CSV, folder=result.folder.name), *result.scores]
    return "\n".join(lines if result.scores else [*lines, _("No study could be scored; the report says why.")])


def _known_to(has: Callable[[str], bool], study: str) -> bool:
    try:
        return has(study)
    except EsoRadiomicsError:  # another sentence says what is wrong with the study
        return False


def _study_line(inputs: CohortInputs) -> str:
    """What is measured and scored, from section 2."""
    try:
        title = library_tr(study_of(inputs.study).title)
        full = "" if has_signature(inputs.study) else _("All features are measured.")
    except EsoRadiomicsError as error:
        return str(error)
    scored = _(", reference cohort {name}").format(name=Path(inputs.reference).name) if inputs.reference else ""
    line = _("With the settings of section 2: {title}{scored}.").format(title=title, scored=scored)
    return f"{line} {full}".strip()
