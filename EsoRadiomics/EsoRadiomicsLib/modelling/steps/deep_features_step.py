"""Step “deep-features”: features that a network makes of the images."""

from __future__ import annotations

from ...core.errors import UsageError
from ...studies.study import Study
from .protocol_step import ProtocolStep


class DeepFeaturesStep(ProtocolStep):
    """Not repeated here."""

    def check(self, study: Study) -> None:
        """Raise UsageError."""
        raise UsageError(
            f"The protocol of {study.id} cannot be repeated here: its features come from a network that is not "
            "published. Choose another study's protocol."
        )
