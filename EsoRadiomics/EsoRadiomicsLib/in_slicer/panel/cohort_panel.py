"""What the panel's cohort section does, without Qt: make a manifest, check it, run it, and load a case of it."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...cohort.cohort_table import FEATURES_CSV, READINGS_CSV
from ...cohort.manifest import Entry, read_manifest
from ...cohort.problems import Problem
from ...core.errors import EsoRadiomicsError, InputError
from ..language import tr as _
from .choices import needs_reference, reference_of, study_of
from .cohort_result import UNREADABLE, CohortResult, problems_of, read_result
from .command_run import CommandRun, ProcessRunner
from .section import Run, Section

if TYPE_CHECKING:
    from ..scene.scene_cases import LoadedCase

MANIFEST, PROBLEMS = "manifest.csv", "problems.csv"
STARTING = _("Starting; how far it is can be said after the first case.")
KEPT = _("Cancelled. Finished cases are kept; Run goes on from there.")


@dataclass(frozen=True)
class CohortInputs:
    """What the section shows; ``study`` and ``reference`` are those of section 2, ``jobs`` cases at a time.

    ``all_readings``: measure in every reading of the study's paper, too. ``allow_outside``: the manifest's paths may
    lead out of its folder.
    """

    manifest: str = ""
    folder: str = ""
    study: str = ""
    reference: str = ""
    all_features: bool = False
    all_readings: bool = False
    jobs: int = 1
    allow_outside: bool = False


class CohortSection(Section):
    """The section's controller.

    Args:
        scene: vtkMRMLScene that cases are loaded into.
        runner: starts Python in another process.
        on_change: see :class:`EsoRadiomicsLib.in_slicer.panel.section.Section`.

    Attributes:
        problems: what the last check or run found.
        result: of the last run.
    """

    def __init__(self, scene: Any, runner: ProcessRunner, *, on_change: Callable[[], None]) -> None:
        super().__init__(runner, on_change)
        self._scene = scene
        self._keeps = False
        self._places = "", ""
        self.problems: tuple[Problem, ...] = ()
        self.result: CohortResult | None = None

    # What is missing

    def missing_to_check(self, inputs: CohortInputs) -> list[str]:
        """Why Check cannot work, in sentences; empty if it can."""
        if not inputs.manifest:
            return [_("Choose a manifest, or make one from a folder of patients.")]
        if not Path(inputs.manifest).is_file():
            return [_("There is no manifest {manifest}. Choose another.").format(manifest=inputs.manifest)]
        return []

    def missing(self, inputs: CohortInputs) -> list[str]:
        """Why Run cannot work, in sentences; empty if it can."""
        reasons = self.missing_to_check(inputs)
        if not inputs.folder:
            reasons.append(_("Choose a folder for the results."))
        if not inputs.study:
            reasons.append(_("Choose a study in section 2."))
        else:
            reasons += self._problem(lambda: _require_measurable(inputs))
        return reasons

    def missing_to_refer(self, inputs: CohortInputs) -> list[str]:
        """Why no reference cohort can be made of the run, in sentences; empty if one can."""
        if self.result is None:
            return [_("Measure a cohort first.")]
        return self._problem(lambda: _require_z_scores(inputs))

    # What is done out of process

    def scan(self, folder: Path, made: Callable[[Path], None]) -> None:
        """Write a manifest of a folder of patients; ``made`` gets its path, :attr:`problems` its remarks."""
        path = folder / MANIFEST
        if path.exists():
            self.error = _("{path} exists already. Choose it as the manifest, or remove it to make a new one.").format(
                path=path
            )
            self._on_change()
            return

        def read(temporary: Path, output: str) -> tuple[Problem, ...]:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if row["remark"]]
            return tuple(Problem(row["case"], "scan", row["remark"], "", blocking=False) for row in rows)

        def done(remarks: tuple[Problem, ...]) -> None:
            made(path)
            self.problems, self.result = remarks, None
            look = (
                _("Lines that need a look: {remarks}; correct them. ").format(remarks=len(remarks)) if remarks else ""
            )
            self._succeed(
                _("{path_name} was written. {look}Outcomes and clinical variables can be added as columns.").format(
                    path_name=path.name, look=look
                )
            )
            self._on_change()

        self._do(["cohort", "scan", str(folder)], read, done, _("Looking for patients"))

    def check(self, inputs: CohortInputs) -> None:
        """Read all headers; the problems come by ``on_change``."""

        def read(temporary: Path, output: str) -> tuple[tuple[Problem, ...], str]:
            return problems_of(temporary / PROBLEMS), output.strip().splitlines()[-1]

        def done(found: tuple[tuple[Problem, ...], str]) -> None:
            self.problems, message = found
            self._succeed(message)
            self._on_change()

        self.error = " ".join(self.missing_to_check(inputs))
        if self.error:
            self._on_change()
            return
        self._do(["cohort", "check", *_manifest_options(inputs)], read, done, _("Reading all headers"), out=PROBLEMS)

    def run(self, inputs: CohortInputs) -> None:
        """Measure all cases that are not finished; failures and result come by ``on_change``."""

        def read(temporary: Path, output: str) -> CohortResult:
            return read_result(Path(inputs.folder))

        def done(result: CohortResult) -> None:
            self._show(result)
            self._on_change()

        self.error = " ".join(self.missing(inputs))
        if self.error:
            self._on_change()
            return
        command = ["cohort", "run", *_manifest_options(inputs), f"--study={inputs.study}", f"--jobs={inputs.jobs}"]
        if inputs.reference:
            command.append(f"--reference={inputs.reference}")
        if inputs.all_features or not has_signature(inputs.study):
            command.append("--full")
        if inputs.all_readings and has_readings(inputs.study):
            command.append("--all-readings")
        self._do([*command, f"--out={inputs.folder}"], read, done, STARTING, keeps=True)

    def make_reference(self, inputs: CohortInputs, label: str, made: Callable[[Path], None]) -> None:
        """Make a reference cohort of the run's patients for the study; ``made`` gets its path, then its worth is said.

        ``label``: what the cohort is.
        """
        self.error = " ".join(self.missing_to_refer(inputs))
        if self.error:
            self._on_change()
            return
        folder = Path(inputs.folder)
        tables = [folder / FEATURES_CSV, *(path for path in (folder / READINGS_CSV,) if path.is_file())]
        path = _new_path(folder, study_of(inputs.study).id)

        def done(words: str) -> None:
            self._succeed(words)
            made(path)
            self._on_change()

        def read(temporary: Path, output: str) -> str:
            path.stat()
            lines = output.replace(f" written to {path}", "").splitlines()
            return f"{path.name}: " + " ".join(f"{line.rstrip('.')}." for line in lines)

        command = ["reference", "build", *map(str, tables), f"--study={inputs.study}", f"--label={label}"]
        self._do([*command, f"--out={path}"], read, done, _("Means, SDs and what they are worth"), silent=True)

    def cancel(self) -> None:
        """End what runs; a run keeps its finished cases."""
        keeps = self._keeps and self.running
        super().cancel()
        if keeps:
            self.message = KEPT
            self._on_change()

    def scene_closing(self) -> None:
        """Call before the scene is emptied, or the panel goes: ends what runs."""
        self._stop()
        self.problems, self.result, self._places = (), None, ("", "")
        self._on_change()

    def inputs_changed(self, inputs: CohortInputs) -> None:
        """Tell what the section shows now; of another folder, what the last run left there is shown, if one did."""
        if self.running or self._places == (inputs.manifest, inputs.folder):
            return
        self._places = inputs.manifest, inputs.folder
        self.error = self.message = ""
        try:
            self._show(read_result(Path(inputs.folder)))
        except UNREADABLE:
            self.problems, self.result = (), None

    def _show(self, result: CohortResult) -> None:
        self.problems, self.result = result.problems, result
        remarks = sum(not problem.blocking for problem in result.problems)
        message = _("{finished} cases finished, {failed} failed.").format(
            finished=result.finished, failed=result.failed
        )
        if remarks:
            message += _(" To look at: {remarks}.").format(remarks=remarks)
        if result.failed:
            message += _(" Correct the failed ones: the next run measures only what is new, changed or failed.")
        self._succeed(message)

    def _do(
        self,
        command: list[str],
        read: Callable[[Path, str], Any],
        done: Callable[[Any], None],
        message: str,
        *,
        out: str = "",
        keeps: bool = False,
        silent: bool = False,
    ) -> None:
        """Run a command; ``out`` is a file of the temporary folder that it writes."""
        if self.running:
            return

        def prepare(temporary: Path) -> list[str]:
            return [*command, f"--out={temporary / out}"] if out else command

        def start() -> Run:
            return CommandRun(self._runner, prepare, read, {}, self._tell, done, self._failed, silent=silent)

        self._keeps = keeps
        self._begin(start, message)
        self._on_change()

    # Cases

    def short(self, sentence: str) -> str:
        """A problem's sentence with paths as in the manifest, relative to its folder."""
        return sentence.replace(f"{Path(self._places[0]).resolve().parent}{os.sep}", "").strip()

    def load(self, inputs: CohortInputs, problem: Problem) -> LoadedCase | None:
        """A problem's case as nodes; None, and ``error``, if it cannot be loaded."""
        from ..scene.scene_cases import add_case

        self.error = ""
        try:
            loaded = add_case(self._scene, _entry(inputs, problem))
        except EsoRadiomicsError as error:
            self.error = self.short(str(error))
            return None
        advice = (
            _("Correct its GTV in section 1, save it (File > Save) and name that file in the manifest.")
            if loaded.segmentation
            else _("Its CT is there, its mask is not: draw the GTV in section 1.")
        )
        self.message = self.short(
            " ".join([_("{case} is loaded. {advice}").format(case=problem.case, advice=advice), *loaded.remarks])
        )
        return loaded


