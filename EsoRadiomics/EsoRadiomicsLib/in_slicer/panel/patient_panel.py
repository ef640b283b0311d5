"""What the module's panel does, without Qt: what can be chosen, what is missing, scoring out of process, the result.

Errors are sentences in :attr:`Panel.error`; nothing a user can cause is raised into Qt. A shown result always is that
of the inputs shown: it goes when they change, and comes back when they are what they were.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...core.errors import EsoRadiomicsError
from ...imaging.read_mask import list_rois
from ...reporting.patient.kept_result import LATER, joined, read_document
from ...scoring.nomogram import known_values
from ...scoring.score import check_covariates
from ...studies.paper_readings import paper_readings
from ...studies.study import Study
from ..language import tr as _
from .choices import (
    IN_SCENE,
    Inputs,
    StudyChoice,
    card_argument,
    choice_of,
    needs_reference,
    reference_of,
    require_known_readings,
    require_scorable,
    score_options,
    study_choices,
    study_of,
    worth_of,
)
from .command_run import CommandRun, ProcessRunner
from .gtv_account import GtvAccount, HuShares
from .patient_report_files import FOLDER, drawn_part, write_files
from .patient_runs import FullExtractor, SlicerRadiomicsRun
from .section import Run, Section

if TYPE_CHECKING:
    from ..scene.scene_access import SceneAccess
    from ..scene.scene_results import StoredResult

__all__ = ["IN_SCENE", "Inputs", "Panel", "ProcessRunner", "StudyChoice"]

T = TypeVar("T")

SCORE, ROBUSTNESS, READINGS = "score", "robustness", "readings"
"""Commands that score a patient; the last two add a part of their own to what the first one finds."""


class Panel(Section):
    """The panel's controller.

    Args:
        scene: the MRML scene.
        runner: starts Python in another process.
        on_change: called when ``running``, ``progress``, ``message``, ``error`` or ``result`` changed by itself, and
            after ``score``, ``cancel`` and ``scene_closing``; not within ``inputs_changed`` and ``restore``.
        user_studies: folder of the user's own study cards.
        extractor: SlicerRadiomics' CLI module, for all features; None where it is not installed.
    """

    def __init__(
        self,
        scene: SceneAccess,
        runner: ProcessRunner,
        *,
        on_change: Callable[[], None],
        user_studies: Path | None = None,
        extractor: FullExtractor | None = None,
    ) -> None:
        super().__init__(runner, on_change)
        self._scene, self._extractor, self._user_studies = scene, extractor, user_studies
        self._inputs, self._shown, self._account = Inputs(), False, GtvAccount(scene)
        self._stored: StoredResult | None = None
        self._preview: tuple[Any, ...] | None = None
        self._readable: Study | None = None

    # What can be chosen, and what is missing

    def studies(self) -> list[StudyChoice]:
        """The built-in cards, the user's, and the scene's if it is neither; a broken card says what is wrong."""
        choices = study_choices(self._user_studies)
        if self._stored is not None and self._name_of(self._stored.study) == IN_SCENE:
            choices.append(choice_of(IN_SCENE, self._stored.study))
        return choices

    def study(self, id_or_path: str) -> Study:
        """A study card.

        Raises:
            StudyError: there is none, or it is broken.
        """
        if id_or_path == IN_SCENE and self._stored is not None:
            return self._stored.study
        return study_of(id_or_path)

    def _name_of(self, study: Study) -> str:
        """The list's entry with the card of a study."""
        for choice in study_choices(self._user_studies):
            if choice.scorable and choice.title == study.title and study_of(choice.id_or_path).card == study.card:
                return choice.id_or_path
        return IN_SCENE

    def gtv_line(self, inputs: Inputs) -> str:
        """What is to be known of the GTV as drawn, or why it cannot be one; see :mod:`.gtv_account`."""
        try:
            return self._account.line(*inputs.nodes, self._hu_min(inputs)) if self._has_nodes(inputs) else ""
        except EsoRadiomicsError as error:
            return str(error)

    def hu_shares(self, inputs: Inputs) -> HuShares | None:
        """Where the HU of GTV and CT lie; None where there is no GTV."""
        return self._seen(inputs, lambda: self._account.shares(*inputs.nodes, self._hu_min(inputs)))

    def gtv_centre(self, inputs: Inputs) -> tuple[float, float, float] | None:
        """Where the middle of the GTV lies in mm, RAS; None where there is no GTV."""
        return self._seen(inputs, lambda: self._scene.gtv(*inputs.nodes).centre)

    def _seen(self, inputs: Inputs, look: Callable[[], T]) -> T | None:
        try:
            return look() if self._has_nodes(inputs) else None
        except EsoRadiomicsError:  # said by the line
            return None

    def _hu_min(self, inputs: Inputs) -> float | None:
        return self.study(inputs.study).settings.hu_min if inputs.study else None

    def reference_line(self, inputs: Inputs) -> tuple[bool, str, str]:
        """Whether the study needs a reference cohort, what the chosen one is worth for it, and what that rests on."""
        try:
            study = self.study(inputs.study)
            return needs_reference(study), *worth_of(study, reference_of(inputs.reference))
        except EsoRadiomicsError:  # said where it hinders scoring
            return True, "", ""

    def missing(self, inputs: Inputs) -> list[str]:
        """Why Score cannot run, in sentences; empty if it can."""
        reasons = []
        if not self._scene.has(inputs.volume):
            reasons.append(_("Choose the CT."))
        if not self._scene.has(inputs.segmentation):
            reasons.append(_("Choose the segmentation with the GTV, or draw it."))
        if self._has_nodes(inputs):
            reasons += self._problem(lambda: self._scene.gtv(*inputs.nodes))
        if not inputs.study:
            return [*reasons, _("Choose a study.")]
        return reasons + self._problem(lambda: require_scorable(self.study(inputs.study), inputs))

    def missing_readings(self, inputs: Inputs) -> list[str]:
        """Why the readings of the paper cannot be scored, in sentences; empty if they can."""
        return self.missing(inputs) or self._problem(lambda: self._require_readings(inputs))

    def _has_nodes(self, inputs: Inputs) -> bool:
        return self._scene.has(inputs.volume) and self._scene.has(inputs.segmentation)

    def _require_readings(self, inputs: Inputs) -> None:
        study = self.study(inputs.study)
        if study is not self._readable:  # asked at every change, and as many settings to compare as there are readings
            paper_readings(study)
            self._readable = study
        require_known_readings(study, reference_of(inputs.reference))

    # Scoring

    def score(self, inputs: Inputs, command: str = SCORE) -> None:
        """Start to score; the result comes by ``on_change``. What cannot be scored is said in ``error``.

        ``command``: ``ROBUSTNESS`` scores again under perturbations of contour and image, ``READINGS`` in every
        reading of the paper; both measure the signature only.
        """
        if self.running:
            return
        self.inputs_changed(inputs)
        self.error = " ".join(self.missing_readings(inputs) if command == READINGS else self.missing(inputs))
        if not self.error:
            kept = replace(inputs, covariates=dict(inputs.covariates))
            if command != SCORE:
                kept = replace(kept, all_features=False)
            if command == ROBUSTNESS:
                kept = replace(kept, jobs=os.cpu_count() or 1)
            self._begin(lambda: self._start(kept, command), _("Preparing the CT and the GTV"))
        self._on_change()

    def make_ready(self, inputs: Inputs) -> None:
        """Nothing has changed for a while: have CT and GTV read for scoring, if they can be; ``score`` says more."""
        if self.running or not inputs.study or inputs.study == IN_SCENE or not self._has_nodes(inputs):
            return
        with suppress(EsoRadiomicsError, OSError):
            study, files = self.study(inputs.study), self._scene.case_arguments(*inputs.nodes)
            self._runner.expect([SCORE, *files, *score_options(inputs, study, inputs.study)])

    def _start(self, inputs: Inputs, command: str) -> Run:
        study, state = self.study(inputs.study), self._scene.state(*inputs.nodes)

        def done(found: dict[str, Any]) -> None:
            self._finish(inputs, study, state, found)

        if inputs.all_features and self._extractor is not None and self._extractor.can_measure(study.settings):
            case = self._scene.case(*inputs.nodes, study.settings.pixel_type)
            reference = reference_of(inputs.reference)
            return SlicerRadiomicsRun(
                self._extractor, case, study, inputs.covariates, reference, self._tell, done, self._failed
            )

        files = self._scene.case_arguments(*inputs.nodes)

        def prepare(folder: Path) -> list[str]:
            card = card_argument(inputs.study, study, folder)
            return [command, *files, *score_options(inputs, study, card), "--json"]

        def read(folder: Path, output: str) -> dict[str, Any]:
            return read_document(output)

        names = dict(zip(files, (inputs.volume.GetName(), inputs.segmentation.GetName()), strict=False))
        return CommandRun(self._runner, prepare, read, names, self._tell, done, self._failed)

    def _finish(self, inputs: Inputs, study: Study, state: tuple[Any, ...], found: dict[str, Any]) -> None:
        if not self._has_nodes(inputs):
            self._fail(_("The CT or the GTV was deleted while it was measured, so the result was dropped."))
        elif self._scene.state(*inputs.nodes) != state:
            sentence = _("The CT or the GTV was changed while it was measured, so the result was dropped. Score again.")
            self._fail(sentence)
        else:
            hashes = found["case"]["image_sha256"], found["case"]["mask_sha256"]
            self._scene.remember_hashes(*inputs.nodes, study.settings.pixel_type, hashes)
            if self._stored is not None and self._fits(inputs) and any(map(found.get, LATER)):
                found = joined(self._stored.document, found)
            self._stored = self._scene.store(found, study, *inputs.nodes)
            self._shown = self._fits(self._inputs)
            self._succeed(_("Done"))
        self._on_change()

    # The result

    @property
    def result(self) -> dict[str, Any] | None:
        """``result.json`` of the inputs last told by ``inputs_changed``, or None."""
        return self._stored.document if self._stored and self._shown else None

    @property
    def result_study(self) -> Study | None:
        """The study of the shown result, from the card kept with it."""
        return self._stored.study if self._stored and self._shown else None

    @property
    def result_nodes(self) -> dict[str, Any]:
        """Role (``table``, ``contributions``, ``chart``, …) → node of the shown result; empty if none is shown."""
        return self._scene.result_nodes() if self.result else {}

    def figure(self, part: str) -> bytes:
        """The figure of a part of the shown result (``robustness``, ``paper_readings``) as SVG; empty without it."""
        return drawn_part(self._scene, self._stored, part) if self._stored and self._shown else b""

    @property
    def nomogram_values(self) -> dict[str, float]:
        """What is known of the patient, by row name, for :meth:`EsoRadiomicsLib.scoring.nomogram.Nomogram.place`."""
        study, result = self.result_study, self.result
        if study is None or result is None:
            return {}
        score, group = result["score"], result["score"]["group"]
        return known_values(study, score["rad_score"], group and group["id"], result["covariates"]["given"])

    def result_is_current(self, inputs: Inputs) -> bool:
        """Whether the scene's result is of these inputs: the same nodes, voxels, study, covariates and cohort."""
        return self._stored is not None and self._fits(inputs)

    def _fits(self, inputs: Inputs) -> bool:
        stored = self._stored
        place = stored and (stored.volume, stored.segmentation, stored.segment_id)
        if stored is None or not self._has_nodes(inputs) or inputs.nodes != place:
            return False
        document, case = stored.document, stored.document["case"]
        try:
            study, reference = self.study(inputs.study), reference_of(inputs.reference)
            if study.card != stored.study.card:
                return False
            if check_covariates(study, inputs.covariates) != document["covariates"]["given"]:
                return False
            if reference and document["reference"] and reference.label != document["reference"]["label"]:
                return False
            # Counting voxels is quick, hashing a CT is not.
            if len(self._scene.gtv(*inputs.nodes).hu) != document["roi"]["steps"][0]["voxels"]:
                return False
            hashes = self._scene.hashes(*inputs.nodes, document["settings"]["values"]["pixel_type"])
        except EsoRadiomicsError:
            return False
        return hashes == (case["image_sha256"], case["mask_sha256"])

    def inputs_changed(self, inputs: Inputs) -> None:
        """Tell what the panel shows now; the result and the preview are dropped if they are of something else."""
        self._inputs = inputs
        if not self.running:
            self.error = self.message = ""
        self._shown = self._fits(inputs)
        if self._preview is not None and self._preview != self._preview_of(inputs):
            self.hide_removed()

    def restore(self) -> Inputs | None:
        """Take over the result that the scene holds, after loading one, and tell what it was computed from."""
        self._shown = False
        try:
            self._stored = self._scene.stored()
        except EsoRadiomicsError as error:
            self._stored, self.error = None, str(error)
        stored = self._stored
        if stored is None or not (self._scene.has(stored.volume) and self._scene.has(stored.segmentation)):
            return None
        restored = Inputs(
            stored.volume,
            stored.segmentation,
            stored.segment_id,
            self._name_of(stored.study),
            dict(stored.document["covariates"]["given"]),
        )
        self.inputs_changed(restored)
        return restored

    def scene_closing(self) -> None:
        """Call before the scene is emptied: ends what runs and forgets nodes."""
        self._stop()
        self._runner.expect([])
        self._scene.forget_files()
        self._stored, self._preview, self._shown = None, None, False
        self._inputs = Inputs()
        self._on_change()

    def export(self, path: Path | str, what: str = FOLDER) -> bool:
        """Write the shown result's report (``FOLDER``, ``PDF``, ``DICOM``); False, and ``error``, if it cannot be."""
        self.error = ""
        try:
            if self._stored is None or not self._shown:
                self.error = _("There is no result to export. Score the patient first.")
            else:
                write_files(self._scene, self._stored, Path(path), what)
        except EsoRadiomicsError as error:
            self.error = str(error)
        return not self.error

    def missing_for_dicom(self) -> str:
        """Why the shown result's CT has no place in an archive; "" if it was loaded from DICOM."""
        stored = self._stored
        return " ".join(self._problem(lambda: self._scene.dicom_file(stored.volume))) if stored is not None else ""

    # ROIs and the preview

    def rois(self, path: Path | str) -> list[str]:
        """Names of the ROIs or segments in an RTSTRUCT, DICOM SEG or mask file; empty, and ``error``, if none."""
        self.error = ""
        try:
            return list_rois(path)
        except EsoRadiomicsError as error:
            self.error = str(error)
            return []

    def import_rois(self, path: Path | str, names: Sequence[str], volume: Any) -> Any | None:
        """Read ROIs into a segmentation node on the CT; None, and ``error``, if they cannot be.

        Warnings are in ``message``.
        """
        self.error = self.message = ""
        try:
            node, warnings = self._scene.import_rois(path, names, volume)
        except EsoRadiomicsError as error:
            self.error = str(error)
            return None
        self.message = " ".join(warnings)
        return node

    def show_removed(self, inputs: Inputs) -> Any | None:
        """Preview the voxels that the HU exclusion removes as a segmentation node; None if there are none."""
        self.hide_removed()
        self.error = ""
        try:
            hu_min = self.study(inputs.study).settings.hu_min
            if hu_min is None:
                return None
            node = self._scene.show_removed(*inputs.nodes, hu_min)
        except EsoRadiomicsError as error:
            self.error = str(error)
            return None
        self._preview = self._preview_of(inputs)
        return node

    def hide_removed(self) -> None:
        """Remove the preview."""
        self._preview = None
        self._scene.hide_removed()

    def _preview_of(self, inputs: Inputs) -> tuple[Any, ...]:
        return (inputs.study, self._scene.state(*inputs.nodes)) if self._has_nodes(inputs) else ()
