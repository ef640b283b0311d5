"""ROIs of odd forms, and every real case there is, have the bits of a plain PyRadiomics run: values and failures."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from radiomics import cMatrices, cShape, imageoperations

from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_features import check_value
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_package import radiomics
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.extraction.pyradiomics.texture_counts import LevelImage, RoiGrid
from EsoRadiomicsLib.extraction.pyradiomics.triangle_mesh import area_and_volume, diameters
from EsoRadiomicsLib.imaging.case import Case, load_case, make_case

SHAPE = (14, 17, 16)
PLAIN = PyRadiomicsSettings(voxel_mm=None, hu_min=None, min_voxels=2)


def one_slice(mask: np.ndarray, random: np.random.Generator) -> None:
    mask[6, 3:12, 4:13] = True


def at_the_border(mask: np.ndarray, random: np.random.Generator) -> None:
    mask[:5, :7, -6:] = True


def thin(mask: np.ndarray, random: np.random.Generator) -> None:
    mask[:, 8, 2:15] = True


def one_voxel_wide_cross(mask: np.ndarray, random: np.random.Generator) -> None:
    mask[7, 8, :] = mask[7, :, 8] = mask[:, 8, 8] = True


def many_islands(mask: np.ndarray, random: np.random.Generator) -> None:
    mask |= random.random(mask.shape) < 0.08


def diagonal(mask: np.ndarray, random: np.random.Generator) -> None:
    mask[range(12), range(12), range(12)] = True


def hollow(mask: np.ndarray, random: np.random.Generator) -> None:
    mask[2:12, 2:14, 2:14] = True
    mask[4:10, 4:12, 4:12] = False


def all_but_a_slice(mask: np.ndarray, random: np.random.Generator) -> None:
    mask[1:] = True


def two_voxels(mask: np.ndarray, random: np.random.Generator) -> None:
    mask[5, 5, 5] = mask[6, 6, 5] = True


def checkerboard(mask: np.ndarray, random: np.random.Generator) -> None:
    mask |= np.indices(mask.shape).sum(axis=0) % 2 == 0


FORMS = (
    *(one_slice, at_the_border, thin, one_voxel_wide_cross, many_islands),
    *(diagonal, hollow, all_but_a_slice, checkerboard, two_voxels),
)


def assert_same_bits(case: Case, settings: PyRadiomicsSettings) -> None:
    extractor = radiomics().featureextractor.RadiomicsFeatureExtractor(settings.pyradiomics_parameters())
    plain = extractor.execute(case.image, case.mask)
    ours = extract(prepare(case, settings), settings)
    for name in settings.names:
        value, reason = check_value(plain[name])
        assert math.isnan(value) == (name in ours.failed) == bool(reason), name
        assert reason or ours.values[name] == value, name


@pytest.mark.parametrize("spread", [0, 12, 150], ids=lambda hu: f"{hu}HU")
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_an_odd_roi_has_the_bits_of_a_plain_run(
    form: Callable[[np.ndarray, np.random.Generator], None], spread: int
) -> None:
    assert_same_bits(odd_case(form, -40, spread), PLAIN)


@pytest.mark.slow
@pytest.mark.parametrize("form", [form for form in FORMS if form is not two_voxels], ids=lambda form: form.__name__)
def test_an_odd_roi_has_the_bits_of_a_plain_run_after_resampling_and_exclusion(
    form: Callable[[np.ndarray, np.random.Generator], None],
) -> None:
    assert_same_bits(odd_case(form, 20, 60), PyRadiomicsSettings())


def odd_case(form: Callable[[np.ndarray, np.random.Generator], None], mean: float, spread: float) -> Case:
    """Noise of this mean and SD in HU inside an ROI, and of 300 HU around it."""
    random = np.random.default_rng(16)
    mask = np.zeros(SHAPE, bool)
    form(mask, random)
    hu = random.normal(0, 300, SHAPE)
    hu[mask] = random.normal(mean, spread, mask.sum())
    image = sitk.GetImageFromArray(np.rint(hu).astype(np.int16))
    drawn = sitk.GetImageFromArray(mask.astype(np.uint8))
    for each in (image, drawn):
        each.SetSpacing((0.7, 1.1, 2.3))
    return make_case(image, drawn)


def test_counts_of_random_rois_are_those_of_pyradiomics_c_module() -> None:
    random = np.random.default_rng(0)
    for _ in range(80):
        mask = random.random(random.integers(1, 12, 3)) < random.choice([0.1, 0.5, 0.9])
        mask.flat[[0, -1]] = True  # a bounding box of its own size
        image = random.normal(0, random.choice([5.0, 40, 400]), mask.shape)
        levels, _ = imageoperations.binImage(image, mask, binWidth=25.0)
        highest, size, one = int(levels.max()), int(mask.sum()), np.array([1])
        glcm, angles = cMatrices.calculate_glcm(levels, mask, one, highest, 0, 0)
        ours = LevelImage(RoiGrid(mask, angles), levels[mask])
        assert np.array_equal(ours.glcm(), glcm)
        glrlm, _ = cMatrices.calculate_glrlm(levels, mask, highest, max(mask.shape), 0, 0)
        assert np.array_equal(ours.glrlm(), glrlm)
        assert np.array_equal(ours.gldm(), cMatrices.calculate_gldm(levels, mask, one, highest, 0, 0, 0))
        assert np.array_equal(ours.glszm(), cMatrices.calculate_glszm(levels, mask, highest, size, 0, 0))
        assert np.array_equal(ours.ngtdm(), cMatrices.calculate_ngtdm(levels, mask, one, highest, 0, 0))


def test_meshes_of_random_masks_are_those_of_pyradiomics_c_module() -> None:
    random = np.random.default_rng(1)
    for _ in range(80):
        mask = random.random(random.integers(1, 20, 3)) < random.choice([0.02, 0.3, 0.7, 0.98])
        mask.flat[0] = True
        padded, spacing = np.pad(mask, 1), random.uniform(0.3, 5, 3)
        area, volume, largest = cShape.calculate_coefficients(padded, spacing)
        assert area_and_volume(padded, spacing) == (area, volume)
        assert diameters(padded, spacing) == largest


@pytest.mark.slow
def test_every_real_case_has_the_bits_of_a_plain_run(shared_data: Path) -> None:
    folders = [shared_data / "ibsi_ct_phantom", *sorted(shared_data.glob("sts/STS_*"))]
    for folder in folders:
        assert_same_bits(load_case(folder / "ct.nii.gz", folder / "mask.nii.gz", label=1), PyRadiomicsSettings())
