"""Step “nomogram”: the final model as a drawing, with its horizons."""

from __future__ import annotations

from ..fitted_model import FittedModel
from .protocol_step import ProtocolStep


class NomogramStep(ProtocolStep):
    """The drawing is made from the card; here its variables and horizons are entered."""

    def run(self, model: FittedModel) -> FittedModel:
        """Nothing without a final model."""
        if model.final is None:
            return model
        variables = [term.name for term in model.final.terms]
        return model.did(self.spec, variables=variables, horizons=list(model.horizons))
