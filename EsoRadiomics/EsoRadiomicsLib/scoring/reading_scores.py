"""One patient's score in every reading of the paper: how much what the paper leaves open matters for this patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import EsoRadiomicsError, ScoreError
from ..core.progress import Progress
from ..core.translation import tr
from ..extraction.features import Features
from ..extraction.many_settings import Load, extract_each
from ..studies.paper_readings import Choice, Reading, paper_readings
from ..studies.reference_cohort import ReferenceCohort
from ..studies.study import Study
from .predicted_outcome import Bounds, SurvivalAt
from .score import Score, check_parameters, score


@dataclass(frozen=True)
class ReadingScore:
    """The score in one reading; ``failed`` says why there is none. ``values`` are those of the open settings."""

    values: Mapping[str, Any]
    rad_score: float | None = None
    group: str | None = None
    survival: tuple[SurvivalAt, ...] = ()
    event_probability: Bounds | None = None
    failed: str = ""


@dataclass(frozen=True)
class ChoiceEffect:
    """What one open setting does, all others as they are: over the pairs of readings that differ in it alone.

    ``mean_shift`` and ``largest_shift`` are absolute differences of the Rad-score, ``flips`` how often the group
    changes in ``pairs`` comparisons.
    """

    setting: str
    mean_shift: float
    largest_shift: float
    flips: int
    pairs: int


@dataclass(frozen=True)
class ReadingScores:
    """The score in every reading, the card's own first, and what each open setting does to it."""

    choices: tuple[Choice, ...]
    scores: tuple[ReadingScore, ...]
    effects: tuple[ChoiceEffect, ...]
    without_effect: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def scored(self) -> tuple[ReadingScore, ...]:
        """The readings in which there is a score."""
        return tuple(item for item in self.scores if item.rad_score is not None)

    @property
    def same_group(self) -> int:
        """In how many of the scored readings the group is that of the card's own reading."""
        return sum(item.group == self.scores[0].group for item in self.scored)

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest score."""
        scores = [item.rad_score for item in self.scored if item.rad_score is not None]
        return min(scores), max(scores)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values for result files."""
        return {
            "readings": len(self.scores),
            "scored": len(self.scored),
            "same_group": self.same_group,
            "lowest": self.interval[0],
            "highest": self.interval[1],
            "choices": [
                {"setting": choice.setting, "values": list(choice.values), "reasons": list(choice.reasons)}
                for choice in self.choices
            ],
            "effects": [vars(effect) for effect in self.effects],
            "without_effect": list(self.without_effect),
            "left_out": list(self.left_out),
            "scores": [
                {
                    "values": dict(item.values),
                    "rad_score": item.rad_score,
                    "group": item.group,
                    "survival": [
                        {"time": at.time, "low": at.bounds.low, "high": at.bounds.high} for at in item.survival
                    ],
                    "event_probability": item.event_probability and vars(item.event_probability),
                    "failed": item.failed,
                }
                for item in self.scores
            ],
        }

    @classmethod
    def from_dict(cls, node: Mapping[str, Any]) -> ReadingScores:
        """What :meth:`to_dict` gave."""
        return cls(
            choices=tuple(
                Choice(each["setting"], tuple(each["values"]), tuple(each["reasons"])) for each in node["choices"]
            ),
            scores=tuple(map(_reading_score, node["scores"])),
            effects=tuple(ChoiceEffect(**each) for each in node["effects"]),
            without_effect=tuple(node["without_effect"]),
            left_out=tuple(node["left_out"]),
        )


def _reading_score(node: Mapping[str, Any]) -> ReadingScore:
    probability = node["event_probability"]
    return ReadingScore(
        node["values"],
        node["rad_score"],
        node["group"],
        tuple(SurvivalAt(each["time"], Bounds(each["low"], each["high"]), "") for each in node["survival"]),
        Bounds(**probability) if probability else None,
        node["failed"],
    )


