"""What the section Reproducibility does, without Qt: readings of the scene or of a file, their ICC out of process.

Which features survive re-segmentation. How firm one patient's score is belongs to the patient, hence to ``panel``.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...agreement.icc import MIN_CASES
from ...agreement.icc_protocol import protocol_rule
from ...agreement.kept_features import Rule
from ...agreement.reading_pairs import plan_comparisons
from ...core.errors import EsoRadiomicsError, InputError, UsageError
from ...core.formatting import some
from ...core.translation import ntr
from ...reporting.agreement.agreement_files import FINISHED, READINGS_CSV
from ...studies.study import Study
from ..language import tr as _
from ..scene.segment_labels import SceneReading, names_of_files, reading_files
from .agreement_result import AgreementResult, agreement_of_json, read_agreement
from .choices import card_argument
from .command_run import CommandRun, ProcessRunner
from .section import Run, Section

if TYPE_CHECKING:
    from ..scene.scene_readings import SceneReadings

OUT = "agreement"


@dataclass(frozen=True)
class AgreementInputs:
    """What the section shows: the study's ID or path, where the readings are, and what is asked instead of its rule.

    ``table`` is the path of a feature table or manifest, None for the readings of the scene. ``changes`` holds fields
    of :class:`agreement.kept_features.Rule`.
    """

    study: str = ""
    table: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)


class Reproducibility(Section):
    """The section's controller.

    Args:
        scene: the MRML scene.
        runner: starts Python in another process.
        on_change: as in :class:`panel.section.Section`; not called within ``inputs_changed`` and ``restore``.
        study: gives a study by ID or path, or raises StudyError.
    """

    def __init__(
        self,
        scene: SceneReadings,
        runner: ProcessRunner,
        *,
        on_change: Callable[[], None],
        study: Callable[[str], Study],
    ) -> None:
        super().__init__(runner, on_change)
        self._scene, self._study = scene, study
        self._inputs = AgreementInputs()
        self._seen: tuple[AgreementInputs, list[SceneReading]] = self._inputs, []
        self._stored: AgreementResult | None = None
        self._shown = False
        self._finished: dict[str, bytes] = {}

    # What can be chosen, and what is missing

    def readings(self) -> list[SceneReading]:
        """The segments of the scene as readings."""
        return self._scene.readings()

    def rule(self, inputs: AgreementInputs) -> Rule:
        """What a feature must pass.

        Raises:
            StudyError: no such study.
            UsageError: the study states no rule, and none was entered.
        """
        study = self._study(inputs.study)
        try:
            return protocol_rule(study, **inputs.changes)
        except UsageError as error:
            if inputs.changes:
                raise
            advice = _("Tick “Another rule” and enter a threshold.")
            raise UsageError(
                _("The protocol of “{study_title}” states no ICC rule. {advice}").format(
                    study_title=study.title, advice=advice
                )
            ) from error

    def rule_line(self, inputs: AgreementInputs) -> str:
        """The rule in words, and where it comes from."""
        try:
            words = self.rule(inputs)
        except EsoRadiomicsError as error:
            return str(error)
        whose = _("yours") if inputs.changes else _("the study’s")
        return f"{words} ({whose})"

    def missing(self, inputs: AgreementInputs) -> list[str]:
        """Why the ICC cannot be computed, in sentences; empty if it can."""
        if not inputs.study:
            return [_("Choose a study in section 2: its settings say how readings are measured.")]
        problems = self._problem(lambda: self.rule(inputs))
        if inputs.table is None:
            return problems or self._problem(lambda: _check_readings(self._used(), self.rule(inputs)))
        if not inputs.table:
            problems.append(_("Choose a feature table or a manifest."))
        elif not Path(inputs.table).is_file():
            problems.append(_("There is no file {table}. Choose another.").format(table=inputs.table))
        return problems

    def _used(self) -> list[SceneReading]:
        return [reading for reading in self.readings() if reading.used]

    # Computing

    def compute(self, inputs: AgreementInputs) -> None:
        """Start to measure and compare; the result comes by ``on_change``. What cannot be is said in ``error``."""
        if self.running:
            return
        self.inputs_changed(inputs)
        self.error = " ".join(self.missing(inputs))
        if not self.error:
            self._begin(lambda: self._start(inputs), _("Preparing the readings"))
        self._on_change()

    def _start(self, inputs: AgreementInputs) -> Run:
        used = self._used() if inputs.table is None else []
        study, made_from = self._study(inputs.study), self._made_from(inputs, used)
        files = reading_files(used)
        names = names_of_files(files)

        def prepare(folder: Path) -> list[str]:
            for name, content in self._finished.items():
                path = folder / OUT / FINISHED / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            table = self._scene.write(files, folder) if inputs.table is None else Path(inputs.table)
            card = card_argument(inputs.study, study, folder)
            options = [f"--study={card}", f"--jobs={os.cpu_count() or 1}", f"--out={folder / OUT}"]
            return ["icc", str(table), *options, *_rule_options(inputs.changes)]

        def read(folder: Path, output: str) -> AgreementResult:
            finished = folder / OUT / FINISHED
            self._finished |= {path.name: path.read_bytes() for path in finished.glob("*.json")}
            result = read_agreement(folder / OUT, made_from, {folder / file: name for file, name in names.items()})
            result.finished = self._finished
            if inputs.table is not None and READINGS_CSV not in result.files:
                result.files[READINGS_CSV] = _table_bytes(Path(inputs.table))
            return result

        def done(found: AgreementResult) -> None:
            self._finish(inputs, used, found)

        return CommandRun(self._runner, prepare, read, names, self._tell, done, self._failed)

    def _finish(self, inputs: AgreementInputs, used: list[SceneReading], found: AgreementResult) -> None:
        try:
            unchanged = self._made_from(inputs, used) == found.made_from
        except EsoRadiomicsError:
            unchanged = False
        if not unchanged:
            problem = _("A CT, a contour or the table was changed or deleted while the readings were measured")
            self._fail(_("{problem}, so the result was dropped. Compute again.").format(problem=problem))
        else:
            self._stored = found
            self._scene.store(found.to_json())
            self._shown = self._fits(self._inputs)
            later = "" if self._shown else _(", for other inputs than those that are set now; set them back to see it")
            self._succeed(_("Done{later}").format(later=later))
        self._on_change()

    def _made_from(self, inputs: AgreementInputs, used: list[SceneReading]) -> dict[str, Any]:
        """What decides the result, as JSON values."""
        study = self._study(inputs.study)
        made: dict[str, Any] = {
            "study": study.id,
            "settings": study.settings.fingerprint,
            "rule": asdict(self.rule(inputs)),
        }
        if inputs.table is not None:
            return {**made, "table": inputs.table, "checksum": _file_checksum(Path(inputs.table))}
        if not all(map(self._scene.has, used)):
            raise InputError(_("A CT or a segment that was chosen is no longer in the scene."))
        return {**made, "readings": sorted([*reading.key, self._scene.checksum(reading)] for reading in used)}

    # The result

    @property
    def result(self) -> AgreementResult | None:
        """The agreement study of the inputs last told by ``inputs_changed``, or None."""
        return self._stored if self._shown else None

    def inputs_changed(self, inputs: AgreementInputs) -> None:
        """Tell what the section shows now; the result is hidden if it is of something else, and so are old words."""
        seen = (inputs, self.readings() if inputs.table is None else [])
        if seen != self._seen and not self.running:
            self.error = self.message = ""
        self._inputs, self._seen = inputs, seen
        self._shown = self._fits(inputs)

    def _fits(self, inputs: AgreementInputs) -> bool:
        if self._stored is None or not inputs.study:
            return False
        try:
            made = self._made_from(inputs, self._used() if inputs.table is None else [])
        except EsoRadiomicsError:
            return False
        kept = self._stored.made_from
        if made.get("checksum", 0) is None:  # the file is elsewhere now: the scene still shows what came of it
            made["checksum"] = kept.get("checksum")
        return made == kept

    def restore(self) -> None:
        """Take over the result that the scene holds, after loading one."""
        self._stored, self._shown = None, False
        try:
            text = self._scene.stored()
            self._stored = agreement_of_json(text) if text else None
            self._finished = self._stored.finished if self._stored is not None else {}
        except EsoRadiomicsError as error:
            self.error = str(error)

    def scene_closing(self) -> None:
        """Call before the scene is emptied: ends what runs and forgets nodes."""
        self._stop()
        self._stored, self._shown, self._finished = None, False, {}
        self._seen = self._inputs, []
        self._on_change()

    def draw(self, feature: str) -> int | None:
        """Draw a Bland–Altman plot of the shown result; its place among the figures, or None and ``error``."""
        if self.result is None:
            return None
        self.error = ""
        try:
            return self.result.draw(feature)
        except EsoRadiomicsError as error:
            self.error = str(error)
            return None

    def save(self, folder: Path) -> bool:
        """Write the shown result's files into a new or empty folder; False, and ``error``, if it cannot be."""
        self.error = "" if self.result else _("There is no result to save. Compute the ICC first.")
        try:
            if self.result is not None:
                self.result.save(folder)
        except EsoRadiomicsError as error:
            self.error = str(error)
        return not self.error


