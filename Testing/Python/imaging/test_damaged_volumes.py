"""Readers are not believed: checksums of compressed voxels, sheared axes, two voxel sizes, headers that say nothing."""

from __future__ import annotations

import bz2
import gzip
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import make_case
from EsoRadiomicsLib.imaging.mask_header import native_header
from EsoRadiomicsLib.imaging.read_volume import read_volume

IMAGE = phantoms.ct()
VOXELS = sitk.GetArrayFromImage(IMAGE)


def written(folder: Path, name: str) -> Path:
    """The phantom, compressed as the name says; “parts” in it means a gzip file of several members."""
    path = folder / name
    if name == "ct.nhdr":
        sitk.WriteImage(IMAGE, path, useCompression=True)
        return path
    sitk.WriteImage(IMAGE, path, useCompression=True)
    if name == "parts.nii.gz":
        plain = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(plain[:5000]) + gzip.compress(plain[5000:]))
    return path


FILES = ("ct.nrrd", "ct.nhdr", "ct.mha", "ct.mhd", "ct.nii.gz", "parts.nii.gz")
DATA = {"ct.nhdr": "ct.raw.gz", "ct.mhd": "ct.zraw"}


@pytest.mark.parametrize("name", FILES)
def test_sound_compressed_voxels_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    image = read_volume(written(tmp_path, name)).image
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), VOXELS)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0.5, 0.9, -3])
def test_one_flipped_bit_in_compressed_voxels_is_found(tmp_path: Path, name: str, where: float) -> None:
    path = written(tmp_path, name)
    data = path.with_name(DATA.get(name, name))
    content = bytearray(data.read_bytes())
    content[int(where * len(content)) if where > 0 else int(where)] ^= 0x10
    data.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} is damaged"):
        read_volume(path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("left", [0.3, 0.999])
def test_compressed_voxels_that_end_too_early_are_found(tmp_path: Path, name: str, left: float) -> None:
    path = written(tmp_path, name)
    data = path.with_name(DATA.get(name, name))
    content = data.read_bytes()
    data.write_bytes(content[: int(left * len(content))])
    with pytest.raises(InputError, match=rf"{name} is damaged"):
        read_volume(path)


def test_a_gzip_header_that_is_damaged_is_no_unknown_format(tmp_path: Path) -> None:
    path = written(tmp_path, "ct.nii.gz")
    path.write_bytes(b"\x1f\x8b\x08\xff" + path.read_bytes()[4:])
    with pytest.raises(InputError, match=r"ct\.nii\.gz is damaged"):
        read_volume(path)


def test_bzip2_is_called_by_its_name(tmp_path: Path) -> None:
    sitk.WriteImage(IMAGE, tmp_path / "ct.nrrd", useCompression=False)
    head, voxels = (tmp_path / "ct.nrrd").read_bytes().split(b"\n\n", 1)
    head = head.replace(b"encoding: raw", b"encoding: bzip2")
    (tmp_path / "ct.nrrd").write_bytes(head + b"\n\n" + bz2.compress(voxels))
    with pytest.raises(InputError, match="is compressed with bzip2, which is not read"):
        read_volume(tmp_path / "ct.nrrd")


# Axes


def nifti(folder: Path, *, sform: Any = None, pixdim: Any = None, forms: tuple[int, int] = (0, 1)) -> Path:
    """The phantom as NIfTI-1 with changes to its header."""
    path = folder / "ct.nii"
    sitk.WriteImage(IMAGE, path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2h", content, 252, *forms)
    if sform is not None:
        table = np.reshape(struct.unpack("<12f", content[280:328]), (3, 4))
        struct.pack_into("<12f", content, 280, *(np.asarray(sform) @ table).ravel())
    if pixdim is not None:
        struct.pack_into("<3f", content, 80, *pixdim)
    path.write_bytes(content)
    return path


def sheared(degrees: float) -> np.ndarray:
    matrix = np.eye(3)
    matrix[0, 1] = np.tan(np.radians(degrees))
    return matrix


@pytest.mark.parametrize("forms", [(0, 1), (1, 1)])
@pytest.mark.parametrize("degrees", [0.2, 5, 30])
def test_a_sheared_nifti_is_refused_with_its_angle(tmp_path: Path, degrees: float, forms: tuple[int, int]) -> None:
    path = nifti(tmp_path, sform=sheared(degrees), forms=forms)
    for read in (read_volume, native_header):
        with pytest.raises(InputError, match=rf"not at right angles \(off by {degrees:g}°\).* sform is sheared"):
            read(path)


def test_axes_off_by_less_than_a_tenth_of_a_degree_are_read(tmp_path: Path) -> None:
    path = nifti(tmp_path, sform=sheared(0.05))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_volume(path).image), VOXELS)
    with pytest.raises(InputError):
        read_volume(nifti(tmp_path, sform=sheared(3)))  # and the leniency has not stayed


