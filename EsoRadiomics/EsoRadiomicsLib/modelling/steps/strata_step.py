"""Step “strata”: risk strata that count adverse factors, the risk group among them."""

from __future__ import annotations

from dataclasses import replace

from ..fitted_model import RISK_GROUP, FittedModel
from .protocol_step import ProtocolStep


class StrataStep(ProtocolStep):
    """The study's own strata, where its clinical factors are in this cohort too."""

    @property
    def needs(self) -> tuple[str, ...]:
        return ("cutoff",)

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("strata",)

    def run(self, model: FittedModel) -> FittedModel:
        """Nothing where a factor is missing."""
        factors = set(self.spec["factors"]) - {RISK_GROUP}
        if model.study.strata is None or not factors <= set(model.training.clinical.columns):
            return model
        return replace(model, strata=True).did(self.spec)
