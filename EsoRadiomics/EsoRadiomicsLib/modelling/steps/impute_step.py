"""Step “impute”: gaps in clinical variables are filled several times, and the models behind pooled (Rubin's rules)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any

from ...core.errors import UsageError
from ..completed import IN_A_RESAMPLE, imputed
from ..fitted_model import RAD_SCORE, FittedModel
from .protocol_step import ProtocolStep

_FEWEST = 20
_SIGNATURE = ("lasso", "random-forest", "published-features")


class ImputeStep(ProtocolStep):
    """Learned from the training patients, their outcome and Rad-score; patients set aside teach it nothing.

    As many fillings as per cent of the patients have a gap, and 20 at least (White, Royston & Wood, Stat Med 2011).
    """

    @property
    def needs(self) -> tuple[str, ...]:
        return ("signature",)

    def run(self, model: FittedModel) -> FittedModel:
        """Fill the gaps; nothing where there are none."""
        training = model.training
        if not training.gaps:
            return model
        if model.choices.explain and training.clusters is not None:
            raise UsageError(
                "Gaps of patients with several rows cannot be imputed, as each row would be filled differently. Take "
                "one row a patient (--rois largest or mean), or complete cases (--missing complete)."
            )
        if training.survival is not None and training.survival.competed is not None:
            raise UsageError("Gaps are not imputed where events compete; take complete cases (--missing complete).")
        n_incomplete = len(training) - len(training.complete)
        n = max(_FEWEST, ceil(100 * n_incomplete / len(training))) if model.choices.explain else IN_A_RESAMPLE
        scores = {RAD_SCORE: model.rad_signature.rad_score(training)}
        model = replace(model, training=imputed(training, n, model.choices.seed, scores))
        counts = ", ".join(f"{name} of {k}" for name, k in training.gaps.items())
        model = model.warned(
            f"{n_incomplete} of {len(training)} training patients have gaps ({counts}), filled {n} times by chained "
            "equations and pooled by Rubin's rules. That is right where what is known of a patient explains the gap. "
            f"Apparent numbers are of the {len(training) - n_incomplete} without gaps."
        )
        return model.did(self.spec, imputations=n, gaps=training.gaps)


def with_imputation(specs: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A protocol's steps with the imputation behind the one that builds the signature."""
    if any(spec["step"] == "impute" for spec in specs):
        return specs
    step = {"step": "impute", "evidence": "assumed", "source": "asked for here; not of the study"}
    at = next((k for k, spec in enumerate(specs) if spec["step"] in _SIGNATURE), len(specs) - 1) + 1
    return [*specs[:at], step, *specs[at:]]
