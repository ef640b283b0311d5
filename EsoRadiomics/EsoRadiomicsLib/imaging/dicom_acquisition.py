"""How a CT was acquired, from the header of one of its slices."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from .volumes import Acquisition

if TYPE_CHECKING:
    from pydicom import Dataset

_PHASES = {
    "arterial": r"arteri\w*",
    "venous": r"(porto)?venous|ven|venös\w*|portal\w*",
    "native": r"nativ\w*|plain|unenhanced|non[- ]?contrast",
    "delayed": r"delay\w*|late",
}
"""Words for contrast phases in series descriptions; a CT has no other place for its phase."""


def read_acquisition(header: Dataset) -> Acquisition:
    """What a slice's header tells; what it does not tell stays None."""

    def text(name: str) -> str | None:
        value = header.get(name)
        value = value if value is None or isinstance(value, str) else "\\".join(map(str, value))
        return value.strip() or None if value else None

    def number(name: str) -> float | None:
        value = header.get(name)
        try:
            found = math.nan if value is None else float(value)
        except (TypeError, ValueError):  # several values, or none that is a number: not known
            found = math.nan
        return found if math.isfinite(found) else None

    agent = text("ContrastBolusAgent")
    return Acquisition(
        modality="CT",
        slice_thickness_mm=number("SliceThickness"),
        kvp=number("KVP"),
        exposure_mas=number("Exposure"),
        kernel=text("ConvolutionKernel"),
        contrast=True if agent and agent.lower() not in ("no", "none") else None,
        contrast_phase=_phase(text("SeriesDescription") or ""),
        manufacturer=text("Manufacturer"),
        scanner=text("ManufacturerModelName"),
    )


def _phase(description: str) -> str | None:
    words = description.replace("_", " ")
    return next((phase for phase, names in _PHASES.items() if re.search(rf"\b({names})\b", words, re.IGNORECASE)), None)
