"""DICOM files whose values or lengths lie: a sentence that names the file, and no more memory than it promises."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dicom_factory
import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from EsoRadiomicsLib.core.apart import CAN_FORK
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging import dicom_files, dicom_series
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.imaging.dicom_seg import DicomSegmentation
from EsoRadiomicsLib.imaging.dicom_series import read_series, read_series_headers

SIZE = (16, 14, 6)


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    return dicom_factory.write_ct(tmp_path / "ct", phantoms.ct(SIZE, seed=1))


def put(path: Path, keyword: str, value: bytes) -> None:
    """A value in a file as it is, whatever DICOM allows."""
    dataset = dcmread(path)
    element = dataset[keyword]
    dataset._dict[element.tag] = RawDataElement(Tag(element.tag), element.VR, len(value), value, 0, False, True)
    dataset.save_as(path)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ImagePositionPatient", b"1\\2"),
        ("ImagePositionPatient", b"nan\\0\\0 "),
        ("ImageOrientationPatient", b"inf\\0\\0\\0\\1\\0 "),
        ("PixelSpacing", b"0\\0 "),
        ("PixelSpacing", b"1e400\\1 "),
        ("RescaleSlope", b"nan "),
        ("RescaleIntercept", b"-inf"),
        ("RescaleSlope", b"0 "),
        ("RescaleSlope", b"-1"),
        ("RescaleSlope", b"1e-300"),
        ("RescaleIntercept", b"1e30"),
        ("Rows", b"\0\0"),
    ],
)
def test_a_value_that_is_no_number_names_its_file(keyword: str, value: bytes, ct: Path) -> None:
    path = sorted(ct.iterdir())[2]
    put(path, keyword, value)
    with pytest.raises(InputError, match=path.name):
        read_series_headers(ct)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("BitsStored", 8), ("BitsAllocated", 8), ("HighBit", 11)],
)
def test_one_slice_that_stores_its_pixels_otherwise_is_no_slice_of_the_volume(
    keyword: str, value: int, ct: Path
) -> None:
    """GDCM would decode it to other values, or to half of them, without a word."""
    path = sorted(ct.iterdir())[2]
    dataset = dcmread(path)
    setattr(dataset, keyword, value)
    dataset.save_as(path)
    with pytest.raises(InputError, match=f"do not store their pixels alike .*{keyword}: .*{value}"):
        read_series(ct)


def stored_by_sign(dataset: Any, k: int) -> None:
    """Signed where a slice has a negative value, as SimpleITK and others write a series."""
    stored = np.frombuffer(dataset.PixelData, "<u2").astype(int)
    if k in (2, 3):
        stored[:5] = -7
    dataset.PixelRepresentation = int(stored.min() < 0)
    dataset.PixelData = stored.astype("<i2").tobytes()


def test_slices_of_different_signs_are_one_volume(tmp_path: Path) -> None:
    image = phantoms.ct(SIZE, seed=1)
    ct = dicom_factory.write_ct(tmp_path / "ct", image, change=stored_by_sign)
    expected = sitk.GetArrayFromImage(image)
    expected[2:4, 0, :5] = -7 - 1024
    assert (sitk.GetArrayFromImage(read_series(ct).image) == expected).all()


def test_a_sign_that_changes_values_is_refused(tmp_path: Path) -> None:
    """−7 without its sign is 65,529."""
    ct = dicom_factory.write_ct(tmp_path / "ct", phantoms.ct(SIZE, seed=1), change=stored_by_sign)
    path = next(each for each in sorted(ct.iterdir()) if dcmread(each).InstanceNumber == 3)
    put(path, "PixelRepresentation", b"\0\0")
    with pytest.raises(InputError, match=f"{path.name} stores its pixels unsigned"):
        read_series(ct)


def test_a_sign_that_differs_where_not_all_bits_are_in_use_is_refused(tmp_path: Path) -> None:
    """In 12 bits, 3,000 would become a negative number."""

    def change(dataset: Any, k: int) -> None:
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, int(k == 2)

    ct = dicom_factory.write_ct(tmp_path / "ct", phantoms.ct(SIZE, seed=1), change=change)
    with pytest.raises(InputError, match=r"do not store their pixels alike .*PixelRepresentation"):
        read_series(ct)


@pytest.mark.parametrize(("keyword", "value"), [("BitsAllocated", 8), ("Rows", 7), ("Columns", 8)])
def test_pixels_of_another_length_than_promised_are_refused(keyword: str, value: int, ct: Path) -> None:
    for path in ct.iterdir():
        dataset = dcmread(path)
        setattr(dataset, keyword, value)
        dataset.save_as(path)
    with pytest.raises(InputError, match=r"promises .* bytes of pixels"):
        read_series(ct)


def test_slices_of_several_rescales_are_told(ct: Path) -> None:
    assert not read_series(ct).warnings
    put(sorted(ct.iterdir())[2], "RescaleSlope", b"2 ")
    assert any("do not share one rescale slope" in warning for warning in read_series(ct).warnings)


@pytest.mark.parametrize("value", [b"inf ", b"nan ", b"1\\2 ", b"x "])
def test_a_tube_voltage_that_is_no_number_is_not_known(value: bytes, ct: Path) -> None:
    for path in ct.iterdir():
        put(path, "KVP", value)
    try:
        acquisition = read_series(ct).acquisition
    except InputError as error:  # pydicom refuses it at the door
        assert "KVP" in str(error) or "could not convert" in str(error)
    else:
        assert acquisition.kvp is None


def pixels_that_claim_4_gib(content: bytes) -> bytes:
    at = content.rindex(b"\xe0\x7f\x10\x00OW\0\0") + 8
    return content[:at] + struct.pack("<L", 0xFFFFFFF0) + content[at + 4 :]


def an_element_after_the_pixels(content: bytes) -> bytes:
    return content + b"\xfc\xff\xfc\xffOB\0\0" + struct.pack("<L", 0x7FFFFFFF) + b"\0\0"


@pytest.mark.parametrize("lie", [pixels_that_claim_4_gib, an_element_after_the_pixels])
def test_an_element_that_claims_more_than_the_file_has_is_refused(lie: Callable[[bytes], bytes], ct: Path) -> None:
    path = sorted(ct.iterdir())[1]
    path.write_bytes(lie(path.read_bytes()))
    with pytest.raises(InputError, match="beyond the end"):
        read_series(ct)


def deflated(path: Path, body: Callable[[bytes], bytes]) -> None:
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    content = path.read_bytes()
    length = struct.unpack("<L", content[140:144])[0]
    path.write_bytes(content[: 144 + length] + body(content[144 + length :]))


def test_deflated_data_that_are_damaged_or_a_bomb_are_a_sentence(ct: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sorted(ct.iterdir())[0]
    sound = path.read_bytes()
    deflated(path, lambda packed: packed[:20] + bytes(20) + packed[40:])
    with pytest.raises(InputError, match=path.name):
        read_series(ct)
    path.write_bytes(sound)
    monkeypatch.setattr(dicom_files, "_MOST_UNPACKED", 1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated(path, lambda packed: packer.compress(bytes(1 << 25)) + packer.flush())
    with pytest.raises(InputError, match="unpacks to more"):
        read_series(ct)


@pytest.mark.parametrize("number", [b"inf", b"99999999999999999999", b"1e400", b"x"])
def test_an_roi_number_that_is_none_is_a_sentence(number: bytes, ct: Path, tmp_path: Path) -> None:
    mask = phantoms.gtv(phantoms.ct(SIZE, seed=1))
    path = dicom_factory.write_rtstruct(tmp_path / "rt.dcm", {"GTV": dicom_factory.contours_of(mask)})
    dataset: Any = dcmread(path)
    roi = dataset.StructureSetROISequence[0]
    roi._dict[Tag("ROINumber")] = RawDataElement(Tag("ROINumber"), "IS", len(number), number, 0, False, True)
    dataset.save_as(path)
    with pytest.raises(InputError, match=r"rt\.dcm"):
        load_case(ct, path)


def test_sound_files_still_pass(ct: Path, tmp_path: Path) -> None:
    mask = phantoms.gtv(phantoms.ct(SIZE, seed=1))
    sitk.WriteImage(mask, str(tmp_path / "gtv.nrrd"))
    assert load_case(ct, tmp_path / "gtv.nrrd").image.GetSize() == SIZE


def test_an_element_that_is_damaged_where_it_is_first_asked_for_names_its_file(ct: Path) -> None:
    """pydicom decodes an element when it is first asked for, which is long after the file was read."""
    path = sorted(ct.iterdir())[1]
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b"\x08\0\x16\0UI", b"\x08\0\x16\0\x55\xff"))  # SOPClassUID
    with pytest.raises(InputError, match=path.name):
        read_series(ct)


def crash(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.skipif(not CAN_FORK, reason="no fork here")
def test_a_decoder_that_crashes_over_a_slice_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As GDCM's JPEG-LS does over some damaged pixels."""
    image = phantoms.ct(SIZE, seed=1)
    folder = dicom_factory.write_ct(tmp_path / "ct", image, change=lambda slice_, _: slice_.compress(JPEGLSLossless))
    sound = read_series(folder)
    plain = read_series(dicom_factory.write_ct(tmp_path / "plain", image))
    assert (sitk.GetArrayFromImage(sound.image) == sitk.GetArrayFromImage(plain.image)).all()
    assert sound.source == plain.source
    monkeypatch.setattr(dicom_series, "_decoded", crash)
    monkeypatch.setattr(dicom_series.sitk, "ReadImage", crash)
    with pytest.raises(InputError, match=rf"{sorted(folder.iterdir())[0].name} cannot be read"):
        read_series(folder)


@pytest.mark.skipif(not CAN_FORK, reason="no fork here")
def test_a_decoder_that_crashes_over_a_segmentation_is_a_sentence(
    ct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gtv = sitk.GetArrayFromImage(phantoms.gtv(phantoms.ct(SIZE, seed=1)))
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", ct, {"GTV": gtv}, "LABELMAP")
    dataset = dcmread(file)
    dataset.compress(RLELossless)
    dataset.save_as(file)
    assert (sitk.GetArrayFromImage(load_case(ct, file, segment="GTV").mask) == gtv).all()
    monkeypatch.setattr(DicomSegmentation, "_decode", crash)
    with pytest.raises(InputError, match=r"seg\.dcm is damaged"):
        load_case(ct, file, segment="GTV")
