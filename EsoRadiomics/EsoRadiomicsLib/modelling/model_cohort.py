"""A cohort's table: features, clinical variables and outcome of each patient (or ROI), checked once at the door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import InputError, UsageError
from ..extraction.engines import is_feature
from ..extraction.feature_table import (
    HARMONISED,
    ROI_VOLUME,
    SETTINGS_CHANGED,
    SETTINGS_UNKNOWN,
    SOFTWARE,
    read_tables,
    table_lines,
    unused_columns,
)
from ..statistics.inputs import BoolArray, IntArray, Survival, binary, numbers, survival
from ..studies.study import Study
from .event_causes import event_and_causes
from .model_covariates import coded
from .patient_rows import EACH, one_row_a_patient, whose_rows
from .rows_left_out import after_landmark, check_gaps, complete_cases
from .table_split import fold_numbers, training_rows

TIME_UNITS = {"days": 1.0, "months": 365.25 / 12, "years": 365.25}
_LONGEST_YEARS = 50
COMPLETE, IMPUTE = "complete", "impute"
_METADATA = ("case", "image_sha256", "mask_sha256", ROI_VOLUME, "settings", "failed", SETTINGS_CHANGED, HARMONISED)


@dataclass(frozen=True)
class Columns:
    """Which column of the table is what.

    Attributes:
        time, event: follow-up and event (1 = event) of a survival outcome.
        competing: what ends the follow-up before the event can happen: a column of 0/1, or what code 2 of ``event`` is.
        outcome: a binary outcome coded 0/1.
        clinical: clinical variables; those of them that are ``factors`` may be text of any number of values.
        split: says “training” or “validation”; folds: fold number of each training patient.
        patient: whose ROI it is, where a patient has several rows.
        missing: what becomes of patients with gaps in clinical variables: ``complete`` cases only, or ``impute``.
        batch: the scanner or centre that a row comes from, where features are harmonised.
        rois: what becomes of a patient's rows: ``each`` stays, the ``largest``, or the ``mean`` of the features.
        first_feature: all columns from this one on are features; without it those that an engine measures.
        features: further columns that are features, whatever their names (those of a card).
        if_there: further clinical variables, read where the table has them for everybody.
        landmark: when the clock starts, in the study's unit after the table's; who is not followed so long is left out.
        time_unit: of ``time``, where it is not the study's unit.
    """

    time: str | None = None
    event: str | None = None
    competing: str | None = None
    outcome: str | None = None
    clinical: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    split: str | None = None
    folds: str | None = None
    patient: str | None = None
    batch: str | None = None
    missing: str = COMPLETE
    rois: str = EACH
    first_feature: str | None = None
    features: tuple[str, ...] = ()
    if_there: tuple[str, ...] = ()
    landmark: float = 0.0
    time_unit: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that must be there."""
        single = (self.time, self.event, self.outcome, self.split, self.folds, self.patient, self.batch)
        return tuple(dict.fromkeys([*(name for name in (*single, self.first_feature) if name), *self.clinical]))


