"""Step “univariate”: only the features that differ between patients with and without the event."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from ...statistics.inputs import BoolArray
from ...statistics.table_one import is_normal
from ..fitted_model import FittedModel
from .protocol_step import ProtocolStep

DIFFERENT = "different between the outcomes"


class UnivariateStep(ProtocolStep):
    """Student's t or Mann–Whitney, the first where both groups are normal if the protocol says “or”."""

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("features",)

    def run(self, model: FittedModel) -> FittedModel:
        """Keep the candidates whose p is below the threshold; a cross-validation behind repeats that in its folds."""
        model = model.usable()
        passed = self.passes(model.features, model.training.event)
        before = model.features if model.before_filters is None else model.before_filters
        model = replace(model, before_filters=before, filters=(*model.filters, self.passes))
        model = model.narrowed(model.features.loc[:, passed], DIFFERENT)
        return model.did(self.spec, kept=model.features.shape[1])

    def passes(self, features: pd.DataFrame, event: BoolArray) -> BoolArray:
        """Which of the p columns of ``features`` (n, p) differ between the events (n,)."""
        x, test = features.to_numpy(dtype=np.float64), self.spec["test"]
        with_event, without = x[event], x[~event]
        p = np.empty(x.shape[1])
        normal = np.full(x.shape[1], test == "t-test")
        if test == "t-test or mann-whitney":
            normal = np.array([is_normal(a) and is_normal(b) for a, b in zip(with_event.T, without.T, strict=True)])
        if normal.any():
            p[normal] = stats.ttest_ind(with_event[:, normal], without[:, normal]).pvalue
        if not normal.all():
            p[~normal] = stats.mannwhitneyu(with_event[:, ~normal], without[:, ~normal], method="asymptotic").pvalue
        return p < self.spec["threshold"] if self.spec["rule"] == "<" else p <= self.spec["threshold"]
