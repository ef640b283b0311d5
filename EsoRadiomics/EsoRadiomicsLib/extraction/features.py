"""Measured features: values by name, and a reason for each that has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..core.errors import ExtractionError
from ..core.translation import tr
from .settings import ExtractionSettings

Found = dict[str, tuple[float, str]]
"""Of each feature its value, and why it has none (or an empty string)."""


@dataclass(frozen=True)
class Features:
    """Feature values by name, in the engine's order.

    ``failed`` holds, for every feature asked for and not in ``values``, the reason. ``road`` names who computed them:
    ``library`` (the engine called here) or ``SlicerRadiomicsCLI``.
    """

    values: Mapping[str, float]
    failed: Mapping[str, str]
    settings: ExtractionSettings
    software: Mapping[str, str]
    road: str = "library"

    def require(self, names: Iterable[str]) -> None:
        """Check that all of ``names`` have values.

        Raises:
            ExtractionError: some have none, each with its reason.
        """
        missing = {name: self.failed.get(name, tr("it was not computed")) for name in names if name not in self.values}
        if missing:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
            raise ExtractionError(
                f"{len(missing)} of the features needed have no value ({reasons}). The ROI may be too small or "
                "uniform; check the contour."
            )
