"""Headers of volume files that lie: told in a sentence, before a native reader opens them or memory is taken."""

from __future__ import annotations

import gzip
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
        ("ct.mha", META.replace(b"NDims = 3", b"NDims = -1") + b"ElementDataFile = LOCAL\n" + VOXELS, "NDims"),
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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ct.mhd", META + b"elementdatafile = own.raw\nElementDataFile = ../outside.raw\n"),
        ("ct.mhd", META + b"ElementDataFile : ../outside.raw\nElementDataFile = own.raw\n"),
        ("ct.mhd", META + b"Comment = x\rElementDataFile = ../outside.raw\nElementDataFile = own.raw\n"),
        ("ct.mhd", META + b"ElementDataFile = LIST3\n../outside.raw\n"),
        ("ct.mhd", META + b"ElementDataFile = own%d.raw\n"),
        ("ct.nrrd", NRRD + b"# x\rdata file: ../outside.raw\n\n" + VOXELS),
        ("ct.nrrd", NRRD + b"a:=b\rdata file: ../outside.raw\n\n" + VOXELS),
        ("ct.nhdr", NRRD + b"data file: LIST3\n#/../outside.raw\n"),
    ],
)
def test_a_header_that_readers_take_differently_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    """ITK's own readers would take the voxels from elsewhere than the key of the case is made of."""
    (tmp_path / "outside.raw").write_bytes(VOXELS)
    (tmp_path / "in").mkdir()
    for own in ("own.raw", "own%d.raw", "LIST3"):
        (tmp_path / "in" / own).write_bytes(VOXELS)
    (tmp_path / "in" / name).write_bytes(content)
    with pytest.raises(InputError, match=r"is broken: (a line|its line|its list|the pattern)"):
        read_volume(tmp_path / "in" / name)


def test_a_metaimage_of_several_files_needs_each_of_them_whole(tmp_path: Path) -> None:
    """MetaIO leaves the voxels of a file that is missing or short as they happen to be in memory."""
    image = phantoms.ct((8, 7, 6), seed=1)
    slices = sitk.GetArrayFromImage(image).astype("<i2")
    for i, one in enumerate(slices):
        (tmp_path / f"s{i}.raw").write_bytes(one.tobytes())
    header = tmp_path / "ct.mhd"
    spacing = b"ElementSpacing = 1 1 3\n"
    listed = b"".join(b"s%d.raw\n" % i for i in range(6))
    for target in (b"s%d.raw 0 5 1\n", b"LIST\n" + listed, b"LIST 2\n" + listed):
        header.write_bytes(META + spacing + b"ElementDataFile = " + target)
        assert (sitk.GetArrayFromImage(read_volume(header).image) == slices).all()
        assert len(read_volume_header(header).files) == 7
    header.write_bytes(META + spacing + b"ElementDataFile = s%d.raw 0 4 1\n")
    with pytest.raises(InputError, match="names 5 data files"):
        read_volume(header)
    header.write_bytes(META + spacing + b"ElementDataFile = s%d.raw 0 5 1\n")
    (tmp_path / "s5.raw").write_bytes(b"short")
    (tmp_path / "s0.raw").write_bytes(VOXELS)  # all of them together hold enough
    with pytest.raises(InputError, match=r"“s5\.raw” holds fewer"):
        read_volume(header)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("ct.mha", META + b"Offset = nan 0 0\nElementDataFile = LOCAL\n", "“nan” is no finite number"),
        ("ct.mha", META + b"ElementSpacing = 1 1\nElementDataFile = LOCAL\n", "holds 2 numbers, not 3"),
        ("ct.mha", META + b"ElementSpacing = 1 1 1e400\nElementDataFile = LOCAL\n", "no finite number"),
        ("ct.mha", META + b"Offset = 1 2 3\nElementDataFile = LOCAL\n", "no voxel size"),
        ("ct.mha", META + b"CompressedData = Tru\nElementDataFile = LOCAL\n", "neither True nor False"),
        ("ct.mha", META + b"HeaderSize = 5\nElementDataFile = LOCAL\n", "begin at byte 5"),
        ("ct.mha", META + b"ElementSpacing = 1 1 1\nOffset = 1e300 0 0\nElementDataFile = LOCAL\n", "lies at"),
        ("ct.nrrd", NRRD + b"axis mins: 0 0 0\naxis maxs: 80 70 60\n\n", "no voxel size"),
        ("ct.nrrd", NRRD + b"spacings: 1 1 nan\n\n", "no voxel size"),
        (
            "ct.nrrd",
            NRRD + b"space dimension: 3\nspace directions: (1,0,0) (0,1,0) none\n\n",
            "no voxel size",
        ),
    ],
)
def test_numbers_that_a_reader_would_guess_are_refused(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content + VOXELS)
    with pytest.raises(InputError, match=told):
        read_volume(tmp_path / name)


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("encoding", ["raw", "gzip", "text", "hex"])
@pytest.mark.parametrize(("lines", "skip"), [(0, 0), (3, 0), (0, 5), (1, 5)])
def test_nrrd_voxels_are_found_behind_what_is_to_be_skipped(
    detached: bool, encoding: str, lines: int, skip: int, tmp_path: Path
) -> None:
    """As NRRD's definition says: lines first, then bytes, which of compressed data count when unpacked."""
    voxels = sitk.GetArrayFromImage(phantoms.ct((8, 7, 6), seed=1)).astype("<i2")
    packed = {
        "raw": voxels.tobytes(),
        "gzip": voxels.tobytes(),
        "text": " ".join(map(str, voxels.ravel())).encode(),
        "hex": voxels.tobytes().hex().encode(),
    }[encoding]
    skipped = b"y" * skip
    body = b"a line\n" * lines + (gzip.compress(skipped + packed) if encoding == "gzip" else skipped + packed)
    header = NRRD.replace(b"raw", encoding.encode()) + b"spacings: 1 1 3\nline skip: %d\nbyte skip: %d\n" % (
        lines,
        skip,
    )
    if detached:
        (tmp_path / "ct.bin").write_bytes(body)
        (tmp_path / "ct.nhdr").write_bytes(header + b"data file: ct.bin\n")
    else:
        (tmp_path / "ct.nhdr").write_bytes(header + b"\n" + body)
    assert (sitk.GetArrayFromImage(read_volume(tmp_path / "ct.nhdr").image) == voxels).all()
    if encoding == "gzip":
        damaged = tmp_path / ("ct.bin" if detached else "ct.nhdr")
        content = bytearray(damaged.read_bytes())
        content[-20] ^= 1
        damaged.write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            read_volume(tmp_path / "ct.nhdr")


def test_raw_nrrd_voxels_that_end_their_file_are_found_there(tmp_path: Path) -> None:
    (tmp_path / "ct.nrrd").write_bytes(NRRD + b"spacings: 1 1 3\nbyte skip: -1\n\n" + b"another header" + VOXELS)
    assert not sitk.GetArrayFromImage(read_volume(tmp_path / "ct.nrrd").image).any()