def test_two_voxel_sizes_in_one_nifti_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tells two voxel sizes: 1 × 1 × 1 mm \(pixdim\) and 0\.9766 × 0\.9766 × 3"):
        read_volume(nifti(tmp_path, pixdim=(1, 1, 1)))


@pytest.mark.parametrize("name", ["ct.nrrd", "ct.mha"])
def test_sheared_axes_are_refused_in_every_format(tmp_path: Path, name: str) -> None:
    image = sitk.Image(IMAGE)
    image.SetDirection((1, 0.1, 0, 0, 1, 0, 0, 0, 1))
    sitk.WriteImage(image, tmp_path / name)
    for read in (read_volume, native_header):
        with pytest.raises(InputError, match=rf"{name} has axes that are not at right angles \(off by 5\.7°\)"):
            read(tmp_path / name)


def test_a_sheared_image_in_memory_is_refused() -> None:
    image, mask = sitk.Image(IMAGE), phantoms.gtv(IMAGE)
    for part in (image, mask):
        part.SetDirection((1, 0.1, 0, 0, 1, 0, 0, 0, 1))
    with pytest.raises(InputError, match="not at right angles"):
        make_case(image, mask)


def test_a_mirrored_or_turned_volume_is_read_as_before(tmp_path: Path) -> None:
    for orientation in ("RAS", "PIR", "LPI"):
        sitk.WriteImage(sitk.DICOMOrient(IMAGE, orientation), tmp_path / "ct.nrrd")
        np.testing.assert_array_equal(sitk.GetArrayFromImage(read_volume(tmp_path / "ct.nrrd").image), VOXELS)


# Voxel size


@pytest.mark.parametrize("scale", [0.001, 1000])
def test_voxels_in_another_unit_are_refused(tmp_path: Path, scale: float) -> None:
    image = sitk.Image(IMAGE)
    image.SetSpacing([mm * scale for mm in IMAGE.GetSpacing()])
    sitk.WriteImage(image, tmp_path / "ct.nrrd")
    with pytest.raises(InputError, match="as no CT has"):
        read_volume(tmp_path / "ct.nrrd")


def test_a_header_that_says_nothing_is_told() -> None:
    image, mask = sitk.GetImageFromArray(VOXELS), sitk.GetImageFromArray(sitk.GetArrayFromImage(phantoms.gtv(IMAGE)))
    assert any("tells no voxel size" in text for text in make_case(image, mask).warnings)
    for part in (image, mask):
        part.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # as NIfTI's axes are, with nibabel's np.eye(4)
    assert any("tells no voxel size" in text for text in make_case(image, mask).warnings)
    for part in (image, mask):
        part.SetOrigin((0, 0, -5))
    assert not make_case(image, mask).warnings


def test_an_inverted_mask_is_told() -> None:
    gtv = phantoms.gtv(IMAGE)
    assert not make_case(IMAGE, gtv).warnings
    assert any("it may be inverted" in text for text in make_case(IMAGE, 1 - gtv).warnings)


# Kinds of NIfTI


def test_a_nifti_pair_is_read_by_either_of_its_files(tmp_path: Path) -> None:
    sitk.WriteImage(IMAGE, tmp_path / "ct.img")
    for name in ("ct.img", "ct.hdr"):
        image = read_volume(tmp_path / name).image
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), VOXELS)
    (tmp_path / "alone").mkdir()
    shutil.copy(tmp_path / "ct.hdr", tmp_path / "alone")
    with pytest.raises(InputError, match=r"ct\.img is not beside it"):
        read_volume(tmp_path / "alone" / "ct.hdr")


