"""Headers and settings that would make a measurement take all memory are refused before it does."""

from __future__ import annotations

import phantoms
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.core.errors import ExtractionError, RoiError
from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.imaging.case import make_case
from EsoRadiomicsLib.studies.study import load_study

SETTINGS = load_study("ln-response-crt").settings
NAMES = ("original_glcm_Idn",)


@pytest.mark.parametrize("new_mm", [0.2, 0.1])
def test_a_voxel_size_that_makes_an_roi_larger_than_any_patient_is_refused_before_resampling(new_mm: float) -> None:
    image = phantoms.ct()
    mask = phantoms.gtv(image)
    for each in (image, mask):
        each.SetSpacing((49.0, 49.0, 49.0))  # as coarse as a header may say
    with pytest.raises(RoiError, match="Check the voxel size"):
        prepare(make_case(image, mask), SETTINGS.changed(voxel_mm=(new_mm, new_mm, new_mm)))


def test_more_gray_levels_than_can_be_counted_are_refused() -> None:
    image = phantoms.ct()
    case = make_case(image, phantoms.gtv(image))
    fine = SETTINGS.changed(bin_width=0.01)
    with pytest.raises(ExtractionError, match="gray levels"):
        extract(prepare(case, fine), fine, NAMES)


def test_the_whole_range_of_16_bits_does_not_overflow() -> None:
    image = phantoms.ct()
    mask = phantoms.gtv(image)
    array = sitk.GetArrayFromImage(image)
    inside = sitk.GetArrayFromImage(mask) != 0
    array[inside.nonzero()[0][:4], inside.nonzero()[1][:4], inside.nonzero()[2][:4]] = [-32768, 32767, -32768, 32767]
    extreme = sitk.GetImageFromArray(array)
    extreme.CopyInformation(image)
    settings = SETTINGS.changed(hu_min=None, voxel_mm=None, bin_width=1.0)
    with pytest.raises(ExtractionError, match=r"65,536 gray levels"):
        extract(prepare(make_case(extreme, mask), settings), settings, NAMES)
