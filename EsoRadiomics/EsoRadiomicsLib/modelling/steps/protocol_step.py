"""What every step of a protocol is: what the card says of it, what it needs and leaves, and how it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...studies.study import Study
from ..fitted_model import FittedModel


@dataclass(frozen=True)
class ProtocolStep:
    """One step of a study's protocol; ``spec`` is its block in the card, checked by the protocol's schema.

    Parts of a model that a step may need or leave are called ``features``, ``signature``, ``cutoff``, ``entering``,
    ``final`` and ``strata``. A step that finds no outcome or clinical variables for what it does warns and leaves the
    model as it was; what it has done it enters with :meth:`FittedModel.did`.
    """

    spec: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As the card writes it."""
        return str(self.spec["step"])

    @property
    def needs(self) -> tuple[str, ...]:
        """Parts of the model that a step before this one has to leave."""
        return ()

    @property
    def leaves(self) -> tuple[str, ...]:
        """Parts of the model that this step makes or changes."""
        return ()

    @property
    def outcome(self) -> str:
        """``survival`` or ``binary``, where the protocol makes no sense without that outcome."""
        return ""

    def check(self, study: Study) -> None:
        """Raise UsageError where this step cannot be, or must not be, repeated here."""

    def run(self, model: FittedModel) -> FittedModel:
        """The model with what this step leaves; it sees the training patients only.

        Raises:
            NothingSelectedError: no feature is left.
            InputError, UsageError: the patients, or the protocol, do not allow it.
        """
        return model.did(self.spec)
