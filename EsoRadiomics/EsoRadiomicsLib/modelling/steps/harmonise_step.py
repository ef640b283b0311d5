"""Step “harmonise”: ComBat, which takes from each feature the shift and spread of its scanner or centre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
from scipy import stats

from ...core.errors import InputError, UsageError
from ...studies.study import Study
from ..cohort_combat import harmonised, learn
from ..fitted_model import FittedModel
from ..model_cohort import Cohort
from .protocol_step import ProtocolStep

FEWEST = 10
FEW = 20
"""Patients a batch below which ComBat's estimates are shaky (Orlhac et al., J Nucl Med 2022: 20 to 30)."""
_BEFORE = ("split", "icc", "deep-features")
_UNALIKE = 0.05


class HarmoniseStep(ProtocolStep):
    """Learned from the training patients only, again in each fold and resample; the card carries it for new patients.

    Covariates that the card's step names may differ between the batches and are kept.
    """

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("features",)

    @property
    def kept(self) -> tuple[str, ...]:
        """The covariates."""
        return tuple(self.spec.get("covariates", ()))

    def check(self, study: Study) -> None:
        """Raise UsageError where all patients taught it: a leak."""
        if self.spec.get("rows", "training") != "training":
            raise UsageError(
                f"The protocol of {study.id} harmonises with all patients, validation patients included. Change the "
                "step's “rows” to “training”."
            )

    def run(self, model: FittedModel) -> FittedModel:
        """Harmonise the candidates; those that do not vary within each batch are dropped."""
        training = model.training
        if model.choices.explain:
            model = self._explained(model)
        combat, left_out = learn(training, list(model.features.columns), self.kept)
        names = [name for name in model.features.columns if name not in left_out]
        values = harmonised(training, combat, model.features[names].to_numpy())
        features = pd.DataFrame(values, index=model.features.index, columns=names)
        model = replace(model, harmonisation=combat).narrowed(features, f"harmonised over {combat.column} (ComBat)")
        return model.did(self.spec, batch=combat.column, covariates=list(self.kept))

    def _explained(self, model: FittedModel) -> FittedModel:
        """With warnings on small batches, and on batches whose patients differ in what is not kept."""
        training = model.training
        if training.batches is None:
            return model
        column = str(training.batches.name)
        patients = pd.Series(training.patients, index=training.batches.index).groupby(training.batches.to_numpy())
        sizes = patients.nunique()
        fewest, n = sizes.idxmin(), int(sizes.min())
        if n < FEWEST:
            raise InputError(
                f"Only {n} training patients are from {fewest} ({column}): ComBat learns a shift and a spread for each "
                f"feature of them and needs {FEWEST} or more. Join them with another {column}, or leave them out."
            )
        if n < FEW:
            model = model.warned(
                f"Only {n} training patients are from {fewest} ({column}); what ComBat learns of fewer than {FEW} is "
                "uncertain."
            )
        different = [name for name in training.clinical if name not in self.kept and _differ(training, name)]
        if different:
            model = model.warned(
                f"The patients of the {column}s differ in {', '.join(different)} (p < {_UNALIKE}): ComBat takes from "
                "the features what goes with that, too, unless it is told to keep it (--batch-covariates)."
            )
        return model


def with_harmonisation(specs: list[Mapping[str, Any]], column: str, covariates: tuple[str, ...]) -> list[Any]:
    """A protocol's steps with ComBat over ``column``: in its own place, or before the first that reads features."""
    if any(spec["step"] == "harmonise" for spec in specs):
        return [
            {**spec, "batch": column, "covariates": list(covariates or spec.get("covariates", ()))}
            if spec["step"] == "harmonise"
            else spec
            for spec in specs
        ]
    step = {
        "step": "harmonise",
        "evidence": "assumed",
        "source": "asked for here; not of the study",
        "batch": column,
        "covariates": list(covariates),
        "rows": "training",
    }
    at = next((k for k, spec in enumerate(specs) if spec["step"] not in _BEFORE), len(specs))
    return [*specs[:at], step, *specs[at:]]


def _differ(training: Cohort, name: str) -> bool:
    """Whether a clinical variable differs between the batches, by Kruskal and Wallis."""
    assert training.batches is not None
    groups = training.clinical[name].groupby(training.batches.to_numpy())
    values = [group.dropna().to_numpy() for _, group in groups]
    if training.clinical[name].nunique() < 2 or any(not len(each) for each in values):
        return False
    return bool(stats.kruskal(*values).pvalue < _UNALIKE)
