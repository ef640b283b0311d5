"""Reference cohorts: mean and SD of each feature over a cohort, which z-scored signatures need and the papers do not
print.

A reference is only valid for the settings that made it; it is refused for a study with others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, ScoreError, StudyError, UsageError
from ..core.output import write_text
from ..core.schemas import check_schema
from ..core.strict_json import read_json
from ..extraction.engines import is_feature, settings_from
from ..extraction.settings import ExtractionSettings

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
FEWEST_CASES = 3


@dataclass(frozen=True)
class ReferenceFeature:
    """One feature over a cohort: mean, SD (n − 1, as R's ``scale``), number of cases, range and quantiles."""

    mean: float
    sd: float
    n: int
    minimum: float
    maximum: float
    quantiles: Mapping[str, float]


@dataclass(frozen=True)
class ReferenceCohort:
    """A cohort's feature distributions with the settings and software that made them.

    ``demonstration`` marks one generated to show the software: every output that rests on it says so. ``readings`` are
    the same patients measured with other settings, for the readings of a paper.
    """

    label: str
    demonstration: bool
    cases: int
    settings: ExtractionSettings
    software: Mapping[str, str]
    features: Mapping[str, ReferenceFeature]
    readings: tuple[ReferenceCohort, ...] = ()

    def at(self, settings: ExtractionSettings) -> ReferenceCohort:
        """The cohort as it was measured with ``settings``; itself where it was not."""
        return next((each for each in self.readings if each.settings == settings), self)

    def require_settings(self, settings: ExtractionSettings) -> None:
        """Check that the cohort was measured with ``settings``.

        Raises:
            ScoreError: it was not; the message lists the differences.
        """
        differences = settings.differences(self.settings)
        if differences:
            listed = "; ".join(
                f"{name}: here {ours}, reference {theirs}" for name, (ours, theirs) in differences.items()
            )
            raise ScoreError(
                f"The reference cohort “{self.label}” was measured with other settings than this patient ({listed}). "
                "Extract its features again with the study's settings and rebuild it."
            )

    def to_dict(self) -> dict[str, Any]:
        """The file's JSON."""
        return {
            "reference_version": 1,
            "label": self.label,
            "demonstration": self.demonstration,
            "cases": self.cases,
            "settings": self.settings.to_dict(),
            "software": dict(self.software),
            "features": _plain(self.features),
        } | ({"readings": [each._measured() for each in self.readings]} if self.readings else {})

    def _measured(self) -> dict[str, Any]:
        return {"settings": self.settings.to_dict(), "features": _plain(self.features)}

    def save(self, path: Path) -> None:
        """Write the reference cohort file."""
        write_text(path, json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n")


def _plain(features: Mapping[str, ReferenceFeature]) -> dict[str, Any]:
    return {name: asdict(feature) for name, feature in features.items()}


def build_reference(
    table: pd.DataFrame,
    settings: ExtractionSettings,
    *,
    label: str,
    software: Mapping[str, str] | None = None,
    demonstration: bool = False,
) -> ReferenceCohort:
    """A reference cohort from a table with one row a case and PyRadiomics' names as columns.

    A ``settings`` column (fingerprints, written by ``esoradiomics extract``) must name ``settings`` in every row.

    Raises:
        InputError: fewer than 3 cases, no feature columns, cells that are not numbers, or rows of other settings.
    """
    columns = [column for column in table.columns if is_feature(str(column))]
    if not columns:
        raise InputError(
            "The feature table has no column with a PyRadiomics name (image_class_Feature). Give a table with one "
            "row a case, as “esoradiomics extract” writes it."
        )
    if len(table) < FEWEST_CASES:
        raise InputError(
            f"The feature table has {len(table)} case(s); a reference cohort needs at least {FEWEST_CASES}."
        )
    if "case" in table.columns and table["case"].duplicated().any():
        twice = sorted(set(table.loc[table["case"].duplicated(), "case"].astype(str)))
        raise InputError(f"The feature table lists {', '.join(twice)} more than once. Keep one row a case.")
    if "settings" in table.columns:
        others = sorted(set(table["settings"].astype(str)) - {settings.fingerprint})
        if others:
            raise InputError(
                f"The feature table has rows measured with other settings (fingerprint {', '.join(others)}, wanted "
                f"{settings.fingerprint}). Extract those cases again with the study's settings."
            )
    features = {}
    for column in columns:
        try:
            values = table[column].to_numpy(dtype=float)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"Column {column} of the feature table holds a cell that is no number: {error}."
            ) from error
        values = values[np.isfinite(values)]
        if len(values) >= FEWEST_CASES:
            features[str(column)] = _describe(values)
    return ReferenceCohort(label, demonstration, len(table), settings, dict(software or {}), features)


def build_with_readings(
    table: pd.DataFrame,
    settings: ExtractionSettings,
    readings: Iterable[ExtractionSettings],
    *,
    label: str,
    software: Mapping[str, str] | None = None,
    demonstration: bool = False,
) -> ReferenceCohort:
    """As :func:`build_reference`, from a table that may hold the same cases in other readings of the paper, too.

    Args:
        table: its column ``settings`` tells the readings apart.
        settings: those of the study.
        readings: the settings of its other readings.
        label, software, demonstration: as :func:`build_reference`.

    Raises:
        InputError: as :func:`build_reference`; a reading with other cases than the study's own settings.
    """
    about: dict[str, Any] = {"label": label, "software": software, "demonstration": demonstration}
    if "settings" not in table.columns:
        return build_reference(table, settings, **about)
    found = {str(name): rows for name, rows in table.groupby(table["settings"].astype(str), sort=False)}
    others = {each.fingerprint: each for each in readings if each.fingerprint in found}
    own = build_reference(table[~table["settings"].astype(str).isin(others.keys())], settings, **about)
    parts = []
    for fingerprint, each in others.items():
        if len(found[fingerprint]) != own.cases:
            raise InputError(
                f"The reading {fingerprint} has {len(found[fingerprint])} cases, the study's own settings {own.cases}. "
                "Measure them together: “esoradiomics cohort run … --all-readings”."
            )
        parts.append(build_reference(found[fingerprint], each, **about))
    return replace(own, readings=tuple(parts))


def _describe(values: np.ndarray) -> ReferenceFeature:
    return ReferenceFeature(
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)),
        n=len(values),
        minimum=float(values.min()),
        maximum=float(values.max()),
        quantiles={f"{q:g}": float(np.quantile(values, q)) for q in QUANTILES},
    )


