"""Headers of volume files, read by safe code before a native reader opens them: what they promise, and which files.

A native reader allocates what a header promises and crashes on some that lie. Here a header is text or a few numbers:
what it promises is compared with the sizes of its files and with a limit, and files it names are looked at, before
anything is allocated. What a native reader could take for something else than is read here is refused.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from ..core.errors import InputError
from ..core.places import file_size, read_bytes, require_regular
from .header_fields import MOST_BYTES, MOST_HEADER, VolumeHeader
from .meta_header import meta_header
from .nifti_header import nifti_header, nifti_start
from .nrrd_header import nrrd_header

_DEFLATE_RATIO = 1032  # deflate cannot shrink by more
_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
_ANALYZE = (b"\x5c\1\0\0", b"\0\0\1\x5c")  # 348, the length of such a header
_READABLE = "NRRD, NIfTI (.nii, .nii.gz), MetaImage and DICOM are read"


def read_volume_header(path: Path, *, allow_outside: bool = False) -> VolumeHeader:
    """The header of a NRRD, NIfTI or MetaImage file, told by its content.

    Args:
        path: the volume file.
        allow_outside: accept that the header names files outside its folder.

    Raises:
        InputError: no such file, not a volume, a header that contradicts itself or its files, voxels that are too
            large, or data files that are missing or lie elsewhere.
    """
    if path.suffix.lower() == ".img" and path.with_suffix(".hdr").is_file():
        path = path.with_suffix(".hdr")  # the voxels of a pair, whose header tells what they are
    require_regular(path)
    if not path.name.isprintable():
        raise InputError(
            f"The name of the file {path.name!r} holds characters that are not text (not UTF-8, or control "
            "characters). Rename it."
        )
    start = read_bytes(path, MOST_HEADER)
    if start[:4] == b"NRRD":
        header = nrrd_header(path, start, allow_outside)
    elif (nifti := nifti_start(start)) is not None:
        header = nifti_header(path, *nifti)
    elif re.search(rb"^\s*NDims\s*=", start[:4096], re.MULTILINE):
        header = meta_header(path, start, allow_outside)
    elif start[:4] in _ANALYZE and len(start) == 348:
        raise InputError(
            f"{path} is ANALYZE 7.5, whose header tells neither position nor sides. Convert the CT from DICOM to NIfTI "
            "or NRRD."
        )
    elif path.name.lower().endswith(_ENDINGS):
        raise InputError(
            f"{path} is damaged: it does not begin as its ending says ({start[:8]!r}). Copy or export it again."
        )
    elif start[:2] == b"\x1f\x8b":
        raise InputError(f"{path} is compressed with gzip, and no NIfTI file. Unpack it, and give what it holds.")
    else:
        raise InputError(f"{path} is not a volume that can be read. {_READABLE}.")
    _require_promise(header)
    return header


def _require_promise(header: VolumeHeader) -> None:
    """Compare what the header promises with a limit, and with what its files can hold.

    Raises:
        InputError: no voxels, too many, or more than the files hold.
    """
    shown = " × ".join(map(str, header.size))
    if header.voxel_bytes > MOST_BYTES:
        raise InputError(
            f"{header.path} promises {header.voxel_bytes / 2**30:.1f} GiB of voxels ({shown}); at most "
            f"{MOST_BYTES / 2**30:g} GiB are read. Check the file, or crop the volume."
        )
    held = sum(map(file_size, header.data_files))
    if (header.data_files == (header.path,) or header.form == "NIfTI") and (header.form, header.encoding) != (
        "NIfTI",
        "gzip",
    ):
        held -= max(header.data_offset, 0)
    smallest = {"gzip": -(-header.voxel_bytes // _DEFLATE_RATIO), "zlib": -(-header.voxel_bytes // _DEFLATE_RATIO)}
    smallest |= {"raw": header.voxel_bytes, "hex": 2 * header.voxel_bytes, "text": math.prod(header.size)}
    if held < smallest.get(header.encoding, 1):
        raise InputError(
            f"{header.path} is damaged or not complete: its header promises {shown} voxels, more than its "
            f"{max(held, 0):,} bytes can hold. Copy or export it again."
        )
