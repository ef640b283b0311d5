"""Reading CT volumes: what is read, and what is refused with a sentence that names file and remedy."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import dicom_factory
import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from pydicom import Dataset, dcmread
from pydicom.uid import RLELossless

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.read_volume import read_volume
from EsoRadiomicsLib.imaging.volumes import Acquisition


@pytest.fixture(scope="module")
def image() -> sitk.Image:
    return phantoms.ct()


@pytest.fixture(scope="module")
def series(image: sitk.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dicom_factory.write_ct(tmp_path_factory.mktemp("series"), image)


def same(a: sitk.Image, b: sitk.Image) -> bool:
    """The same voxels at the same place, to the precision of a DICOM decimal."""
    place_a, place_b = (np.r_[i.GetOrigin(), i.GetSpacing(), i.GetDirection()] for i in (a, b))
    same_voxels = np.array_equal(sitk.GetArrayViewFromImage(a), sitk.GetArrayViewFromImage(b))
    return same_voxels and np.allclose(place_a, place_b, atol=1e-6)


# Volume files


@pytest.mark.parametrize("name", ["ct.nrrd", "ct.nhdr", "ct.nii", "ct.nii.gz", "ct.mha", "ct.mhd"])
def test_volume_files_are_read(image: sitk.Image, tmp_path: Path, name: str) -> None:
    sitk.WriteImage(image, tmp_path / name)
    volume = read_volume(tmp_path / name)
    assert same(volume.image, image)
    assert volume.source["format"] in ("NRRD", "NIfTI", "MetaImage")
    assert volume.acquisition == Acquisition()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file or folder .*ct\.nrrd.* Check the spelling"):
        read_volume(tmp_path / "ct.nrrd")


@pytest.mark.parametrize("name", ["ct.nrrd", "ct.nii", "ct.nii.gz", "ct.mha", "ct.dcm", "notes.txt"])
@pytest.mark.parametrize("content", [b"", b"hello, this is text"])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    known = name not in ("ct.dcm", "notes.txt")
    told = "is damaged: it does not begin as" if known else "is not a volume that can be read. NRRD, NIfTI"
    with pytest.raises(InputError, match=f"{name} {told}"):
        read_volume(tmp_path / name)


def test_a_picture_is_refused(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.Image([20, 20], sitk.sitkUInt8), tmp_path / "slice.png")
    with pytest.raises(InputError, match=r"slice\.png is not a volume"):
        read_volume(tmp_path / "slice.png")


@pytest.mark.parametrize("name", ["ct.nrrd", "ct.nii", "ct.nii.gz", "ct.mha"])
@pytest.mark.parametrize("part", [0.5, 0.999])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_truncated_volume_is_refused(
    image: sitk.Image, tmp_path: Path, name: str, part: float, compressed: bool
) -> None:
    file = tmp_path / name
    sitk.WriteImage(image, file, compressed)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(InputError, match=rf"{name} is damaged"):
        read_volume(file)


def test_a_nifti_file_compressed_in_blocks_is_read(image: sitk.Image, tmp_path: Path) -> None:
    sitk.WriteImage(image, tmp_path / "ct.nii")
    content = (tmp_path / "ct.nii").read_bytes()
    blocks = [gzip.compress(content[i : i + 10_000]) for i in range(0, len(content), 10_000)]
    (tmp_path / "ct.nii.gz").write_bytes(b"".join(blocks))
    assert same(read_volume(tmp_path / "ct.nii.gz").image, image)


def test_images_that_are_not_single_3d_volumes_are_refused(image: sitk.Image, tmp_path: Path) -> None:
    for wrong, why in (
        (image[:, :, 3], "2-D"),
        (sitk.JoinSeries([image, image]), "4-D"),
        (sitk.Compose([sitk.Cast(image, sitk.sitkUInt8)] * 3), "3 values a voxel"),
        (image[:, :, 3:4], "single slice"),
    ):
        sitk.WriteImage(wrong, tmp_path / "ct.nrrd")
        with pytest.raises(InputError, match=rf"The image .*ct\.nrrd .*{why}"):
            read_volume(tmp_path / "ct.nrrd")


def test_reading_leaves_the_console_clean(
    image: sitk.Image, series: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sitk.WriteImage(image, tmp_path / "ct.nii.gz")
    sitk.WriteImage(image, tmp_path / "ct.mha")
    capfd.readouterr()
    for path in (tmp_path / "ct.nii.gz", tmp_path / "ct.mha", series):
        read_volume(path)
    assert capfd.readouterr() == ("", "")


# DICOM series


def rewritten(series: Path, folder: Path, change: Callable[[Dataset, int], None]) -> Path:
    """A copy of the series with each slice (counted from below) changed."""
    shutil.copytree(series, folder)
    files = sorted(folder.glob("*.dcm"), key=lambda file: dcmread(file).ImagePositionPatient[2])
    for k, file in enumerate(files):
        dataset = dcmread(file)
        change(dataset, k)
        dataset.save_as(file)
    return folder


def slice_file(folder: Path, k: int) -> Path:
    return sorted(folder.glob("*.dcm"), key=lambda file: dcmread(file).ImagePositionPatient[2])[k]


def test_a_dicom_series_is_read_in_the_order_of_its_positions(image: sitk.Image, series: Path) -> None:
    assert same(read_volume(series).image, image)


def test_one_file_stands_for_its_series(image: sitk.Image, series: Path) -> None:
    assert same(read_volume(slice_file(series, 5)).image, image)


def test_subfolders_are_searched_and_other_files_ignored(image: sitk.Image, series: Path, tmp_path: Path) -> None:
    shutil.copytree(series, tmp_path / "study" / "ct")
    (tmp_path / "study" / "README.txt").write_text("not DICOM")
    assert same(read_volume(tmp_path).image, image)


def test_sagittal_and_coronal_and_tilted_series_are_read(image: sitk.Image, tmp_path: Path) -> None:
    for orientation in ("PSL", "LSA", "RPS"):
        folder = dicom_factory.write_ct(tmp_path / orientation, sitk.DICOMOrient(image, orientation))
        assert same(read_volume(folder).image, image)
    oblique = sitk.Image(image)
    rotation = sitk.Euler3DTransform()
    rotation.SetRotation(0.2, 0.1, 0.0)
    oblique.SetDirection(rotation.GetMatrix())
    assert same(read_volume(dicom_factory.write_ct(tmp_path / "oblique", oblique)).image, oblique)


def test_the_acquisition_comes_from_the_header(series: Path) -> None:
    assert read_volume(series).acquisition == Acquisition(
        modality="CT", slice_thickness_mm=3.0, kvp=120.0, exposure_mas=210.0, kernel="B31f", contrast=True,
        manufacturer="SIEMENS", scanner="Sensation 64",
    )  # fmt: skip


def test_what_the_header_does_not_tell_is_unknown(series: Path, tmp_path: Path) -> None:
    def silence(dataset: Dataset, _: int) -> None:
        for name in ("KVP", "Exposure", "ConvolutionKernel", "Manufacturer", "ManufacturerModelName", "SliceThickness"):
            delattr(dataset, name)
        dataset.ContrastBolusAgent = ""

    assert read_volume(rewritten(series, tmp_path / "ct", silence)).acquisition == Acquisition(modality="CT")


def test_a_compressed_series_is_read(image: sitk.Image, series: Path, tmp_path: Path) -> None:
    folder = rewritten(series, tmp_path / "ct", lambda dataset, _: dataset.compress(RLELossless))
    assert same(read_volume(folder).image, image)


def test_each_slice_is_rescaled_by_its_own_slope_and_intercept(image: sitk.Image, series: Path, tmp_path: Path) -> None:
    def rescale(dataset: Dataset, k: int) -> None:
        if k % 2 == 0:
            stored = np.frombuffer(dataset.PixelData, "<u2").astype(int) - 1024
            dataset.RescaleSlope, dataset.RescaleIntercept = "0.5", "-2000"
            dataset.PixelData = ((stored + 2000) * 2).astype("<u2").tobytes()

    assert same(read_volume(rewritten(series, tmp_path / "ct", rescale)).image, image)


def test_positions_rounded_to_tenths_of_a_millimetre_are_even_enough(tmp_path: Path) -> None:
    def round_position(dataset: Dataset, _: int) -> None:
        dataset.ImagePositionPatient[2] = f"{float(dataset.ImagePositionPatient[2]):.1f}"

    thin = phantoms.ct(spacing=(0.9, 0.9, 1.25))
    volume = read_volume(dicom_factory.write_ct(tmp_path / "ct", thin, change=round_position))
    assert volume.image.GetSpacing()[2] == pytest.approx(1.25, abs=0.01)


def test_values_that_are_not_called_hu_are_warned_about(series: Path, tmp_path: Path) -> None:
    folder = rewritten(series, tmp_path / "ct", lambda dataset, _: setattr(dataset, "RescaleType", "US"))
    assert "calls its values “US”, not HU" in read_volume(folder).warnings[0]


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ct.nii.gz").write_bytes(b"no DICOM")
    with pytest.raises(InputError, match=r"holds no DICOM files. Give the folder of the series, or a volume file"):
        read_volume(tmp_path)


def test_missing_slices_are_counted(series: Path, tmp_path: Path) -> None:
    shutil.copytree(series, tmp_path / "ct")
    for k in (5, 6, 10):
        slice_file(series, k)
        (tmp_path / "ct" / slice_file(series, k).name).unlink()
    with pytest.raises(InputError, match=r"lacks 3 of 16 slices \(the first after -298\.0 mm; they are 3 mm apart"):
        read_volume(tmp_path / "ct")


def test_uneven_slices_are_refused(series: Path, tmp_path: Path) -> None:
    def stretch(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient[2] = -300 + 3 * k + max(k - 8, 0) * 0.7

    with pytest.raises(InputError, match=r"not evenly spaced \(3 to 3\.7 mm apart\)"):
        read_volume(rewritten(series, tmp_path / "ct", stretch))


def test_two_slices_at_one_position_are_refused(series: Path, tmp_path: Path) -> None:
    shutil.copytree(series, tmp_path / "ct")
    shutil.copy(slice_file(series, 4), tmp_path / "ct" / "copy.dcm")
    with pytest.raises(InputError, match=r"several slices at one position \(at -298\.0 mm\)"):
        read_volume(tmp_path / "ct")


def test_slices_shifted_by_a_tilted_gantry_are_refused(series: Path, tmp_path: Path) -> None:
    def tilt(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient[1] += 0.5 * k

    with pytest.raises(InputError, match=r"shifted against each other by 7\.5 mm \(tilted gantry\).*3D Slicer"):
        read_volume(rewritten(series, tmp_path / "ct", tilt))


def test_slices_that_are_not_parallel_are_refused(series: Path, tmp_path: Path) -> None:
    def turn(dataset: Dataset, k: int) -> None:
        if k == 0:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    with pytest.raises(InputError, match="not parallel"):
        read_volume(rewritten(series, tmp_path / "ct", turn))


def test_slices_of_another_pixel_size_are_refused(series: Path, tmp_path: Path) -> None:
    def zoom(dataset: Dataset, k: int) -> None:
        if k == 3:
            dataset.PixelSpacing = [0.5, 0.5]

    with pytest.raises(InputError, match="differ in matrix or pixel size"):
        read_volume(rewritten(series, tmp_path / "ct", zoom))


@pytest.mark.parametrize("name", ["RescaleSlope", "RescaleIntercept"])
def test_a_slice_without_rescale_is_named(series: Path, tmp_path: Path, name: str) -> None:
    folder = rewritten(series, tmp_path / "ct", lambda dataset, k: delattr(dataset, name) if k == 2 else None)
    file = slice_file(folder, 2).name
    with pytest.raises(InputError, match=rf"{file} has no rescale slope or intercept, .* HU"):
        read_volume(folder)


@pytest.mark.parametrize("name", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_a_slice_without_geometry_is_named(series: Path, tmp_path: Path, name: str) -> None:
    folder = rewritten(series, tmp_path / "ct", lambda dataset, k: delattr(dataset, name) if k == 2 else None)
    with pytest.raises(InputError, match=rf"DICOM file .*\.dcm is damaged or not complete .*{name}"):
        read_volume(folder)


def test_an_mr_series_is_refused(series: Path, tmp_path: Path) -> None:
    folder = rewritten(series, tmp_path / "mr", lambda dataset, _: setattr(dataset, "Modality", "MR"))
    with pytest.raises(InputError, match="holds no CT series, but MR"):
        read_volume(folder)
    with pytest.raises(InputError, match="is MR, not CT"):
        read_volume(slice_file(folder, 0))


def test_a_multi_frame_ct_is_refused(series: Path, tmp_path: Path) -> None:
    folder = rewritten(series, tmp_path / "ct", lambda dataset, _: setattr(dataset, "NumberOfFrames", 2))
    with pytest.raises(InputError, match=r"multi-frame CT.*save it as NRRD"):
        read_volume(folder)


def test_a_single_slice_is_refused(series: Path, tmp_path: Path) -> None:
    shutil.copy(slice_file(series, 0), tmp_path / "alone.dcm")
    with pytest.raises(InputError, match=r"alone\.dcm holds a single slice.* Give the folder with all slices"):
        read_volume(tmp_path / "alone.dcm")


def test_a_truncated_slice_is_named(series: Path, tmp_path: Path) -> None:
    shutil.copytree(series, tmp_path / "ct")
    file = slice_file(tmp_path / "ct", 7)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(InputError, match=rf"{file.name} is damaged or not complete"):
        read_volume(tmp_path / "ct")


def test_a_broken_header_is_named(series: Path, tmp_path: Path) -> None:
    shutil.copytree(series, tmp_path / "ct")
    file = slice_file(series, 7).name
    content = (series / file).read_bytes()
    (tmp_path / "ct" / file).write_bytes(content[: content.index(b"\x28\x00\x30\x00DS")])  # cut before PixelSpacing
    with pytest.raises(InputError, match=rf"{file} is damaged or not complete"):
        read_volume(tmp_path / "ct")


def test_of_several_series_the_user_must_choose(image: sitk.Image, series: Path, tmp_path: Path) -> None:
    shutil.copytree(series, tmp_path / "a")
    other = dicom_factory.write_ct(tmp_path / "b", sitk.Cast(image + 1, sitk.sitkInt16), series="lung kernel")
    with pytest.raises(InputError, match=r"holds 2 CT series: series 3 “ct” \(16 images, .* series 3 “lung kernel”"):
        read_volume(tmp_path)
    assert same(read_volume(tmp_path, {dicom_factory.uid("ct")}).image, image)
    assert same(read_volume(next(other.iterdir())).image, image + 1)


def test_a_localizer_and_a_pet_beside_the_ct_are_passed_over(image: sitk.Image, series: Path, tmp_path: Path) -> None:
    shutil.copytree(series, tmp_path / "ct")

    def localizer(dataset: Dataset, _: int) -> None:
        dataset.ImageType, dataset.SeriesInstanceUID = ["ORIGINAL", "PRIMARY", "LOCALIZER"], dicom_factory.uid("scout")

    def pet(dataset: Dataset, _: int) -> None:
        dataset.Modality, dataset.SeriesInstanceUID = "PT", dicom_factory.uid("pet")

    rewritten(series, tmp_path / "scout", localizer)
    rewritten(series, tmp_path / "pet", pet)
    assert same(read_volume(tmp_path).image, image)


def test_a_mask_given_as_the_image_is_refused(tmp_path: Path) -> None:
    mask = phantoms.gtv(phantoms.ct())
    file = dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": dicom_factory.contours_of(mask)})
    with pytest.raises(InputError, match=r"rs\.dcm is a DICOM RTSTRUCT, not a CT"):
        read_volume(file)
