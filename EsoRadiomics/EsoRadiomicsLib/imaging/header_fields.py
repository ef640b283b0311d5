"""What the headers of volume files have in common: what is promised, fields as text, and the data files they name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InputError
from ..core.places import require_regular

MOST_BYTES = 4 << 30
"""A volume unpacks to at most this: a CT of 1024 × 1024 × 1000 voxels of 32 bits."""
MOST_HEADER = 16 << 20
MOST_DIMENSIONS = 7
_MOST_FILES = 10_000
_LONGEST_VALUE = 1000  # of a field; native readers put longer ones into buffers of fixed size


@dataclass(frozen=True)
class VolumeHeader:
    """What a volume file's header promises, checked against the files.

    Attributes:
        path: of the header.
        form: “NRRD”, “NIfTI” or “MetaImage”; ``reader`` is SimpleITK's name of the ImageIO that reads it.
        size: of each axis, those of components or layers included.
        encoding: of the voxels: ``raw``, ``gzip``, ``bzip2``, ``zlib``, ``hex`` or ``text``.
        voxel_bytes: what the voxels take when unpacked.
        data_offset: where the voxels, packed or not, begin in their file (a packed NIfTI: when unpacked); negative
            where they end it.
        data_files: where the voxels are: the header's own file, or those it names.
        fields: the header's fields as text; names as in MetaImage, of NRRD in lower case and without spaces.
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


def keep_field(path: Path, fields: dict[str, str], name: str, value: str) -> None:
    if name in fields:
        raise broken(path, f"it has the field “{name[:40]}” twice")
    if max(len(name), len(value), *(4 * len(word) for word in value.split())) > _LONGEST_VALUE:
        raise broken(path, f"its field “{name[:40]}” is too long")
    fields[name] = value.strip()


def sizes_of(path: Path, text: str, dimension: int, name: str) -> tuple[int, ...]:
    words = text.split()
    if len(words) != dimension or not all(re.fullmatch(r"\+?[0-9]{1,10}", word) and int(word) > 0 for word in words):
        raise broken(path, f"its {name} is “{text[:60]}”, not {dimension} whole numbers above 0")
    return tuple(map(int, words))


def whole_field(path: Path, fields: Mapping[str, str], name: str, low: int, high: int) -> int:
    text = fields.get(name, "")
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", text) or not low <= int(text) <= high:
        raise broken(path, f"its field {name} is “{text[:40]}”" if text else f"it has no field {name}")
    return int(text)


def file_names(path: Path, text: str) -> list[str]:
    """File names from ``name``, or from ``slice%03d.raw 1 120 1`` (first, last, step; perhaps a dimension)."""
    if "%" not in text:
        return [text] if text else []
    match = re.fullmatch(r"([^%]*%[0 ]?\d{0,2}d[^%\s]*)\s+(-?\d{1,6})\s+(-?\d{1,6})\s+(-?\d{1,6})(?:\s+\d)?", text)
    first, last, step = map(int, match.groups()[1:]) if match else (0, 0, 0)
    if match is None or step == 0 or not 0 <= (last - first) // step < _MOST_FILES:
        raise broken(path, f"the pattern of its data files is “{text[:60]}”")
    return [match[1] % number for number in range(first, last + (1 if step > 0 else -1), step)]


def named_files(path: Path, names: Sequence[str], allow_outside: bool) -> tuple[Path, ...]:
    """The files a header names, each there, regular, and in the header's folder or below it."""
    if not 0 < len(names) <= _MOST_FILES:
        raise broken(path, f"it names {len(names)} data files")
    folder = path.resolve().parent
    files = []
    for name in names:
        if not name.isprintable() or name == "-":
            raise broken(path, f"it names the data file “{name[:60]}”")
        file = path.parent / name
        if not allow_outside and not file.resolve().is_relative_to(folder):
            raise InputError(
                f"The header {path} names the data file “{name}”, which lies outside its folder. Move the file beside "
                "the header, or allow it with --allow-outside."
            )
        require_regular(file)
        files.append(file)
    return tuple(files)


def complex_voxels(path: Path) -> InputError:
    return InputError(f"{path} holds complex numbers, which are no Hounsfield units. Give the CT.")


def broken(path: Path, what: str) -> InputError:
    return InputError(f"The header of {path} is broken: {what}. Copy or export the file again.")
