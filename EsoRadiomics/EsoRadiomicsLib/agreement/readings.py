"""Readings measured for an agreement study: each case contoured by several readers, or by one several times.

From a manifest (files, a process per reading, resumable) or from cases in memory: the same table, bit for bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..cohort.case_task import Task, content_key
from ..cohort.child_process import Limits
from ..cohort.cohort_run import ALIKE, local_workers, run_cohort, threads_per_case
from ..cohort.cohort_table import finished_cases
from ..cohort.exported_text import without_names
from ..cohort.manifest import Entry, Manifest
from ..cohort.problems import Problem, split_message
from ..core.errors import EsoRadiomicsError, InputError
from ..core.formatting import counted, some
from ..core.progress import Progress
from ..extraction.engines import extract, prepare
from ..extraction.feature_table import ROI_VOLUME, SOFTWARE, feature_row
from ..extraction.settings import ExtractionSettings
from ..extraction.shared_tasks import Helpers
from ..imaging.case import Case
from ..studies.study import Study
from .agreement_table import reading_keys, refuse_copies
from .comparison import Agreement, agreement
from .icc_protocol import against_design
from .kept_features import Rule
from .reading_pairs import plan_comparisons

KEYS = ["case", "reader", "session"]
SHOWN = 3
"""Failed readings that a sentence names."""
Row = tuple[tuple[str, str, str], Mapping[str, Any]]
"""Case, reader and session, and what was measured."""


@dataclass(frozen=True)
class Reading:
    """One contour of a case. ``load`` gives image and mask when their turn comes: one CT is in memory at a time."""

    case: str
    reader: str
    session: str
    load: Callable[[], Case]

    @property
    def key(self) -> tuple[str, str, str]:
        """What is one reading only: case, reader and session."""
        return self.case, self.reader, self.session

    def problem(self, stage: str, message: str, *, blocking: bool = True) -> Problem:
        """A problem of this reading; the last sentence of ``message`` is the remedy."""
        handed_on = split_message(without_names(message, (), self.key))
        return Problem(self.case, stage, *handed_on, self.reader, self.session, blocking, told=message)


@dataclass(frozen=True)
class Measured:
    """Readings as a table that :func:`agreement.comparison.agreement` takes, those that failed, and what to look at."""

    table: pd.DataFrame
    failures: tuple[Problem, ...]
    warnings: tuple[str, ...]


def measure_manifest(
    manifest: Manifest,
    settings: ExtractionSettings,
    folder: Path,
    *,
    observers: str = "any",
    jobs: int = 1,
    progress: Progress | None = None,
) -> Measured:
    """Measure all features of the readings of a manifest; may be killed at any moment and run again.

    Args:
        manifest: with a reader, and a session where a reader has several, on each line.
        settings: how features are measured.
        folder: finished readings are kept in its subfolder ``cases``.
        observers: comparisons that must be possible, as in :class:`agreement.kept_features.Rule`.
        jobs: processes, a reading in each.
        progress: told after each reading.

    Raises:
        InputError: before anything is measured: readings that cannot be compared, or two of the same files. After it:
            no reading could be measured.
        OutputError: the folder cannot be written.
    """
    entries = manifest.entries
    unusable = [problem for problem in manifest.problems if problem.blocking]
    nameless = dict.fromkeys(entry.case for entry in entries if not entry.reader)
    if nameless:
        raise InputError(
            f"{manifest.path} names no reader for case {some(nameless)}. Give it a column “reader” and fill it in: who "
            "drew the contour."
        )
    keys = _check_design([entry.key for entry in entries], unusable, observers)
    refuse_copies(keys, [_file_content(entry) for entry in entries])
    run = run_cohort(
        manifest,
        settings,
        folder,
        workers=local_workers(jobs),
        limits=Limits(threads=threads_per_case(jobs)),
        progress=progress,
    )
    rows: list[Row] = []
    spacings: dict[str, tuple[float, ...]] = {}
    for entry, record in finished_cases(run):
        software = {SOFTWARE + name: version for name, version in record["software"].items()}
        failed = "; ".join(f"{name}: {reason}" for name, reason in record["failed"].items())
        hashes = {name: record[name] for name in ("image_sha256", "mask_sha256")}
        facts = {**hashes, ROI_VOLUME: record["roi"]["steps"][0]["cm3"], "settings": record["settings"]}
        rows.append((entry.key, {**facts, **software, "failed": failed, **record["features"]}))
        spacings[entry.case] = tuple(record["spacing_mm"])
    # Of features that are the same in all readings the table says itself that they have no ICC.
    remarks = [str(problem) for problem in run.problems if not problem.blocking and problem.stage != ALIKE]
    return _measured(rows, spacings, settings, run.failures, remarks)


def measure_readings(
    readings: Sequence[Reading],
    settings: ExtractionSettings,
    *,
    observers: str = "any",
    helpers: Helpers | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Measure all features of readings in memory, one after the other; nothing is kept when it is interrupted.

    Args:
        readings: their cases are loaded in the settings' pixel type.
        settings: how features are measured.
        observers: comparisons that must be possible, as in :class:`agreement.kept_features.Rule`.
        helpers: from :func:`workers.helpers`; the images of a reading are spread over its processes.
        progress: told after each image.

    Raises:
        InputError: readings that cannot be compared, two with the same image and mask, or none could be measured.
    """
    keys = _check_design([reading.key for reading in readings], [], observers)
    rows: list[Row] = []
    spacings: dict[str, tuple[float, ...]] = {}
    failures: list[Problem] = []
    remarks: list[str] = []
    contents: list[object] = []
    for i, reading in enumerate(readings):
        name = f"{reading.case}, reading {i + 1} of {len(readings)}"
        tell = None if progress is None else _part(progress, i, len(readings), name)
        case = _loaded(reading)
        contents.append(reading.key if isinstance(case, Problem) else (case.image_sha256, case.mask_sha256))
        refuse_copies(keys.iloc[: i + 1], contents)
        measured = case if isinstance(case, Problem) else _measure_case(reading, case, settings, helpers, tell)
        if isinstance(measured, Problem):
            failures.append(measured)
            continue
        assert isinstance(case, Case)
        row, warnings = measured
        rows.append((reading.key, row))
        spacings[reading.case] = case.image.GetSpacing()
        remarks += [str(reading.problem("warning", text, blocking=False)) for text in warnings]
    return _measured(rows, spacings, settings, failures, remarks)


