"""What is said when a CT, or the settings used, are not the study's."""

from __future__ import annotations

from dataclasses import replace

import phantoms
import pytest

from EsoRadiomicsLib.imaging.case import Acquisition, Case, make_case
from EsoRadiomicsLib.studies.conformity import conformity_warnings
from EsoRadiomicsLib.studies.study import load_study

STUDY = load_study("escc-lpfs-ccrt")
AS_IN_THE_STUDY = Acquisition(
    modality="CT", slice_thickness_mm=5.0, kvp=120.0, contrast=True, contrast_phase="late arterial"
)


def case(acquisition: Acquisition) -> Case:
    image = phantoms.ct(spacing=(1, 1, 5))
    return make_case(image, phantoms.gtv(image), acquisition=acquisition)


def said(acquisition: Acquisition, **changes: object) -> list[str]:
    return list(conformity_warnings(STUDY, STUDY.settings.changed(**changes), case(acquisition)))


def test_a_ct_as_in_the_study_needs_no_words() -> None:
    assert said(AS_IN_THE_STUDY) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"slice_thickness_mm": 3.0}, "Slice thickness is 3 mm; the study used 5 mm"),
        ({"kvp": 100.0}, "Tube voltage is 100 kV; the study used 120 kV"),
        ({"contrast": False}, "This CT is plain; the study used contrast-enhanced CT"),
        ({"contrast_phase": "portal venous"}, "The contrast phase is “portal venous”"),
    ],
)
def test_a_difference_is_named_with_both_values(other: dict[str, object], words: str) -> None:
    (sentence,) = said(replace(AS_IN_THE_STUDY, **other))  # type: ignore[arg-type]
    assert sentence.startswith(words)


def test_the_slice_thickness_of_a_file_without_header_is_its_slice_spacing() -> None:
    image = phantoms.ct(spacing=(1, 1, 3))
    sentences = list(conformity_warnings(STUDY, STUDY.settings, make_case(image, phantoms.gtv(image))))
    assert any(sentence.startswith("Slice thickness is 3 mm") for sentence in sentences)


def test_what_the_file_does_not_tell_is_listed_and_not_called_a_difference() -> None:
    (sentence,) = said(Acquisition())
    assert sentence.startswith("The image file does not tell tube voltage, contrast, contrast phase,")


def test_a_changed_setting_is_named_with_both_values() -> None:
    (sentence,) = said(AS_IN_THE_STUDY, bin_width=10)
    assert sentence.startswith("The setting bin_width was changed from the study's 25.0 to 10.0")
