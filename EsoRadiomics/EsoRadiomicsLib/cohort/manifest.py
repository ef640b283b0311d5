"""The manifest: one line a case (or a reading of it), with its image, its mask and whatever is known of the patient.

Columns: ``case, image``, ``mask`` or ``rtstruct``, ``roi`` (the GTV in the mask file: ROI or segment name, or label
value), ``reader, session``; ``remark`` is ignored; all others are clinical columns, which go into the results.
"""

from __future__ import annotations

import glob
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..core.errors import InputError
from ..core.formatting import some
from ..core.output import safe_cell
from ..core.places import look, require_there
from ..core.sheet import Sheet, read_sheet
from ..extraction.engines import is_feature
from ..extraction.feature_table import SOFTWARE
from .exported_text import shortened, without_names
from .problems import Problem, split_message

STAGE = "manifest"
MOST_WILD, MOST_FITS = 6, 1000
"""Folders of a path that may be patterns, and files that are looked at: a manifest must not search a whole disk."""
PLACES = ("image", "mask", "rtstruct")
KNOWN = ("case", *PLACES, "roi", "reader", "session", "remark")
RESULTS = ("image_sha256", "mask_sha256", "settings", "failed")
"""Columns of the result table that a clinical column must not hide."""


@dataclass(frozen=True)
class Entry:
    """One line of the manifest, with its paths found; ``allow_outside``: its images may name files elsewhere."""

    case: str
    reader: str
    session: str
    image: Path
    mask: Path
    roi: str
    clinical: Mapping[str, str]
    allow_outside: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What is one line only: case, reader and session."""
        return self.case, self.reader, self.session

    @property
    def patient(self) -> str:
        """Whose ROI it is, where a clinical column of that name tells."""
        return next((value for name, value in self.clinical.items() if name.lower() == "patient"), "")

    def problem(self, stage: str, message: str, *, blocking: bool = True) -> Problem:
        """A problem of this line; the last sentence of ``message`` is the remedy."""
        message = shortened(message)
        known = {self.case, self.reader, self.session, self.roi, *self.clinical.values()}
        places = (self.image, "the image"), (self.mask, "the mask")
        handed_on = split_message(without_names(message, places, known))
        return Problem(self.case, stage, *handed_on, self.reader, self.session, blocking, told=message)


@dataclass(frozen=True)
class Manifest:
    """A checked manifest: ``entries`` can be tried, ``problems`` says why other lines cannot, and what is odd."""

    path: Path
    identity: tuple[str, ...]
    clinical: tuple[str, ...]
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]


def read_manifest(path: Path, *, allow_outside: bool = False) -> Manifest:
    """Read a manifest and look for its files; a line that cannot be used does not keep the others from it.

    Args:
        path: CSV or XLSX. Paths in it are relative to its folder and may be patterns (``001/ct*.nrrd``) that fit one
            file or folder.
        allow_outside: accept paths that lead out of the manifest's folder, and out of an image header's.

    Raises:
        InputError: not a table, without the columns needed, or with columns that the results use.
    """
    path = Path(path)
    sheet = _lower_known(read_sheet(path))
    clinical = tuple(name for name in sheet.columns if name not in KNOWN)
    _require_columns(sheet.columns, clinical, path)
    entries: list[Entry] = []
    problems = [Problem("", STAGE, *split_message(remark), blocking=False) for remark in sheet.remarks]
    problems += _formulas(sheet)
    if not sheet.rows:
        problems.append(Problem("", STAGE, "It has no line below its header.", "Give one line a case.", blocking=False))
    folder = path.resolve().parent
    lines_of: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for line, row in sheet.rows:
        lines_of[_identity(row)].append(line)
    for line, row in sheet.rows:
        lines = lines_of[_identity(row)]
        try:
            if row.get("case", "") == "":
                raise InputError(f"Line {line} names no case. Give every line a case ID.")
            if line != lines[0]:
                continue  # its first line has told
            if len(lines) > 1:
                raise InputError(
                    f"{_identity_text(row)} is on lines {', '.join(map(str, lines))}; which one is meant is unknown, "
                    "so none is measured. Keep one line, or tell them apart by reader and session."
                )
            places = {name: _find(row, name, folder, allow_outside) for name in PLACES if row.get(name)}
            if "image" not in places:
                raise InputError("The line names no image. Fill in the column “image”.")
            if len(places) != 2:
                both = "a mask and an RTSTRUCT" if len(places) == 3 else "no mask and no RTSTRUCT"
                raise InputError(f"The line names {both}. Fill in one of the columns “mask” and “rtstruct”.")
        except InputError as error:
            told = shortened(str(error))
            reason, remedy = split_message(without_names(told, (), ()))
            who = row.get("reader", ""), row.get("session", "")
            problems.append(Problem(row.get("case", "") or f"line {line}", STAGE, reason, remedy, *who, told=told))
            continue
        mask = places.get("mask") or places["rtstruct"]
        kept = {name: row[name] for name in clinical}
        entries.append(Entry(*_identity(row), places["image"], mask, row.get("roi", ""), kept, allow_outside))
    identity = tuple(name for name in ("case", "reader", "session") if name in sheet.columns)
    return Manifest(path, identity, clinical, tuple(entries), tuple(problems))


def shared_between_cases(
    entries: Iterable[Entry],
    what: str,
    contents: Mapping[tuple[str, str, str], tuple[str, str]],
    stage: str,
) -> Iterator[Problem]:
    """Problems of two cases with the same image that are not one patient's, and of two readings with the same mask.

    Args:
        entries: lines of the manifest.
        what: how messages call what is the same: “content” or “voxels”.
        contents: by :attr:`Entry.key`: what stands for the image and for the mask.
        stage: of the problems.
    """
    shared: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for place, part in (("image", 0), ("mask", 1)):
        users: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.key in contents:
                users[contents[entry.key][part]].append(entry)
        for sharing in users.values():
            cases = tuple(dict.fromkeys(entry.case for entry in sharing))
            if place == "image" and len({entry.patient or entry.case for entry in sharing}) == 1:
                continue
            if len(cases) > 1:
                shared[cases].append(place)
            elif place == "mask" and len(sharing) > 1:
                yield sharing[0].problem(
                    stage,
                    f"{len(sharing)} readings of this case have the same mask ({what}). Check the paths: their "
                    "agreement would be perfect by mistake.",
                    blocking=False,
                )
    for cases, places in shared.items():
        yield Problem(
            ", ".join(cases),
            stage,
            f"These cases have the same {' and '.join(places)} ({what}).",
            "Check whether a patient is listed twice or a path was copied; where these are several ROIs of one "
            "patient, name the patient in a column “patient”.",
            blocking=False,
        )


def _lower_known(sheet: Sheet) -> Sheet:
    """Known column names in any spelling of upper and lower case."""
    names = {name: name.lower() if name.lower() in KNOWN else name for name in sheet.columns}
    rows = tuple((line, {names[name]: cell for name, cell in row.items()}) for line, row in sheet.rows)
    return Sheet(tuple(names.values()), rows, sheet.remarks)


def _require_columns(columns: tuple[str, ...], clinical: tuple[str, ...], path: Path) -> None:
    missing = [name for name in ("case", "image") if name not in columns]
    if not {"mask", "rtstruct"} & set(columns):
        missing.append("mask (or rtstruct)")
    if missing:
        raise InputError(
            f"The manifest {path} has no column {', '.join(missing)}. Its columns are: {', '.join(columns)}. Start "
            "from “esoradiomics cohort scan”."
        )
    taken = [name for name in clinical if name in RESULTS or name.startswith(SOFTWARE) or is_feature(name)]
    if taken:
        raise InputError(
            f"The manifest {path} has the column {', '.join(taken)}, a name that the result table uses itself. Rename "
            "or remove it."
        )


def _formulas(sheet: Sheet) -> list[Problem]:
    found = [
        f"“{cell[:40]}” (line {line}, column {name})"
        for line, row in sheet.rows
        for name, cell in row.items()
        if safe_cell(cell) != cell
    ]
    if not found:
        return []
    listed = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    cells = "1 cell starts" if len(found) == 1 else f"{len(found)} cells start"
    reason = f"{cells} like a spreadsheet formula: {listed}."
    remedy = "Results write them with a leading apostrophe; better correct the manifest."
    return [Problem("", STAGE, reason, remedy, blocking=False)]


def _identity(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row.get("case", ""), row.get("reader", ""), row.get("session", "")


def _identity_text(row: Mapping[str, str]) -> str:
    others = [f", {name} {row[name]}" for name in ("reader", "session") if row.get(name)]
    return f"Case {row['case']}{''.join(others)}"


def _find(row: Mapping[str, str], name: str, folder: Path, allow_outside: bool) -> Path:
    text = row[name].replace("\\", "/")
    path = folder / text
    if look(path) is None:
        wild = [part for part in text.split("/") if glob.has_magic(part)]
        if len(wild) > MOST_WILD or (wild and ".." in text.split("/") and not allow_outside):
            raise InputError(f"The {name} pattern “{text[:60]}” looks too far about. Name the folders.")
        fits = sorted(islice(glob.iglob(text, root_dir=folder), MOST_FITS)) if wild else []
        if not fits:
            raise InputError(f"The {name} “{text}” is not there (looked in {folder}). Check the path.")
        if len(fits) > 1:
            raise InputError(
                f"The {name} pattern “{text}” fits {len(fits)} files or folders: {some(f'“{fit}”' for fit in fits)}. "
                "Make it fit one."
            )
        path = folder / fits[0]
    require_there(path)
    path = path.resolve()  # also follows links: what counts is where the file really is
    if not allow_outside and not path.is_relative_to(folder):
        raise InputError(
            f"The {name} “{text}” lies outside the manifest's folder {folder}. Move the manifest above its data, or "
            "allow it with --allow-outside."
        )
    return path
