"""Step “clinical”: which clinical variables enter the outcome models, by a model of each alone."""

from __future__ import annotations

from dataclasses import replace

from ...statistics.cox import CoxModel
from ...statistics.logistic import LogisticModel
from ..completed import cox, logistic
from ..fitted_model import FittedModel
from ..model_cohort import Cohort
from .protocol_step import ProtocolStep


class ClinicalStep(ProtocolStep):
    """Without a model or a p limit all of them enter."""

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("entering",)

    def run(self, model: FittedModel) -> FittedModel:
        """Screen the clinical variables of the training patients."""
        clinical = model.training.clinical
        if clinical.empty:
            return model
        if "validation" in self.spec["cohorts"]:
            model = model.warned(
                f"{model.study.id} screened clinical variables in training and validation patients together; here "
                "only the training patients were used, so that the validation stays independent."
            )
        model = _warned_of_later_variables(model)
        fits, threshold = self._alone(model.training), self.spec["threshold"]
        if fits and threshold is not None:
            model = replace(model, entering=tuple(fit.names[0] for fit in fits if fit.p[0] < threshold))
        model = replace(model, univariable=(*model.univariable, *fits))
        return model.did(self.spec, variables=list(clinical.columns), cohorts=["training"])

    def _alone(self, training: Cohort) -> tuple[CoxModel | LogisticModel, ...]:
        """A model of each variable; none where the protocol fits none or the outcome is not there."""
        columns = [training.clinical[[name]] for name in training.clinical.columns]
        if self.spec["model"] == "cox" and training.survival is not None:
            return tuple(cox(column, training) for column in columns)
        if self.spec["model"] == "logistic" and training.binary is not None:
            return tuple(logistic(column, training) for column in columns)
        return ()


def _warned_of_later_variables(model: FittedModel) -> FittedModel:
    """With a sentence on each variable that is known only after the clock has started."""
    if model.training.survival is None or model.training.landmark:
        return model
    for name in model.training.clinical.columns:
        known = model.study.covariates.get(name)
        if known is not None and known.after_baseline:
            model = model.warned(
                f"{name} is known only {known.after_baseline}, after the clock of {model.study.endpoint} may have "
                "started: who has the event before cannot have the better value, so that its effect looks too large "
                "(immortal time). Start the clock when it is known: --landmark."
            )
    return model
