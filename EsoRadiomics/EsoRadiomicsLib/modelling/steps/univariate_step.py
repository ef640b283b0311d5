"""Step “univariate”: only the features that differ between patients with and without the event."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from ...statistics.inputs import BoolArray, FloatArray
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
        """Keep the candidates whose p is below the threshold."""
        model = model.usable()
        passed = self.passes(model.features, model.training.event)
        model = model.narrowed(model.features.loc[:, passed], DIFFERENT)
        return model.did(self.spec, kept=model.features.shape[1])

    def passes(self, features: pd.DataFrame, event: BoolArray) -> BoolArray:
        """Which of the p columns of ``features`` (n, p) differ between the events (n,)."""
        p = np.array([_p_between(self.spec["test"], features[name].to_numpy(), event) for name in features.columns])
        return p < self.spec["threshold"] if self.spec["rule"] == "<" else p <= self.spec["threshold"]


def _p_between(test: str, values: FloatArray, event: BoolArray) -> float:
    """p of a difference between patients with and without the event."""
    groups = values[event], values[~event]
    normal = test == "t-test" or (test == "t-test or mann-whitney" and all(is_normal(group) for group in groups))
    found = stats.ttest_ind(*groups) if normal else stats.mannwhitneyu(*groups, method="asymptotic")
    return float(found.pvalue)
