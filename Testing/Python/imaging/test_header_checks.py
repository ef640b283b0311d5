"""Headers of volume files that lie: told in a sentence, before a native reader opens them or memory is taken."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import phantoms
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.header_checks import read_volume_header
from EsoRadiomicsLib.imaging.read_volume import read_volume

NRRD = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 8 7 6\nencoding: raw\nendian: little\n"
META = b"ObjectType = Image\nNDims = 3\nDimSize = 8 7 6\nElementType = MET_SHORT\nBinaryData = True\n"
SIZES = (3, 8, 7, 6, 1, 1, 1, 1)
VOXELS = bytes(2 * 8 * 7 * 6)


@pytest.mark.parametrize("name", ["ct.nrrd", "ct.nhdr", "ct.mha", "ct.mhd", "ct.nii", "ct.nii.gz"])
@pytest.mark.parametrize("packed", [True, False])
def test_what_simpleitk_writes_passes_with_its_size_and_all_its_files(name: str, packed: bool, tmp_path: Path) -> None:
    image = phantoms.ct((8, 7, 6), seed=1)
    sitk.WriteImage(image, str(tmp_path / name), useCompression=packed)
    header = read_volume_header(tmp_path / name)
    assert header.size == (8, 7, 6)
    assert header.voxel_bytes == 8 * 7 * 6 * 2
    assert set(header.files) == set(tmp_path.iterdir())
    assert read_volume(tmp_path / name).image.GetSize() == (8, 7, 6)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("ct.mha", META.replace(b"NDims = 3", b"NDims = -1") + b"ElementDataFile = LOCAL\n" + VOXELS, "ndims"),
        ("ct.mha", META.replace(b"8 7 6", b"8 -7 6") + b"ElementDataFile = LOCAL\n" + VOXELS, "DimSize"),
        ("ct.mha", META + b"DistanceUnits = cm\nElementDataFile = LOCAL\n" + VOXELS, "in cm"),
        ("ct.mha", META + b"ElementToIntensityFunctionSlope = 2\nElementDataFile = LOCAL\n" + VOXELS, "slope"),
        ("ct.nrrd", NRRD.replace(b"8 7 6", b"4000 4000 1000") + b"\n" + VOXELS, "GiB"),
        ("ct.nrrd", NRRD.replace(b"8 7 6", b"80 70 60") + b"\n" + VOXELS, "bytes can hold"),
        ("ct.nrrd", NRRD.replace(b"8 7 6", b"800 700 600").replace(b"raw", b"gzip") + b"\n" + VOXELS, "bytes can hold"),
        ("ct.nrrd", NRRD + b'space units: "cm" "cm" "cm"\n\n' + VOXELS, "in cm"),
        ("ct.nrrd", NRRD + b"kinds: complex domain domain\n\n" + VOXELS, "complex"),
        ("ct.nrrd", NRRD + b"kinds: domain domain " + b"A" * 5000 + b"\n\n" + VOXELS, "too long"),
        ("ct.nrrd", NRRD + b"A" * 5000 + b"\n\n" + VOXELS, "no field"),
        ("ct.nhdr", NRRD + b"data file: -\n\n", "data file"),
        ("ct.nhdr", NRRD + b"data file: ../outside.raw\n\n", "outside its folder"),
        ("ct.nhdr", NRRD + b"data file: /etc/hostname\n\n", "outside its folder"),
        ("ct.mhd", META + b"ElementDataFile = %d%d%d.raw 1 99999 1\n", "pattern"),
        ("ct.nrrd", b"NRRD0004\ntype: short\n", "no voxels|dimension"),
        ("ct.nrrd", b"\x89PNG\r\n", "is damaged"),
        ("ct.nrrd", b"", "is damaged"),
    ],
)
def test_a_header_that_lies_is_one_sentence(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "outside.raw").write_bytes(VOXELS)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_volume(tmp_path / "in" / name)


def nifti(
    dims: tuple[int, ...] = (3, 8, 7, 6, 1, 1, 1, 1), kind: int = 4, bits: int = 16, offset: float = 352
) -> bytes:
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, *dims)
    struct.pack_into("<hh", header, 70, kind, bits)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, offset)
    header[344:348] = b"n+1\0"
    return bytes(header) + VOXELS


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (nifti(dims=(-1, 8, 7, 6, 1, 1, 1, 1)), "dimensions"),
        (nifti(dims=(3, 8, -7, 6, 1, 1, 1, 1)), "dim"),
        (nifti(kind=32, bits=64), "complex"),
        (nifti(kind=4, bits=0), "datatype"),
        (nifti(offset=float("nan")), "byte nan"),
        (nifti(dims=(3, 8, 7, 32000, 1, 1, 1, 1)), "bytes can hold"),
    ],
)
def test_a_nifti_header_that_lies_is_one_sentence(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "ct.nii").write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_volume(tmp_path / "ct.nii")


def test_data_outside_the_headers_folder_is_read_only_when_allowed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "outside.raw").write_bytes(VOXELS)
    header = tmp_path / "in" / "ct.nhdr"
    header.write_bytes(NRRD + b"data file: ../outside.raw\n\n")
    assert read_volume(header, allow_outside=True).image.GetSize() == (8, 7, 6)
    (tmp_path / "in" / "link.raw").symlink_to(tmp_path / "outside.raw")
    header.write_bytes(NRRD + b"data file: link.raw\n\n")
    with pytest.raises(InputError, match="outside its folder"):
        read_volume(header)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder_of_that_name(path: Path) -> None:
    path.mkdir()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("make", [pipe, folder_of_that_name])
def test_only_regular_files_are_opened(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "data.raw")
    (tmp_path / "ct.nhdr").write_bytes(NRRD + b"data file: data.raw\n\n")
    with pytest.raises(InputError, match="file is needed"):
        read_volume(tmp_path / "ct.nhdr")
    pipe(tmp_path / "ct.nrrd")
    with pytest.raises(InputError, match="file is needed"):
        read_volume(tmp_path / "ct.nrrd")


def test_a_name_that_is_no_text_is_refused_before_a_native_reader_sees_it(tmp_path: Path) -> None:
    name = os.fsdecode(b"ct\xff.nrrd")
    (tmp_path / name).write_bytes(NRRD + b"\n" + VOXELS)
    with pytest.raises(InputError, match="Rename it"):
        read_volume(tmp_path / name)


def test_a_name_that_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long"):
        read_volume(tmp_path / ("a" * 300))
