"""Step “deep-features”: features that a network makes of the images; the extraction settings of the card name it."""

from __future__ import annotations

from ..fitted_model import FittedModel
from .protocol_step import ProtocolStep


class DeepFeaturesStep(ProtocolStep):
    """Done where the table was measured; here the network that was used is entered."""

    def run(self, model: FittedModel) -> FittedModel:
        """Enter the network; warn that it is not the study's, or that the features are not the card's."""
        settings, given = model.study.settings, model.training.features.columns
        if set(given) <= set(settings.names):
            network = settings.sentence.rstrip(".")
            if self.spec["network"] is None:
                model = model.warned(
                    f"{model.study.id} does not publish its network: this is its protocol with another network "
                    f"({network}), and no feature here is one of the study's."
                )
        else:
            network = "not known here: the features of the table are not those of the card's extraction settings"
            model = model.warned(
                f"The features are not those of the network in the card of {model.study.id}; which network made them "
                "is not recorded."
            )
        return model.did(self.spec, features=len(given), network=network, marking=None)
