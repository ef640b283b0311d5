"""A CT volume with what is known of its making, and the files that hold one (NRRD, NIfTI, MetaImage)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ..core.errors import InputError
from ..core.places import read_bytes, require_there
from ..core.translation import tr
from .header_checks import read_volume_header
from .header_fields import VolumeHeader
from .nifti_2 import as_copy
from .nifti_header import is_nifti_2, nifti_start
from .packed_voxels import fit_checksum, require_sound_voxels
from .volume_geometry import check_nifti, require_near, require_right_angles, require_voxel_size

_PERMISSIVE = "ITK_NIFTI_SFORM_PERMISSIVE"


@dataclass(frozen=True)
class Acquisition:
    """How the CT was acquired, from its DICOM headers; None is unknown, and a header's silence is not a “no”.

    ``exposure_mas`` is in mAs, ``kernel`` the manufacturer's name of the reconstruction kernel. ``lossy`` says
    how it was compressed with loss, ``derived`` what kind of derived series it is.
    """

    modality: str | None = None
    slice_thickness_mm: float | None = None
    kvp: float | None = None
    exposure_mas: float | None = None
    kernel: str | None = None
    contrast: bool | None = None
    contrast_phase: str | None = None
    manufacturer: str | None = None
    scanner: str | None = None
    lossy: str | None = None
    derived: str | None = None
    gantry_tilt_deg: float | None = None


@dataclass(frozen=True)
class Volume:
    """A scalar 3-D image on its canonical grid, with the account of its source (JSON values, no identifiers).

    ``series_uid`` and ``frame_of_reference`` are for checking that a DICOM mask belongs to it; empty if not DICOM.
    """

    path: Path
    image: sitk.Image
    source: dict[str, Any]
    acquisition: Acquisition = field(default_factory=Acquisition)
    series_uid: str = ""
    frame_of_reference: str = ""
    warnings: tuple[str, ...] = ()


def existing(path: Path | str) -> Path:
    """The path, if a file or folder is there.

    Raises:
        InputError: nothing is there, or what is neither (a pipe would hang its reader).
    """
    path = Path(path)
    require_there(path)
    return path


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do, with or without the preamble, whatever its name says.

    Raises:
        InputError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    return start[128:] == b"DICM" or _begins_with_an_element(start)


def _begins_with_an_element(start: bytes) -> bool:
    """Whether a file without the 128 bytes of preamble begins with a short element of group 0002 or 0008."""
    if start[:2] not in (b"\x02\0", b"\x08\0") or len(start) < 132 or start[3:4] != b"\0":
        return False
    explicit = start[4:6] in (b"UL", b"CS", b"UI", b"OB", b"SH", b"DA")
    return explicit or 0 < int.from_bytes(start[4:8], "little") <= 128


def read_image(path: Path, *, allow_outside: bool = False) -> tuple[sitk.Image, dict[str, Any]]:
    """Any NRRD, NIfTI or MetaImage file as it is, and the account of it.

    Args:
        path: of the file.
        allow_outside: accept that its header names data files outside its folder.

    Raises:
        InputError: not such a file, or damaged.
    """
    header = read_volume_header(path, allow_outside=allow_outside)
    if header.encoding != "gzip":
        require_sound_voxels(header)
    with opened_volume(header) as reader, quiet_itk(), _straightening(header):
        try:
            image = reader.Execute()
        except RuntimeError as error:
            require_sound_voxels(header)  # it says more
            raise InputError(
                f"{path} is damaged or not complete: its voxels cannot be read. Copy or export it again."
            ) from error
    if header.encoding == "gzip" and not fit_checksum(header, sitk.GetArrayViewFromImage(image)):
        require_sound_voxels(header)
    return image, {"format": header.form, "pixel_type": image.GetPixelIDTypeAsString()}


@contextmanager
def opened_volume(header: VolumeHeader) -> Iterator[sitk.ImageFileReader]:
    """SimpleITK's reader after it has read a checked header, whose geometry is one that can be measured in.

    Raises:
        InputError: sheared or scaled axes, voxels that no CT has, or a header that is damaged.
    """
    with _readable(header) as file:
        yield _opened(header, file)


@contextmanager
def _readable(header: VolumeHeader) -> Iterator[Path]:
    """The file that SimpleITK opens: the volume's own, or a copy of NIfTI that it would not know as such."""
    start = read_bytes(header.path, 1 << 16) if header.form == "NIfTI" else b""
    packed = header.encoding == "gzip"
    misnamed = packed and header.form == "NIfTI" and header.path.suffix.lower() != ".gz"
    if not (misnamed or is_nifti_2(start)):
        yield header.path
        return
    if packed:
        require_sound_voxels(header)
    converted, _ = nifti_start(start) or (b"", packed)
    with as_copy(converted, header.data_files[0], header.data_offset, packed) as copy:
        yield copy


def _opened(header: VolumeHeader, file: Path) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    reader.SetImageIO(header.reader)
    reader.SetFileName(str(file))
    with quiet_itk(), _straightening(header):
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise InputError(
                f"{header.path} is damaged or not complete: its header cannot be read. Copy or export it again."
            ) from error
    require_right_angles(reader.GetDirection(), str(header.path))
    require_voxel_size(reader.GetSpacing(), str(header.path))
    require_near(reader.GetOrigin(), str(header.path))
    return reader


def require_volume(image: sitk.Image, subject: str) -> None:
    """Refuse what is not a scalar 3-D volume; ``subject`` begins the sentence.

    Raises:
        InputError: 2-D, 4-D, a single slice, or several values a voxel.
    """
    dimension, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if dimension != 3:
        raise InputError(
            tr(
                "{subject} is {dimension}-D; a single 3-D volume is needed. Export one volume.",
                subject=subject,
                dimension=dimension,
            )
        )
    if components != 1:
        raise InputError(
            tr(
                "{subject} has {components} values a voxel (a colour picture or a series of volumes); one "
                "value a voxel is needed. Export a single volume.",
                subject=subject,
                components=components,
            )
        )
    if min(image.GetSize()) < 2:
        raise InputError(
            tr(
                "{subject} is a single slice ({size} voxels); a 3-D volume is needed.",
                subject=subject,
                size=" × ".join(map(str, image.GetSize())),
            )
        )


@contextmanager
def quiet_itk() -> Iterator[None]:
    """ITK's remarks on headers stay off the console; what matters is checked here and said in sentences."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


@contextmanager
def _straightening(header: VolumeHeader) -> Iterator[None]:
    """ITK takes the nearest right-angled axes of a NIfTI file only where its environment says so."""
    if header.form == "NIfTI" and check_nifti(header.path):
        os.environ[_PERMISSIVE] = "1"
    try:
        yield
    finally:
        os.environ.pop(_PERMISSIVE, None)
