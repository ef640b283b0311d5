"""Step “z-score”: features on one scale, by the means and SDs of the training patients."""

from __future__ import annotations

from dataclasses import replace

from ...core.errors import UsageError
from ...studies.study import Study
from ..fitted_model import FittedModel
from .protocol_step import ProtocolStep


class ZScoreStep(ProtocolStep):
    """The steps behind it weigh z-scores; the card carries the means and SDs."""

    def check(self, study: Study) -> None:
        """Raise UsageError where all patients gave means and SDs: a leak."""
        if self.spec["rows"] != "training":
            raise UsageError(
                f"The protocol of {study.id} takes the means and SDs of its z-scores from all patients. That lets the "
                "validation patients into the model; change the step's “rows” to “training”."
            )

    def run(self, model: FittedModel) -> FittedModel:
        """Say that features are z-scored from here on."""
        return replace(model, z_scored=True).did(self.spec)
