"""Reference cohorts: mean and SD of each feature over a cohort, which z-scored signatures need and papers do not print.

A reference is only valid for the settings that made it; it is refused for a study with others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ScoreError, StudyError, UsageError
from ..core.numbers import finite
from ..core.output import write_text
from ..core.schemas import check_schema
from ..core.strict_json import read_json
from ..core.translation import tr
from ..extraction.engines import settings_from
from ..extraction.settings import ExtractionSettings

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
class SignatureSpread:
    """How the features of one study's signature hang together in a cohort; it says how sure a z-score is.

    Attributes:
        features: (p,) names, all with an SD above 0.
        correlations: (p, p) Pearson, of the cases that have all of them.
        scores: the Rad-score of each of these cases against the cohort itself, ascending.
        patients: (cases, p) values, without names, where they may be kept; else empty.
    """

    features: tuple[str, ...]
    correlations: tuple[tuple[float, ...], ...]
    scores: tuple[float, ...]
    patients: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class ReferenceCohort:
    """A cohort's feature distributions with the settings and software that made them.

    ``demonstration`` marks one generated to show the software: every output that rests on it says so. ``readings`` are
    the same patients measured with other settings, for the readings of a paper; ``signatures`` and ``worth``
    (what it was judged to be worth when it was made, as JSON) are by study.
    """

    label: str
    demonstration: bool
    cases: int
    settings: ExtractionSettings
    software: Mapping[str, str]
    features: Mapping[str, ReferenceFeature]
    readings: tuple[ReferenceCohort, ...] = ()
    signatures: Mapping[str, SignatureSpread] = field(default_factory=dict)
    worth: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

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
                tr(
                    "The reference cohort “{label}” was measured with other settings than this patient "
                    "({listed}). Extract its features again with the study's settings and rebuild it.",
                    label=self.label,
                    listed=listed,
                )
            )

    def to_dict(self) -> dict[str, Any]:
        """The file's JSON."""
        document: dict[str, Any] = {
            "reference_version": 1,
            "label": self.label,
            "demonstration": self.demonstration,
            "cases": self.cases,
            "settings": self.settings.to_dict(),
            "software": dict(self.software),
            "features": _plain(self.features),
        }
        if self.readings:
            document["readings"] = [each._measured() for each in self.readings]
        if self.signatures:
            document["signatures"] = {study: asdict(spread) for study, spread in self.signatures.items()}
        if self.worth:
            document["worth"] = dict(self.worth)
        return document

    def _measured(self) -> dict[str, Any]:
        return {"settings": self.settings.to_dict(), "features": _plain(self.features)}

    def save(self, path: Path) -> None:
        """Write the reference cohort file."""
        write_text(path, json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n")


def _plain(features: Mapping[str, ReferenceFeature]) -> dict[str, Any]:
    return {name: asdict(feature) for name, feature in features.items()}


def load_reference(path: str | Path | ReferenceCohort) -> ReferenceCohort:
    """Read a reference cohort file.

    Args:
        path: of the JSON file; a :class:`ReferenceCohort` is given back as it is.

    Returns:
        Mean and SD of each feature, in its unit, with the settings and versions that they were measured with.

    Raises:
        StudyError: it cannot be read or is broken; the message holds the path inside the JSON.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> eso.load_reference("cohort.json").cases
        3
    """
    if isinstance(path, ReferenceCohort):
        return path
    subject = tr("The reference cohort {path}", path=path)
    node = read_json(Path(path), subject, tr("Choose another, or build it again."))
    check_schema(node, "reference-cohort.schema.json", subject)
    own = _part(node, node, subject, "$")
    parts = [_part(node, each, subject, f"$.readings[{i}]") for i, each in enumerate(node.get("readings", ()))]
    signatures = {study: _spread(each, own, subject, study) for study, each in node.get("signatures", {}).items()}
    return replace(own, readings=tuple(parts), signatures=signatures, worth=node.get("worth", {}))


def _spread(node: Mapping[str, Any], own: ReferenceCohort, subject: str, study: str) -> SignatureSpread:
    spread = SignatureSpread(
        tuple(node["features"]),
        tuple(map(tuple, node["correlations"])),
        tuple(node["scores"]),
        tuple(map(tuple, node["patients"])),
    )
    if problem := _spread_contradiction(spread, own):
        raise StudyError(
            tr(
                "{subject} is broken at {at}: {problem}. Build it again.",
                subject=subject,
                at=f"$.signatures.{study}",
                problem=problem,
            )
        )
    return spread


def _spread_contradiction(spread: SignatureSpread, own: ReferenceCohort) -> str:
    """What cannot be true of one signature in the cohort, or an empty string, as :func:`_contradiction`."""
    p = len(spread.features)
    if any(len(row) != p for row in (*spread.correlations, *spread.patients)) or len(spread.correlations) != p:
        return tr("not one row and column for each feature")
    lacking = [name for name in spread.features if name not in own.features or not own.features[name].sd > 0]
    if lacking:
        return tr("{name} has no mean and SD in it", name=lacking[0])
    found = np.array(spread.correlations, dtype=float)
    slack = 1e-6
    plausible = np.abs(found).max() <= 1 + slack and np.abs(np.diag(found) - 1).max() <= slack
    if not plausible or np.abs(found - found.T).max() > slack or np.linalg.eigvalsh(found).min() < -p * slack:
        return tr("its correlations cannot be those of any patients")
    if any(0 < len(rows) < FEWEST_CASES or len(rows) > own.cases for rows in (spread.scores, spread.patients)):
        return tr("it holds scores or patients of another number of cases")
    if any(low > high for low, high in pairwise(spread.scores)):
        return tr("its scores do not rise")
    for name, column in zip(spread.features, np.array(spread.patients, dtype=float).T, strict=bool(spread.patients)):
        feature = own.features[name]
        off = max(abs(column.mean() - feature.mean), abs(column.std(ddof=1) - feature.sd))
        # Patients that lack another of the features are not in the table, so only a whole one has the same mean and SD.
        whole = feature.n == len(column)
        if np.ptp(column) == 0 or (whole and off > slack * max(feature.sd, slack * abs(feature.mean))):
            return tr("mean and SD of {name} are not those of its patients", name=name)
    return ""


def _part(node: Mapping[str, Any], part: Mapping[str, Any], subject: str, at: str) -> ReferenceCohort:
    try:
        settings = settings_from(part["settings"])
    except (UsageError, TypeError, ValueError) as error:
        raise StudyError(
            tr("{subject} is broken at {at}.settings: {error}", subject=subject, at=at, error=error)
        ) from error
    features = {name: ReferenceFeature(**values) for name, values in part["features"].items()}
    for name, feature in features.items():
        if problem := _contradiction(feature, node["cases"]):
            raise StudyError(
                tr(
                    "{subject} is broken at {at}.features.{name}: {problem}. Build it again.",
                    subject=subject,
                    at=at,
                    name=name,
                    problem=problem,
                )
            )
    return ReferenceCohort(node["label"], node["demonstration"], node["cases"], settings, node["software"], features)


def _contradiction(feature: ReferenceFeature, cases: int) -> str:
    """What cannot be true of one cohort's values, or an empty string; the last bits of numbers are not asked."""
    if feature.n > cases:
        return tr("it has {n} values of {cases} cases", n=feature.n, cases=cases)
    width = feature.maximum - feature.minimum
    slack = 1e-9 * max(abs(feature.minimum), abs(feature.maximum), width)
    inside = [feature.mean, *feature.quantiles.values()]
    if width < 0 or any(not feature.minimum - slack <= value <= feature.maximum + slack for value in inside):
        return tr("its mean or quantiles lie outside its own minimum and maximum")
    if feature.sd > width + slack:
        return tr("its SD is larger than its own range")
    try:
        levels = [value for _, value in sorted(feature.quantiles.items(), key=lambda item: finite(item[0]))]
    except ValueError as error:
        return tr("its quantiles are named {error}", error=error)
    if any(low > high + slack for low, high in pairwise(levels)):
        return tr("its quantiles do not rise")
    return ""
