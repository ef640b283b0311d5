"""How far a patient's CT and the settings used are from the study's own: sentences for the report, not verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..extraction.settings import ExtractionSettings
from ..imaging.case import Case
from .study import Study

SLICE_TOLERANCE_MM = 0.5
KVP_TOLERANCE = 1.0


def conformity_warnings(study: Study, settings: ExtractionSettings, case: Case) -> Iterator[str]:
    """Warn of settings changed from the card's, and of an acquisition unlike the study's where both are known."""
    for name, (wanted, used) in study.settings.differences(settings).items():
        yield (
            f"The setting {name} was changed from the study's {wanted} to {used}: the features, and so the score, "
            "are not the study's."
        )
    yield from _acquisition(study, case)


def _acquisition(study: Study, case: Case) -> Iterator[str]:
    acquisition = case.acquisition
    unknown = []

    wanted = _known(study, "slice_thickness_mm")
    if wanted is not None:
        found = acquisition.slice_thickness_mm or case.image.GetSpacing()[2]
        if abs(found - wanted) > SLICE_TOLERANCE_MM:
            yield f"Slice thickness is {found:g} mm; the study used {wanted:g} mm. Texture features depend on it."
    wanted = _known(study, "kvp")
    if wanted is not None:
        if acquisition.kvp is None:
            unknown.append("tube voltage")
        elif abs(acquisition.kvp - wanted) > KVP_TOLERANCE:
            yield f"Tube voltage is {acquisition.kvp:g} kV; the study used {wanted:g} kV."
    wanted = _known(study, "contrast")
    if wanted is not None:
        if acquisition.contrast is None:
            unknown.append("contrast")
        elif acquisition.contrast != wanted:
            names = {True: "contrast-enhanced", False: "plain"}
            yield f"This CT is {names[acquisition.contrast]}; the study used {names[wanted]} CT."
    wanted = _known(study, "contrast_phase")
    if wanted is not None:
        if acquisition.contrast_phase is None:
            unknown.append("contrast phase")
        elif acquisition.contrast_phase.lower() not in wanted.lower():
            yield f"The contrast phase is “{acquisition.contrast_phase}”; the study used “{wanted}”."
    wanted = _known(study, "kernel")
    if wanted is not None:
        if acquisition.kernel is None:
            unknown.append("reconstruction kernel")
        elif acquisition.kernel.lower() != wanted.lower():
            yield f"The reconstruction kernel is {acquisition.kernel}; the study used {wanted}."
    if unknown:
        yield f"The image file does not tell {', '.join(unknown)}, so it was not compared with the study's protocol."


def _known(study: Study, name: str) -> Any:
    quantity = study.acquisition(name)
    return None if quantity is None else quantity.value
