"""How the slices of a CT store their pixels: rescale to HU, bits, and whether they are all there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from .dicom_files import PIXEL_BYTES, reading

if TYPE_CHECKING:
    from pydicom import Dataset

_SLOPES, _FARTHEST_INTERCEPT = (1e-3, 100.0), 1e5
_SIGN = "PixelRepresentation"
_LAYOUT = ("BitsAllocated", "BitsStored", "HighBit", _SIGN, "PhotometricInterpretation")


def rescales(headers: Sequence[Dataset]) -> set[tuple[float, float]]:
    """The slopes and intercepts that turn stored values into HU, usually one pair for all slices.

    Raises:
        InputError: a slice has none, one that gives no HU, or a table (LUT) in its place.
    """
    pairs = set()
    for header in headers:
        if header.get("RescaleSlope") is None or header.get("RescaleIntercept") is None:
            raise InputError(
                f"{header.filename} has no rescale slope or intercept, so its values cannot be turned into HU. "
                "Export the series again from the scanner or the archive, with all its tags."
            )
        with reading(Path(header.filename)):
            pair = float(header.RescaleSlope), float(header.RescaleIntercept)
            if not (_SLOPES[0] <= pair[0] <= _SLOPES[1] and abs(pair[1]) <= _FARTHEST_INTERCEPT):
                raise ValueError(f"its rescale slope and intercept are {pair[0]:g} and {pair[1]:g}")
            if header.get("ModalityLUTSequence"):
                raise ValueError("a table says what its values mean, which is not read")
            pairs.add(pair)
    return pairs


def require_one_layout(headers: Sequence[Dataset], path: Path) -> None:
    """Refuse slices that do not store their pixels alike: one damaged tag would give a slice other voxels.

    Writers choose the sign slice by slice, by whether there is a negative value: with all 16 bits in use it may differ,
    and :func:`require_same_meaning` looks at the values.

    Raises:
        InputError: they differ; the message names the tag.
    """
    for name in _LAYOUT:
        with reading(path):
            found = sorted({str(header.get(name)) for header in headers})
        if len(found) > 1 and not (name == _SIGN and str(headers[0].get("BitsStored")) == "16"):
            raise InputError(
                f"The slices of {path} do not store their pixels alike ({name}: {', '.join(found)[:60]}). Export the "
                "series again."
            )


def signs_differ(headers: Sequence[Dataset]) -> bool:
    """Whether some slices store signed values and others unsigned ones."""
    return len({str(header.get(_SIGN)) for header in headers}) > 1


def require_same_meaning(headers: Sequence[Dataset], voxels: np.ndarray) -> None:
    """Refuse an unsigned slice among signed ones whose values would be negative if it were signed, too.

    Args:
        headers: of the slices, whose signs differ.
        voxels: (z, y, x) in HU.

    Raises:
        InputError: the message names the file.
    """
    for header, values in zip(headers, voxels, strict=True):
        highest = float(header.RescaleIntercept) + float(header.RescaleSlope) * np.iinfo(np.int16).max
        if not int(header.get(_SIGN)) and values.max() > highest:
            raise InputError(
                f"{header.filename} stores its pixels unsigned, unlike other slices of the series, and holds values up "
                f"to {values.max():,.0f} HU: its tag {_SIGN} is wrong. Export the series again."
            )


def require_whole_pixels(header: Dataset) -> None:
    """Refuse an uncompressed slice whose pixels are not as many bytes as its header promises.

    Raises:
        InputError: they are fewer or more.
    """
    path = Path(header.filename)
    with reading(path):
        syntax = header.file_meta.get("TransferSyntaxUID")
        if syntax is not None and (syntax.is_compressed or syntax.is_deflated):
            return
        needed = int(header.Rows) * int(header.Columns) * int(header.get("BitsAllocated", 16)) // 8
        held = getattr(header, PIXEL_BYTES, None)
    if (path.stat().st_size if held is None else held) < needed:
        raise InputError(f"The DICOM file {path} is cut off: its pixels are not complete. Export it again.")
    if held is not None and held > needed + 1:  # one byte fills up an odd number
        raise InputError(
            f"The DICOM file {path} is damaged: its header promises {needed:,} bytes of pixels and it holds {held:,}. "
            "Export it again."
        )


def is_packed(headers: Sequence[Dataset]) -> bool:
    """Whether a decoder (JPEG, JPEG-LS, JPEG 2000, RLE) has to unpack the pixels of a slice."""
    for header in headers:
        with reading(Path(header.filename)):
            syntax = header.file_meta.get("TransferSyntaxUID")
            if syntax is not None and syntax.is_compressed:
                return True
    return False