def compare(measured: Measured, rule: Rule, study: Study | None = None) -> Agreement:
    """Agreement of measured readings; what failed is left out and named.

    Args:
        measured: from one of the above.
        rule: from :func:`agreement.protocol.protocol_rule`.
        study: whose protocol the comparisons are checked against.

    Raises:
        InputError: as :func:`agreement.comparison.agreement`; the sentence also names the readings that failed.
    """
    failed = _failed(measured.failures)
    try:
        result = agreement(measured.table, rule)
    except InputError as error:
        raise InputError(f"{failed} {error}".strip()) from error
    result = replace(result, warnings=(*filter(None, [failed]), *measured.warnings, *result.warnings))
    return against_design(result, study)


def _check_design(who: Sequence[tuple[str, str, str]], failures: Sequence[Problem], observers: str) -> pd.DataFrame:
    """Keys of the readings, once a comparison between them is possible."""
    if not who:
        raise InputError(f"{_failed(failures)} There is no reading to measure. Give each case two.".strip())
    keys = reading_keys(pd.DataFrame(who, columns=KEYS))
    try:
        plan_comparisons(keys, observers)
    except InputError as error:
        raise InputError(f"{_failed(failures)} {error}".strip()) from error
    return keys


def _file_content(entry: Entry) -> object:
    """What two lines that measure the same files have in common."""
    try:
        return content_key(Task("", str(entry.image), str(entry.mask), entry.roi, {}, None, ""))
    except EsoRadiomicsError:
        return entry.key  # it cannot be read, which the run will say


def _measured(
    rows: Sequence[Row],
    spacings: Mapping[str, tuple[float, ...]],
    settings: ExtractionSettings,
    failures: Sequence[Problem],
    remarks: Sequence[str],
) -> Measured:
    records = [{**dict(zip(KEYS, who, strict=True)), **row} for who, row in rows]
    if not records:
        raise InputError(f"No reading could be measured. {failures[0]}")
    facts = [name for name in records[0] if name not in settings.names]
    table = pd.DataFrame(records, columns=[*facts, *settings.names])
    return Measured(table, tuple(failures), (*remarks, *_grid_warnings(spacings, settings)))


def _grid_warnings(spacings: Mapping[str, tuple[float, ...]], settings: ExtractionSettings) -> list[str]:
    counts = Counter(" × ".join(f"{mm:.3g}" for mm in spacing) + " mm" for spacing in spacings.values())
    if settings.voxel_mm is not None or len(counts) < 2:
        return []
    listed = some(f"{voxel} ({counted(n, 'case')})" for voxel, n in counts.most_common())
    return [
        f"The CTs have different voxels and the settings do not resample: {listed}. Features differ with the voxel, "
        "which passes for a difference between patients and makes the ICC look better."
    ]


def _loaded(reading: Reading) -> Case | Problem:
    try:
        return reading.load()
    except EsoRadiomicsError as error:
        return reading.problem("image and mask", str(error))


def _measure_case(
    reading: Reading, case: Case, settings: ExtractionSettings, helpers: Helpers | None, progress: Progress | None
) -> tuple[dict[str, Any], tuple[str, ...]] | Problem:
    """The row of a reading without its key, and warnings."""
    stage = "ROI"
    try:
        roi = prepare(case, settings)
        stage = "features"
        row = feature_row(case, extract(roi, settings, None, helpers, progress))
    except EsoRadiomicsError as error:
        return reading.problem(stage, str(error))
    del row["case"]
    return row, (*case.warnings, *roi.warnings)


def _part(progress: Progress, done: int, of: int, name: str) -> Progress:
    """The progress of one of several readings, told as that of all."""
    return lambda share, what: progress((done + share) / of, f"{what} ({name})")


def _failed(failures: Sequence[Problem]) -> str:
    """A sentence about the readings that could not be measured; empty if there are none."""
    if not failures:
        return ""
    named = [
        f"{problem.case} (reader {problem.reader or '?'}): {split_message(problem.sentence)[0].rstrip('.')}"
        for problem in failures
    ]
    more = [f"and {len(named) - SHOWN} more"] if len(named) > SHOWN else []
    return f"{counted(len(failures), 'reading')} could not be measured: {'; '.join(named[:SHOWN] + more)}."