@dataclass(frozen=True)
class Cohort:
    """n patients (or ROIs): ``features`` (n, p) and ``clinical`` (n, c), both numbers and indexed by case.

    ``survival`` and ``binary`` (n,) are the outcomes that were given, ``competes`` is what ended the follow-up of those
    who ``competed``, "" where nothing is told apart; ``patients`` (n,) tells whose row it is,
    ``covariates`` are the clinical variables as a card writes them, ``warnings`` sentences for the user;
    follow-up starts at the ``landmark``. ``volume`` (n,) is the ROI's as drawn in cm³, where the table says it of all;
    ``batches`` (n,) the names of their scanners or centres, where features are harmonised. Where ``clinical`` may have
    gaps (NaN), ``completed`` are its fillings once there are some.
    """

    features: pd.DataFrame
    clinical: pd.DataFrame
    survival: Survival | None
    binary: BoolArray | None
    patients: tuple[str, ...]
    covariates: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = field(default=(), compare=False)
    landmark: float = 0.0
    volume: pd.Series | None = None
    batches: pd.Series | None = None
    competes: str = ""
    completed: tuple[pd.DataFrame, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.features)

    @property
    def event(self) -> BoolArray:
        """The binary outcome where there is one, else whether the event was observed (n,)."""
        if self.binary is not None:
            return self.binary
        assert self.survival is not None
        return self.survival.event

    @property
    def known(self) -> pd.DataFrame:
        """All numbers of the rows: clinical variables, features and the ROI's volume, under their names."""
        return pd.concat([self.clinical, self.features, *([] if self.volume is None else [self.volume])], axis=1)

    @property
    def gaps(self) -> dict[str, int]:
        """Clinical variables that some patients lack, and how many do."""
        counts = self.clinical.isna().sum()
        return {str(name): int(n) for name, n in counts[counts > 0].items()}

    @property
    def complete(self) -> Cohort:
        """The patients without gaps: those that a card can predict."""
        return self.rows(self.clinical.notna().all(axis=1).to_numpy()) if self.gaps else self

    @property
    def given(self) -> pd.DataFrame:
        """What a card may ask for: the clinical variables and, by name, the scanner or centre."""
        found = self.clinical
        if self.batches is not None:
            found = found.assign(**{str(self.batches.name): self.batches.to_numpy()})
        return found

    @property
    def clusters(self) -> tuple[str, ...] | None:
        """Whose row each is, where a patient has several; None where every row is a patient."""
        return self.patients if len(set(self.patients)) < len(self.patients) else None

    @property
    def counted(self) -> str:
        """“155 patients”; with several rows a patient “60 patients, 180 ROIs”."""
        n = len(set(self.patients))
        return f"{n} patients" if n == len(self) else f"{n} patients, {len(self)} ROIs"

    def rows(self, rows: IntArray | BoolArray) -> Cohort:
        """Some of the patients; an index may repeat, as in a bootstrap sample."""
        return replace(
            self,
            features=self.features.iloc[rows],
            clinical=self.clinical.iloc[rows],
            survival=None if self.survival is None else self.survival[rows],
            binary=None if self.binary is None else self.binary[rows],
            patients=tuple(np.asarray(self.patients, dtype=object)[rows]),
            volume=None if self.volume is None else self.volume.iloc[rows],
            batches=None if self.batches is None else self.batches.iloc[rows],
            completed=(),
        )


@dataclass(frozen=True)
class Table:
    """A cohort with what its table says of split and folds: ``training`` (n,) and ``folds`` (n,), None if not said.

    ``settings_checked``: the table carries the fingerprint of its extraction settings, and it is the study's.
    """

    cohort: Cohort
    training: BoolArray | None
    folds: IntArray | None
    settings_checked: bool


