"""Step “random-forest”: the features that a random forest ranks first, weighed by a logistic model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...core.errors import InputError, UsageError
from ...statistics.forest import forest_importance
from ...statistics.logistic import fit_logistic
from ..fitted_model import FittedModel
from .protocol_step import ProtocolStep


@dataclass(frozen=True)
class ForestRanking:
    """Importance of every candidate, the greatest first; the first ``kept`` were taken."""

    importance: tuple[tuple[str, float], ...]
    kept: int


class RandomForestStep(ProtocolStep):
    """The forest only ranks; a card is a sum of weighted features, and the logistic model gives the weights."""

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("signature",)

    @property
    def outcome(self) -> str:
        return "binary"

    def run(self, model: FittedModel) -> FittedModel:
        """Grow the forest on the training patients, keep the first features, leave the signature with its ranking."""
        training, seed = model.training, model.choices.seed
        if training.binary is None:
            raise UsageError(f"{model.study.id} models a binary outcome: name its column (coded 0/1) with --outcome.")
        model = model.usable()
        trees, keep = self.spec["trees"], self.spec["keep"]
        importance = forest_importance(model.features, training.binary, trees=trees, seed=seed)
        order = np.argsort(-importance, kind="stable")
        chosen = model.features.iloc[:, order[:keep]]
        means, sds = chosen.mean().to_numpy(), chosen.std(ddof=1 if model.z_scored else 0).to_numpy()
        try:
            fit = fit_logistic((chosen - means) / sds, training.binary)
        except InputError as error:
            raise InputError(
                f"The {chosen.shape[1]} features that the random forest ranks first cannot be weighed: {error}"
            ) from error
        ranking = ForestRanking(
            tuple((str(model.features.columns[k]), float(importance[k])) for k in order), chosen.shape[1]
        )
        model = model.weighted(tuple(chosen.columns), fit.coefficients, fit.intercept, means, sds, "logistic")
        what = f"of the greatest importance in a random forest of {trees} trees"
        model = replace(model, account=(*model.account, (what, chosen.shape[1])), details=(*model.details, ranking))
        return model.did(self.spec, seed=seed, kept=chosen.shape[1])
