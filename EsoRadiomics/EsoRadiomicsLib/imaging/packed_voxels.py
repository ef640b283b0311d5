"""Compressed voxels checked against their own checksums: native readers take what a damaged file unpacks to."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.numbers import whole
from ..core.places import require_regular
from .header_fields import MOST_BYTES, VolumeHeader

_BLOCK = 1 << 20
_EITHER = 47
"""zlib or gzip, whichever it is; both checksums are compared at the end of the stream."""


def fit_checksum(header: VolumeHeader, voxels: np.ndarray) -> bool:
    """Whether voxels that a native reader unpacked are, byte for byte, what the file's gzip checksum was made of.

    A file that is sound need not be unpacked again to know it. False tells nothing: the voxels may be of several gzip
    members, or converted by the reader.
    """
    file = header.data_files[0]
    if header.encoding != "gzip" or len(header.data_files) > 1 or {"byteskip", "lineskip"} & header.fields.keys():
        return False
    lead = b""
    with file.open("rb") as opened:
        if header.form == "NIfTI":  # the header is packed with the voxels
            lead = zlib.decompressobj(_EITHER).decompress(opened.read(_BLOCK), header.data_offset)
        opened.seek(-8, os.SEEK_END)
        checksum, size = struct.unpack("<II", opened.read())
    found = zlib.crc32(np.ascontiguousarray(voxels).data, zlib.crc32(lead))
    return (found, (len(lead) + voxels.nbytes) % (1 << 32)) == (checksum, size)


def require_sound_voxels(header: VolumeHeader) -> None:
    """Unpack the voxels once, in small pieces, and compare length and checksum (CRC-32, Adler-32) with the file's own.

    Raises:
        InputError: they are damaged or not complete; the message says what does not fit.
    """
    if header.encoding == "bzip2":
        raise InputError(
            f"{header.path} is compressed with bzip2, which is not read. Save it with gzip, or not compressed."
        )
    if header.encoding not in ("gzip", "zlib"):
        return
    nifti = header.form == "NIfTI"
    skip = max(int(header.fields.get("byteskip", 0)), 0)  # of NRRD: in the unpacked voxels
    start = 0 if nifti or header.data_files != (header.path,) else header.data_offset
    lines = whole(header.fields.get("lineskip", "0")) or 0
    held = sum(_unpacked(header, file, start, lines) for file in header.data_files)
    needed = header.voxel_bytes + (header.data_offset if nifti else skip)
    if held < needed:
        raise _damaged(header, f"its voxels unpack to {held:,} of the {needed:,} bytes that its header promises")


def _unpacked(header: VolumeHeader, path: Path, start: int, lines: int) -> int:
    """The unpacked size of one file."""
    require_regular(path)
    size = 0
    try:
        with path.open("rb") as file:
            file.seek(start)
            for _ in range(lines):
                file.readline(_BLOCK)
            unpacker, data = zlib.decompressobj(_EITHER), file.read(_BLOCK)
            while True:
                piece = unpacker.decompress(data, _BLOCK)
                size += len(piece)
                if size > MOST_BYTES + _BLOCK:
                    raise _damaged(header, "its voxels unpack to far more than its header promises")
                if unpacker.eof:
                    data = unpacker.unused_data or file.read(_BLOCK)
                    # What follows may be another member, as parallel packers write them; padding is none.
                    if header.encoding == "zlib" or not data.startswith(b"\x1f\x8b"):
                        return size
                    unpacker = zlib.decompressobj(_EITHER)
                    continue
                data = unpacker.unconsumed_tail
                if not data and len(piece) < _BLOCK:  # all that is unpacked came out
                    data = file.read(_BLOCK)
                    if not data:
                        raise _damaged(header, "its compressed voxels end too early")
    except zlib.error as error:
        raise _damaged(header, f"its compressed voxels do not unpack or do not fit their checksum ({error})") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error


def _damaged(header: VolumeHeader, what: str) -> InputError:
    return InputError(f"{header.path} is damaged: {what}. Copy or export it again.")
