"""Step “published-features”: the features that a study published, weighed by a model of one's own patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...core.errors import InputError, UsageError
from ...statistics.cox import fit_cox
from ...statistics.logistic import fit_logistic
from ...studies.study import Study
from ..fitted_model import FittedModel
from ..model_cohort import listed
from .protocol_step import ProtocolStep

SELECTING = ("icc", "univariate", "lasso", "random-forest")
"""The steps that choose features: none of them is done where the features are given."""


class PublishedFeaturesStep(ProtocolStep):
    """No feature is chosen here: a logistic or Cox model without penalty gives each of them its weight."""

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("signature",)

    @property
    def outcome(self) -> str:
        return "binary" if self.spec["family"] == "binomial" else "survival"

    def run(self, model: FittedModel) -> FittedModel:
        """Weigh the features; those that are missing or constant in these patients are named."""
        training, names = model.training, tuple(self.spec["features"])
        if missing := [name for name in names if name not in training.features.columns]:
            raise InputError(
                f"The table lacks {len(missing)} of the {len(names)} features that {model.study.id} publishes: "
                f"{listed(missing)}. Measure them with “esoradiomics extract … --study {model.study.id}”."
            )
        if missing := [name for name in names if name not in model.features.columns]:
            raise InputError(f"{listed(missing)} cannot be weighed: it was dropped, see “--kept” and “--batch”.")
        features = model.features[list(names)]
        means, sds = features.mean().to_numpy(), features.std(ddof=1 if model.z_scored else 0).to_numpy()
        if constant := [name for name, sd in zip(names, sds, strict=True) if not sd > 0]:
            raise InputError(f"{listed(constant)} is the same in all training patients, so it cannot be weighed.")
        z = (features - means) / sds
        try:
            if self.spec["family"] == "binomial":
                if training.binary is None:
                    raise UsageError(f"{model.study.id} models a binary outcome: name its column with --outcome.")
                fit = fit_logistic(z, training.binary)
                weights, intercept, link = fit.coefficients, fit.intercept, "logistic"
            else:
                if training.survival is None:
                    raise UsageError(f"{model.study.id} models survival: name the columns with --time and --event.")
                weights, intercept, link = fit_cox(z, training.survival).coefficients, 0.0, "cox"
        except InputError as error:
            raise InputError(f"The {len(names)} features of {model.study.id} cannot be weighed: {error}") from error
        model = model.weighted(names, weights, intercept, means, sds, link)
        model = replace(model, account=(*model.account, (f"published by {model.study.id}", len(names))))
        return model.did(self.spec)


def with_published_features(study: Study, specs: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A protocol's steps with the study's own features in the place of all that choose features.

    Raises:
        UsageError: the study names no features, or its protocol chooses none.
    """
    features = [item["name"] for item in study.card["signature"].get("features", ())]
    family = next((spec["family"] for spec in specs if spec["step"] in SELECTING and "family" in spec), None)
    if not features or family is None:
        raise UsageError(f"{study.id} publishes no features of a signature that could be weighed anew.")
    step = {
        "step": "published-features",
        "evidence": "published",
        "family": "binomial" if family == "binomial" else "cox",
        "features": features,
    }
    at = max(i for i, spec in enumerate(specs) if spec["step"] in SELECTING)
    return [step if i == at else spec for i, spec in enumerate(specs) if i == at or spec["step"] not in SELECTING]
