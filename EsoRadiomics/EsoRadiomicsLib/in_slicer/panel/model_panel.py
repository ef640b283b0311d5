"""What the panel's model section does, without Qt: a study's protocol on a cohort's table, and a card's validation."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ...core.errors import EsoRadiomicsError, OutputError
from ...core.output import write_text
from ..language import tr as _
from .choices import reference_of, study_of
from .cohort_result import UNREADABLE
from .command_run import CommandRun, ProcessRunner
from .model_inputs import (
    ModelInputs,
    Needs,
    fit_options,
    missing_folder,
    missing_survival,
    missing_table,
    needs_of,
    outcome_options,
    selecting,
    selections,
)
from .model_result import CARD, ModelResult, read_model_result
from .section import Run, Section
from .table_columns import propose, table_columns

FIT, VALIDATE = "fit", "validate"
SAME_PATIENTS = _(
    "These are the patients that the card was fitted to, so the numbers flatter it. To validate "
    "it, choose a table of other patients."
)


class ModelSection(Section):
    """The section's controller; ``result`` is the last fit or validation."""

    def __init__(self, runner: ProcessRunner, on_change: Callable[[], None]) -> None:
        super().__init__(runner, on_change)
        self.result: ModelResult | None = None
        self._fitted_to: dict[str, str] = {}

    # What can be chosen, and what is missing

    def proposed(self, inputs: ModelInputs, *, new_table: bool = True) -> ModelInputs:
        """The inputs with likely columns; of the table chosen before, what was chosen stays."""
        try:
            table, study = table_columns(inputs.table), study_of(inputs.study)
        except EsoRadiomicsError:
            return inputs
        found = propose(table, study)
        fields = ("time", "event", "outcome", "split", "clinical")
        changes = {name: getattr(found, name) for name in fields if new_table or not getattr(inputs, name)}
        if inputs.alternative not in selections(study):
            changes["alternative"] = ""
        if new_table:
            changes["patient"] = ""
        return replace(inputs, **changes, folder=inputs.folder or str(Path(inputs.table).parent))

    def needs(self, inputs: ModelInputs) -> Needs:
        """The outcome columns to ask for: those of section 2's protocol, and of the card to validate."""
        survival = binary = False
        for id_or_path in filter(None, (inputs.study, inputs.card)):
            try:
                study = study_of(id_or_path)
            except EsoRadiomicsError:
                continue
            found = needs_of(study)
            survival, binary = survival or found.survival, binary or found.binary
        return Needs(survival, binary)

    def missing_to_fit(self, inputs: ModelInputs) -> list[str]:
        """Why Fit cannot work, in sentences; empty if it can."""
        reasons = missing_table(inputs, self.needs(inputs))
        if not inputs.study:
            return [*reasons, _("Choose the study whose protocol is repeated in section 2.")]
        unusable = self._problem(lambda: selecting(study_of(inputs.study), inputs.alternative))
        if unusable:
            return [*reasons, *unusable]
        plan = selecting(study_of(inputs.study), inputs.alternative)
        if plan.needs_survival:
            reasons += missing_survival(inputs)
        elif not inputs.outcome:
            reasons.append(_("Choose the column of the outcome (1 = yes, 0 = no)."))
        return reasons + missing_folder(inputs)

    def missing_to_validate(self, inputs: ModelInputs) -> list[str]:
        """Why Validate cannot work, in sentences; empty if it can."""
        reasons = missing_table(inputs, self.needs(inputs))
        card = inputs.card or inputs.study
        if not card:
            return [*reasons, _("Choose a card, or a study in section 2.")]
        broken = self._problem(lambda: study_of(card)) + self._problem(lambda: reference_of(inputs.reference))
        if broken:
            return [*reasons, *broken]
        study = study_of(card)
        if study.signature is None:
            return [*reasons, study.absent]
        if study.card["task"] == "survival":
            reasons += missing_survival(inputs)
        elif not inputs.outcome:
            reasons.append(_("Choose the column of the outcome (1 = yes, 0 = no)."))
        return reasons + missing_folder(inputs)

    # Work

    def fit(self, inputs: ModelInputs) -> None:
        """Repeat the protocol; the result comes by ``on_change``."""
        self.error = " ".join(self.missing_to_fit(inputs))
        if self.error:
            self._on_change()
            return
        study = study_of(inputs.study)
        options = [*outcome_options(inputs, needs_of(study)), *fit_options(inputs), f"--jobs={os.cpu_count() or 1}"]
        folder = _unused(Path(inputs.folder), f"{study.id}-model")

        def done(result: ModelResult) -> ModelResult:
            self._fitted_to[folder.name] = inputs.table
            return result

        self._do([FIT, inputs.table, f"--protocol={inputs.study}", *options], folder, _("Fitting"), done)

    def validate(self, inputs: ModelInputs) -> None:
        """Validate the card; the result comes by ``on_change``."""
        self.error = " ".join(self.missing_to_validate(inputs))
        if self.error:
            self._on_change()
            return
        card = inputs.card or inputs.study
        study = study_of(card)
        options = outcome_options(inputs, needs_of(study))
        if inputs.reference:
            options.append(f"--reference={inputs.reference}")
        if inputs.update:
            options.append(f"--update={inputs.update}")
        folder = _unused(Path(inputs.folder), f"{study.id}-validation")

        def done(result: ModelResult) -> ModelResult:
            same = self._fitted_to.get(study.id) == inputs.table
            return replace(result, warnings=(SAME_PATIENTS, *result.warnings)) if same else result

        self._do([VALIDATE, card, inputs.table, *options], folder, _("Validating"), done)

    def scene_closing(self) -> None:
        """Call before the scene is emptied, or the panel goes: ends what runs."""
        self._stop()
        self.result = None
        self._on_change()

    def restore(self, folder: str) -> None:
        """Show what a fit or a validation left in a folder, if one did."""
        if self.running:
            return
        self.error = self.message = ""
        try:
            self.result = read_model_result(Path(folder)) if folder else None
        except UNREADABLE:
            self.result = None

    def _do(self, command: list[str], folder: Path, message: str, judge: Callable[[ModelResult], ModelResult]) -> None:
        if self.running:
            return

        def prepare(temporary: Path) -> list[str]:
            return [*command, f"--out={folder}"]

        def read(temporary: Path, output: str) -> ModelResult:
            return read_model_result(folder, output)

        def done(result: ModelResult) -> None:
            self.result = judge(result)
            self._succeed(
                _("Done. Card, report, figures and tables are in the folder {folder_name}.").format(
                    folder_name=folder.name
                )
            )
            self._on_change()

        def start() -> Run:
            return CommandRun(self._runner, prepare, read, {}, self._tell, done, self._failed)

        self._begin(start, message)
        self._on_change()

    def install(self, studies: Path) -> Path | None:
        """Copy the result's card into the user's folder of studies; None, and ``error``, if it cannot be.

        A card of the same name there stays; one with the same content is taken as it is.
        """
        self.error = ""
        try:
            if self.result is None or self.result.study is None:
                raise OutputError(_("There is no fitted or updated card to use. Fit a model first."))
            card = (self.result.folder / CARD).read_bytes()
            names = _numbered(studies, self.result.study.id, ".json")
            path = next(path for path in names if not path.exists() or path.read_bytes() == card)
            write_text(path, card.decode())
        except EsoRadiomicsError as error:
            self.error = str(error)
            return None
        except OSError as error:
            self.error = _("The card cannot be copied into {studies}: {strerror}. Choose another folder.").format(
                studies=studies, strerror=error.strerror
            )
            return None
        self.message = _("{path_name} is chosen in section 2: the next patient is scored with it.").format(
            path_name=path.name
        )
        return path


def _unused(folder: Path, name: str) -> Path:
    return next(path for path in _numbered(folder, name) if not path.exists())


def _numbered(folder: Path, name: str, ending: str = "") -> Iterator[Path]:
    """``name``, ``name-2``, ``name-3`` … in a folder."""
    yield folder / f"{name}{ending}"
    for n in itertools.count(2):
        yield folder / f"{name}-{n}{ending}"
