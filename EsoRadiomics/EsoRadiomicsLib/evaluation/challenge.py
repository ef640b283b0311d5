"""Would a learning machine do better? Challengers through the same bootstrap samples as the protocol's Rad-score.

In each sample everything is learned anew, by the protocol, by the simple models, and by the challengers from the same
features; all are held against the patients that the sample left out. The intervals are percentiles over the samples,
those of differences in pairs, so that a sample that is easy for one is easy for all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core.errors import InputError
from ..core.progress import Progress
from ..modelling.challengers import challengers
from ..modelling.cohort_combat import harmonised, learn
from ..modelling.completed import IN_A_RESAMPLE, imputed
from ..modelling.fitted_model import RAD_SCORE, Choices, FittedModel, NothingSelectedError
from ..modelling.model_cohort import Cohort
from ..modelling.protocol_plan import Plan
from ..modelling.protocol_run import select_features
from ..modelling.steps.harmonise_step import HarmoniseStep
from ..statistics.discrimination import harrell
from ..statistics.inputs import FloatArray
from ..statistics.roc import auc
from .markers import rivals
from .resampled_runs import bootstrap_sample, repeated, silent

_FEWEST = 10


@dataclass(frozen=True)
class Contender:
    """One model's C-index (AUC) in the patients left out, and by how much it is above the Rad-score's.

    Means over the samples with their 2.5 and 97.5 percentiles; a ``challenger`` is no part of the protocol.
    """

    model: str
    challenger: bool
    value: float
    lower: float
    upper: float
    difference: float
    difference_lower: float
    difference_upper: float


@dataclass(frozen=True)
class Challenge:
    """The Rad-score, the simple models and the challengers, in this order, over ``n_samples``."""

    metric: str
    contenders: tuple[Contender, ...]
    n_samples: int

    @property
    def verdict(self) -> str:
        """Whether a challenger beats the Rad-score, in a sentence."""
        best = max((each for each in self.contenders if each.challenger), key=lambda each: each.value)
        own = self.contenders[0]
        found = (
            f"{best.model}, {self.metric} {best.value:.2f} against {own.value:.2f} of the {RAD_SCORE} (difference "
            f"{best.difference:+.2f}, {best.difference_lower:+.2f} to {best.difference_upper:+.2f}, {self.n_samples} "
            "bootstrap samples)"
        )
        if best.difference_lower > 0:
            return f"A challenger beats the {RAD_SCORE} beyond the play of chance: {found}."
        return f"No challenger beats the {RAD_SCORE} beyond the play of chance; the best is the {found}."


def challenge(
    plan: Plan, real: FittedModel, *, n: int, pool: Executor | None = None, progress: Progress = silent
) -> Challenge:
    """Let the challengers for this outcome learn in ``n`` bootstrap samples of the ``real`` run's patients.

    Raises:
        UsageError: a challenger's package is missing.
        InputError: in too few samples could everything be learned.
    """
    challengers(real.training)
    run = partial(_sample_run, plan, real.training, real.choices.kept)
    found = [each for each in repeated(run, n, real.choices.seed, "challengers", pool, progress) if each is not None]
    if len(found) < min(n, _FEWEST):
        raise InputError(f"The challengers could be compared in {len(found)} of {n} bootstrap samples only.")
    names = [name for name in found[0] if all(name in each for each in found)]
    own = np.array([each[RAD_SCORE][0] for each in found])
    contenders = []
    for name in names:
        values = np.array([each[name][0] for each in found])
        (lower, upper), (below, above) = (np.quantile(of, [0.025, 0.975]) for of in (values, values - own))
        contenders.append(
            Contender(
                name,
                found[0][name][1],
                float(values.mean()),
                float(lower),
                float(upper),
                float((values - own).mean()),
                float(below),
                float(above),
            )
        )
    return Challenge("AUC" if real.training.binary is not None else "C-index", tuple(contenders), len(found))


def _sample_run(
    plan: Plan, training: Cohort, kept: Collection[str] | None, seed: int
) -> Mapping[str, tuple[float, bool]] | None:
    """Model → its value in the patients left out, and whether it is a challenger; None where something failed."""
    sample, left_out = bootstrap_sample(training, seed)
    sample, left_out = imputed(sample, IN_A_RESAMPLE, seed), left_out.complete
    outcome = training.survival if training.binary is None else training.binary
    assert outcome is not None
    try:
        ranking = _ranking(left_out)
        found = {RAD_SCORE: (ranking(_rad_score(plan, sample, left_out, kept, seed)), False)}
        for rival in rivals(sample, "survival" if training.binary is None else "logistic", plan.curved(sample))[0]:
            found[rival.name] = ranking(rival.marker(left_out, ()).risk), False
        inside, outside = _scaled(plan, sample, left_out, kept)
        learned = sample.survival if sample.binary is None else sample.binary
        assert learned is not None
        for each in challengers(training):
            found[each.name] = ranking(np.asarray(each.fit(inside, learned, seed)(outside))), True
    except InputError:
        return None
    return found


def _rad_score(plan: Plan, sample: Cohort, left_out: Cohort, kept: Collection[str] | None, seed: int) -> FloatArray:
    try:
        model = select_features(plan, sample, Choices(seed, kept=kept, explain=False))
    except NothingSelectedError:
        return np.zeros(len(left_out))
    return model.rad_signature.rad_score(left_out)


def _scaled(
    plan: Plan, sample: Cohort, left_out: Cohort, kept: Collection[str] | None
) -> tuple[FloatArray, FloatArray]:
    """The features that the protocol starts from, harmonised and z-scored by the sample; constant ones are left out."""
    names = [name for name in sample.features if kept is None or name in kept]
    inside, outside = (cohort.features[names].to_numpy(dtype=np.float64) for cohort in (sample, left_out))
    if (step := plan.find(HarmoniseStep)) is not None:
        combat, left = learn(sample, names, step.kept)
        at = [k for k, name in enumerate(names) if name not in left]
        inside, outside = harmonised(sample, combat, inside[:, at]), harmonised(left_out, combat, outside[:, at])
    varying = np.ptp(inside, axis=0) > 0
    inside, outside = inside[:, varying], outside[:, varying]
    means, sds = inside.mean(axis=0), inside.std(axis=0)
    return (inside - means) / sds, (outside - means) / sds


def _ranking(cohort: Cohort) -> Callable[[FloatArray], float]:
    if cohort.binary is not None:
        outcome = cohort.binary
        return lambda risk: auc(outcome, risk).value
    survival = cohort.survival
    assert survival is not None
    return lambda risk: harrell(survival, risk).value
