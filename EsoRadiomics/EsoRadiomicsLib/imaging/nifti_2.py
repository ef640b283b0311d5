"""NIfTI-2 as NIfTI-1, which is what SimpleITK reads: the same header in narrower fields, the same voxels behind it."""

from __future__ import annotations

import gzip
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LENGTH = 540
MAGIC = (b"n+2\0", b"ni2\0")
_FIELDS = (
    *((12, "h", 70, "h"), (14, "h", 72, "h"), (16, "8q", 40, "8h")),  # datatype, bitpix, dim
    *((104, "8d", 76, "8f"), (168, "q", 108, "f"), (176, "2d", 112, "2f")),  # pixdim, vox_offset, scl_slope and _inter
    *((344, "2i", 252, "2h"), (352, "6d", 256, "6f"), (400, "12d", 280, "12f")),  # form codes, quaternion, srow
    (500, "i", 123, "B"),  # xyzt_units
)
"""Where a field is and what it is, in NIfTI-2 and in NIfTI-1."""
_START = 352


def as_nifti_1(start: bytes) -> bytes | None:
    """The header of a NIfTI-2 file as NIfTI-1 has it; None where it does not fit there, or is none.

    Args:
        start: the file's first bytes, unpacked.
    """
    order = next((order for order in "<>" if struct.unpack(f"{order}i", start[:4]) == (LENGTH,)), None)
    if order is None or len(start) < LENGTH:
        return None
    header = bytearray(348)
    try:
        struct.pack_into(f"{order}i", header, 0, 348)
        for place, form, narrow, narrow_form in _FIELDS:
            struct.pack_into(order + narrow_form, header, narrow, *struct.unpack_from(order + form, start, place))
    except (struct.error, OverflowError):
        return None
    header[344:348] = start[4:6] + b"1\0"
    return bytes(header)


@contextmanager
def as_copy(start: bytes, voxels: Path, offset: int, packed: bool) -> Iterator[Path]:
    """A NIfTI-1 file in a temporary folder.

    Args:
        start: of :func:`as_nifti_1`.
        voxels: the file of the voxels, that begin at byte ``offset`` (of a packed file: when unpacked).
        offset: see ``voxels``.
        packed: whether it is compressed.
    """
    order = "<" if struct.unpack("<i", start[:4]) == (348,) else ">"
    header = bytearray(start[:348].ljust(_START, b"\0"))
    struct.pack_into(f"{order}f", header, 108, _START)
    header[344:348] = b"n+1\0"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "volume.nii")
        with gzip.open(voxels) if packed else voxels.open("rb") as source, copy.open("wb") as target:
            target.write(header)
            source.seek(offset)
            shutil.copyfileobj(source, target, 1 << 20)
        yield copy