def has_signature(study: str) -> bool:
    """Whether a study names the features of its score; all are measured for one that does not."""
    return bool(study) and study_of(study).signature is not None


def has_readings(study: str) -> bool:
    """Whether a study's card lists what its paper leaves open."""
    return has_signature(study) and bool(study_of(study).card.get("readings"))


def _require_z_scores(inputs: CohortInputs) -> None:
    if not needs_reference(study_of(inputs.study)):
        raise InputError(_("The study of section 2 needs no reference cohort."))


def _new_path(folder: Path, study: str) -> Path:
    """A file beside the run's that is not there yet."""
    paths = (folder / f"reference-{study}{f'-{n}' if n > 1 else ''}.json" for n in count(1))
    return next(path for path in paths if not path.exists())


def _require_measurable(inputs: CohortInputs) -> None:
    study_of(inputs.study)
    reference_of(inputs.reference)
    if inputs.all_features and inputs.all_readings and has_readings(inputs.study):
        raise InputError(_("All features and every reading of the paper are two runs: untick one of them."))


def _manifest_options(inputs: CohortInputs) -> list[str]:
    return [inputs.manifest, *(["--allow-outside"] if inputs.allow_outside else [])]


def _entry(inputs: CohortInputs, problem: Problem) -> Entry:
    """The manifest's line that a problem is of, as the manifest is now.

    Raises:
        InputError: it has none that can be read.
    """
    manifest = read_manifest(Path(inputs.manifest), allow_outside=inputs.allow_outside)
    key = problem.case, problem.reader, problem.session
    for entry in manifest.entries:
        if entry.key == key:
            return entry
    for other in manifest.problems:
        if (other.case, other.reader, other.session) == key:
            raise InputError(
                _("{case} cannot be loaded: {sentence}").format(case=problem.case, sentence=other.sentence)
            )
    if not problem.case or ", " in problem.case:
        raise InputError(_("This concerns several cases; load them from lines of their own, or from section 1."))
    raise InputError(
        _("The manifest {manifest} no longer has the case {case}.").format(
            manifest=os.path.basename(inputs.manifest), case=problem.case
        )
    )
