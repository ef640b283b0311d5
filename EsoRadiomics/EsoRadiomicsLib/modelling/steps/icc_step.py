"""Step “icc”: only the features that an agreement study found reproducible between segmentations."""

from __future__ import annotations

from ...core.formatting import some
from ..fitted_model import FittedModel, NothingSelectedError
from .protocol_step import ProtocolStep

REPRODUCIBLE = "reproducible between segmentations (ICC)"


class IccStep(ProtocolStep):
    """Left out, with a warning, where no list of reproducible features was given."""

    @property
    def leaves(self) -> tuple[str, ...]:
        return ("features",)

    def run(self, model: FittedModel) -> FittedModel:
        """Keep the candidates that are in the list."""
        if model.choices.kept is None:
            sign = "≥" if self.spec["rule"] == ">=" else ">"
            return model.warned(
                f"The protocol's agreement filter (ICC {sign} {self.spec['threshold']:g}) was left out: no list of "
                "reproducible features was given (kept.json of an agreement study)."
            )
        model = only_reproducible(model)
        return model.did(self.spec, kept=model.features.shape[1])


def only_reproducible(model: FittedModel) -> FittedModel:
    """Without the candidates that the agreement study did not keep.

    Raises:
        NothingSelectedError: it kept none of them.
    """
    kept = model.choices.kept or ()
    names = [name for name in model.features.columns if name in kept]
    if not names:
        some_kept, some_here = (
            f"({some(each, 2)})" if len(each) else "(none)" for each in (kept, model.features.columns)
        )
        raise NothingSelectedError(
            f"None of the features that the agreement study kept {some_kept} is a candidate here {some_here}. Take the "
            "kept.json of a study with the same settings, or leave --kept out."
        )
    return model.narrowed(model.features[names], REPRODUCIBLE)
