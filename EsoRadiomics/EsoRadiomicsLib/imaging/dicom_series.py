"""A CT series from DICOM files: which files belong to it, whether they are one volume, how it was acquired.

Headers are read with pydicom and checked here; SimpleITK (GDCM), which knows the compressed forms, decodes the pixels.
"""

from __future__ import annotations

import math
import mmap
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from ..core.apart import CAN_FORK, survives
from ..core.errors import InputError
from ..core.formatting import some
from ..core.translation import tr
from .dicom_acquisition import acquisition_doubts, read_acquisition
from .dicom_files import dicom_files, is_object, read_header, reading
from .dicom_kinds import not_a_slice
from .dicom_pixels import (
    is_packed,
    require_one_layout,
    require_same_meaning,
    require_whole_pixels,
    rescales,
    signs_differ,
)
from .grid import canonical_grid
from .header_fields import MOST_BYTES
from .volumes import Acquisition, Volume, quiet_itk

if TYPE_CHECKING:
    from pydicom import Dataset

_DECODER = "GDCMImageIO"
_NAME, _WIDEST = 8, 8  # bytes of a pixel type's name, and of a pixel
POSITION_TOLERANCE_MM = 0.1
"""Slice positions are often written with one decimal, so a slice may lie this far from where even spacing puts it."""


@dataclass(frozen=True)
class SeriesHeaders:
    """The headers of a CT series that has passed all checks which need no voxels, one a slice, sorted along the normal.

    Attributes:
        slices: of each slice its header; ``filename`` is its file.
        direction: of the CT's grid, nine cosines; ``origin`` and ``spacing_mm`` in mm.
        same_rescale: whether one slope and intercept turn all slices into HU.
    """

    slices: tuple[Dataset, ...]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]
    spacing_mm: tuple[float, float, float]
    acquisition: Acquisition
    same_rescale: bool

    @property
    def size(self) -> tuple[int, int, int]:
        """Columns, rows and slices."""
        return int(self.slices[0].Columns), int(self.slices[0].Rows), len(self.slices)

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return str(self.slices[0].SeriesInstanceUID)


def read_series_headers(path: Path, series: Collection[str] = ()) -> SeriesHeaders:
    """Read the headers of the CT series of a folder (subfolders included), or of the one a file belongs to.

    Args:
        path: folder, or one DICOM file of the series.
        series: SeriesInstanceUIDs a mask refers to; they decide where the folder holds several CT series.

    Raises:
        InputError: no CT series or several, not in HU, missing or uneven slices, files that are cut off.
    """
    headers = _series_of_file(path) if path.is_file() else _series_of_folder(path, series)
    with reading(path):
        _require_ct_slices(headers, path)
    positions, orientation = _geometry(headers, path)
    same_rescale = len(rescales(headers)) == 1
    require_one_layout(headers, path)
    heights = along_normal(positions, orientation)[0]
    order = np.argsort(heights, kind="stable")
    headers, positions = [headers[i] for i in order], positions[order]
    between = _slice_spacing(positions, orientation, path)
    for header in headers:
        require_whole_pixels(header)
    row, column = np.reshape(orientation, (2, 3))
    first = headers[0]
    acquisition = read_acquisition(headers)
    x, y, z = positions[0].tolist()
    return SeriesHeaders(
        slices=tuple(headers),
        origin=(x, y, z),
        direction=tuple(np.column_stack([row, column, np.cross(row, column)]).ravel().tolist()),
        spacing_mm=(float(first.PixelSpacing[1]), float(first.PixelSpacing[0]), between),
        acquisition=acquisition,
        same_rescale=same_rescale,
    )


def read_series(path: Path, series: Collection[str] = ()) -> Volume:
    """Read a CT series; arguments as :func:`read_series_headers`.

    Raises:
        InputError: as :func:`read_series_headers`, and pixels that cannot be read.
    """
    headers = read_series_headers(path, series)
    image = _decode(headers, path)
    if signs_differ(headers.slices):
        require_same_meaning(headers.slices, sitk.GetArrayViewFromImage(image))
    image.SetOrigin(headers.origin)
    image.SetDirection(headers.direction)
    image.SetSpacing(headers.spacing_mm)
    first = headers.slices[0]
    unit = first.get("RescaleType") or "HU"
    doubts = list(acquisition_doubts(headers.acquisition))
    if unit != "HU":
        doubts.append(
            tr(
                "The DICOM header of the CT calls its values “{unit}”, not HU: check that they are Hounsfield units.",
                unit=unit,
            )
        )
    if not headers.same_rescale:
        doubts.append(
            tr(
                "The slices of the CT do not share one rescale slope and intercept, as scanners write them: "
                "one of them may be damaged. Look at the slices."
            )
        )
    return Volume(
        path=path,
        image=canonical_grid(image),
        source={"format": "DICOM", "slices": len(headers.slices), "pixel_type": image.GetPixelIDTypeAsString()},
        acquisition=headers.acquisition,
        series_uid=headers.series_uid,
        frame_of_reference=first.get("FrameOfReferenceUID", ""),
        warnings=tuple(doubts),
    )


