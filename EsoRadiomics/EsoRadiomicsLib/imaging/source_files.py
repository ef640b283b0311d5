"""Which files an image or a mask is: those that are read, and nothing else that lies beside them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from .header_checks import read_volume_header
from .read_mask import mask_path
from .volumes import existing, is_dicom


def image_files(path: Path, series: Collection[str] = (), *, allow_outside: bool = False) -> tuple[Path, ...]:
    """The files of an image: its header and the data files it names, or the slices of its DICOM series.

    Args:
        path, series, allow_outside: as of :func:`EsoRadiomicsLib.imaging.read_volume.read_volume`.

    Raises:
        InputError: the headers cannot be read, or are of no one CT series.
    """
    path = existing(path)
    if path.is_dir() or is_dicom(path):
        from .dicom_series import read_series_headers

        return tuple(Path(header.filename) for header in read_series_headers(path, series).slices)
    return read_volume_header(path, allow_outside=allow_outside).files


def mask_files(path: Path, *, allow_outside: bool = False) -> tuple[Path, ...]:
    """The files of a mask: its header and the data files it names, or its one DICOM file.

    Raises:
        InputError: as :func:`EsoRadiomicsLib.imaging.read_mask.open_mask`, as far as headers tell.
    """
    path = mask_path(path)
    return (path,) if is_dicom(path) else read_volume_header(path, allow_outside=allow_outside).files
