"""What a person sees of the input at a glance: counts worked out by hand, and what is no plausible ROI."""

from __future__ import annotations

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.extraction.engines import prepare, settings_from
from EsoRadiomicsLib.imaging.case import Case, make_case
from EsoRadiomicsLib.scoring.plausibility import Plausibility, plausibility
from EsoRadiomicsLib.studies.study import load_study

SETTINGS = load_study("ln-control-2y").settings
IMAGE = phantoms.ct()


def case_of(*boxes: tuple[slice, slice, slice], shift: float = 0) -> Case:
    """The phantom with boxes (z, y, x) as the ROI, whose HU may be shifted."""
    mask, hu = np.zeros(IMAGE.GetSize()[::-1], np.uint8), sitk.GetArrayFromImage(IMAGE)
    for box in boxes:
        mask[box] = 1
    hu[mask != 0] += np.random.default_rng(0).integers(-60, 60, int(mask.sum())).astype(hu.dtype)  # a CT's gray levels
    hu[mask != 0] = np.clip(hu[mask != 0] + shift, -1000, 3000)
    images = [sitk.GetImageFromArray(array) for array in (hu, mask)]
    for image in images:
        image.CopyInformation(IMAGE)
    return make_case(*images)


def seen(case: Case) -> Plausibility:
    return plausibility(case, prepare(case, SETTINGS), SETTINGS)


BODY = (slice(4, 8), slice(8, 14), slice(20, 30))


def test_the_counts_are_those_of_the_mask() -> None:
    found = seen(case_of(BODY))
    assert (found.voxels, found.islands, found.empty_slices, found.main_part) == (4 * 6 * 10, 1, 0, 1.0)
    assert found.volume_cm3 == pytest.approx(240 * float(np.prod(IMAGE.GetSpacing())) / 1000)
    assert found.border_voxels == pytest.approx(4)
    assert found.filter_reach_voxels is None
    assert not found.warnings


def test_parts_and_gaps_are_counted() -> None:
    found = seen(case_of(BODY, (slice(10, 12), slice(8, 14), slice(20, 25))))
    assert (found.islands, found.empty_slices, found.main_part) == (2, 2, 240 / 300)
    assert "2 parts that do not touch; the largest holds 80 %" in found.warnings[0]


@pytest.mark.parametrize("shift", [1024, -900])
def test_an_roi_outside_soft_tissue_is_told(shift: float) -> None:
    found = seen(case_of(BODY, shift=shift))
    assert found.outside_soft_tissue > 0.9
    assert "% of the ROI lie outside −200 … 300 HU" in found.warnings[0]


def test_few_gray_levels_are_told() -> None:
    case = case_of(BODY)
    found = plausibility(case, prepare(case, SETTINGS), settings_from({**SETTINGS.to_dict(), "bin_width": 100.0}))
    assert found.gray_levels is not None and found.gray_levels < 8
    assert "gray levels at the study's bin width" in found.warnings[0]


def test_an_roi_within_reach_of_the_filter_from_the_border_is_told() -> None:
    """In voxels of 1 mm, as the study resamples: 2 of 0.977 mm are fewer than the wavelet sees."""
    wavelets = load_study("escc-lpfs-ccrt").settings
    for first, told in ((2, True), (6, False)):
        case = case_of((slice(4, 8), slice(8, 14), slice(first, first + 10)), shift=60)
        found = plausibility(case, prepare(case, wavelets), wavelets)
        assert found.filter_reach_voxels == 3
        assert any("within the reach of the wavelet filter" in text for text in found.warnings) is told
