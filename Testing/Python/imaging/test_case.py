"""The same patient gives the same bits from every format, and a case that cannot be measured is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dicom_factory
import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import Acquisition, Case, load_case, make_case
from EsoRadiomicsLib.imaging.grid import canonical_spacing


def bits(case: Case) -> tuple[Any, ...]:
    """Everything features can depend on."""
    image, mask = sitk.GetArrayFromImage(case.image), sitk.GetArrayFromImage(case.mask)
    return (
        image.tobytes(),
        mask.tobytes(),
        case.image.GetSize(),
        case.image.GetSpacing(),
        case.image_sha256,
        case.mask_sha256,
    )


def value_of(image: sitk.Image, change: Any) -> sitk.Image:
    """The image with its voxels (z, y, x) changed by a function."""
    changed = sitk.GetImageFromArray(change(sitk.GetArrayFromImage(image)))
    changed.CopyInformation(image)
    return changed


@pytest.fixture(scope="module")
def image() -> sitk.Image:
    return phantoms.ct()


@pytest.fixture(scope="module")
def mask(image: sitk.Image) -> sitk.Image:
    return phantoms.gtv(image)


@pytest.mark.parametrize("folder", ["ibsi_ct_phantom", "sts/STS_001", "sts/STS_002", "sts/STS_008"])
def test_a_real_patient_gives_the_same_bits_from_dicom_nifti_nrrd_and_metaimage(
    shared_data: Path, tmp_path: Path, folder: str
) -> None:
    patient = shared_data / folder
    nifti = load_case(patient / "ct.nii.gz", patient / "mask.nii.gz")
    for suffix in (".nrrd", ".mha"):
        for part in ("ct", "mask"):
            sitk.WriteImage(sitk.ReadImage(patient / f"{part}.nii.gz"), tmp_path / f"{part}{suffix}")
    assert bits(load_case(patient / "dicom" / "image", patient / "dicom" / "mask")) == bits(nifti)
    assert bits(load_case(tmp_path / "ct.nrrd", tmp_path / "mask.mha")) == bits(nifti)
    assert bits(load_case(tmp_path / "ct.mha", patient / "dicom" / "mask")) == bits(nifti)


def test_lung2_gives_the_same_bits_however_its_axes_are_stored(lung2: Any, tmp_path: Path) -> None:
    plain = load_case(lung2.image, lung2.mask)
    for orientation in ("RAS", "SPL", "AIR"):
        sitk.WriteImage(sitk.DICOMOrient(sitk.ReadImage(lung2.image), orientation), tmp_path / "ct.nii")
        assert bits(load_case(tmp_path / "ct.nii", lung2.mask)) == bits(plain)
    assert int(sitk.GetArrayViewFromImage(plain.mask).sum()) == 24_644


def test_a_patient_written_as_dicom_and_read_again_is_the_same(
    image: sitk.Image, mask: sitk.Image, tmp_path: Path
) -> None:
    folder = dicom_factory.write_ct(tmp_path / "ct", image)
    structures = dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": dicom_factory.contours_of(mask)})
    assert bits(load_case(folder, structures)) == bits(make_case(image, mask))


@settings(max_examples=40, deadline=None)
@given(
    orientation=st.permutations(["LR", "PA", "SI"]).flatmap(lambda axes: st.tuples(*map(st.sampled_from, axes))),
    mask_orientation=st.sampled_from(["LPS", "RAS", "SAL"]),
    nifti=st.booleans(),
)
def test_flipped_and_permuted_axes_give_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, orientation: tuple[str, ...], mask_orientation: str, nifti: bool
) -> None:
    image = phantoms.ct()
    mask = phantoms.gtv(image)
    file = tmp_path_factory.mktemp("axes") / ("ct.nii.gz" if nifti else "ct.nrrd")
    sitk.WriteImage(sitk.DICOMOrient(image, "".join(orientation)), file)
    stored = make_case(sitk.ReadImage(file), sitk.DICOMOrient(mask, mask_orientation))
    assert bits(stored) == bits(make_case(image, mask))


def test_an_oblique_patient_keeps_voxels_and_place_in_the_world(image: sitk.Image, mask: sitk.Image) -> None:
    turned = sitk.Euler3DTransform()
    turned.SetRotation(0.1, -0.2, 0.3)
    oblique, oblique_mask = sitk.Image(image), sitk.Image(mask)
    for part in (oblique, oblique_mask):
        part.SetDirection(turned.GetMatrix())
    case = make_case(sitk.Flip(oblique, [True, False, False]), oblique_mask)
    assert bits(case) == bits(make_case(image, mask))
    np.testing.assert_allclose(case.image.GetOrigin(), oblique.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(case.image.GetDirection(), oblique.GetDirection(), atol=1e-9)
    assert case.mask.GetOrigin() == case.image.GetOrigin()


def test_hashes_depend_on_voxels_and_spacing_but_not_on_the_place(image: sitk.Image, mask: sitk.Image) -> None:
    case = make_case(image, mask)
    moved = [sitk.Image(image), sitk.Image(mask)]
    stretched = [sitk.Image(image), sitk.Image(mask)]
    for part in moved:
        part.SetOrigin((10.0, 20.0, 30.0))
    for part in stretched:
        part.SetSpacing((0.9765625, 0.9765625, 2.5))
    assert make_case(*moved).image_sha256 == case.image_sha256
    assert make_case(*stretched).image_sha256 != case.image_sha256
    assert make_case(*stretched).mask_sha256 != case.mask_sha256
    assert make_case(value_of(image, lambda hu: hu + 1), mask).image_sha256 != case.image_sha256


@given(st.floats(0.05, 20))
def test_a_spacing_and_its_32_bit_float_are_one_spacing(spacing: float) -> None:
    rounded = canonical_spacing(spacing)
    assert rounded == canonical_spacing(float(np.float32(spacing))) == canonical_spacing(rounded)
    assert np.float32(rounded) == np.float32(spacing)


def test_a_float_ct_of_whole_hu_is_made_int16_without_a_warning(image: sitk.Image, mask: sitk.Image) -> None:
    assert bits(make_case(sitk.Cast(image, sitk.sitkFloat64), mask)) == bits(make_case(image, mask))
    assert make_case(sitk.Cast(image, sitk.sitkFloat64), mask).warnings == ()


def test_fractional_hu_are_rounded_not_truncated_and_reported(image: sitk.Image, mask: sitk.Image) -> None:
    lower = make_case(value_of(image, lambda hu: hu - 0.4), mask)
    assert bits(lower) == bits(make_case(image, mask))
    assert "not whole HU (100.0 % of its voxels)" in lower.warnings[0]


def test_values_beyond_int16_are_clipped_and_reported(image: sitk.Image, mask: sitk.Image) -> None:
    case = make_case(value_of(image, lambda hu: np.where(hu > 60, 40_000, hu.astype(np.int32))), mask)
    assert sitk.GetArrayViewFromImage(case.image).max() == 32_767
    assert any("beyond -32768 … 32767 HU" in text for text in case.warnings)


@pytest.mark.parametrize("pixel_type", ["float32", "float64"])
def test_a_study_with_float_pixels_keeps_fractions(image: sitk.Image, mask: sitk.Image, pixel_type: str) -> None:
    case = make_case(value_of(image, lambda hu: hu + 0.25), mask, pixel_type=pixel_type)
    assert sitk.GetArrayViewFromImage(case.image).dtype == pixel_type
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.image), sitk.GetArrayFromImage(image) + 0.25)
    assert case.warnings == ()


def test_the_images_given_are_not_changed(image: sitk.Image, mask: sitk.Image) -> None:
    given_image, given_mask = sitk.DICOMOrient(image, "RAS"), sitk.DICOMOrient(mask, "RAS")
    given_image.SetSpacing((0.9769999980926514, 0.9769999980926514, 3.0))
    before = given_image.GetSpacing(), given_image.GetDirection(), sitk.Hash(given_image)
    given_mask.CopyInformation(given_image)
    make_case(given_image, given_mask)
    assert (given_image.GetSpacing(), given_image.GetDirection(), sitk.Hash(given_image)) == before


def test_nothing_that_names_the_patient_is_kept(image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> None:
    folder = dicom_factory.write_ct(tmp_path / "Doe^Jane", image)
    structures = dicom_factory.write_rtstruct(folder / "rs.dcm", {"GTV": dicom_factory.contours_of(mask)})
    case = load_case(folder, structures)
    kept = json.dumps(case.sources) + repr(case.acquisition) + repr(case.warnings) + case.name
    kept += repr([(key, case.image.GetMetaData(key)) for key in case.image.GetMetaDataKeys()])
    for secret in (dicom_factory.PATIENT_NAME, "Doe", dicom_factory.PATIENT_ID, dicom_factory.uid("ct"), str(tmp_path)):
        assert secret not in kept


def test_sources_tell_format_and_what_was_chosen(image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> None:
    folder = dicom_factory.write_ct(tmp_path, image)
    dicom_factory.write_rtstruct(folder / "rs.dcm", {"GTV": dicom_factory.contours_of(mask)})
    case = load_case(folder, folder, name="patient 1")
    assert case.name == "patient 1"
    assert case.sources["image"] == {"format": "DICOM", "slices": 16, "pixel_type": "32-bit signed integer"}
    volume = float(np.prod(image.GetSpacing())) * sitk.GetArrayFromImage(mask).sum() / 1000
    assert case.sources["mask"] == {
        "format": "RTSTRUCT", "roi": "GTV", "fill": "even-odd", "grid": "same", "offset_mm": [0.0, 0.0, 0.0],
        "contours": 84, "slices_with_contours": 8, "slices_without_contours": 0,
        "volume_of_contours_cm3": pytest.approx(volume, abs=1e-3),
    }  # fmt: skip


def test_a_slice_of_its_series_tells_the_scanner_of_an_image_in_another_format(
    image: sitk.Image, mask: sitk.Image, tmp_path: Path
) -> None:
    folder = dicom_factory.write_ct(tmp_path / "ct", image)
    for each, name in ((image, "ct.nrrd"), (mask, "gtv.nrrd")):
        sitk.WriteImage(each, str(tmp_path / name))
    of_series = load_case(folder, tmp_path / "gtv.nrrd")
    told = load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd", acquisition=next(folder.iterdir()))
    assert told.acquisition == of_series.acquisition != Acquisition()
    assert bits(told) == bits(of_series)
    with pytest.raises(InputError, match="tells of its scanner itself"):
        load_case(folder, tmp_path / "gtv.nrrd", acquisition=next(folder.iterdir()))
    with pytest.raises(InputError, match=r"ct\.nrrd is no DICOM file"):
        load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd", acquisition=tmp_path / "ct.nrrd")


def test_a_slice_of_another_size_is_not_believed(image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> None:
    for each, name in ((image, "ct.nrrd"), (mask, "gtv.nrrd")):
        sitk.WriteImage(each, str(tmp_path / name))
    other = next(dicom_factory.write_ct(tmp_path / "other", phantoms.ct((12, 10, 6))).iterdir())
    case = load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd", acquisition=other)
    assert case.acquisition == Acquisition()
    assert any("no CT slice of the image's size" in sentence for sentence in case.warnings)


def test_acquisition_is_unknown_where_no_dicom_header_tells_it(image: sitk.Image, mask: sitk.Image) -> None:
    assert make_case(image, mask).acquisition == Acquisition()


def test_an_mr_image_is_refused(image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> None:
    sitk.WriteImage(value_of(image, lambda hu: hu + 1024), tmp_path / "mr.nrrd")
    sitk.WriteImage(mask, tmp_path / "gtv.nrrd")
    with pytest.raises(InputError, match=r"mr\.nrrd has no value below 0, so it is not a CT .* Give the CT in HU"):
        load_case(tmp_path / "mr.nrrd", tmp_path / "gtv.nrrd")


def test_voxels_that_are_not_numbers_are_refused(image: sitk.Image, mask: sitk.Image) -> None:
    with pytest.raises(InputError, match="not numbers"):
        make_case(value_of(image, lambda hu: np.where(hu > 90, np.nan, hu)), mask)


def test_a_mask_that_covers_the_whole_image_is_refused(image: sitk.Image, mask: sitk.Image) -> None:
    with pytest.raises(InputError, match="covers the whole image"):
        make_case(image, value_of(mask, np.ones_like))


def test_an_empty_mask_is_refused(image: sitk.Image, mask: sitk.Image) -> None:
    with pytest.raises(InputError, match="is empty"):
        make_case(image, value_of(mask, np.zeros_like))


@pytest.mark.parametrize("part", ["image", "mask"])
def test_a_picture_in_memory_that_is_no_volume_is_refused(image: sitk.Image, mask: sitk.Image, part: str) -> None:
    parts = {"image": image, "mask": mask}
    for wrong in (parts[part][:, :, 4], sitk.JoinSeries([parts[part]] * 2), sitk.Compose([parts[part]] * 3)):
        with pytest.raises(InputError, match=f"The {part} of case .*(2-D|4-D|3 values a voxel)"):
            make_case(**(parts | {part: wrong}))


def test_a_choice_that_does_not_fit_the_kind_of_mask_is_refused(
    image: sitk.Image, mask: sitk.Image, tmp_path: Path
) -> None:
    sitk.WriteImage(mask, tmp_path / "gtv.nrrd")
    with pytest.raises(InputError, match=r"The roi “GTV” cannot be looked up in .*gtv\.nrrd.* by label.*offers: 1"):
        load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd", roi="GTV")


def test_scoring_volume_files_imports_no_dicom_library(image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> None:
    sitk.WriteImage(image, tmp_path / "ct.nrrd")
    sitk.WriteImage(mask, tmp_path / "gtv.nrrd")
    code = (
        "import sys; from EsoRadiomicsLib.imaging.case import load_case; load_case('ct.nrrd', 'gtv.nrrd');"
        "print([name for name in ('pydicom', 'highdicom') if name in sys.modules])"
    )
    library = Path(sys.modules["EsoRadiomicsLib"].__path__[0]).parent
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
    )
    assert (run.stdout.strip(), run.stderr) == ("[]", "")
