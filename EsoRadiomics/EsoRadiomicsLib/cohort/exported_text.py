"""Messages as they may leave the house: without paths, names of files, and what files say of themselves.

Folders are named after patients, and tags such as SeriesDescription or ROIName are free text. Whoever runs the cohort
needs both on the terminal; in tables and pages that are handed on they are not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

HIDDEN = "…"
LONGEST = 1000
_MOST_FILES = 5000
_OWN = frozenset(("image", "mask", "rtstruct", "roi", "case", "reader", "session", "HU"))
_PATH = re.compile(r"(?<![\w.)>])(?:[A-Za-z]:)?[/\\][^\s“”,;:()]*[^\s“”,;:().]")
_QUOTED = re.compile("“([^”]*)”?")
_QUOTED_BY_OTHERS = re.compile(r"(?:(?<!\w)|\bb)'[^']*'|" + '"[^"]*"')
"""As Python and pydicom quote the value that they stumble over."""


def without_names(text: str, places: Collection[tuple[Path, str]], known: Collection[str]) -> str:
    """A message without paths and quotations.

    Args:
        text: the message.
        places: (path, what it is called instead) of the image and the mask of a case.
        known: quotations that may stay: what the manifest itself says.
    """
    names: dict[str, str] = {}
    for path, word in places:
        for file in _files(path):
            names |= dict.fromkeys((str(file), file.name), f"a file of {word}")
    for path, word in places:
        names |= dict.fromkeys((str(path), path.name), word)
    for name in sorted(names, key=len, reverse=True):
        if "." in name or os.sep in name:  # any other could be a word of the message
            for article in ("the", "The"):  # “The image /data/ct.nrrd is …”
                said = f"{article} {names[name].split()[-1]}"
                text = text.replace(f"{said} {name}", said)
            text = text.replace(name, names[name])
    text = _QUOTED_BY_OTHERS.sub(f"“{HIDDEN}”", _PATH.sub(HIDDEN, text))
    return _QUOTED.sub(lambda match: match[0] if match[1] in known or _is_own(match[1]) else f"“{HIDDEN}”", text)


def shortened(text: str) -> str:
    """A message that fits on a screen, whatever a file made of it."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} {HIDDEN} {text[-LONGEST // 2 :]}"


def _is_own(quoted: str) -> bool:
    return quoted in _OWN or quoted.startswith(("cohort ", "esoradiomics "))


def _files(path: Path) -> list[Path]:
    """The files of a folder, or beside a file, of which a message may name some."""
    found: list[Path] = []
    for folder, _, names in os.walk(path if path.is_dir() else path.parent):
        found += [Path(folder, name) for name in names]
        if len(found) > _MOST_FILES or not path.is_dir():
            break
    return found[:_MOST_FILES]
