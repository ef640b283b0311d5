"""Scoring a cohort from its feature table, without measuring anything again: one line a case and study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import EsoRadiomicsError, InputError
from ..core.numbers import finite
from ..extraction.engines import is_feature
from ..extraction.feature_table import HARMONISED, SETTINGS_UNKNOWN, SOFTWARE, feature_sheet, is_result_file
from ..extraction.features import Features
from ..scoring.predicted_outcome import Bounds
from ..scoring.score import Score, check_scorable, score
from ..studies.reference_cohort import ReferenceCohort
from ..studies.study import Study

IDENTITY = ("case", "reader", "session")


@dataclass(frozen=True)
class StudyScores:
    """A study that can be scored from a table; ``covariates`` is (column of the table, covariate) of those it has."""

    study: Study
    reference: ReferenceCohort | None
    covariates: tuple[tuple[str, str], ...]


def scorable(
    studies: Iterable[Study], columns: Iterable[str], fingerprints: set[str], reference: ReferenceCohort | None
) -> tuple[list[StudyScores], dict[str, str]]:
    """Which studies a table can be scored by, and for the others why not.

    Args:
        studies: candidates.
        columns: of the table.
        fingerprints: the settings that the table's rows were measured with; none of an engine's own result file,
            which does not say.
        reference: for z-scored signatures.
    """
    columns = list(columns)
    ready, reasons = [], {}
    for study in studies:
        try:
            check_scorable(study, study.settings, reference)
        except EsoRadiomicsError as error:
            reasons[study.id] = str(error)
            continue
        assert study.signature is not None
        missing = [name for name in study.signature.names if name not in columns]
        if fingerprints == {""}:
            reasons[study.id] = (
                "The table does not say with which settings its features were measured (column “settings”). Give "
                "features.csv of a cohort run."
            )
        elif fingerprints and study.settings.fingerprint not in fingerprints:
            reasons[study.id] = "The table was measured with other settings. Run the cohort with this study's."
        elif HARMONISED in columns and study.signature.harmonisation is not None:
            reasons[study.id] = "The table was harmonised before, and would be once more. Give it as it was measured."
        elif unknown := _unknown(study, columns):
            reasons[study.id] = (
                f"Its features are harmonised, for which the table needs a column “{unknown[0]}”. Add it."
            )
        elif missing:
            reasons[study.id] = f"The table lacks {len(missing)} of its features ({missing[0]} …). Run with --full."
        else:
            ready.append(StudyScores(study, reference, tuple(_covariates(study, columns))))
    return ready, reasons


def score_table(
    path: Path, studies: Iterable[Study], reference: ReferenceCohort | None
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Lines of ``scores.csv``, case by case, and for the studies that the table cannot be scored by, why not.

    Raises:
        InputError: unreadable, or no feature table.
    """
    columns: list[str] = []
    fingerprints: set[str] = set()
    told = not is_result_file(path)
    for row in read_rows(path):
        columns = columns or list(row)
        if told:
            fingerprints.add(row.get("settings", ""))
    if not columns:
        return [], {study.id: "The table has no case." for study in studies}
    ready, reasons = scorable(studies, columns, fingerprints, reference)
    return [score_row(row, study) for row in read_rows(path) for study in ready], reasons


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a feature table, one at a time, as text.

    Raises:
        InputError: unreadable, or no table with a column ``case`` and features.
    """
    sheet = feature_sheet(path)
    if "case" not in sheet.columns or not any(map(is_feature, sheet.columns)):
        raise InputError(
            f"{path} is no feature table: it has no column “case”, or none with a feature's name. Give features.csv of "
            "a cohort run."
        )
    yield from (row for _, row in sheet.rows)


def score_row(row: Mapping[str, str], ready: StudyScores) -> dict[str, Any]:
    """One case's line of ``scores.csv``; where the case cannot be scored, ``not_scored`` says why."""
    study = ready.study
    line: dict[str, Any] = {**{name: row[name] for name in IDENTITY if name in row}, "study": study.id}
    try:
        result = score(
            study,
            _features(row, study),
            covariates={name: row[column] for column, name in ready.covariates if row[column]},
            reference=ready.reference,
        )
    except EsoRadiomicsError as error:
        return {**line, "not_scored": str(error)}
    line |= _columns(result)
    if "settings" not in row:
        line["warnings"] = " ".join(filter(None, (SETTINGS_UNKNOWN, line["warnings"])))
    return line


def _unknown(study: Study, columns: Iterable[str]) -> list[str]:
    """What a harmonisation takes of a patient that is no column of the table."""
    model = study.signature.harmonisation if study.signature else None
    there = {name for _, name in _covariates(study, columns)}
    return [name for name in (model.column, *model.covariates) if name not in there] if model else []


def _covariates(study: Study, columns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Columns that are named like one of the study's covariates, whatever their upper and lower case."""
    wanted = {name.lower(): name for name in study.covariates}
    for column in columns:
        if column.lower() in wanted:
            yield column, wanted[column.lower()]


def _features(row: Mapping[str, str], study: Study) -> Features:
    assert study.signature is not None
    if row.get("settings", study.settings.fingerprint) != study.settings.fingerprint:
        raise InputError(
            f"This case was measured with the settings {row['settings'] or '(unknown)'}, the study's are "
            f"{study.settings.fingerprint}. Run the cohort with this study's settings."
        )
    values = {}
    for name in study.signature.names:
        try:
            values.update({name: finite(row[name])} if row[name] else {})
        except ValueError as error:
            raise InputError(f"{name}: {error}. Give the table as it was written.") from error
    failed = dict(part.split(": ", 1) for part in row.get("failed", "").split("; ") if ": " in part)
    software = {name.removeprefix(SOFTWARE): cell for name, cell in row.items() if name.startswith(SOFTWARE)}
    return Features(values, failed, study.settings, software)


def _columns(result: Score) -> dict[str, Any]:
    """The numbers of a score; ranges where a covariate is missing."""
    line: dict[str, Any] = {
        "rad_score": result.rad_score,
        "group": result.group.id if result.group else "",
        "probability": result.probability,
        "strata": " | ".join(stratum.id for stratum in result.strata),
        **_range("linear_predictor", result.linear_predictor),
        **_range("event_probability", result.event_probability),
    }
    for at in result.survival:
        line |= {**_range(f"survival_{at.time:g}", at.bounds), f"survival_{at.time:g}_evidence": at.evidence}
    for at in result.incidence:
        line |= _range(f"incidence_{at.time:g}", at.bounds)
    return {
        **line,
        **({"harmonised_from": result.harmonised_from} if result.harmonised_from else {}),
        "missing": "; ".join(result.missing),
        "reference": result.reference_label,
        "demonstration": "yes" if result.demonstration else "",
        "warnings": " ".join(result.warnings),
        "not_scored": "",
    }


def _range(name: str, bounds: Bounds | None) -> dict[str, float]:
    return {} if bounds is None else {f"{name}_low": bounds.low, f"{name}_high": bounds.high}
