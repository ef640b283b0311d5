"""All features through the CLI module of SlicerRadiomics, out of process, its table checked name by name.

The module reports success when it failed, and its log is never empty: only the table tells. It gets the case in
PyRadiomics' own measurement frame, so that its values are those of
:func:`EsoRadiomicsLib.extraction.engines.extract`, bit for bit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeGuard

from ...core.errors import ExtractionError
from ..features import Features
from ..settings import ExtractionSettings
from .pyradiomics_features import check_value
from .pyradiomics_package import software_versions
from .pyradiomics_settings import PyRadiomicsSettings

ROAD = "SlicerRadiomicsCLI"
_LISTED = 3


def can_measure(settings: ExtractionSettings) -> TypeGuard[PyRadiomicsSettings]:
    """Whether PyRadiomics' own run does what the settings say.

    It excludes voxels after resampling only, and measures the shape of what is left only.
    """
    return isinstance(settings, PyRadiomicsSettings) and (
        settings.hu_min is None
        or (settings.hu_order == "after-resampling" and settings.shape_mask == "after-exclusion")
    )


def features_of_table(row: Mapping[str, str], settings: ExtractionSettings, log: str) -> Features:
    """Features of the module's table, which must hold every name of the settings.

    Args:
        row: column name → text.
        settings: those the module ran with.
        log: what the module wrote; quoted if something is missing.

    Raises:
        ExtractionError: columns are missing; the message names them and the log's last error.
    """
    names = settings.names
    missing = [name for name in names if name not in row]
    if missing:
        listed = ", ".join(missing[:_LISTED]) + (" …" if len(missing) > _LISTED else "")
        reason = _last_error(log)
        raise ExtractionError(
            f"SlicerRadiomics returned {len(names) - len(missing)} of {len(names)} features (missing: {listed}). "
            + (f"It says: “{reason}”. " if reason else "")
            + "Check the contour, or score without computing all features."
        )
    found = {name: check_value(row[name]) for name in names}
    return Features(
        values={name: value for name, (value, reason) in found.items() if not reason},
        failed={name: reason for name, (value, reason) in found.items() if reason},
        settings=settings,
        software=software_versions(),
        road=ROAD,
    )


def _last_error(log: str) -> str:
    """The last line of a log that names an exception, else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (errors or lines or [""])[-1]
