"""Headers of volume files, read by safe code before a native reader opens them: what they promise, and which files.

A native reader allocates what a header promises and crashes on some that lie. Here a header is text or a few numbers:
what it promises is compared with the sizes of its files and with a limit, and files it names are looked at, before
anything is allocated.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InputError
from ..core.numbers import finite
from ..core.places import file_size, read_bytes, require_regular

MOST_BYTES = 4 << 30
"""A volume unpacks to at most this: a CT of 1024 × 1024 × 1000 voxels of 32 bits."""
_MOST_HEADER = 16 << 20
_MOST_FILES = 10_000
_MOST_DIMENSIONS = 7
_DEFLATE_RATIO = 1032  # deflate cannot shrink by more
_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
_READABLE = "NRRD, NIfTI (.nii, .nii.gz), MetaImage and DICOM are read"

_NRRD_BYTES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"), 1),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), 2),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), 2),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t"), 4),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "signed long long int"), 8),
    **dict.fromkeys(("int64", "int64_t", "ulonglong", "unsigned long long", "unsigned long long int"), 8),
    **dict.fromkeys(("uint64", "uint64_t", "double"), 8),
    "float": 4,
}
_META_BYTES = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR", "MET_ASCII_CHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_LONG", "MET_ULONG", "MET_FLOAT"), 4),
    **dict.fromkeys(("MET_LONG_LONG", "MET_ULONG_LONG", "MET_DOUBLE"), 8),
}
_NIFTI_BITS = {2: 8, 4: 16, 8: 32, 16: 32, 64: 64, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64}
_NIFTI_COMPLEX = {32, 1792, 2048}
_NIFTI_COLOUR = {128: 3, 2304: 4}
_NRRD_FIELDS = frozenset(
    (
        *("axismaxs", "axismins", "blocksize", "byteskip", "centerings", "centers", "content", "datafile", "dimension"),
        *("encoding", "endian", "kinds", "labels", "lineskip", "max", "measurementframe", "min", "number", "oldmax"),
        *("oldmin", "sampleunits", "sizes", "space", "spacedimension", "spacedirections", "spaceorigin", "spaceunits"),
        *("spacings", "thicknesses", "type", "units"),
    )
)
_LONGEST_VALUE = 1000  # of a field; native readers put longer ones into buffers of fixed size
_PACKED = {"gz": "gzip", "gzip": "gzip", "bz2": "bzip2", "bzip2": "bzip2", "txt": "text", "ascii": "text"}


@dataclass(frozen=True)
class VolumeHeader:
    """What a volume file's header promises, checked against the files.

    Attributes:
        path: of the header.
        form: “NRRD”, “NIfTI” or “MetaImage”; ``reader`` is SimpleITK's name of the ImageIO that reads it.
        size: of each axis, those of components or layers included.
        encoding: of the voxels: ``raw``, ``gzip``, ``bzip2``, ``zlib``, ``hex`` or ``text``.
        voxel_bytes: what the voxels take when unpacked.
        data_offset: where the voxels begin in their file (a packed NIfTI: when unpacked); negative where they end it.
        data_files: where the voxels are: the header's own file, or those it names.
        fields: the header's fields as text, names in lower case and without spaces (NRRD, MetaImage).
    """

    path: Path
    form: str
    reader: str
    size: tuple[int, ...]
    encoding: str
    voxel_bytes: int
    data_offset: int
    data_files: tuple[Path, ...]
    fields: Mapping[str, str]

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are read, the header's first."""
        return (self.path, *(file for file in self.data_files if file != self.path))


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
    start = read_bytes(path, _MOST_HEADER)
    if start[:4] == b"NRRD":
        header = _nrrd(path, start, allow_outside)
    elif (nifti := nifti_start(start)) is not None:
        header = _nifti(path, *nifti)
    elif re.search(rb"^\s*NDims\s*=", start[:4096], re.MULTILINE):
        header = _meta(path, start, allow_outside)
    elif path.name.lower().endswith(_ENDINGS):
        raise InputError(
            f"{path} is damaged: it does not begin as its ending says ({start[:8]!r}). Copy or export it again."
        )
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


