"""What the headers of a case tell, without its voxels: geometry, acquisition, ROIs, and what prevents a measurement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from ..dicom_series import (
    _acquisition,
    _geometry,
    _require_ct_slices,
    _rescales,
    _series_of_file,
    _series_of_folder,
    _slice_spacing,
    along_normal,
    reading,
)
from ..errors import InputError
from ..masks import choose, open_mask
from ..volumes import Acquisition, is_dicom, quiet_itk
from .manifest import Entry
from .task import mask_selector

if TYPE_CHECKING:
    from pydicom import Dataset

_PHASE = re.compile(r"arteri\w*|ven(?:ous|ös\w*)|portal\w*|nativ\w*|plain|delayed|late", re.IGNORECASE)


@dataclass(frozen=True)
class Headers:
    """What a case's headers tell; ``series`` is the SeriesInstanceUID, empty if not DICOM."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    acquisition: Acquisition
    phase: str
    series: str


def read_headers(entry: Entry) -> Headers:
    """The image's headers, once image and mask have passed all checks that need no voxels.

    Raises:
        InputError: what would fail in the run.
    """
    series = _check_mask(entry.mask, entry.roi)
    if entry.image.is_dir() or is_dicom(entry.image):
        return _series(entry.image, series)
    return _volume(entry.image, "image")


def _check_mask(mask: Path, roi: str) -> frozenset[str]:
    """Series the mask refers to."""
    if mask.is_dir() or is_dicom(mask):
        source = open_mask(mask)
        choose(source.names, roi or None, source.selector, mask, [str(n + 1) for n in range(len(source.names))])
        return source.series
    if mask_selector(mask) == "label":
        _volume(mask, "mask")
        if roi and not roi.isdecimal():
            raise InputError(f"The mask {mask} is a labelmap, and “{roi}” is no label value. Give a whole number.")
    return frozenset()


def _series(path: Path, series: frozenset[str]) -> Headers:
    headers = _series_of_file(path) if path.is_file() else _series_of_folder(path, series)
    with reading(path):
        _require_ct_slices(headers, path)
    positions, orientation = _geometry(headers, path)
    _rescales(headers)
    order = np.argsort(along_normal(positions, orientation)[0], kind="stable")
    spacing = _slice_spacing(positions[order], orientation, path)
    for header in headers:
        _require_whole_file(header)
    first = headers[order[0]]
    with reading(path):
        phase = _PHASE.search(str(first.get("SeriesDescription", "")))
        return Headers(
            (int(first.Columns), int(first.Rows), len(headers)),
            (float(first.PixelSpacing[1]), float(first.PixelSpacing[0]), spacing),
            _acquisition(first),
            phase[0].lower() if phase else "",
            str(first.SeriesInstanceUID),
        )


def _require_whole_file(header: Dataset) -> None:
    """An uncompressed slice cannot be smaller than its pixels."""
    path = Path(header.filename)
    with reading(path):
        if header.file_meta.TransferSyntaxUID.is_compressed:
            return
        needed = int(header.Rows) * int(header.Columns) * int(header.get("BitsAllocated", 16)) // 8
    if path.stat().st_size < needed:
        raise InputError(f"The DICOM file {path} is cut off: its pixels are not complete. Export it again.")


def _volume(path: Path, kind: str) -> Headers:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with quiet_itk():
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise InputError(f"The {kind} {path} is damaged or no volume file. Export it again.") from error
    size, spacing = _three(reader.GetSize()), _three(reader.GetSpacing())
    if reader.GetDimension() != 3 or reader.GetNumberOfComponents() != 1 or min(size) < 2:
        raise InputError(f"The {kind} {path} is no scalar 3-D volume ({reader.GetSize()}). Export one volume.")
    return Headers((int(size[0]), int(size[1]), int(size[2])), spacing, Acquisition(), "", "")


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    return values[0], values[1], values[2] if len(values) > 2 else 1.0
