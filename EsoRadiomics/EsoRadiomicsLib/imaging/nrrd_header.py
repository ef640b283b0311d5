"""The header of a NRRD file, attached to its voxels or apart from them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import InputError
from .header_fields import (
    MOST_BYTES,
    MOST_DIMENSIONS,
    MOST_HEADER,
    VolumeHeader,
    broken,
    complex_voxels,
    file_names,
    keep_field,
    named_files,
    sizes_of,
    whole_field,
)

_BYTES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"), 1),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), 2),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), 2),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t"), 4),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "signed long long int"), 8),
    **dict.fromkeys(("int64", "int64_t", "ulonglong", "unsigned long long", "unsigned long long int"), 8),
    **dict.fromkeys(("uint64", "uint64_t", "double"), 8),
    "float": 4,
}
_FIELDS = frozenset(
    (
        *("axismaxs", "axismins", "blocksize", "byteskip", "centerings", "centers", "content", "datafile", "dimension"),
        *("encoding", "endian", "kinds", "labels", "lineskip", "max", "measurementframe", "min", "number", "oldmax"),
        *("oldmin", "sampleunits", "sizes", "space", "spacedimension", "spacedirections", "spaceorigin", "spaceunits"),
        *("spacings", "thicknesses", "type", "units"),
    )
)
_PACKED = {"gz": "gzip", "gzip": "gzip", "bz2": "bzip2", "bzip2": "bzip2", "txt": "text", "ascii": "text"}


def nrrd_header(path: Path, start: bytes, allow_outside: bool) -> VolumeHeader:
    """Read it.

    Raises:
        InputError: a header that is broken, or says what is not read.
    """
    text, offset, detached = _text(path, start)
    fields: dict[str, str] = {}
    lines = iter([line.rstrip("\r") for line in text.split("\n")[1:]])
    listed: list[str] | None = None
    for line in lines:
        name, colon, value = line.partition(":")
        if line.startswith("#") or not line.strip() or (colon and value.startswith("=")):
            continue  # a comment, or a key of the user's own
        name = name.lower().replace(" ", "")  # “data file” and “datafile” are one field
        if name not in _FIELDS:
            raise broken(path, f"its line “{line[:40]}” is no field of NRRD")
        keep_field(path, fields, name, value)
        if name == "datafile" and fields[name].startswith("LIST"):
            if not re.fullmatch(r"LIST(\s+[0-9])?", fields[name]):
                raise broken(path, f"its list of data files begins with “{fields[name][:40]}”")
            listed = [entry.strip() for entry in lines if entry.strip()]
    dimension = whole_field(path, fields, "dimension", 1, MOST_DIMENSIONS)
    size = sizes_of(path, fields.get("sizes", ""), dimension, "sizes")
    bytes_each = _BYTES.get(fields.get("type", "").lower())
    if bytes_each is None:
        raise broken(path, f"its type is “{fields.get('type', '')[:40]}”")
    encoding = fields.get("encoding", "").lower()
    encoding = _PACKED.get(encoding, encoding)
    if encoding not in ("raw", "gzip", "bzip2", "hex", "text"):
        raise broken(path, f"its encoding is “{encoding[:40]}”")
    files: tuple[Path, ...] = (path,)
    if "datafile" in fields:
        names = listed if listed is not None else file_names(path, fields["datafile"])
        files = named_files(path, names, allow_outside)
        offset = 0
    elif detached:
        raise broken(path, "it has no voxels and names no file that has them")
    if "complex" in fields.get("kinds", ""):
        raise complex_voxels(path)
    for units in (fields.get("spaceunits", ""), fields.get("units", "")):
        if others := set(re.findall(r'"([^"]*)"', units)) - {"mm", "", "???"}:
            raise InputError(
                f"{path} gives its sizes in {', '.join(sorted(others))}, which is not read. Save it in mm."
            )
    skip = whole_field(path, {"byteskip": "0", **fields}, "byteskip", -1, MOST_BYTES)
    if encoding not in ("gzip", "bzip2"):  # of those it counts in the unpacked voxels
        offset = -1 if skip < 0 else offset + skip
    _require_voxel_size(path, fields)
    return VolumeHeader(
        path, "NRRD", "NrrdImageIO", size, encoding, math.prod(size) * bytes_each, offset, files, fields
    )


def _text(path: Path, start: bytes) -> tuple[str, int, bool]:
    """The header's text, where the voxels begin, and whether the file ends with the header."""
    end = re.search(rb"\r?\n\r?\n", start)
    if end is None and len(start) >= MOST_HEADER:
        raise broken(path, "it has no end")
    text = start[: end.start() if end else len(start)]
    if re.search(rb"\r(?!\n)", text.removesuffix(b"\r")):
        raise broken(path, "a line of it ends with CR alone, which readers take differently")
    return text.decode("utf-8", "replace"), end.end() if end else len(start), end is None


def _require_voxel_size(path: Path, fields: Mapping[str, str]) -> None:
    """Refuse a header that tells where its axes lie, but not how far apart the voxels are along each."""
    directions, spacings = fields.get("spacedirections"), fields.get("spacings", "").split()
    if directions is not None:
        known = directions.count("(") >= min(3, int(fields["dimension"]))
    else:
        known = sum(word.lower() != "nan" for word in spacings) >= min(3, int(fields["dimension"]))
    silent = directions is None and "spacings" not in fields
    if not known and not (silent and not {"spaceorigin", "axismins", "axismaxs"} & set(fields)):
        raise broken(path, "it tells no voxel size for each axis")
