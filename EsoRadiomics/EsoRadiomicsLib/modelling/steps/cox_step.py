"""Step “cox”: the Rad-score, or its risk group, beside the clinical variables in a Cox model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...core.errors import InputError, UsageError
from ...statistics.competing import causes
from ...statistics.cox import CoxModel, efron_baseline
from ...statistics.fine_gray import FineGrayModel, fit_fine_gray
from ...statistics.inputs import Survival
from ...statistics.proportional_hazards import proportional_hazards
from ..completed import cox, filled_once
from ..curved_terms import CurvedTerms, TermTests
from ..fitted_model import RAD_SCORE, RISK_GROUP, CompetingHazard, FinalModel, FittedModel, fitted_terms
from ..model_cohort import Cohort
from .protocol_step import ProtocolStep

CAUSE_SPECIFIC, FINE_GRAY = "cause-specific", "fine-gray"
_DRIFTING = 0.05


class CoxStep(ProtocolStep):
    """The multivariable model, and the final model of what stays in it; left out, with a warning, without follow-up."""

    @property
    def needs(self) -> tuple[str, ...]:
        return ("signature", "cutoff") if self.term == RISK_GROUP else ("signature",)

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("final",)

    @property
    def term(self) -> str:
        """What the model takes of the Rad-score: the score itself or its risk group."""
        return RISK_GROUP if RISK_GROUP in self.spec["variables"] else RAD_SCORE

    def curved(self, training: Cohort) -> CurvedTerms:
        """The variables that enter as splines or factors, with knots and levels of the training patients."""
        labels = {
            node["name"]: {float(level["value"]): level["label"] for level in node.get("levels", ())}
            for node in training.covariates
        }
        splines, factors = self.spec.get("splines", {}), self.spec.get("factors", ())
        return CurvedTerms.learned(training.clinical, splines, factors, labels)

    def run(self, model: FittedModel) -> FittedModel:
        """Fit the variables that enter, then those that stay."""
        training = model.training
        if training.survival is None:
            return model.warned("The protocol's Cox model was left out: it needs the columns --time and --event.")
        radiomic = model.radiomic(training, self.term)
        if radiomic[self.term].nunique() < 2:
            raise InputError("All patients are on one side of the cut-off, so there are no risk groups.")
        curved = self.curved(training)
        everything = pd.concat([training.clinical, radiomic], axis=1)
        screened = {fit.names: fit for fit in model.univariable if isinstance(fit, CoxModel)}

        def fit(names: Sequence[str]) -> CoxModel | FineGrayModel:
            return self._fit(everything[[*names]], training, curved)

        def alone(name: str) -> CoxModel | FineGrayModel:
            same = screened.get(tuple(curved.columns(name))) if self._model(training) != FINE_GRAY else None
            return same or fit([name])

        univariable = tuple(alone(name) for name in everything.columns)
        entering = [*model.clinical(training).columns, self.term]
        multivariable = fit(entering)
        limit = self.spec.get("threshold")
        staying = [
            term.name
            for term in fitted_terms(multivariable, multivariable.se, curved)
            if limit is None or term.p < limit or term.name == self.term
        ]
        final = multivariable if staying == entering else fit(staying)
        competing = None
        if self._model(training) == CAUSE_SPECIFIC:
            model, competing = _competing_hazard(model, everything[staying], curved)
        model = replace(
            model,
            univariable=univariable,
            multivariable=multivariable,
            final=FinalModel(
                "survival",
                fitted_terms(final, final.se, curved),
                0.0,
                final.baseline.shifted(curved.offset(final)),
                self._model(training),
                competing,
                final.covariance,
            ),
        )
        if model.choices.explain:
            model = self._explained(model, final, everything[staying], curved)
        changes = {"competing": self._model(training)} if self._model(training) else {}
        return model.did(self.spec, variables=entering, kept=staying, **changes)

    def _model(self, training: Cohort) -> str:
        """Which model is fitted where events compete; "" where they do not."""
        assert training.survival is not None
        return "" if training.survival.competed is None else self.spec.get("competing", CAUSE_SPECIFIC)

    def _fit(self, table: pd.DataFrame, training: Cohort, curved: CurvedTerms) -> CoxModel | FineGrayModel:
        assert training.survival is not None
        if self._model(training) != FINE_GRAY:
            return cox(table, training, curved)
        if training.gaps:
            raise UsageError("Fine and Gray's model is not pooled over imputations: take complete cases (--missing).")
        return fit_fine_gray(curved.expanded(table), causes(training.survival), training.clusters)

    def _explained(
        self, model: FittedModel, final: CoxModel | FineGrayModel, table: pd.DataFrame, curved: CurvedTerms
    ) -> FittedModel:
        """With warnings on hazards that are not proportional, variables left out, and a score that adds nothing."""
        if tests := tuple(curved.tests(final, table)):
            model = replace(model, details=(*model.details, TermTests(tests)))
        if isinstance(final, CoxModel):
            model = _with_drift(model, final, curved.expanded(filled_once(table, model.training)))
        if left_out := [name for name in model.training.clinical.columns if name not in table]:
            model = model.warned(f"By the protocol's p limits {', '.join(left_out)} did not enter the final model.")
        p, limit = float(final.p[final.names.index(self.term)]), self.spec.get("threshold")
        if limit is not None and p >= limit:
            model = model.warned(
                f"The {self.term} is not significant beside the clinical variables (p = {p:.2g}); it stays in the "
                "model, as the model is about it, but adds nothing proven."
            )
        return model


def _with_drift(model: FittedModel, final: CoxModel, table: pd.DataFrame) -> FittedModel:
    assert model.training.survival is not None
    drift = proportional_hazards(final, table, model.training.survival)
    model = replace(model, details=(*model.details, drift))
    if drift.global_p >= _DRIFTING:
        return model
    return model.warned(
        f"The hazard ratios of the final model change with time (test of proportional hazards, p = "
        f"{drift.global_p:.2g}): read them as averages over the follow-up."
    )


def _competing_hazard(
    model: FittedModel, table: pd.DataFrame, curved: CurvedTerms
) -> tuple[FittedModel, CompetingHazard]:
    """The hazard of what competes, by the same variables; the same for all where its events are too few for that."""
    training = model.training
    assert training.survival is not None and training.survival.competed is not None
    outcome = Survival(training.survival.time, training.survival.competed)
    try:
        fitted = cox(table, replace(training, survival=outcome), curved)
    except InputError as error:
        baseline = efron_baseline(outcome, np.zeros(len(outcome)))
        sentence = f"The hazard of {training.competes} is taken as the same for all: {error}"
        return model.warned(sentence), CompetingHazard((), baseline)
    return model, CompetingHazard(
        fitted_terms(fitted, fitted.se, curved), fitted.baseline.shifted(curved.offset(fitted))
    )
