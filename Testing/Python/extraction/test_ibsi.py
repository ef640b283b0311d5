"""Features mean what the Image Biomarker Standardisation Initiative (IBSI) means by them.

All values are printed in its reference manual (arXiv 1612.07003) and repeated in its compliance spreadsheet.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.extraction.pyradiomics.feature_names import CLASSES
from EsoRadiomicsLib.extraction.selftest import ibsi_phantom, ibsi_settings
from EsoRadiomicsLib.imaging.case import make_case
from EsoRadiomicsLib.imaging.grid import canonical_spacing

AS_IT_IS = ibsi_settings().changed(bin_width=25, shape_mask="drawn")
TEXTURE_AND_INTENSITY = tuple(name for name in CLASSES if name != "shape")

# PyRadiomics numbers the grey levels from the lowest bin inside the ROI, IBSI from the lower end of the
# re-segmentation range (here −1000 HU, two bins further down): features that weigh with the grey level differ.
WEIGHED_WITH_GREY_LEVEL = {
    "original_glcm_Autocorrelation",
    "original_glcm_JointAverage",
    "original_glcm_SumAverage",
    "original_gldm_HighGrayLevelEmphasis",
    "original_gldm_LargeDependenceHighGrayLevelEmphasis",
    "original_gldm_LargeDependenceLowGrayLevelEmphasis",
    "original_gldm_LowGrayLevelEmphasis",
    "original_gldm_SmallDependenceHighGrayLevelEmphasis",
    "original_gldm_SmallDependenceLowGrayLevelEmphasis",
    "original_glrlm_HighGrayLevelRunEmphasis",
    "original_glrlm_LongRunHighGrayLevelEmphasis",
    "original_glrlm_LongRunLowGrayLevelEmphasis",
    "original_glrlm_LowGrayLevelRunEmphasis",
    "original_glrlm_ShortRunHighGrayLevelEmphasis",
    "original_glrlm_ShortRunLowGrayLevelEmphasis",
    "original_glszm_HighGrayLevelZoneEmphasis",
    "original_glszm_LargeAreaHighGrayLevelEmphasis",
    "original_glszm_LargeAreaLowGrayLevelEmphasis",
    "original_glszm_LowGrayLevelZoneEmphasis",
    "original_glszm_SmallAreaHighGrayLevelEmphasis",
    "original_glszm_SmallAreaLowGrayLevelEmphasis",
    "original_ngtdm_Busyness",
}


def test_the_phantom_has_the_grey_tone_differences_printed_in_the_ibsi_manual() -> None:
    roi = prepare(ibsi_phantom(), ibsi_settings())
    grey, inside = sitk.GetArrayFromImage(roi.image), sitk.GetArrayFromImage(roi.mask) == 1
    differences = dict.fromkeys((1, 3, 4, 6), 0.0)
    for centre in np.argwhere(inside):
        around = tuple(slice(position - 1, position + 2) for position in centre)
        level, neighbours = grey[tuple(centre)], np.count_nonzero(inside[around]) - 1
        differences[level] += abs(level - (grey[around][inside[around]].sum() - level) / neighbours)
    assert [np.count_nonzero(grey[inside] == level) for level in differences] == [50, 1, 16, 7]
    assert [round(value, 6) for value in differences.values()] == [39.946954, 0.2, 20.825401, 24.127005]


@pytest.fixture(scope="module")
def ct_phantom(shared_data: Path) -> tuple[sitk.Image, sitk.Image]:
    """IBSI's CT of a lung cancer and its GTV, as float as they are in the files."""
    folder = shared_data / "ibsi_ct_phantom"
    if not folder.is_dir():
        pytest.skip(f"the IBSI CT phantom is not there ({folder})")
    image, mask = (sitk.ReadImage(str(folder / name), sitk.sitkFloat64) for name in ("ct.nii.gz", "mask.nii.gz"))
    for volume in (image, mask):
        volume.SetSpacing([canonical_spacing(mm) for mm in volume.GetSpacing()])
    return image, mask


