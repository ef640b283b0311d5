"""Step “logistic”: a named logistic model of the signature's features, clinical variables, or both."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ...core.errors import UsageError
from ...statistics.logistic import LogisticModel
from ..completed import logistic
from ..fitted_model import FEATURES, RAD_SCORE, FinalModel, FittedModel, FittedTerm, fitted_terms
from .protocol_step import ProtocolStep


class LogisticStep(ProtocolStep):
    """The richest model that holds the features goes into the card.

    A model of features and clinical variables becomes a linear Rad-score of its features with coefficient 1 beside
    the clinical terms.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        return ("signature",)

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("signature", "final") if self._with_features and self._with_clinical else ("signature",)

    @property
    def outcome(self) -> str:
        return "binary"

    @property
    def _with_features(self) -> bool:
        return FEATURES in self.spec["variables"]

    @property
    def _with_clinical(self) -> bool:
        return bool(set(self.spec["variables"]) - {FEATURES})

    def run(self, model: FittedModel) -> FittedModel:
        """Fit the model; left out, with a warning, where it needs clinical variables and there are none."""
        training, name = model.training, self.spec["model"]
        if training.binary is None:
            raise UsageError(f"{model.study.id} models a binary outcome: name its column (coded 0/1) with --outcome.")
        clinical = model.clinical(training)
        if self._with_clinical and clinical.empty:
            return model.warned(f"The protocol's {name} model was left out: no clinical variables were given.")
        parts = [model.signature.inputs(training)] * self._with_features + [clinical] * self._with_clinical
        fit = logistic(pd.concat(parts, axis=1), training)
        if self._with_features and not any(len(fit.names) <= len(other.names) for other in _radiomic(model)):
            model = _with_signature_of(model, fit)
        model = replace(model, logistic={**model.logistic, name: fit})
        variables = [FEATURES] * self._with_features + list(clinical.columns) * self._with_clinical
        return model.did(self.spec, variables=variables)


def _radiomic(model: FittedModel) -> list[LogisticModel]:
    """The logistic models so far that hold the features."""
    return [fit for fit in model.logistic.values() if set(model.signature.names) <= set(fit.names)]


def _with_signature_of(model: FittedModel, fit: LogisticModel) -> FittedModel:
    """The model with the coefficients that ``fit`` gives to the features."""
    k = len(model.signature.names)
    alone = len(fit.names) == k
    signature = replace(
        model.signature,
        coefficients=fit.coefficients[:k],
        intercept=fit.intercept if alone else 0.0,
        link="logistic" if alone else "linear",
    )
    final = None
    if not alone:
        score = FittedTerm("rad-score", RAD_SCORE, 1.0, (1.0, 1.0), float("nan"))
        final = FinalModel("logistic", (score, *fitted_terms(fit, fit.se[1:])[k:]), fit.intercept, None)
    return replace(model, signatures=(*model.signatures, signature), final=final)