def score_readings(
    load: Load,
    study: Study,
    *,
    covariates: Mapping[str, Any] | None = None,
    reference: ReferenceCohort | None = None,
    progress: Progress | None = None,
) -> ReadingScores:
    """Score a patient in every reading of a study's paper, at most :data:`MOST`.

    Args:
        load: the case in a pixel type; called once for each.
        study: its card lists what the paper leaves open (``readings``).
        covariates: as for :func:`EsoRadiomicsLib.scoring.patient.score_patient`.
        reference: for z-scored signatures; it must have been measured in the other readings, too.
        progress: told after each reading.

    Returns:
        The Rad-score (no unit) and group of each reading, and of each open setting how far it moves the score.

    Raises:
        ScoreError: no readings, or none that can be scored; a reference that knows the card's own reading only.
        UsageError: a covariate that the study does not know.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> load = lambda pixel_type: eso.load_case("ct.nrrd", "gtv.nrrd", pixel_type=pixel_type)
        >>> readings = eso.score_readings(load, eso.load_study("ln-control-2y"))
        >>> len(readings.scored), readings.effects[0].setting
        (9, 'interpolator')
    """
    found = paper_readings(study)
    assert study.signature is not None
    results = {i: _reference_problem(study, reading, reference) for i, reading in enumerate(found.readings)}
    possible = [i for i, problem in results.items() if not problem]
    if len(possible) < 2:
        raise ScoreError(
            next(problem for problem in results.values() if problem)
            + tr(
                " Every reading of the paper needs means and SDs of its own: measure the cohort with "
                "“esoradiomics cohort run … --all-readings” and build the reference from that run."
            )
        )
    variants = [found.readings[i].settings for i in possible]
    scores = {i: ReadingScore(found.readings[i].values, failed=problem) for i, problem in results.items() if problem}
    for place, features in extract_each(load, variants, study.signature.names, progress):
        i = possible[place]
        scores[i] = _scored(study, found.readings[i], features, covariates, reference)
    ordered = tuple(scores[i] for i in range(len(found.readings)))
    if sum(item.rad_score is not None for item in ordered) < 2 or ordered[0].rad_score is None:
        reasons = "; ".join(dict.fromkeys(item.failed for item in ordered if item.failed))
        raise ScoreError(
            tr("The patient cannot be scored in several readings of the paper ({reasons}).", reasons=reasons)
        )
    effects = tuple(sorted((_effect(c, ordered) for c in found.choices), key=lambda e: -e.mean_shift))
    return ReadingScores(found.choices, ordered, effects, found.without_effect, found.left_out)


def _reference_problem(study: Study, reading: Reading, reference: ReferenceCohort | None) -> str:
    """Why the reading has no means and SDs, or an empty string."""
    try:
        check_parameters(study, reading.settings, reference and reference.at(reading.settings))
    except ScoreError as error:
        return str(error)
    return ""


def _scored(
    study: Study,
    reading: Reading,
    features: Features | str,
    covariates: Mapping[str, Any] | None,
    reference: ReferenceCohort | None,
) -> ReadingScore:
    if isinstance(features, str):
        return ReadingScore(reading.values, failed=features)
    try:
        result = score(study, features, covariates=covariates, reference=reference and reference.at(reading.settings))
    except EsoRadiomicsError as error:
        return ReadingScore(reading.values, failed=str(error))
    return _of(reading, result)


def _of(reading: Reading, result: Score) -> ReadingScore:
    group = result.group.id if result.group else None
    return ReadingScore(reading.values, result.rad_score, group, result.survival, result.event_probability)


def _effect(choice: Choice, scores: tuple[ReadingScore, ...]) -> ChoiceEffect:
    """Compare each reading that has the card's value of a setting with those that differ in this setting alone."""
    shifts, flips = [], 0
    by_rest: dict[str, list[ReadingScore]] = {}
    for item in scores:
        if item.rad_score is not None:
            by_rest.setdefault(repr([v for k, v in item.values.items() if k != choice.setting]), []).append(item)
    for group in by_rest.values():
        base = next((item for item in group if item.values[choice.setting] == choice.values[0]), None)
        for item in group:
            if base is not None and item is not base:
                shifts.append(abs(item.rad_score - base.rad_score))  # type: ignore[operator]  # only scored ones are here
                flips += item.group != base.group
    mean = sum(shifts) / len(shifts) if shifts else 0.0
    return ChoiceEffect(choice.setting, mean, max(shifts, default=0.0), flips, len(shifts))
