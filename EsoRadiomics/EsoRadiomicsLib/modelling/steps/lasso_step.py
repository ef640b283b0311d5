"""Step “lasso”: features and their weights by a LASSO whose penalty is cross-validated, as ``cv.glmnet`` does it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ...core.errors import InputError, UsageError
from ...statistics.coxnet import coxnet_path
from ...statistics.crossvalidation import LassoCv, Seen, cross_validate_cox, cross_validate_logistic
from ...statistics.gaussian_lasso import cross_validate_gaussian
from ...statistics.inputs import BoolArray, FloatArray, IntArray
from ...statistics.lasso import own_path
from ..draws import draw_folds, shuffled
from ..fitted_model import Choices, FittedModel, NothingSelectedError
from ..model_cohort import Cohort
from .protocol_step import ProtocolStep

_LINKS = {"cox": "cox", "binomial": "logistic", "gaussian": "linear"}
_CHANCE_SHUFFLES = 5


@dataclass(frozen=True)
class LassoChoice:
    """How the penalty was chosen: the cross-validation over ``folds`` (R, n), and the ``rule`` and ``index`` of λ."""

    cv: LassoCv
    rule: str
    index: int
    folds: IntArray


class LassoStep(ProtocolStep):
    """Without a z-score step the weights are those of the raw features, as glmnet gives them.

    As in a plain ``cv.glmnet(x, y)`` each fold standardises its own training rows anew, after a z-score step too;
    ``standardise: once`` leaves the scale of all training patients.
    """

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("signature",)

    @property
    def outcome(self) -> str:
        return "binary" if self.spec["family"] == "binomial" else "survival"

    def run(self, model: FittedModel) -> FittedModel:
        """Cross-validate, choose λ, and leave the signature with its :class:`LassoChoice`."""
        model = model.usable()
        training, choices, names = model.training, model.choices, model.features.columns
        features = model.features if model.before_filters is None else model.before_filters
        folds = self._folds(training, choices)
        means, sds = features.mean().to_numpy(), features.std(ddof=1 if model.z_scored else 0).to_numpy()
        scaled = (features - means) / sds
        # What is learned of the features alone, as a harmonisation is, each fold learns anew of its own patients.
        seen = None
        if model.harmonisation is not None:

            def seen(rows: IntArray) -> FloatArray:
                return ((model.seen_from(features.columns, rows) - means) / sds).to_numpy()

        cv = self._cross_validate(training, scaled, folds, model, *_filtered(model, folds), seen)
        rule = self.spec["lambda_rule"]
        index = cv.curve.index_min if rule == "min" else cv.curve.index_1se
        chosen = cv.path.selected(index)
        if not chosen:
            raise NothingSelectedError(
                self._nothing_selected(model, scaled[names], folds, cv)
                if choices.explain
                else "No feature is selected."
            )
        at = [scaled.columns.get_loc(name) for name in chosen]
        weights, intercept = np.array(list(chosen.values())), float(cv.path.intercepts[index])
        model = model.weighted(tuple(chosen), weights, intercept, means[at], sds[at], _LINKS[self.spec["family"]])
        if self.spec["family"] == "gaussian":
            model = model.warned(
                f"{model.study.id} regresses the event by least squares and leaves out when it happened: a patient "
                "censored early counts like one who never has the event. A Cox LASSO would use the times."
            )
        penalty = float(cv.curve.lambdas[index])
        what = f"LASSO at λ {'min' if rule == 'min' else '1-SE'} = {penalty:.4g}{self._differently(folds)}"
        model = replace(
            model,
            account=(*model.account, (what, len(at))),
            details=(*model.details, LassoChoice(cv, rule, index, folds)),
        )
        return model.did(self.spec, folds=len(np.unique(folds[0])), kept=len(at), **{"lambda": penalty})

    def _folds(self, training: Cohort, choices: Choices) -> IntArray:
        """Folds (R, n): as given, else drawn as often as the cross-validation is repeated."""
        if choices.folds is not None:
            return np.atleast_2d(choices.folds)
        repeats = self.spec.get("repeats", 1)
        # The first split is the one that a single cross-validation would draw.
        seeds = [choices.seed, *np.random.SeedSequence(choices.seed).generate_state(repeats - 1)]
        return np.array([draw_folds(training, self.spec["folds"], int(seed)) for seed in seeds])

    def _differently(self, folds: IntArray) -> str:
        """What is not as in a plain call of ``cv.glmnet``."""
        once = ", features standardised once, before the folds" if self._once else ""
        solver = ", solved by scikit-survival" if self._by_scikit_survival else ""
        return once + (f", mean of {len(folds)} cross-validations" if len(folds) > 1 else "") + solver

    @property
    def _once(self) -> bool:
        return self.spec.get("standardise") == "once"

    @property
    def _by_scikit_survival(self) -> bool:
        return self.spec.get("solver") == "scikit-survival"

    def _cross_validate(
        self,
        training: Cohort,
        scaled: pd.DataFrame,
        folds: IntArray,
        model: FittedModel,
        whole: BoolArray | None = None,
        allowed: BoolArray | None = None,
        seen: Seen | None = None,
    ) -> LassoCv:
        """The LASSO of this family on features that are already on one scale."""
        scale: Any = {"lambdas": model.choices.lambdas, "standardize": not self._once}
        how: Any = {**scale, "whole": whole, "allowed": allowed, "seen": seen}
        if self._by_scikit_survival and self.spec["family"] != "cox":
            raise UsageError("scikit-survival solves the LASSO of Cox models only; leave --solver out.")
        if self.spec["family"] == "binomial":
            if training.binary is None:
                raise UsageError(
                    f"{model.study.id} models a binary outcome: name its column (coded 0/1) with --outcome."
                )
            if self.spec["measure"] == "auc":
                return cross_validate_logistic(scaled, training.binary, folds, **how, measure="auc")
            return cross_validate_logistic(scaled, training.binary, folds, **how)
        if training.survival is None:
            raise UsageError(f"{model.study.id} models survival: name the columns with --time and --event.")
        if self.spec["family"] == "gaussian":
            return cross_validate_gaussian(scaled, training.survival.event, folds, **how)
        walk = coxnet_path if self._by_scikit_survival else own_path
        return cross_validate_cox(scaled, training.survival, folds, **how, walk=walk)

    def _nothing_selected(self, model: FittedModel, scaled: pd.DataFrame, folds: IntArray, cv: LassoCv) -> str:
        """Why there is no signature, what the other rule gives, and what chance gives."""
        curve, sizes, training = cv.curve, cv.path.n_selected, model.training
        rng = np.random.default_rng(0)
        by_chance = []
        for _ in range(_CHANCE_SHUFFLES):
            noise = shuffled(training, rng)
            try:
                found = self._cross_validate(noise, scaled, draw_folds(noise, len(np.unique(folds[0])), 0), model)
            except InputError:
                continue
            by_chance.append(int(found.path.n_selected[found.curve.index_min]))
        rule = self.spec["lambda_rule"]
        other = "min" if rule == "1se" else "1se"
        size = int(sizes[curve.index_min if other == "min" else curve.index_1se])
        advice = (
            f"With --lambda-rule {other} the LASSO selects {size} features"
            if size
            else "The other rule for λ selects none"
        )
        return (
            f"The LASSO selects no feature at λ {rule}: in these {len(training)} patients no feature predicts "
            f"the outcome better than chance in cross-validation. {advice}; with shuffled outcomes λ min selects "
            f"{', '.join(map(str, by_chance)) or 'no'} features. A model of this cohort would not hold elsewhere."
        )


def _filtered(model: FittedModel, folds: IntArray) -> tuple[BoolArray | None, BoolArray | None]:
    """Candidates (p,) that passed the filters in all patients, and (R, K, p) those that pass them without each fold."""
    before, event = model.before_filters, model.training.event
    if before is None:
        return None, None

    def passed(rows: BoolArray) -> BoolArray:
        x = before.loc[rows] if model.harmonisation is None else model.seen_from(before.columns, rows).loc[rows]
        left = np.ptp(x.to_numpy(), axis=0) > 0
        for passes in model.filters:
            left[left] = passes(x.loc[:, left], event[rows])
        return left

    allowed = [[passed(split != fold) for fold in np.unique(split)] for split in folds]
    return before.columns.isin(model.features.columns), np.array(allowed)