def _nrrd(path: Path, start: bytes, allow_outside: bool) -> VolumeHeader:
    text, offset, detached = _nrrd_text(path, start)
    fields: dict[str, str] = {}
    lines = iter([line.rstrip("\r") for line in text.split("\n")[1:]])
    listed: list[str] | None = None
    for line in lines:
        name, colon, value = line.partition(":")
        if line.startswith("#") or not line.strip() or (colon and value.startswith("=")):
            continue  # a comment, or a key of the user's own
        name = name.lower().replace(" ", "")  # “data file” and “datafile” are one field
        if name not in _NRRD_FIELDS:
            raise _broken(path, f"its line “{line[:40]}” is no field of NRRD")
        _keep(path, fields, name, value)
        if name == "datafile" and fields[name].split()[:1] == ["LIST"]:
            listed = [entry.strip() for entry in lines if entry.strip()]
    dimension = _whole(path, fields, "dimension", 1, _MOST_DIMENSIONS)
    size = _sizes(path, fields.get("sizes", ""), dimension, "sizes")
    bytes_each = _NRRD_BYTES.get(fields.get("type", "").lower())
    if bytes_each is None:
        raise _broken(path, f"its type is “{fields.get('type', '')[:40]}”")
    encoding = fields.get("encoding", "").lower()
    encoding = _PACKED.get(encoding, encoding)
    if encoding not in ("raw", "gzip", "bzip2", "hex", "text"):
        raise _broken(path, f"its encoding is “{encoding[:40]}”")
    files: tuple[Path, ...] = (path,)
    if "datafile" in fields:
        names = listed if listed is not None else _pattern(path, fields["datafile"])
        files = _data_files(path, names, allow_outside)
        offset = 0
    elif detached:
        raise _broken(path, "it has no voxels and names no file that has them")
    if "complex" in fields.get("kinds", ""):
        raise _complex(path)
    for units in (fields.get("spaceunits", ""), fields.get("units", "")):
        if others := set(re.findall(r'"([^"]*)"', units)) - {"mm", "", "???"}:
            raise InputError(
                f"{path} gives its sizes in {', '.join(sorted(others))}, which is not read. Save it in mm."
            )
    if "byteskip" in fields:
        skip = _whole(path, fields, "byteskip", -1, MOST_BYTES)
        offset = -1 if skip < 0 else offset + skip
    return VolumeHeader(
        path, "NRRD", "NrrdImageIO", size, encoding, math.prod(size) * bytes_each, offset, files, fields
    )


def _nrrd_text(path: Path, start: bytes) -> tuple[str, int, bool]:
    """The header's text, where the voxels begin, and whether the file ends with the header."""
    end = re.search(rb"\r?\n\r?\n", start)
    if end is None and len(start) >= _MOST_HEADER:
        raise _broken(path, "it has no end")
    text = start[: end.start() if end else len(start)]
    return text.decode("utf-8", "replace"), end.end() if end else len(start), end is None


def _meta(path: Path, start: bytes, allow_outside: bool) -> VolumeHeader:
    fields: dict[str, str] = {}
    offset, listed = 0, ""
    while "elementdatafile" not in fields:
        end = start.find(b"\n", offset)
        line = start[offset : end if end >= 0 else len(start)]
        name, equals, value = line.decode("utf-8", "replace").partition("=")
        if end < 0 and not equals:
            raise _broken(path, "it names no ElementDataFile")
        offset = end + 1 if end >= 0 else len(start)
        if equals:
            _keep(path, fields, name.strip().lower(), value)
    dimension = _whole(path, fields, "ndims", 1, _MOST_DIMENSIONS)
    size = _sizes(path, fields.get("dimsize", ""), dimension, "DimSize")
    channels = _whole(path, {"elementnumberofchannels": "1", **fields}, "elementnumberofchannels", 1, 1 << 16)
    kind = fields.get("elementtype", "").upper()
    bytes_each = _META_BYTES.get(kind.removesuffix("_ARRAY"))
    if bytes_each is None:
        raise _broken(path, f"its ElementType is “{kind[:40]}”")
    binary = fields.get("binarydata", "True").lower() in ("true", "1", "t")
    packed = fields.get("compresseddata", "False").lower() in ("true", "1", "t")
    encoding = "zlib" if packed else "raw" if binary else "text"
    if fields.get("distanceunits", "mm").lower() not in ("mm", "?"):
        raise InputError(f"{path} gives its sizes in {fields['distanceunits'][:20]}, which is not read. Save it in mm.")
    for name, neutral in (("slope", 1.0), ("offset", 0.0)):
        text = fields.get(f"elementtointensityfunction{name}", str(neutral))
        try:
            same = finite(text) == neutral
        except ValueError:
            same = False
        if not same:
            raise InputError(f"{path} gives its voxels a {name} of “{text[:40]}”, which is not applied. Save it in HU.")
    target = fields["elementdatafile"]
    files: tuple[Path, ...] = (path,)
    if target.split()[:1] == ["LIST"]:
        listed = start[offset:].decode("utf-8", "replace")
        files = _data_files(path, [line.strip() for line in listed.splitlines() if line.strip()], allow_outside)
    elif target.upper() != "LOCAL":
        files = _data_files(path, _pattern(path, target), allow_outside)
    if files != (path,):
        offset = 0
    if "headersize" in fields:
        skip = _whole(path, fields, "headersize", -1, MOST_BYTES)
        offset = -1 if skip < 0 else offset + skip
    shape = size if channels == 1 else (channels, *size)
    voxel_bytes = math.prod(shape) * bytes_each
    return VolumeHeader(path, "MetaImage", "MetaImageIO", shape, encoding, voxel_bytes, offset, files, fields)


def nifti_start(start: bytes) -> tuple[bytes, bool] | None:
    """The first bytes of a NIfTI file, unpacked, and whether it is compressed; None for other files."""
    packed = start[:2] == b"\x1f\x8b"
    if packed:
        try:
            start = zlib.decompressobj(31).decompress(start, 1024)
        except zlib.error:
            return None
    if len(start) >= 348 and start[344:348] in (b"n+1\0", b"ni1\0"):
        return start, packed
    return (start, packed) if start[4:8] in (b"n+2\0", b"ni2\0") else None


