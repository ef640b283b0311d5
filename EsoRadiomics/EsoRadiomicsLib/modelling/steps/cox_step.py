"""Step “cox”: the Rad-score, or its risk group, beside the clinical variables in a Cox model."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ...core.errors import InputError
from ...statistics.cox import CoxModel, fit_cox
from ...statistics.proportional_hazards import proportional_hazards
from ..fitted_model import RAD_SCORE, RISK_GROUP, FinalModel, FittedModel, fitted_terms
from .protocol_step import ProtocolStep

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
        training, outcome = model.training, model.training.survival
        if outcome is None:
            return model.warned("The protocol's Cox model was left out: it needs the columns --time and --event.")
        radiomic = model.radiomic(training, self.term)
        if radiomic[self.term].nunique() < 2:
            raise InputError("All patients are on one side of the cut-off, so there are no risk groups.")
        everything = pd.concat([training.clinical, radiomic], axis=1)
        alone = {fit.names[0]: fit for fit in model.univariable if isinstance(fit, CoxModel)}
        univariable = tuple(
            alone.get(name) or fit_cox(everything[[name]], outcome, training.clusters) for name in everything.columns
        )
        entering = [*model.clinical(training).columns, self.term]
        multivariable = fit_cox(everything[entering], outcome, training.clusters)
        limit = self.spec.get("threshold")
        staying = [
            name
            for name, p in zip(multivariable.names, multivariable.p, strict=True)
            if limit is None or p < limit or name == self.term
        ]
        whole = len(staying) == len(multivariable.names)
        final = multivariable if whole else fit_cox(everything[staying], outcome, training.clusters)
        model = replace(
            model,
            univariable=univariable,
            multivariable=multivariable,
            final=FinalModel("survival", fitted_terms(final, final.se), 0.0, final.baseline),
        )
        if model.choices.explain:
            model = self._explained(model, final, everything)
        return model.did(self.spec, variables=list(multivariable.names), kept=staying)

    def _explained(self, model: FittedModel, final: CoxModel, everything: pd.DataFrame) -> FittedModel:
        """With warnings on hazards that are not proportional, variables left out, and a score that adds nothing."""
        assert model.training.survival is not None
        drift = proportional_hazards(final, everything, model.training.survival)
        model = replace(model, details=(*model.details, drift))
        if drift.global_p < _DRIFTING:
            model = model.warned(
                f"The hazard ratios of the final model change with time (test of proportional hazards, p = "
                f"{drift.global_p:.2g}): read them as averages over the follow-up."
            )
        if left_out := [name for name in model.training.clinical.columns if name not in final.names]:
            model = model.warned(f"By the protocol's p limits {', '.join(left_out)} did not enter the final model.")
        p, limit = float(final.p[final.names.index(self.term)]), self.spec.get("threshold")
        if limit is not None and p >= limit:
            model = model.warned(
                f"The {self.term} is not significant beside the clinical variables (p = {p:.2g}); it stays in the "
                "model, as the model is about it, but adds nothing proven."
            )
        return model
