"""SlicerRadiomics, where it is installed, as the panel's way to measure all features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

from ...scene.cli_extractor import CliExtractor


def installed_extractor() -> CliExtractor | None:
    """The CLI module of SlicerRadiomics, run in the background; None where it is not installed."""
    if not hasattr(slicer.modules, "slicerradiomicscli"):
        return None

    def run_cli(parameters: dict[str, Any]) -> Any:
        return slicer.cli.run(slicer.modules.slicerradiomicscli, None, parameters)

    def later(function: Callable[[], None]) -> None:
        qt.QTimer.singleShot(0, function)

    return CliExtractor(slicer.mrmlScene, run_cli, later)