def nifti_2(content: bytes) -> bytes:
    """A NIfTI-1 file as NIfTI-2, by the table of the standard (nifti2.h)."""
    header = bytearray(540)
    struct.pack_into("<i8shh", header, 0, 540, b"n+2\0\r\n\x1a\n", *struct.unpack_from("<hh", content, 70))
    struct.pack_into("<8q", header, 16, *struct.unpack_from("<8h", content, 40))
    struct.pack_into("<8d", header, 104, *struct.unpack_from("<8f", content, 76))
    struct.pack_into("<q2d", header, 168, 544, *struct.unpack_from("<2f", content, 112))
    struct.pack_into("<2i", header, 344, *struct.unpack_from("<2h", content, 252))
    struct.pack_into("<18d", header, 352, *struct.unpack_from("<18f", content, 256))
    struct.pack_into("<2i", header, 496, content[122], content[123])
    return bytes(header) + bytes(4) + content[352:]


@pytest.mark.parametrize("forms", [(1, 0), (0, 1)])
def test_nifti_2_is_read_as_nifti_1_is(tmp_path: Path, forms: tuple[int, int]) -> None:
    turned = sitk.DICOMOrient(IMAGE, "PIR")
    sitk.WriteImage(turned, tmp_path / "one.nii")
    content = bytearray((tmp_path / "one.nii").read_bytes())
    struct.pack_into("<2h", content, 252, *forms)
    (tmp_path / "one.nii").write_bytes(content)
    (tmp_path / "two.nii").write_bytes(nifti_2(bytes(content)))
    (tmp_path / "two.nii.gz").write_bytes(gzip.compress(nifti_2(bytes(content))))
    one = read_volume(tmp_path / "one.nii").image
    np.testing.assert_array_equal(sitk.GetArrayFromImage(one), VOXELS)
    for name in ("two.nii", "two.nii.gz"):
        two = read_volume(tmp_path / name).image
        np.testing.assert_array_equal(sitk.GetArrayFromImage(two), VOXELS)
        assert (two.GetOrigin(), two.GetSpacing(), two.GetDirection()) == (
            one.GetOrigin(),
            one.GetSpacing(),
            one.GetDirection(),
        )
        assert native_header(tmp_path / name).GetSize() == turned.GetSize()


def test_a_damaged_nifti_2_is_told(tmp_path: Path) -> None:
    content = nifti_2(nifti(tmp_path).read_bytes())
    packed = bytearray(gzip.compress(content))
    packed[len(packed) // 2] ^= 8
    sheared_2 = nifti_2(nifti(tmp_path, sform=sheared(5)).read_bytes())
    for name, damaged, told in (
        ("a.nii.gz", bytes(packed), "do not unpack or do not fit"),
        ("b.nii", content[:-9], "more than its .* bytes can hold"),
        ("c.nii", sheared_2, "not at right angles"),
        ("d.nii", content[:400], "does not begin as its ending says"),
    ):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(InputError, match=told):
            read_volume(tmp_path / name)


def test_a_compressed_nifti_without_the_ending_is_read(tmp_path: Path) -> None:
    (tmp_path / "packed.nii").write_bytes(gzip.compress(nifti(tmp_path).read_bytes()))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_volume(tmp_path / "packed.nii").image), VOXELS)


def test_other_files_that_look_like_volumes_are_called_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "ct.hdr").write_bytes(struct.pack("<i", 348) + bytes(344))
    sitk.WriteImage(IMAGE, tmp_path / "ct.nrrd")
    (tmp_path / "ct.nrrd.gz").write_bytes(gzip.compress((tmp_path / "ct.nrrd").read_bytes()))
    for name, told in (("ct.hdr", "is ANALYZE 7.5"), ("ct.nrrd.gz", "compressed with gzip, and no NIfTI")):
        with pytest.raises(InputError, match=told):
            read_volume(tmp_path / name)


def test_a_voxel_size_of_0_is_no_voxel_size(tmp_path: Path) -> None:
    """ITK would take 1 mm."""
    with pytest.raises(InputError, match="a voxel size of 0"):
        read_volume(nifti(tmp_path, pixdim=(0, 0, 0)))