def read_cohort(path: Path, columns: Columns, study: Study) -> Table:
    """Read and check a table for a study's protocol or card.

    Raises:
        UsageError: a column that is not there, or an outcome of which a part is not named.
        InputError: a table that cannot be used; the message names the rows or columns.
    """
    _check_header(path, columns)
    by_name = [name for name, covariate in study.covariates.items() if covariate.by_name]
    table = read_tables([path], text=(*by_name, *([columns.batch] if columns.batch else [])))
    if not len(table):
        raise InputError(f"{path} has no row below its header; give a table with one row a patient.")
    cases = table["case"].astype(str) if "case" in table else table.iloc[:, 0].astype(str)
    if repeated := [case for case, n in Counter(cases).items() if n > 1]:
        raise InputError(f"{path} has {listed(repeated)} more than once; give each case one row and a name of its own.")
    table.index = pd.Index(cases, name="case")
    _check_as_measured(table, columns, study)
    remarks = _warnings(table)
    if columns.rois != EACH:
        table, remark = _one_row_a_patient(table, columns)
        remarks.append(remark)
    else:
        remarks += whose_rows(table, columns.patient)
    needed = [*(columns.clinical if columns.missing == COMPLETE else ()), *([columns.batch] if columns.batch else [])]
    table, more_remarks = complete_cases(table, needed)
    remarks += more_remarks
    check_gaps(table, columns.clinical)
    if columns.landmark:
        table, remark = _after_landmark(table, columns, study)
        remarks.append(remark)
    training = None if columns.split is None else training_rows(table[columns.split])
    features = _features(table, columns)
    remarks += unused_columns(table.columns, {*features, *columns.named, *columns.features, *_METADATA})
    more = [name for name in columns.if_there if name in table and table[name].notna().all()]
    clinical, covariates = coded(
        table[list(dict.fromkeys([*columns.clinical, *more]))], training, study, columns.factors
    )
    cohort = Cohort(
        features=features,
        clinical=clinical,
        survival=_survival(table, columns, study),
        binary=None if columns.outcome is None else binary(table[columns.outcome]),
        patients=tuple(table[columns.patient].astype(str)) if columns.patient else tuple(table.index),
        covariates=covariates,
        warnings=tuple(remarks),
        landmark=columns.landmark,
        volume=_volume(table),
        batches=None if columns.batch is None else table[columns.batch].str.strip(),
        competes=columns.competing or "",
    )
    if training is not None:
        check_apart(cohort, training)
    folds = None if columns.folds is None else fold_numbers(table[columns.folds], training)
    return Table(cohort, training, folds, settings_checked="settings" in table)


def _after_landmark(table: pd.DataFrame, columns: Columns, study: Study) -> tuple[pd.DataFrame, str]:
    if columns.time is None:
        raise UsageError("--landmark needs the column of the follow-up time: --time.")
    unit = study_unit(study)
    factor = 1.0 if columns.time_unit is None else TIME_UNITS[columns.time_unit] / TIME_UNITS[unit]
    return after_landmark(table, columns.time, columns.landmark, unit, factor)


def _one_row_a_patient(table: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, str]:
    if columns.patient is None:
        raise UsageError(f"--rois {columns.rois} needs the column that says whose ROI a row is: --patient.")
    features = _features(table, columns)
    table = table.assign(**{name: features[name] for name in features})
    competing = columns.competing if columns.competing in table else None
    once = (columns.time, columns.event, competing, columns.outcome, columns.split, columns.folds, columns.batch)
    others = [name for name in (*once, *columns.clinical) if name is not None]
    return one_row_a_patient(table, columns.patient, columns.rois, list(features), others)


def _volume(table: pd.DataFrame) -> pd.Series | None:
    if ROI_VOLUME not in table:
        return None
    volume = pd.to_numeric(table[ROI_VOLUME], errors="coerce")
    return volume if np.isfinite(volume).all() and (volume > 0).all() else None


def check_apart(cohort: Cohort, training: BoolArray) -> None:
    """Raise InputError when the same patient, or the same image under another name, is on both sides of a split."""
    patients = np.asarray(cohort.patients, dtype=object)
    if both := sorted(set(patients[training]) & set(patients[~training])):
        raise InputError(
            f"{listed(both)} has rows in training and in validation, so the validation would not be independent. Put "
            "every ROI of a patient on one side."
        )
    values = [tuple(row) for row in cohort.features.to_numpy()]
    seen = {row: case for row, case, inside in zip(values, cohort.features.index, training, strict=True) if inside}
    for row, case, inside in zip(values, cohort.features.index, training, strict=True):
        if not inside and row in seen and len(row) > 1:
            raise InputError(
                f"{case} of the validation patients has the same value in every feature as {seen[row]} of the training "
                "patients: it seems to be the same image. Leave one of them out."
            )