def along_normal(positions: np.ndarray, orientation: np.ndarray) -> tuple[np.ndarray, float]:
    """Of slices at (n, 3) positions in mm: the height of each along their normal, and how far they drift across it."""
    row, column = np.reshape(orientation, (2, 3))
    heights = positions @ np.cross(row, column)
    across = positions @ np.column_stack([row, column])
    return heights, float(np.ptp(across, axis=0).max())


def _series_of_file(path: Path) -> list[Dataset]:
    wanted = read_header(path)
    if what := not_a_slice(wanted):
        raise InputError(f"{path} is a {what}, not a CT slice. Give the CT series as the image.")
    siblings = map(read_header, filter(is_object, sorted(path.parent.iterdir())))
    return [each for each in siblings if each.SeriesInstanceUID == wanted.SeriesInstanceUID and not not_a_slice(each)]


def _series_of_folder(folder: Path, preferred: Collection[str]) -> list[Dataset]:
    found: dict[str, list[Dataset]] = defaultdict(list)
    others: set[str] = set()
    for header in dicom_files(folder):
        if what := not_a_slice(header):
            others.add(what)
        else:
            found[str(header.SeriesInstanceUID)].append(header)
    meant = [headers for uid, headers in found.items() if uid in preferred]
    if len(meant) == 1:
        return meant[0]
    ct = [headers for headers in meant or found.values() if headers[0].Modality == "CT"]
    volumes = [headers for headers in ct if len(headers) > 1]
    ct = volumes or ct  # single images beside a series are no CT volume
    if len(ct) == 1:
        return ct[0]
    if ct:
        raise InputError(
            f"The folder {folder} holds {len(ct)} CT series: {some(map(_describe, ct))}. Give the folder of one series "
            "or any file of the one you mean."
        )
    others |= {str(headers[0].Modality) for headers in found.values()}
    instead = f", but {', '.join(sorted(others))}" if others else ""
    raise InputError(f"The folder {folder} holds no CT series{instead}. Give the folder of the planning CT.")


def _describe(headers: Sequence[Dataset]) -> str:
    first = headers[0]
    number, text = first.get("SeriesNumber"), first.get("SeriesDescription") or tr("without description")
    return f"series {'?' if number is None else number} “{text}” ({len(headers)} images, {Path(first.filename).name} …)"


def _require_ct_slices(headers: Sequence[Dataset], path: Path) -> None:
    modality = headers[0].Modality
    if modality != "CT":
        raise InputError(f"{path} is {modality}, not CT. The studies measure Hounsfield units; give the planning CT.")
    if any(int(header.get("NumberOfFrames") or 1) > 1 for header in headers):
        raise InputError(
            f"{path} is a multi-frame CT, which is not read. Load it in 3D Slicer, save it as NRRD, and give that file."
        )
    if len(headers) < 2:
        raise InputError(f"{path} holds a single slice of the series. Give the folder with all slices.")


