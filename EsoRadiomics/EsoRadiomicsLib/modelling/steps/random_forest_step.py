"""Step “random-forest”: features by their importance in a random forest."""

from __future__ import annotations

from ...core.errors import UsageError
from ...studies.study import Study
from .protocol_step import ProtocolStep


class RandomForestStep(ProtocolStep):
    """Not repeated here."""

    def check(self, study: Study) -> None:
        """Raise UsageError."""
        raise UsageError(
            f"The protocol of {study.id} cannot be repeated here: its features are chosen by a random forest. Choose "
            "another study's protocol."
        )
