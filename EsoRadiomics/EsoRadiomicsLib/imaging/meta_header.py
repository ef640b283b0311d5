"""The header of a MetaImage file (.mha, .mhd)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..core.errors import InputError
from ..core.numbers import finite
from ..core.places import file_size
from .header_fields import (
    MOST_BYTES,
    MOST_DIMENSIONS,
    VolumeHeader,
    broken,
    file_names,
    keep_field,
    named_files,
    sizes_of,
    whole_field,
)

_BYTES = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR", "MET_ASCII_CHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_LONG", "MET_ULONG", "MET_FLOAT"), 4),
    **dict.fromkeys(("MET_LONG_LONG", "MET_ULONG_LONG", "MET_DOUBLE"), 8),
}

_NAMES = (
    *("ObjectType", "NDims", "DimSize", "HeaderSize", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB"),
    *("CompressedData", "CompressedDataSize", "DistanceUnits", "ElementDataFile", "ElementNumberOfChannels"),
    *("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset", "ElementType"),
)
_NUMBERS = {
    **dict.fromkeys(("ElementSpacing", "ElementSize", "Offset", "Position", "Origin", "CenterOfRotation"), 1),
    **dict.fromkeys(("TransformMatrix", "Rotation", "Orientation"), 2),
    **dict.fromkeys(("ElementMin", "ElementMax"), 0),
}
"""Fields that hold as many numbers as this power of NDims; one that is none would make the reader guess the rest."""
_SPELLING = {name.lower(): name for name in (*_NAMES, *_NUMBERS)}
_SIZES, _PLACES = ("ElementSpacing", "ElementSize"), ("Offset", "Position", "Origin")


def meta_header(path: Path, start: bytes, allow_outside: bool) -> VolumeHeader:
    """Read it as strictly as MetaIO's own reader could mean it: that takes “:” for “=” and knows fields by their case.

    Raises:
        InputError: a header that is broken, or says what is not read.
    """
    fields, offset = _fields(path, start)
    dimension = whole_field(path, fields, "NDims", 1, MOST_DIMENSIONS)
    size = sizes_of(path, fields.get("DimSize", ""), dimension, "DimSize")
    for name, power in _NUMBERS.items():
        _require_numbers(path, fields, name, dimension**power)
    channels = whole_field(path, {"ElementNumberOfChannels": "1", **fields}, "ElementNumberOfChannels", 1, 1 << 16)
    kind = fields.get("ElementType", "")
    bytes_each = _BYTES.get(kind.removesuffix("_ARRAY"))
    if bytes_each is None:
        raise broken(path, f"its ElementType is “{kind[:40]}”")
    packed, binary = _truth(path, fields, "CompressedData", "False"), _truth(path, fields, "BinaryData", "True")
    encoding = "zlib" if packed else "raw" if binary else "text"
    _require_hounsfield_in_mm(path, fields)
    if not any(name in fields for name in _SIZES) and any(finite(word) for word in _words(fields, _PLACES)):
        raise broken(path, "it tells where the image lies, but no voxel size (ElementSpacing)")
    shape = size if channels == 1 else (channels, *size)
    files, each = _files(path, fields["ElementDataFile"], start[offset:], size, allow_outside)
    if each is not None and encoding != "raw":
        raise InputError(f"The voxels of {path} are packed into several files, which are not read. Save it in one.")
    if files != (path,):
        offset = 0
    if "HeaderSize" in fields:
        skip = whole_field(path, fields, "HeaderSize", -1, MOST_BYTES)
        if skip > 0 and files == (path,):
            raise broken(path, f"its voxels begin at byte {skip}, which is not where it ends")
        offset = -1 if skip < 0 else offset + skip
    voxel_bytes = math.prod(shape) * bytes_each
    if each is not None:
        needed = voxel_bytes // len(files) + max(offset, 0)
        if short := next((file for file in files if file_size(file) < needed), None):
            raise broken(path, f"its data file “{short.name}” holds fewer than {needed:,} bytes")
    return VolumeHeader(path, "MetaImage", "MetaImageIO", shape, encoding, voxel_bytes, offset, files, fields)


def _fields(path: Path, start: bytes) -> tuple[dict[str, str], int]:
    """The fields as text, and where the header ends."""
    fields: dict[str, str] = {}
    offset = 0
    while "ElementDataFile" not in fields:
        end = start.find(b"\n", offset)
        line = start[offset : end if end >= 0 else len(start)].decode("utf-8", "replace").rstrip("\r")
        name, equals, value = line.partition("=")
        if end < 0 and not equals:
            raise broken(path, "it names no ElementDataFile")
        offset = end + 1 if end >= 0 else len(start)
        if not line.strip():
            continue
        name = name.strip()
        if not equals or ":" in name or "\r" in line or _SPELLING.get(name.lower(), name) != name:
            raise broken(path, f"its line “{line[:40]}” is no field of MetaImage")
        keep_field(path, fields, name, value)
    return fields, offset


def _words(fields: Mapping[str, str], names: Iterable[str]) -> list[str]:
    return [word for name in names for word in fields.get(name, "").split()]


def _require_numbers(path: Path, fields: Mapping[str, str], name: str, count: int) -> None:
    words = _words(fields, (name,))
    try:
        numbers = [finite(word) for word in words]
    except ValueError as error:
        raise broken(path, f"in its field {name} {error}") from error
    if name in fields and len(numbers) != count:
        raise broken(path, f"its field {name} holds {len(numbers)} numbers, not {count}")


def _truth(path: Path, fields: Mapping[str, str], name: str, default: str) -> bool:
    value = fields.get(name, default).lower()
    if value not in ("true", "false", "1", "0"):
        raise broken(path, f"its field {name} is “{value[:40]}”, neither True nor False")
    return value in ("true", "1")


def _require_hounsfield_in_mm(path: Path, fields: Mapping[str, str]) -> None:
    if fields.get("DistanceUnits", "mm").lower() not in ("mm", "?"):
        raise InputError(f"{path} gives its sizes in {fields['DistanceUnits'][:20]}, which is not read. Save it in mm.")
    for name, neutral in (("Slope", 1.0), ("Offset", 0.0)):
        text = fields.get(f"ElementToIntensityFunction{name}", str(neutral))
        try:
            same = finite(text) == neutral
        except ValueError:
            same = False
        if not same:
            raise InputError(
                f"{path} gives its voxels a {name.lower()} of “{text[:40]}”, which is not applied. Save it in HU."
            )


def _files(
    path: Path, target: str, rest: bytes, size: Sequence[int], allow_outside: bool
) -> tuple[tuple[Path, ...], int | None]:
    """The data files, and of how many axes each is where there are to be several."""
    if target in ("LOCAL", "Local", "local"):
        return (path,), None
    words = target.split()
    if target[:4].upper() == "LIST":
        match = re.fullmatch(r"LIST(?:\s+([0-9]))?", target)
        if match is None:
            raise broken(path, f"its list of data files begins with “{target[:40]}”")
        told = match[1]
        names = [line.strip() for line in rest.decode("utf-8", "replace").split("\n") if line.strip()]
    elif "%" in target:
        told, names = words[4] if len(words) == 5 else None, file_names(path, target)
    else:
        return named_files(path, [target], allow_outside), None
    each = int(told) if told else len(size) - 1
    if not 0 < each < len(size) or len(names) != math.prod(size[each:]):
        raise broken(path, f"it names {len(names)} data files for {' × '.join(map(str, size))} voxels")
    return named_files(path, names, allow_outside), each
