"""Measuring how firm a score is: the signature again under perturbations of contour and image, scored each time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..core.errors import EsoRadiomicsError, RoiError, UsageError
from ..core.formatting import listed
from ..core.progress import Progress
from ..core.translation import tr
from ..extraction.engines import extract, prepare, share
from ..extraction.features import Features
from ..extraction.perturbation import KINDS, Perturbation, Site, plan
from ..extraction.settings import ExtractionSettings
from ..extraction.shared_tasks import Helpers
from ..studies.reference_cohort import ReferenceCohort
from .patient import PatientResult
from .robustness import FeatureSpread, Replicate, Robustness
from .score import score

COUNT = 30


SEED = 20190124


FEWEST = 5


INTERVAL = (2.5, 97.5)


# A case travels to a helper with each task: a few perturbations a task keep that cheap and progress still smooth.
PER_TASK = 3


Measurement = tuple[str, Features | None, str]
"""What was done, in words; the signature, or None; why there is none."""


def assess(
    result: PatientResult,
    *,
    reference: ReferenceCohort | None = None,
    count: int = COUNT,
    seed: int = SEED,
    kinds: tuple[str, ...] = tuple(KINDS),
    helpers: Helpers | None = None,
    progress: Progress | None = None,
) -> Robustness:
    """Perturb, measure the signature again and score, ``count`` times.

    Args:
        result: the scored patient.
        reference: the one the patient was scored against.
        count: perturbations, the kinds in turn; at least 5.
        seed: the same seed gives the same perturbations, whatever the number of processes.
        kinds: keys of :data:`EsoRadiomicsLib.extraction.perturbation.KINDS`.
        helpers: from :func:`EsoRadiomicsLib.extraction.workers.helpers`.
        progress: told as perturbations are done.

    Raises:
        UsageError: fewer than 5 perturbations, or an unknown kind.
        RoiError: fewer than 5 perturbations could be scored.
    """
    if count < FEWEST:
        raise UsageError(
            tr(
                "{count} perturbations tell nothing; ask for {fewest} or more (default {usual}).",
                count=count,
                fewest=FEWEST,
                usual=COUNT,
            )
        )
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise UsageError(
            tr(
                "There is no perturbation “{unknown}”. The kinds are: {kinds}.",
                unknown=listed(unknown),
                kinds=listed(KINDS),
            )
        )
    study = result.score.study
    assert study.signature is not None
    draws = plan(count, seed, kinds)
    measured: dict[Perturbation, Measurement] = {}
    subject = _Subject(Site(result.case), result.features.settings, study.signature.names)
    measure = partial(_measured, subject)
    tasks = [draws[i : i + PER_TASK] for i in range(0, count, PER_TASK)] if helpers else [(draw,) for draw in draws]
    for task, found in helpers.spread(measure, tasks) if helpers else ((task, measure(task)) for task in tasks):
        measured.update(zip(task, found, strict=True))
        if progress is not None:
            progress(len(measured) / count, tr("perturbation {n} of {count}", n=len(measured), count=count))
    replicates = tuple(_replicate(draw, *measured[draw], result, reference) for draw in draws)
    scored = [item for item in replicates if item.rad_score is not None]
    if len(scored) < FEWEST:
        reasons = "; ".join(sorted({item.failed for item in replicates if item.failed}))
        raise RoiError(
            tr(
                "Only {scored} of {count} perturbations could be scored ({reasons}). The GTV is too small.",
                scored=len(scored),
                count=count,
                reasons=reasons,
            )
        )
    low, high = np.percentile([item.rad_score for item in scored], INTERVAL)
    group = result.score.group.id if result.score.group else None
    flips = {
        kind: (
            sum(item.group != group for item in scored if item.kind == kind),
            sum(item.kind == kind for item in scored),
        )
        for kind in kinds
    }
    spreads = tuple(_spread(name, result, scored, reference) for name in study.signature.names)
    return Robustness(result.score.rad_score, (float(low), float(high)), replicates, flips, spreads, seed)


@dataclass(frozen=True, eq=False)
class _Subject:
    """What is measured again and again; what its perturbations share is computed once a process."""

    site: Site
    settings: ExtractionSettings
    names: tuple[str, ...]

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for equal measurements."""
        return self.site.case.image_sha256, self.site.case.mask_sha256, self.settings, self.names

    @cached_property
    def shared(self) -> Any | None:
        """What is computed once of the unperturbed image, for the perturbations that only move the contour."""
        region = self.site.whole_mask(self.site.mask * 0 + 1)
        return share(self.site.case, region, self.settings)

    def measure(self, draw: Perturbation) -> Measurement:
        """The signature under a perturbation."""
        words = ""
        try:
            case, words = draw.apply(self.site)
            shared = self.shared if case.image is self.site.case.image else None
            features = extract(prepare(case, self.settings, shared), self.settings, self.names)
            features.require(self.names)
            return words, features, ""
        except EsoRadiomicsError as error:
            return words, None, str(error)


_last_subject: _Subject | None = None


def _measured(subject: _Subject, draws: tuple[Perturbation, ...]) -> list[Measurement]:
    """A process keeps the subject of its first task with what was computed for it."""
    global _last_subject
    if _last_subject is None or _last_subject.key != subject.key:
        _last_subject = subject
    return [_last_subject.measure(draw) for draw in draws]


def _replicate(
    draw: Perturbation,
    words: str,
    features: Features | None,
    failed: str,
    result: PatientResult,
    reference: ReferenceCohort | None,
) -> Replicate:
    if features is None:
        return Replicate(draw.kind, words, None, None, {}, failed)
    scored = score(result.score.study, features, covariates=result.score.covariates, reference=reference)
    group = scored.group.id if scored.group else None
    return Replicate(draw.kind, words, scored.rad_score, group, dict(features.values), "")


def _spread(
    name: str, result: PatientResult, scored: list[Replicate], reference: ReferenceCohort | None
) -> FeatureSpread:
    value = result.features.values[name]
    values = np.array([item.values[name] for item in scored])
    within = float(np.mean((values - value) ** 2))
    between = reference.features[name].sd ** 2 if reference is not None and name in reference.features else None
    icc = None if between is None or between + within == 0 else between / (between + within)
    return FeatureSpread(name, value, float(values.min()), float(values.max()), within**0.5, icc)
