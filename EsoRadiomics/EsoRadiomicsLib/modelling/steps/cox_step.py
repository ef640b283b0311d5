"""Step “cox”: the Rad-score, or its risk group, beside the clinical variables in a Cox model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ...core.errors import InputError
from ...statistics.competing import causes
from ...statistics.cox import CoxModel, efron_baseline, fit_cox
from ...statistics.fine_gray import FineGrayModel, fit_fine_gray
from ...statistics.inputs import Survival
from ...statistics.proportional_hazards import proportional_hazards
from ..completed import cox, filled_once
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

    def run(self, model: FittedModel) -> FittedModel:
        """Fit the variables that enter, then those that stay."""
        training = model.training
        if training.survival is None:
            return model.warned("The protocol's Cox model was left out: it needs the columns --time and --event.")
        radiomic = model.radiomic(training, self.term)
        if radiomic[self.term].nunique() < 2:
            raise InputError("All patients are on one side of the cut-off, so there are no risk groups.")
        everything = pd.concat([training.clinical, radiomic], axis=1)
        alone = {fit.names[0]: fit for fit in model.univariable if isinstance(fit, CoxModel)}
        if self._model(training) == FINE_GRAY:
            alone = {}
        univariable = tuple(alone.get(name) or self._fit(everything[[name]], training) for name in everything.columns)
        entering = [*model.clinical(training).columns, self.term]
        multivariable = self._fit(everything[entering], training)
        limit = self.spec.get("threshold")
        staying = [
            name
            for name, p in zip(multivariable.names, multivariable.p, strict=True)
            if limit is None or p < limit or name == self.term
        ]
        whole = len(staying) == len(multivariable.names)
        final = multivariable if whole else self._fit(everything[staying], training)
        competing = None
        if self._model(training) == CAUSE_SPECIFIC:
            model, competing = _competing_hazard(model, everything[staying])
        model = replace(
            model,
            univariable=univariable,
            multivariable=multivariable,
            final=FinalModel(
                "survival",
                fitted_terms(final, final.se),
                0.0,
                final.baseline,
                self._model(training),
                competing,
                final.covariance,
            ),
        )
        if model.choices.explain:
            model = self._explained(model, final, everything)
        changes = {"competing": self._model(training)} if self._model(training) else {}
        return model.did(self.spec, variables=list(multivariable.names), kept=staying, **changes)

    def _model(self, training: Cohort) -> str:
        """Which model is fitted where events compete; "" where they do not."""
        assert training.survival is not None
        return "" if training.survival.competed is None else self.spec.get("competing", CAUSE_SPECIFIC)

    def _fit(self, table: pd.DataFrame, training: Cohort) -> CoxModel | FineGrayModel:
        assert training.survival is not None
        if self._model(training) == FINE_GRAY:
            return fit_fine_gray(table, causes(training.survival), training.clusters)
        return cox(table, training)

    def _explained(self, model: FittedModel, final: CoxModel | FineGrayModel, everything: pd.DataFrame) -> FittedModel:
        """With warnings on hazards that are not proportional, variables left out, and a score that adds nothing."""
        if isinstance(final, CoxModel):
            model = _with_drift(model, final, everything)
        if left_out := [name for name in model.training.clinical.columns if name not in final.names]:
            model = model.warned(f"By the protocol's p limits {', '.join(left_out)} did not enter the final model.")
        p, limit = float(final.p[final.names.index(self.term)]), self.spec.get("threshold")
        if limit is not None and p >= limit:
            model = model.warned(
                f"The {self.term} is not significant beside the clinical variables (p = {p:.2g}); it stays in the "
                "model, as the model is about it, but adds nothing proven."
            )
        return model


def _with_drift(model: FittedModel, final: CoxModel, everything: pd.DataFrame) -> FittedModel:
    assert model.training.survival is not None
    drift = proportional_hazards(final, filled_once(everything, model.training), model.training.survival)
    model = replace(model, details=(*model.details, drift))
    if drift.global_p >= _DRIFTING:
        return model
    return model.warned(
        f"The hazard ratios of the final model change with time (test of proportional hazards, p = "
        f"{drift.global_p:.2g}): read them as averages over the follow-up."
    )


def _competing_hazard(model: FittedModel, table: pd.DataFrame) -> tuple[FittedModel, CompetingHazard]:
    """The hazard of what competes, by the same variables; the same for all where its events are too few for that."""
    training = model.training
    assert training.survival is not None and training.survival.competed is not None
    outcome = Survival(training.survival.time, training.survival.competed)
    try:
        fitted = fit_cox(table, outcome)
    except InputError as error:
        baseline = efron_baseline(outcome, np.zeros(len(outcome)))
        sentence = f"The hazard of {training.competes} is taken as the same for all: {error}"
        return model.warned(sentence), CompetingHazard({}, baseline)
    coefficients = dict(zip(fitted.names, map(float, fitted.coefficients), strict=True))
    return model, CompetingHazard(coefficients, fitted.baseline)
