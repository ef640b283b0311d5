"""The header of a NIfTI file (.nii, .nii.gz) or pair (.hdr, .img); NIfTI-2 is read as if it were NIfTI-1."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

from ..core.errors import InputError
from .header_fields import MOST_BYTES, MOST_DIMENSIONS, VolumeHeader, broken, complex_voxels, sizes_of
from .nifti_2 import MAGIC, as_nifti_1

_BITS = {2: 8, 4: 16, 8: 32, 16: 32, 64: 64, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64}
_COMPLEX = {32, 1792, 2048}
_COLOUR = {128: 3, 2304: 4}
_LENGTH = 348


def nifti_start(start: bytes) -> tuple[bytes, bool] | None:
    """The header of a NIfTI file, unpacked and as NIfTI-1 has it, and whether it is compressed; None for others."""
    packed = start[:2] == b"\x1f\x8b"
    if packed:
        try:
            start = zlib.decompressobj(31).decompress(start, 1024)
        except zlib.error:
            return None
    if len(start) >= 348 and start[344:348] in (b"n+1\0", b"ni1\0"):
        return start, packed
    if start[4:8] in MAGIC and (converted := as_nifti_1(start)):
        return converted, packed
    return None


def is_nifti_2(start: bytes) -> bool:
    """Whether a file's first bytes, packed or not, are those of NIfTI-2."""
    if start[:2] == b"\x1f\x8b":
        start = zlib.decompressobj(31).decompress(start, 1024)
    return start[4:8] in MAGIC


def nifti_header(path: Path, start: bytes, packed: bool) -> VolumeHeader:
    """Read it as :func:`nifti_start` gives it.

    Raises:
        InputError: a header that is broken, or says what is not read.
    """
    order = next((order for order in "<>" if struct.unpack(f"{order}i", start[:4]) == (_LENGTH,)), None)
    if order is None:
        raise broken(path, "it does not begin as one of NIfTI")
    pair = start[344:347] == b"ni1"
    files = (path,)
    if pair:
        voxels = path.with_suffix(".img")
        if packed or not voxels.is_file():
            raise InputError(f"{path} is the header of a NIfTI pair, and {voxels.name} is not beside it. Give both.")
        files = (voxels,)
    dims = struct.unpack(f"{order}8h", start[40:56])
    kind, bits = struct.unpack(f"{order}hh", start[70:74])
    spacing = struct.unpack(f"{order}8f", start[76:108])
    (offset,) = struct.unpack(f"{order}f", start[108:112])
    scale = struct.unpack(f"{order}2f", start[112:120])
    if not 1 <= dims[0] <= MOST_DIMENSIONS:
        raise broken(path, f"it has {dims[0]} dimensions")
    size = sizes_of(path, " ".join(map(str, dims[1 : dims[0] + 1])), dims[0], "dim")
    if kind in _COMPLEX:
        raise complex_voxels(path)
    if kind in _COLOUR:
        size = (_COLOUR[kind], *size)
    elif _BITS.get(kind) != bits:
        raise broken(path, f"its datatype {kind} with {bits} bits is none of NIfTI's")
    if not all(spacing[1 : min(dims[0], 3) + 1]):
        raise broken(path, "it tells a voxel size of 0 (pixdim)")
    if not all(map(math.isfinite, (*spacing[: dims[0] + 1], *scale))):
        raise broken(path, "it holds sizes or scales that are not numbers")
    if not (math.isfinite(offset) and (0 if pair else _LENGTH) <= offset <= MOST_BYTES):
        raise broken(path, f"its voxels begin at byte {offset:g}")
    voxel_bytes = math.prod(size) * (1 if kind in _COLOUR else bits // 8)
    return VolumeHeader(
        path, "NIfTI", "NiftiImageIO", size, "gzip" if packed else "raw", voxel_bytes, int(offset), files, {}
    )