def _geometry(headers: Sequence[Dataset], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) positions in mm and the six direction cosines the slices share."""
    rows = []
    for header in headers:
        with reading(Path(header.filename)):
            values = (*header.ImagePositionPatient, *header.ImageOrientationPatient, *header.PixelSpacing)
            row = [float(value) for value in (*values, header.Rows, header.Columns)]
            if len(row) != 13 or not all(map(math.isfinite, row)) or min(row[9:]) <= 0:
                raise ValueError("its position, orientation, pixel or matrix size is not of finite numbers")
            rows.append(row)
    table = np.array(rows)
    voxels = len(table) * table[:, 11:].prod(axis=1).max()
    if 2 * voxels > MOST_BYTES:
        raise InputError(f"{path} promises {voxels:,.0f} voxels, more than are read. Give the part around the tumour.")
    shared = np.ptp(table[:, 3:], axis=0)
    if shared[:6].max() > 1e-4:
        raise InputError(
            f"The slices of {path} are not parallel (a localizer among them?). Give a folder of axial slices only."
        )
    if shared[6:].max() > 1e-4:
        raise InputError(
            f"The slices of {path} differ in matrix or pixel size, so they are not one volume. Export the series again."
        )
    return table[:, :3], table[0, 3:9]


def _slice_spacing(positions: np.ndarray, orientation: np.ndarray, path: Path) -> float:
    """Even spacing in mm of slices sorted along their normal."""
    heights, drift = along_normal(positions, orientation)
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    if gaps.min() < POSITION_TOLERANCE_MM:
        raise InputError(
            f"{path} has several slices at one position (at {heights[gaps.argmin()]:.1f} mm): copies, or several "
            "phases in one series. Give a folder with one phase."
        )
    if drift > POSITION_TOLERANCE_MM:
        raise InputError(
            f"The slices of {path} are shifted against each other by {drift:.1f} mm (tilted gantry). Load the series "
            "in 3D Slicer, which straightens it, save it as NRRD, and give that file."
        )
    steps = np.round(gaps / usual)
    missing = np.where(np.abs(gaps - steps * usual) <= POSITION_TOLERANCE_MM, steps - 1, 0)
    if missing.max() > 0:
        raise InputError(
            f"{path} lacks {missing.sum():.0f} of {missing.sum() + len(heights):.0f} slices (the first after "
            f"{heights[missing.argmax()]:.1f} mm; they are {usual:g} mm apart). Export the series again, complete."
        )
    mean = float(heights[-1] - heights[0]) / len(gaps)
    if np.abs(heights - heights[0] - mean * np.arange(len(heights))).max() > POSITION_TOLERANCE_MM + 1e-6:
        raise InputError(
            f"The slices of {path} are not evenly spaced ({gaps.min():g} to {gaps.max():g} mm apart). Resample the "
            "series to one spacing, or export the part around the tumour."
        )
    return mean


def _decode(headers: SeriesHeaders, path: Path) -> sitk.Image:
    files = [str(header.filename) for header in headers.slices]
    packed = is_packed(headers.slices)
    image = _decoded_apart(headers, files) if packed else _decoded(headers, files)
    if image is not None:
        return image
    broken = next((file for file in files if not _decodes(file, packed)), path)
    raise InputError(f"The pixels of {broken} cannot be read: the file is damaged or not complete. Export it again.")


def _decoded(headers: SeriesHeaders, files: Sequence[str]) -> sitk.Image | None:
    """The slices' pixels; None where they cannot be read."""
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO(_DECODER)  # named, it reads files without preamble too
    reader.SetFileNames(files)
    if not headers.same_rescale or signs_differ(headers.slices):
        reader.SetOutputPixelType(sitk.sitkFloat64)  # else the first slice's type, too narrow for another's values
    with quiet_itk():
        try:
            return reader.Execute()
        except RuntimeError:
            return None


def _decoded_apart(headers: SeriesHeaders, files: Sequence[str]) -> sitk.Image | None:
    """As :func:`_decoded`, where a decoder that crashes over damaged pixels takes nothing else down."""
    if not CAN_FORK:
        return _decoded(headers, files)
    size = headers.size
    with mmap.mmap(-1, _NAME + _WIDEST * math.prod(size)) as shared:

        def decode() -> None:
            image = _decoded(headers, files)
            assert image is not None
            pixels = sitk.GetArrayViewFromImage(image)
            assert pixels.shape == size[::-1]
            shared[:_NAME] = pixels.dtype.str.encode().ljust(_NAME)
            np.frombuffer(shared, pixels.dtype, pixels.size, _NAME).reshape(pixels.shape)[...] = pixels

        if not survives(decode):
            return None
        pixels = np.frombuffer(shared, shared[:_NAME].decode().strip(), math.prod(size), _NAME)
        image = sitk.GetImageFromArray(pixels.reshape(size[::-1]))
        del pixels  # it holds the memory
        return image


def _decodes(file: str, packed: bool) -> bool:
    def decode() -> None:
        sitk.ReadImage(file, imageIO=_DECODER)

    if packed:
        return survives(decode)
    try:
        decode()
    except RuntimeError:
        return False
    return True