def _nifti(path: Path, start: bytes, packed: bool) -> VolumeHeader:
    one = start[344:348] in (b"n+1\0", b"ni1\0")
    length = 348 if one else 540
    order = next((order for order in "<>" if struct.unpack(f"{order}i", start[:4]) == (length,)), None)
    if order is None or len(start) < length:
        raise _broken(path, "it does not begin as one of NIfTI")
    if not one:
        raise InputError(
            f"{path} is NIfTI-2, which is not read here. Convert it to NIfTI-1 or NRRD (with nibabel: "
            "nibabel.Nifti1Image.from_image(image).to_filename(…))."
        )
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
    if not 1 <= dims[0] <= _MOST_DIMENSIONS:
        raise _broken(path, f"it has {dims[0]} dimensions")
    size = _sizes(path, " ".join(map(str, dims[1 : dims[0] + 1])), dims[0], "dim")
    if kind in _NIFTI_COMPLEX:
        raise _complex(path)
    if kind in _NIFTI_COLOUR:
        size = (_NIFTI_COLOUR[kind], *size)
    elif _NIFTI_BITS.get(kind) != bits:
        raise _broken(path, f"its datatype {kind} with {bits} bits is none of NIfTI's")
    if not all(map(math.isfinite, (*spacing[: dims[0] + 1], *scale))):
        raise _broken(path, "it holds sizes or scales that are not numbers")
    if not (math.isfinite(offset) and (0 if pair else length) <= offset <= MOST_BYTES):
        raise _broken(path, f"its voxels begin at byte {offset:g}")
    voxel_bytes = math.prod(size) * (1 if kind in _NIFTI_COLOUR else bits // 8)
    return VolumeHeader(
        path, "NIfTI", "NiftiImageIO", size, "gzip" if packed else "raw", voxel_bytes, int(offset), files, {}
    )


def _keep(path: Path, fields: dict[str, str], name: str, value: str) -> None:
    if name in fields:
        raise _broken(path, f"it has the field “{name[:40]}” twice")
    if max(len(name), len(value), *(4 * len(word) for word in value.split())) > _LONGEST_VALUE:
        raise _broken(path, f"its field “{name[:40]}” is too long")
    fields[name] = value.strip()


def _sizes(path: Path, text: str, dimension: int, name: str) -> tuple[int, ...]:
    words = text.split()
    if len(words) != dimension or not all(re.fullmatch(r"\+?[0-9]{1,10}", word) and int(word) > 0 for word in words):
        raise _broken(path, f"its {name} is “{text[:60]}”, not {dimension} whole numbers above 0")
    return tuple(map(int, words))


def _whole(path: Path, fields: Mapping[str, str], name: str, low: int, high: int) -> int:
    text = fields.get(name, "")
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", text) or not low <= int(text) <= high:
        raise _broken(path, f"its field {name} is “{text[:40]}”" if text else f"it has no field {name}")
    return int(text)


def _pattern(path: Path, text: str) -> list[str]:
    """File names from ``name``, or from ``slice%03d.raw 1 120 1`` (first, last, step; perhaps a dimension)."""
    words = text.rsplit(maxsplit=4)
    match = re.fullmatch(r"(.*%[0 ]?\d{0,2}d\S*)\s+(-?\d{1,6})\s+(-?\d{1,6})\s+(-?\d{1,6})(?:\s+\d)?", text)
    if "%" not in text or match is None:
        return [text] if words else []
    first, last, step = map(int, match.groups()[1:])
    if match[1].count("%") != 1 or step == 0 or not 0 <= (last - first) // step < _MOST_FILES:
        raise _broken(path, f"the pattern of its data files is “{text[:60]}”")
    return [match[1] % number for number in range(first, last + (1 if step > 0 else -1), step)]


def _data_files(path: Path, names: Sequence[str], allow_outside: bool) -> tuple[Path, ...]:
    """The files a header names, each there, regular, and in the header's folder or below it."""
    if not 0 < len(names) <= _MOST_FILES:
        raise _broken(path, f"it names {len(names)} data files")
    folder = path.resolve().parent
    files = []
    for name in names:
        if not name.isprintable() or name == "-":
            raise _broken(path, f"it names the data file {name[:60]!r}")
        file = path.parent / name
        if not allow_outside and not file.resolve().is_relative_to(folder):
            raise InputError(
                f"The header {path} names the data file “{name}”, which lies outside its folder. Move the file beside "
                "the header, or allow it with --allow-outside."
            )
        require_regular(file)
        files.append(file)
    return tuple(files)


def _complex(path: Path) -> InputError:
    return InputError(f"{path} holds complex numbers, which are no Hounsfield units. Give the CT.")


def _broken(path: Path, what: str) -> InputError:
    return InputError(f"The header of {path} is broken: {what}. Copy or export the file again.")
