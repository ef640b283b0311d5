"""Step “cutoff”: the Rad-score above which a patient is in the other group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.errors import UsageError
from ...statistics.cutoff import max_logrank
from ...statistics.inputs import BoolArray, FloatArray
from ...statistics.roc import roc_curve
from ..fitted_model import FittedCutoff, FittedModel
from ..model_cohort import Cohort
from .protocol_step import ProtocolStep


class CutoffStep(ProtocolStep):
    """By the median, Youden's index or the maximally selected log-rank statistic; or the study's own."""

    @property
    def needs(self) -> tuple[str, ...]:
        return ("signature",)

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("cutoff",)

    def run(self, model: FittedModel) -> FittedModel:
        """Find the cut-off on the training patients' scores."""
        if model.choices.published_cutoff:
            cutoff = _published(model)
        else:
            cutoff = self._found(model.training, model.signature.rad_score(model.training))
            if self.spec["method"] == "youden" and self.spec.get("horizon") is None and model.training.binary is None:
                model = model.warned(
                    f"{model.study.id} chooses the cut-off by Youden's index on whether the event was ever seen: a "
                    "patient censored early counts as free of it. A horizon in the step would count only those known."
                )
        return replace(model, cutoff=cutoff).did(self.spec)

    def _found(self, training: Cohort, scores: FloatArray) -> FittedCutoff:
        method, rule = self.spec["method"], self.spec["rule"]
        if method == "median":
            return FittedCutoff(float(np.median(scores)), rule, method)
        if method == "youden":
            curve = roc_curve(_within(training, self.spec.get("horizon")), scores)
            return FittedCutoff(float(curve.thresholds[curve.youden]), rule, method, roc=curve)
        if training.survival is None:
            raise UsageError("A cut-off by the log-rank statistic needs the columns --time and --event.")
        scan = max_logrank(training.survival, scores)
        return FittedCutoff((scan.cut + float(scores[scores > scan.cut].min())) / 2, rule, method, scan=scan)


def _published(model: FittedModel) -> FittedCutoff:
    signature = model.study.signature
    if signature is None or signature.cutoff is None:
        raise UsageError(f"{model.study.id} publishes no cut-off of a Rad-score.")
    return FittedCutoff(signature.cutoff.value, signature.cutoff.rule, "published")


def _within(training: Cohort, horizon: float | None) -> BoolArray:
    """Event within the horizon; ever, if it is None."""
    if horizon is None or training.survival is None:
        return training.event
    return training.survival.event & (training.survival.time <= horizon)