def measured(image: sitk.Image, mask: np.ndarray, **changes: Any) -> dict[str, float]:
    """Features of one ROI, in IBSI's definition where PyRadiomics' is another one."""
    roi = sitk.GetImageFromArray(mask.astype(np.uint8))
    roi.CopyInformation(image)
    settings = AS_IT_IS.changed(**changes)
    values = dict(extract(prepare(make_case(image, roi), settings), settings).values)
    if "original_firstorder_Kurtosis" in values:
        values["original_firstorder_Kurtosis"] -= 3
    return values


def shape_and_intensity(image: sitk.Image, mask: np.ndarray, hu: tuple[float, float]) -> dict[str, float]:
    """Shape on the whole ROI, all else on its voxels within the range; our settings know the lower limit only."""
    below_upper = mask & (sitk.GetArrayFromImage(image) <= hu[1])
    return {
        **measured(image, mask, feature_classes=("shape",)),
        **measured(image, below_upper, feature_classes=TEXTURE_AND_INTENSITY, hu_min=hu[0]),
    }


def disagreeing(values: dict[str, float], golden: Callable[[str], Any], configuration: str) -> set[str]:
    table = golden("ibsi_ct_phantom.csv").query("configuration == @configuration").set_index("feature")
    return {
        name
        for name, expected in table.iterrows()
        if abs(values[name] - expected["value"]) > expected["tolerance"]
        and float(f"{values[name]:.3g}") != expected["value"]
    }


def test_shape_and_intensity_of_the_ct_phantom_meet_ibsi_configuration_a(
    ct_phantom: tuple[sitk.Image, sitk.Image], golden: Callable[[str], Any]
) -> None:
    image, mask = ct_phantom
    values = shape_and_intensity(image, sitk.GetArrayFromImage(mask) == 1, (-500, 400))
    assert disagreeing(values, golden, "A") == set()


@pytest.fixture(scope="module")
def configuration_c(ct_phantom: tuple[sitk.Image, sitk.Image]) -> dict[str, float]:
    """Interpolated here, not by PyRadiomics, which aligns grids by their corners and takes the nearest mask voxel."""
    image, mask = (ibsi_interpolated(volume) for volume in ct_phantom)
    inside = sitk.GetArrayFromImage(mask) >= 0.5 - 1e-6
    assert np.count_nonzero(inside) == 45985  # IBSI's diagnostic value, tolerance 100
    return shape_and_intensity(sitk.Round(image), inside, (-1000, 400))


def ibsi_interpolated(volume: sitk.Image) -> sitk.Image:
    """Trilinear, on a grid of 2 mm with the same centre, at the borders with the nearest voxel's value."""
    size, old, new = np.array(volume.GetSize()), np.array(volume.GetSpacing()), np.full(3, 2.0)
    new_size = np.ceil(size * old / new - 1e-9).astype(int)
    resample = sitk.ResampleImageFilter()
    resample.SetSize(new_size.tolist())
    resample.SetOutputSpacing(new.tolist())
    resample.SetOutputOrigin((volume.GetOrigin() + 0.5 * (size - 1) * old - 0.5 * (new_size - 1) * new).tolist())
    resample.SetInterpolator(sitk.sitkLinear)
    resample.UseNearestNeighborExtrapolatorOn()
    return resample.Execute(volume)


def test_3d_texture_of_the_ct_phantom_meets_ibsi_configuration_c_but_for_the_numbering_of_grey_levels(
    configuration_c: dict[str, float], golden: Callable[[str], Any]
) -> None:
    assert disagreeing(configuration_c, golden, "C") == WEIGHED_WITH_GREY_LEVEL


def test_with_ibsis_numbering_of_grey_levels_their_averages_meet_configuration_c_too(
    configuration_c: dict[str, float], golden: Callable[[str], Any]
) -> None:
    names = ("original_glcm_Autocorrelation", "original_glcm_JointAverage", "original_glcm_SumAverage")
    of_products, mean, mean_of_sums = (configuration_c[name] for name in names)
    shift = 2  # E[(i + 2)(j + 2)] = E[ij] + 2 E[i + j] + 4
    renumbered = (of_products + shift * mean_of_sums + shift**2, mean + shift, mean_of_sums + 2 * shift)
    values = {**configuration_c, **dict(zip(names, renumbered, strict=True))}
    assert disagreeing(values, golden, "C") == WEIGHED_WITH_GREY_LEVEL - set(names)
