"""DICOM files read with pydicom: a damaged one becomes a sentence that names it, and the console stays clean."""

from __future__ import annotations

import logging
import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.unnamed_encoding import decoded
from .volumes import is_dicom

if TYPE_CHECKING:
    from pydicom import Dataset

_DAMAGE = (
    *(AttributeError, LookupError, TypeError, ValueError, OSError, EOFError, RuntimeError, struct.error),
    *(ArithmeticError, zlib.error, AssertionError),
)
_ABSENT = re.compile(r"has no attribute '(\w+)'")
_MOST_UNPACKED = 1 << 30
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
"""Value representations whose length takes four bytes."""
_USED = (
    *("FrameOfReferenceUID", "ImageOrientationPatient", "ImagePositionPatient", "ImageType", "NumberOfFrames"),
    *("PixelSpacing", "RescaleIntercept", "RescaleSlope", "RescaleType", "SeriesDescription", "SeriesNumber"),
)
_ENDINGS = (".dcm", ".ima")
_INDEX = "1.2.840.10008.1.3.10"
_CONTENT = 0x30060000
"""From this tag on come contours, segments and pixels, which would take longer to read than all the headers."""
PIXEL_BYTES = "pixel_bytes"
"""Attribute of a header: the length of the pixels that follow; None where they are compressed, or were not found."""


def read_header(path: Path) -> Dataset:
    """What describes a DICOM object, without its pixels, contours or segments.

    Raises:
        InputError: the file is damaged.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    return _header(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1000)
def _header(path: Path, modified: int, size: int) -> Dataset:
    """A folder is asked for image and mask, and for which files they are: each file's header is read once for all."""
    from pydicom.filereader import read_partial

    with reading(path), path.open("rb") as file:
        _require_bounded(path)
        header = read_partial(file, stop_when=lambda tag, *_: tag >= _CONTENT, force=True)
        setattr(header, PIXEL_BYTES, _require_contained(file, header))
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
        _require_bounded(path)
        return dcmread(path, force=True)  # without preamble, too: is_dicom has told


def _require_contained(file: IO[bytes], header: Dataset) -> int | None:
    """Refuse elements after the header that claim more bytes than the file has: GDCM allocates what they claim.

    Returns the length of the pixels, where they are found and not compressed.
    """
    pixels = None
    syntax, size = header.file_meta.get("TransferSyntaxUID"), os.fstat(file.fileno()).st_size
    if syntax is not None and syntax.is_deflated:
        return None
    implicit, little = header.original_encoding
    order = "<" if little else ">"
    while len(head := file.read(8)) == 8:
        tag = struct.unpack(f"{order}HH", head[:4])
        if implicit or tag[0] == 0xFFFE:  # items and their ends have no VR
            (length,) = struct.unpack(f"{order}L", head[4:])
        elif head[4:6] in _LONG:
            (length,) = struct.unpack(f"{order}L", file.read(4))
        else:
            (length,) = struct.unpack(f"{order}H", head[6:])
        if length == 0xFFFFFFFF and tag == (0x7FE0, 0x0010):
            continue  # compressed: its items follow
        if length == 0xFFFFFFFF:
            return pixels
        if tag == (0x7FE0, 0x0010):
            pixels = length
        if file.tell() + length > size:
            raise ValueError("an element reaches beyond the end of the file")
        file.seek(length, os.SEEK_CUR)
    return pixels


def _require_bounded(path: Path) -> None:
    """Refuse a deflated file that unpacks to more than can be meant: pydicom unpacks it whole."""
    from pydicom.filereader import read_file_meta_info
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return  # without preamble, nothing is deflated
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    unpacker, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(132 + 12 + int(meta.FileMetaInformationGroupLength))
        while block := unpacker.unconsumed_tail or file.read(1 << 20):
            size += len(unpacker.decompress(block, 1 << 24))
            if size > _MOST_UNPACKED:
                raise ValueError(f"it unpacks to more than {_MOST_UNPACKED >> 30} GiB")
            if unpacker.eof:
                break


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
    if not (found := is_dicom(path)) and path.suffix.lower() in _ENDINGS:
        raise InputError(
            f"{path} is called a DICOM file but does not begin as one: it is empty or damaged. Export it again, or "
            "remove it if it is no slice."
        )
    return found and not _is_index(path)


def _is_index(path: Path) -> bool:
    """Whether a file is a DICOMDIR, whatever it is called."""
    from pydicom.filereader import read_file_meta_info

    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return False
    with reading(path):
        return read_file_meta_info(path).get("MediaStorageSOPClassUID") == _INDEX


def one_text(value: Any) -> str:
    """The text of an element that holds one; a backslash in it, which DICOM takes for a separator, stays."""
    if value is None:
        return ""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    return _as_meant(("\\".join(map(str, value)) if several else str(value)).strip(" \0"))


def _as_meant(text: str) -> str:
    """Chinese text that was written without its character set, and read as if it were Western."""
    if text.isascii() or max(text) > "\xff":
        return text
    return decoded(text.encode("latin-1"))[0]


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
    except Exception as error:
        if not isinstance(error, _DAMAGE) and not type(error).__module__.startswith("pydicom"):
            raise
        what = str(error).strip().rpartition("\n")[2][:200]  # ITK's last line says what
        if isinstance(error, AttributeError) and (absent := _ABSENT.search(what)):
            what = f"it has no {absent[1]}"
        raise InputError(f"The DICOM file {path} is damaged or not complete ({what}). Export it again.") from error
    finally:
        log.setLevel(level)