def _check_header(path: Path, columns: Columns) -> None:
    header = next(table_lines(path), [])
    if repeated := [name for name, n in Counter(header).items() if n > 1]:
        raise InputError(f"{path} has the column “{listed(repeated)}” more than once; give each column its own name.")
    if missing := [name for name in columns.named if name not in header]:
        others = [name for name in header if not is_feature(name)][:20]
        raise UsageError(f"{path} has no column “{missing[0]}”. Its columns are: {', '.join(others)}, …")
    if (columns.time is None) != (columns.event is None):
        raise UsageError("A survival outcome needs both --time and --event.")


def _check_as_measured(table: pd.DataFrame, columns: Columns, study: Study) -> None:
    if HARMONISED in table and (columns.batch or (study.signature and study.signature.harmonisation)):
        raise InputError(
            "The table's features were harmonised before (it has a column “harmonised”), and would be once more here. "
            "Give the table as it was measured."
        )
    if "settings" not in table:
        return
    other = sorted(set(table["settings"].astype(str)) - {study.settings.fingerprint})
    if other:
        cases = list(table.index[table["settings"].astype(str).isin(other)])
        raise InputError(
            f"The features of {listed(cases)} were measured with other settings ({listed(other)}) than {study.id} asks "
            f"for ({study.settings.fingerprint}). Extract them again with “esoradiomics extract … --study {study.id}”."
        )


def _features(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    if columns.first_feature is None:
        names = [name for name in table.columns if is_feature(str(name)) or name in columns.features]
        hint = "name the first of your own feature columns with --first-feature"
    else:
        others = {*columns.named, columns.competing, *_METADATA} - {columns.first_feature}
        start = list(table.columns).index(columns.first_feature)
        names = [name for name in table.columns[start:] if name not in others and not name.startswith(SOFTWARE)]
        hint = "check --first-feature"
    if not names:
        raise InputError(f"The table has no column with the name of a feature (image_class_Feature); {hint}.")
    return pd.DataFrame({name: numbers(table[name], f"'{name}'") for name in names}, index=table.index)


def _survival(table: pd.DataFrame, columns: Columns, study: Study) -> Survival | None:
    if columns.time is None or columns.event is None:
        return None
    for name in (columns.time, columns.event):
        if missing := list(table.index[table[name].isna()]):
            raise InputError(
                f"“{name}” is empty for {listed(missing)}. Fill in the outcome, or leave these patients out."
            )
    event, competed = event_and_causes(table, columns.event, columns.competing)
    outcome = survival(table[columns.time], event)
    unit = study_unit(study)
    time = outcome.time
    if columns.time_unit is not None:
        time = time * TIME_UNITS[columns.time_unit] / TIME_UNITS[unit]
    limit = _LONGEST_YEARS * TIME_UNITS["years"] / TIME_UNITS[unit]
    if (too_long := time > limit).any():
        worst = int(np.argmax(time))
        raise InputError(
            f"A follow-up of {time[worst]:g} {unit} ({table.index[worst]}; {int(too_long.sum())} patients above "
            f"{_LONGEST_YEARS} years) cannot be. Give all times in one unit, and name it with --time-unit (days, "
            "months or years)."
        )
    return Survival(time, outcome.event, competed)


def study_unit(study: Study) -> str:
    """The unit of a study's times: its outcome's, else months as in all the built-in studies."""
    unit = study.outcome.unit if study.outcome else ""
    return unit if unit in TIME_UNITS else "months"


def _warnings(table: pd.DataFrame) -> list[str]:
    before = (
        "The table's features were harmonised before (cohort harmonise), which a card fitted to them does not repeat: "
        "harmonise every new patient with that same model before scoring it, or fit with --batch; the card carries it."
    )
    said = [*([] if "settings" in table else [SETTINGS_UNKNOWN]), *([before] if HARMONISED in table else [])]
    return [*said, *table.attrs.get("remarks", ())]


def listed(names: Sequence[str], shown: int = 5) -> str:
    """The first names of a list, for a message."""
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(map(str, names[:shown])) + rest
