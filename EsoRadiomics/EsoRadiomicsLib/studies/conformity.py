"""How far a patient's CT and the settings used are from the study's own: sentences for the report, not verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.formatting import listed
from ..core.translation import tr
from ..extraction.settings import ExtractionSettings
from ..imaging.case import Case
from .study import Study

SLICE_TOLERANCE_MM = 0.5
KVP_TOLERANCE = 1.0


def conformity_warnings(study: Study, settings: ExtractionSettings, case: Case) -> Iterator[str]:
    """Warn of settings changed from the card's, and of an acquisition unlike the study's where both are known."""
    yield from settings_warnings(study, settings)
    yield from _acquisition(study, case)


def settings_warnings(study: Study, settings: ExtractionSettings) -> Iterator[str]:
    """Name each setting that is not the card's."""
    for name, (wanted, used) in study.settings.differences(settings).items():
        yield (
            tr(
                "The setting {name} was changed from the study's {wanted} to {used}: the features, and so "
                "the score, are not the study's.",
                name=name,
                wanted=wanted,
                used=used,
            )
        )


def _acquisition(study: Study, case: Case) -> Iterator[str]:
    acquisition = case.acquisition
    unknown = []

    wanted = _known(study, "slice_thickness_mm")
    if wanted is not None:
        found = acquisition.slice_thickness_mm or case.image.GetSpacing()[2]
        if abs(found - wanted) > SLICE_TOLERANCE_MM:
            yield tr(
                "Slice thickness is {found:g} mm; the study used {wanted:g} mm. Texture features depend on it.",
                found=found,
                wanted=wanted,
            )
    wanted = _known(study, "kvp")
    if wanted is not None:
        if acquisition.kvp is None:
            unknown.append(tr("tube voltage"))
        elif abs(acquisition.kvp - wanted) > KVP_TOLERANCE:
            yield tr("Tube voltage is {kvp:g} kV; the study used {wanted:g} kV.", kvp=acquisition.kvp, wanted=wanted)
    wanted = _known(study, "contrast")
    if wanted is not None:
        if acquisition.contrast is None:
            unknown.append(tr("contrast"))
        elif acquisition.contrast != wanted:
            names = {True: tr("contrast-enhanced"), False: tr("plain")}
            yield tr(
                "This CT is {found}; the study used {wanted} CT.",
                found=names[acquisition.contrast],
                wanted=names[wanted],
            )
    wanted = _known(study, "contrast_phase")
    if wanted is not None:
        if acquisition.contrast_phase is None:
            unknown.append(tr("contrast phase"))
        elif acquisition.contrast_phase.lower() not in wanted.lower():
            yield tr(
                "The contrast phase is “{contrast_phase}”; the study used “{wanted}”.",
                contrast_phase=acquisition.contrast_phase,
                wanted=wanted,
            )
    wanted = _known(study, "kernel")
    if wanted is not None:
        if acquisition.kernel is None:
            unknown.append(tr("reconstruction kernel"))
        elif acquisition.kernel.lower() != wanted.lower():
            yield tr(
                "The reconstruction kernel is {kernel}; the study used {wanted}.",
                kernel=acquisition.kernel,
                wanted=wanted,
            )
    if unknown:
        yield tr(
            "The image file does not tell {unknown}, so it was not compared with the study's protocol.",
            unknown=listed(unknown),
        )


def _known(study: Study, name: str) -> Any:
    quantity = study.acquisition(name)
    return None if quantity is None else quantity.value
