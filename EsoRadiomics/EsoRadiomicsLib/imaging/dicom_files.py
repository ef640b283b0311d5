"""DICOM files read with pydicom: a damaged one becomes a sentence that names it, and the console stays clean."""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from .volumes import is_dicom

if TYPE_CHECKING:
    from pydicom import Dataset

_DAMAGE = (AttributeError, LookupError, TypeError, ValueError, OSError, EOFError, RuntimeError, struct.error)
_USED = (
    *("ContrastBolusAgent", "ConvolutionKernel", "Exposure", "FrameOfReferenceUID", "ImageOrientationPatient"),
    *("ImagePositionPatient", "ImageType", "KVP", "Manufacturer", "ManufacturerModelName", "NumberOfFrames"),
    *("PixelSpacing", "RescaleIntercept", "RescaleSlope", "RescaleType", "SeriesDescription", "SeriesNumber"),
    "SliceThickness",
)
_ENDINGS = (".dcm", ".ima")
_CONTENT = 0x30060000
"""From this tag on come contours, segments and pixels, which would take longer to read than all the headers."""


def read_header(path: Path) -> Dataset:
    """What describes a DICOM object, without its pixels, contours or segments.

    Raises:
        InputError: the file is damaged.
    """
    from pydicom.filereader import read_partial

    with reading(path), path.open("rb") as file:
        header = read_partial(file, stop_when=lambda tag, *_: tag >= _CONTENT)
        _ = header.Modality, header.SeriesInstanceUID  # every object has them, so without them the file was cut
        for name in _USED:
            header.get(name)  # pydicom decodes on first access: damage shows here, where the file is known
    return header


def read_dataset(path: Path) -> Dataset:
    """A whole DICOM object.

    Raises:
        InputError: the file is damaged.
    """
    from pydicom import dcmread

    with reading(path):
        return dcmread(path)


def dicom_files(folder: Path) -> list[Dataset]:
    """The headers of all DICOM files of a folder and its subfolders, sorted by path.

    Raises:
        InputError: there is none.
    """
    headers = [read_header(path) for path in sorted(folder.rglob("*")) if is_object(path)]
    if not headers:
        raise InputError(f"The folder {folder} holds no DICOM files. Give the folder of the series, or a volume file.")
    return headers


def is_object(path: Path) -> bool:
    """Whether a path is a DICOM file that describes one object, unlike the index a DICOMDIR is.

    Raises:
        InputError: it is called a DICOM file and does not begin as one; left out, a first or last slice were missed by
            nobody.
    """
    if not path.is_file() or path.name == "DICOMDIR" or path.name.startswith("."):
        return False
    if not is_dicom(path) and path.suffix.lower() in _ENDINGS:
        raise InputError(
            f"{path} is called a DICOM file but does not begin as one: it is empty or damaged. Export it again, or "
            "remove it if it is no slice."
        )
    return is_dicom(path)


def one_text(value: Any) -> str:
    """The text of an element that holds one; a backslash in it, which DICOM takes for a separator, stays."""
    if value is None:
        return ""
    return (value if isinstance(value, str) else "\\".join(map(str, value))).strip()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What a damaged DICOM file makes pydicom raise becomes a sentence, and its remarks stay off the console."""
    log = logging.getLogger("pydicom")
    level = log.level
    try:
        log.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except _DAMAGE as error:
        raise InputError(f"The DICOM file {path} is damaged or not complete ({error}). Export it again.") from error
    finally:
        log.setLevel(level)
