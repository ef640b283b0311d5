"""DICOM as archives hold it: without preamble, deflated, with indexes, screenshots and text where numbers belong."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import dicom_factory
import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.fileset import FileSet
from pydicom.uid import JPEG2000, DeflatedExplicitVRLittleEndian, SecondaryCaptureImageStorage

from EsoRadiomicsLib.cohort.folder_scan import scan_folder
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.imaging.read_volume import read_volume

IMAGE = phantoms.ct()
VOXELS = sitk.GetArrayFromImage(IMAGE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return dicom_factory.write_ct(tmp_path / "patient" / "ct", IMAGE)


def is_read(path: Path) -> None:
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_volume(path).image), VOXELS)


def rewritten(folder: Path, change: Callable[[Dataset], None]) -> Path:
    for file in folder.glob("*.dcm"):
        dataset = dcmread(file)
        change(dataset)
        dataset.save_as(file)
    return folder


def without_preamble(file: Path) -> None:
    """As old archives write it: neither preamble nor file meta information, implicit little endian."""
    plain = Dataset()
    plain.update(dcmread(file))
    dcmwrite(file, plain, implicit_vr=True, little_endian=True, enforce_file_format=False)


def test_files_without_preamble_are_read(folder: Path, tmp_path: Path) -> None:
    gtv = phantoms.gtv(IMAGE)
    file = dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": dicom_factory.contours_of(gtv)})
    for each in (*folder.glob("*.dcm"), file):
        without_preamble(each)
        assert each.read_bytes()[128:132] != b"DICM"
    is_read(folder)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(load_case(folder, file).mask), sitk.GetArrayFromImage(gtv))


def test_deflated_files_are_whole(folder: Path) -> None:
    def deflate(dataset: Dataset) -> None:
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    is_read(rewritten(folder, deflate))


@pytest.mark.parametrize("name", ["DICOMDIR", "index.dcm", "00000"])
def test_an_index_of_any_name_is_no_object(folder: Path, tmp_path: Path, name: str) -> None:
    files = FileSet()
    for file in folder.glob("*.dcm"):
        files.add(file)
    files.write(tmp_path / "set")
    shutil.copy(tmp_path / "set" / "DICOMDIR", folder / name)
    is_read(folder)


def other_object(folder: Path, *, series: str, image_type: list[str], positioned: bool, captured: bool) -> Path:
    """One more object beside the slices: a copy of the first with another kind."""
    dataset = dcmread(sorted(folder.glob("*.dcm"))[0])
    dataset.SOPInstanceUID = dicom_factory.uid("other object")
    dataset.SeriesInstanceUID = dicom_factory.uid(series)
    dataset.ImageType = image_type
    if captured:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    if not positioned:
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
    dataset.save_as(folder / "zz.dcm")
    return folder / "zz.dcm"


@pytest.mark.parametrize("series", ["ct", "other"], ids=["in the series", "beside it"])
@pytest.mark.parametrize(
    ("image_type", "positioned", "captured", "called"),
    [
        (["ORIGINAL", "PRIMARY", "LOCALIZER"], True, False, "localizer"),
        (["DERIVED", "SECONDARY", "SCREEN SAVE"], False, True, "secondary capture"),
        (["DERIVED", "SECONDARY"], False, True, "secondary capture"),
    ],
)
def test_localizers_and_dose_reports_are_no_volume_on_any_road(
    folder: Path, series: str, image_type: list[str], positioned: bool, captured: bool, called: str
) -> None:
    slices = sorted(folder.glob("*.dcm"))
    other = other_object(folder, series=series, image_type=image_type, positioned=positioned, captured=captured)
    is_read(folder)
    is_read(slices[3])
    with pytest.raises(InputError, match=f"is a {called}"):
        read_volume(other)
    (line,) = scan_folder(folder.parent.parent, folder.parent.parent)
    assert line["image"] == "patient/ct"


def test_a_single_image_beside_the_series_is_no_volume(folder: Path) -> None:
    other_object(folder, series="one", image_type=["ORIGINAL", "PRIMARY", "AXIAL"], positioned=True, captured=False)
    is_read(folder)


def test_text_where_an_informational_number_belongs_is_no_damage(folder: Path) -> None:
    for file in folder.glob("*.dcm"):
        content = file.read_bytes()
        file.write_bytes(content.replace(b"\x18\x00\x60\x00DS\x04\x00120 ", b"\x18\x00\x60\x00DS\x06\x00120 kV"))
    assert read_volume(folder).acquisition.kvp == 120
    is_read(folder)


# What spoils features


def doubts(folder: Path, change: Callable[[Dataset], None]) -> tuple[str, ...]:
    return read_volume(rewritten(folder, change)).warnings


def test_a_ct_as_it_was_reconstructed_is_not_warned_of(folder: Path) -> None:
    assert read_volume(folder).warnings == ()


def test_lossy_compression_is_told_of_a_single_slice_too(folder: Path) -> None:
    def change(dataset: Dataset) -> None:
        if dataset.InstanceNumber == 9:
            dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", "10"

    (warning,) = doubts(folder, change)
    assert "compressed with loss (0028,2110 = 01, 10 : 1)" in warning


@pytest.mark.parametrize("irreversible", [True, False])
def test_jpeg_2000_that_loses_is_told_by_its_transform(folder: Path, irreversible: bool) -> None:
    """Its transfer syntax allows both, and some archives set no flag."""
    image = pytest.importorskip("PIL.Image")
    if not pytest.importorskip("PIL.features").check("jpg_2000"):
        pytest.skip("this Pillow writes no JPEG 2000")

    def change(dataset: Dataset) -> None:
        stream = io.BytesIO()
        pixels = image.fromarray(dataset.pixel_array)
        pixels.save(stream, "JPEG2000", irreversible=irreversible, no_jp2=True)
        dataset.file_meta.TransferSyntaxUID = JPEG2000
        dataset.PixelData = encapsulate([stream.getvalue()])

    told = doubts(folder, change)
    assert any("compressed with loss (transfer syntax JPEG 2000" in text for text in told) is irreversible
    if not irreversible:
        is_read(folder)


def test_projections_and_reformatted_series_are_told(folder: Path) -> None:
    (warning,) = doubts(folder, lambda dataset: setattr(dataset, "ImageType", ["DERIVED", "SECONDARY", "MIP"]))
    assert "derived series (DERIVED / SECONDARY / MIP)" in warning


def test_a_gantry_tilt_that_the_slices_do_not_have_is_told(folder: Path) -> None:
    (warning,) = doubts(folder, lambda dataset: setattr(dataset, "GantryDetectorTilt", "15"))
    assert "gantry tilt of 15°" in warning


# DICOM SEG


def test_frames_that_end_inside_a_byte_are_read(tmp_path: Path) -> None:
    image = IMAGE[:45, :37, :]
    gtv = sitk.GetArrayFromImage(phantoms.gtv(IMAGE)[:45, :37, :])
    series = dicom_factory.write_ct(tmp_path / "ct", image)
    assert 45 * 37 % 8
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", series, {"GTV": gtv})
    np.testing.assert_array_equal(sitk.GetArrayFromImage(load_case(series, file).mask), gtv)


def test_a_negative_spacing_between_slices_is_one(folder: Path, tmp_path: Path) -> None:
    gtv = sitk.GetArrayFromImage(phantoms.gtv(IMAGE))
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", folder, {"GTV": gtv})
    dataset = dcmread(file)
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = "-3.0"
    dataset.save_as(file)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(load_case(folder, file).mask), gtv)