def _check_readings(readings: list[SceneReading], rule: Rule) -> None:
    """
    Raises:
        InputError: a reading lacks something, is there twice, or no comparison is possible.
    """
    for what, lacking in (
        (_("no CT; double-click its cell"), [r for r in readings if r.volume is None]),
        (_("no case"), [r for r in readings if not r.case]),
        (_("no reader"), [r for r in readings if not r.reader]),
    ):
        if lacking:
            raise InputError(
                _("Ticked, but with {what}: {lacking}.").format(
                    what=what, lacking=some(f"“{r.segment}”" for r in lacking)
                )
            )
    keys = [reading.key for reading in readings]
    doubled = [key for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if doubled:
        listed = some(f"{case} by {reader}, session {session}" for case, reader, session in doubled)
        raise InputError(
            _("Two readings have the same case, reader and session: {listed}. Change one, or untick it.").format(
                listed=listed
            )
        )
    repeated = [case for case, count in Counter(reading.case for reading in readings).items() if count > 1]
    if len(repeated) < MIN_CASES:
        raise InputError(
            ntr(
                "An ICC needs three cases or more, each drawn twice or more; {n} ticked case is. Load more "
                "segmentations and their CTs, or choose a file.",
                "An ICC needs three cases or more, each drawn twice or more; {n} ticked cases are. Load more "
                "segmentations and their CTs, or choose a file.",
                len(repeated),
            )
        )
    plan_comparisons(pd.DataFrame(keys, columns=["case", "reader", "session"]), rule.observers)


def _rule_options(changes: Mapping[str, Any]) -> list[str]:
    options = [f"--{name}={changes[name]}" for name in ("threshold", "form") if name in changes]
    flags = {"strict": "--strict", "lower_bound": "--lower-bound"}
    return options + [flag for name, flag in flags.items() if changes.get(name)]


def _file_checksum(path: Path) -> int | None:
    try:
        return zlib.crc32(path.read_bytes())
    except OSError:
        return None


def _table_bytes(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