def load_reference(path: str | Path | ReferenceCohort) -> ReferenceCohort:
    """Read a reference cohort file.

    Raises:
        StudyError: it cannot be read or is broken; the message holds the path inside the JSON.
    """
    if isinstance(path, ReferenceCohort):
        return path
    subject = f"The reference cohort {path}"
    node = read_json(Path(path), subject, "Build one with “esoradiomics reference build”.")
    check_schema(node, "reference-cohort.schema.json", subject)
    own = _part(node, node, subject, "$")
    parts = [_part(node, each, subject, f"$.readings[{i}]") for i, each in enumerate(node.get("readings", ()))]
    return replace(own, readings=tuple(parts))


def _part(node: Mapping[str, Any], part: Mapping[str, Any], subject: str, at: str) -> ReferenceCohort:
    try:
        settings = settings_from(part["settings"])
    except (UsageError, TypeError, ValueError) as error:
        raise StudyError(f"{subject} is broken at {at}.settings: {error}") from error
    features = {name: ReferenceFeature(**values) for name, values in part["features"].items()}
    for name, feature in features.items():
        if problem := _contradiction(feature):
            raise StudyError(f"{subject} is broken at {at}.features.{name}: {problem}. Build it again.")
    return ReferenceCohort(node["label"], node["demonstration"], node["cases"], settings, node["software"], features)


def _contradiction(feature: ReferenceFeature) -> str:
    """What cannot be true of one cohort's values, or an empty string; the last bits of numbers are not asked."""
    width = feature.maximum - feature.minimum
    slack = 1e-9 * max(abs(feature.minimum), abs(feature.maximum), width)
    inside = [feature.mean, *feature.quantiles.values()]
    if width < 0 or any(not feature.minimum - slack <= value <= feature.maximum + slack for value in inside):
        return "its mean or quantiles lie outside its own minimum and maximum"
    if feature.sd > width + slack:
        return "its SD is larger than its own range"
    levels = [value for _, value in sorted(feature.quantiles.items(), key=lambda item: float(item[0]))]
    if any(low > high + slack for low, high in pairwise(levels)):
        return "its quantiles do not rise"
    return ""
