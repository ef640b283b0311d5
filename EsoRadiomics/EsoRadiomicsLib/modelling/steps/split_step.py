"""Step “split”: which patients train the model and which are set aside to validate it."""

from __future__ import annotations

import numpy as np

from ...statistics.inputs import BoolArray
from ..fitted_model import FittedModel
from ..model_cohort import Cohort
from .protocol_step import ProtocolStep


class SplitStep(ProtocolStep):
    """Done before all others, on everybody; in a run it only enters the numbers of patients."""

    def training_rows(self, cohort: Cohort, seed: int) -> BoolArray:
        """Training rows (n,) by the ratio, at random; a patient's rows stay together."""
        _, first, row_of = np.unique(np.asarray(cohort.patients, dtype=str), return_index=True, return_inverse=True)
        event = cohort.event[first]
        ratio = self.spec["ratio"]
        share = ratio[0] / sum(ratio)
        rng = np.random.default_rng(seed)
        training = np.zeros(len(first), dtype=np.bool_)
        stratified = self.spec["stratified"]
        groups = [np.flatnonzero(event), np.flatnonzero(~event)] if stratified else [np.arange(len(first))]
        for members in groups:
            training[rng.permutation(members)[: round(share * len(members))]] = True
        return training[row_of]

    def run(self, model: FittedModel) -> FittedModel:
        """Enter the numbers of patients; nothing where nobody was set aside."""
        n_validation = model.choices.n_validation
        return model.did(self.spec, ratio=[len(model.training), n_validation]) if n_validation else model
