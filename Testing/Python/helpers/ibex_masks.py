"""Masks worked out by hand, measured by IBEX's definitions."""

from __future__ import annotations

from typing import Any

import numpy as np

from EsoRadiomicsLib.extraction.ibex.ibex_measure import measure_ibex
from EsoRadiomicsLib.extraction.ibex.ibex_names import ibex_names
from EsoRadiomicsLib.extraction.ibex.ibex_settings import IbexSettings

CM = (10.0, 10.0, 10.0)
"""Voxels of one cm: volumes and surfaces are counts."""


def measured(mask: Any, hu: Any = 0.0, spacing_mm: tuple[float, float, float] = CM, **choices: Any) -> dict[str, float]:
    """All 348 features by their name without the prefix; NaN where there is none."""
    array = np.array(mask, dtype=bool)
    found = measure_ibex(np.broadcast_to(hu, array.shape), array, spacing_mm, IbexSettings(**choices), ibex_names())
    return {name.removeprefix("ibex_"): value for name, (value, _) in found.items()}


# --- IBEX's own results
