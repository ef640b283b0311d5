"""Which segments of the scene are readings of which case, by whom: proposed from their names, corrected by the user."""

from __future__ import annotations

import csv
import io
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

MANIFEST_COLUMNS = ("case", "image", "mask", "reader", "session")
GTV = "gtv"
_SEPARATORS = re.compile(r"[\s_\-.,;:/()]+")
_SESSION = re.compile(r"(?i)(?:session|reading|round)[\s_\-]*(\d+)")


@dataclass(frozen=True)
class SceneReading:
    """A segment as one reader's contour of a case. ``volume`` is the CT it was drawn on, None if that is not known."""

    volume: Any
    segmentation: Any
    segment_id: str
    segment: str = ""
    used: bool = True
    case: str = ""
    reader: str = ""
    session: str = "1"

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells readings apart."""
        return self.case, self.reader, self.session


def propose(readings: Iterable[SceneReading]) -> list[SceneReading]:
    """Case, reader and session of segments that have none yet, from the names of CTs, segmentations and segments.

    The case is the CT. The reader is what the names of segmentations and segments do not share, in the case and in the
    scene; where that tells nothing, or differs from case to case, readers are called A, B, … Of several segments in a
    segmentation those named GTV are used, if there are any.
    """
    in_order = sorted(readings, key=_ct)  # stable: the scene's order within a CT
    cases = [list(group) for _, group in groupby(in_order, key=_ct)]
    everywhere = _shared([_label(reading) for case in cases for reading in _usable(case)])
    proposed = [reading for case in cases for reading in _of_case(case, everywhere)]
    readers = [{r.reader for r in proposed if r.used and r.case == case} for case in {r.case for r in proposed}]
    shared = set.union(*readers) if readers else set()
    if len(readers) > 1 and all(sum(name in each for each in readers) == 1 for name in shared):
        proposed = [r for case in dict.fromkeys(r.case for r in proposed) for r in _lettered(proposed, case)]
    return proposed


@dataclass(frozen=True)
class ReadingFiles:
    """The files of a reading for another process; a CT with several readings is one file."""

    reading: SceneReading
    image: str
    mask: str


def reading_files(readings: Sequence[SceneReading]) -> list[ReadingFiles]:
    """Names of the files that readings are written to."""
    images = {reading.volume.GetID(): "" for reading in readings}
    images = {node: f"image{number}.nrrd" for number, node in enumerate(images, 1)}
    return [ReadingFiles(r, images[r.volume.GetID()], f"mask{number}.nrrd") for number, r in enumerate(readings, 1)]


def names_of_files(files: Sequence[ReadingFiles]) -> dict[str, str]:
    """File name → what the user calls it."""
    names = {each.image: _name(each.reading.volume) for each in files}
    names |= {each.mask: f"{each.reading.segment} of {_name(each.reading.segmentation)}" for each in files}
    return {file: name.replace('"', "'") for file, name in names.items()}


def manifest_text(files: Sequence[ReadingFiles]) -> str:
    """A manifest for ``esoradiomics icc``."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(MANIFEST_COLUMNS)
    for each in files:
        table.writerow([each.reading.case, each.image, each.mask, each.reading.reader, each.reading.session])
    return text.getvalue()


def _usable(readings: list[SceneReading]) -> list[SceneReading]:
    """The segments of a case that are its GTV, as far as names tell."""
    several = len({reading.segmentation.GetID() for reading in readings}) < len(readings)
    gtvs = [reading for reading in readings if GTV in reading.segment.lower()]
    return gtvs if several and gtvs else readings


def _of_case(readings: list[SceneReading], everywhere: set[str]) -> list[SceneReading]:
    case, used = _name(readings[0].volume), _usable(readings)
    known = everywhere | set(_words(case)) | _shared([_label(reading) for reading in used])
    proposed = []
    for reading in readings:
        session = _SESSION.search(_label(reading))
        words = [word for word in _words(_SESSION.sub(" ", _label(reading))) if word not in known]
        entered = {"reader": " ".join(dict.fromkeys(words)), "session": session[1] if session else "1"}
        proposed.append(replace(reading, case=case, used=reading in used, **entered))
    keys = [reading.key for reading in proposed if reading.used]
    unclear = len(set(keys)) < len(keys) or not all(reader for _, reader, _ in keys)
    return _lettered(proposed, case) if unclear else proposed


def _label(reading: SceneReading) -> str:
    return f"{_name(reading.segmentation)} {reading.segment}"


def _words(text: str) -> list[str]:
    return [word for word in _SEPARATORS.split(text) if word]


def _shared(labels: list[str]) -> set[str]:
    """The words that all labels have, if there are labels that differ."""
    return set.intersection(*(set(_words(label)) for label in labels)) if len(set(labels)) > 1 else set()


def _lettered(readings: list[SceneReading], case: str) -> list[SceneReading]:
    """Readers A, B, … in the order of the scene, one session each."""
    letters = iter(string.ascii_uppercase)
    mine = [reading for reading in readings if reading.case == case]
    return [replace(r, reader=next(letters, r.segment_id), session="1") if r.used else r for r in mine]


def _name(node: Any) -> str:
    return node.GetName() if node is not None else ""


def _ct(reading: SceneReading) -> tuple[str, str]:
    return _name(reading.volume), reading.volume.GetID() if reading.volume is not None else ""
