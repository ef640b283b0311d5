"""What the panel lets choose: its inputs, the list of study cards, and the command that scores with them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...core.errors import EsoRadiomicsError, InputError
from ...core.formatting import counted
from ...core.translation import ENGLISH, current_language
from ...scoring.reference_worth import worth_lines
from ...scoring.score import check_covariates, check_parameters, check_scorable
from ...studies.reference_cohort import ReferenceCohort, load_reference
from ...studies.study import Study, builtin_studies, load_study
from ..language import tr as _

IN_SCENE = "in the scene"
"""Stands for the study of the scene's result, where its card is not among those installed here."""


@dataclass(frozen=True)
class Inputs:
    """What the panel shows. Node fields are MRML nodes or None; ``study`` and ``reference`` are IDs or paths.

    ``segmentation`` may be a labelmap volume, then ``segment_id`` is the label as text. A covariate that is None is
    not known. ``jobs`` is the number of processes.
    """

    volume: Any = None
    segmentation: Any = None
    segment_id: str = ""
    study: str = ""
    covariates: dict[str, float | None] = field(default_factory=dict)
    reference: str = ""
    all_features: bool = False
    jobs: int = 1

    @property
    def nodes(self) -> tuple[Any, Any, str]:
        """CT, segmentation and segment."""
        return self.volume, self.segmentation, self.segment_id


@dataclass(frozen=True)
class StudyChoice:
    """A study card of the list; ``why_not`` says why it cannot be scored, if it cannot.

    ``ready``: CT and GTV are all it takes to score a patient.
    """

    id_or_path: str
    title: str
    endpoint: str
    scorable: bool
    ready: bool
    why_not: str


def study_choices(user_studies: Path | None) -> list[StudyChoice]:
    """The built-in cards and those of a folder, those first that can be scored at once; a broken card says why not."""
    own = sorted(user_studies.glob("*.json")) if user_studies else []
    choices = [_choice(id_or_path) for id_or_path in (*builtin_studies(), *map(str, own))]
    return sorted(choices, key=lambda choice: (not choice.scorable, not choice.ready))


def _choice(id_or_path: str) -> StudyChoice:
    try:
        return choice_of(id_or_path, study_of(id_or_path))
    except EsoRadiomicsError as error:
        return StudyChoice(id_or_path, Path(id_or_path).name, "", False, False, str(error))


def choice_of(id_or_path: str, study: Study) -> StudyChoice:
    """A study as an entry of the list."""
    why_not = study.absent if study.signature is None else study.table_only
    return StudyChoice(id_or_path, study.title, study.endpoint, not why_not, not needs_reference(study), why_not)


def needs_reference(study: Study) -> bool:
    """Whether it scores z-scores whose means and SDs its paper does not print."""
    try:
        check_parameters(study, study.settings, None)
    except EsoRadiomicsError:
        return study.signature is not None
    return False


def require_scorable(study: Study, inputs: Inputs) -> None:
    """Refuse what cannot be scored.

    Raises:
        EsoRadiomicsError: a study without a signature, no reference cohort where one is needed, a covariate amiss.
    """
    if needs_reference(study) and not inputs.reference:
        sentence = _(
            "This study scores z-scores, but its paper does not print the means and SDs. Choose a "
            "reference cohort in section 2, or make one of your own patients there."
        )
        raise InputError(sentence)
    check_scorable(study, study.settings, reference_of(inputs.reference))
    check_covariates(study, inputs.covariates)


def require_known_readings(study: Study, reference: ReferenceCohort | None) -> None:
    """Refuse a reference cohort that was not measured in every reading of the paper.

    Raises:
        InputError: it knows one only.
    """
    if needs_reference(study) and reference is not None and not reference.readings:
        sentence = _(
            "The reference cohort knows the card's own reading only. Measure the cohort in section 5 "
            "with “In every reading of the paper” ticked, and make the reference cohort of that."
        )
        raise InputError(sentence)


def worth_of(study: Study, reference: ReferenceCohort | None) -> tuple[str, str]:
    """What a reference cohort is worth for a study that needs one: its verdict, and all that this rests on.

    The first is a sentence or more and the score's spread beside the published one; empty where nobody judged.
    """
    if reference is None or not needs_reference(study):
        return "", ""
    about = f"“{reference.label}”: {counted(reference.cases, 'case')}"
    worth = reference.worth.get(study.id)
    if worth is None:
        return f"{about}.", ""
    lines = worth_lines(worth)
    return "\n".join([" ".join([f"{about}, {worth['verdict']}.", *worth["reasons"]]), *lines[:2]]), "\n".join(lines)


def study_of(id_or_path: str) -> Study:
    """As :func:`EsoRadiomicsLib.studies.study.load_study`, but a card is read again only when its file was written."""
    return _study(id_or_path, _modified(id_or_path))


def excludes_voxels(id_or_path: str) -> bool:
    """Whether a study's settings leave voxels of the GTV out; not where its card cannot be read."""
    try:
        return bool(id_or_path) and study_of(id_or_path).settings.hu_min is not None
    except EsoRadiomicsError:
        return False


def reference_of(path: str) -> ReferenceCohort | None:
    """The reference cohort of a file, read again only when it was written; None for an empty path.

    Raises:
        StudyError: it cannot be read or is broken.
    """
    return _reference(path, _modified(path)) if path else None


def score_options(inputs: Inputs, study: Study, card: str) -> list[str]:
    """Options of ``esoradiomics score``; ``--name=value`` in one, so that a value may begin with “-”."""
    options = [f"--name={inputs.volume.GetName()}", f"--study={card}", f"--jobs={inputs.jobs}"]
    for name, value in inputs.covariates.items():
        if value is not None:
            covariate = study.covariates[name]
            given = covariate.levels[value] if covariate.by_name and covariate.levels else repr(value)
            options.append(f"--covariate={name}={given}")
    if inputs.reference:
        options.append(f"--reference={inputs.reference}")
    if inputs.all_features:
        options.append("--full")
    if current_language() != ENGLISH:
        options.append(f"--language={current_language()}")
    return options


def card_argument(id_or_path: str, study: Study, folder: Path) -> str:
    """How a command is told the study; a card that is only in the scene is written into ``folder``."""
    if id_or_path != IN_SCENE:
        return id_or_path
    card = folder / "study.json"
    card.write_text(json.dumps(study.card), encoding="utf-8")
    return str(card)


def _modified(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _study(id_or_path: str, modified: int) -> Study:
    return load_study(id_or_path)


@lru_cache(maxsize=4)
def _reference(path: str, modified: int) -> ReferenceCohort:
    return load_reference(path)
