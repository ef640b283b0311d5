"""Reading JSON that comes from elsewhere: one meaning or none, no number that is no number, no bottomless nesting."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import InputError, StudyError
from .places import read_bytes

MOST_BYTES = 64 << 20
_MOST_DIGITS = 308  # of a whole number that a float can hold


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Refused beyond what JSON forbids: names given twice, numbers beyond a float's range, halves of characters (lone
    surrogates), and nesting too deep to be read.

    Raises:
        ValueError: not such a text; the message says why, and where.
    """
    value = _parse(text)
    for at, problem in _problems(value):
        raise ValueError(f"broken at {at}: {problem}")
    return value


def read_json(path: Path, subject: str, remedy: str) -> Any:
    """The content of a JSON file, as :func:`parse_json`.

    Args:
        path: the file.
        subject: what the file is to the user, for example ``The study card my.json``.
        remedy: sentence that says what to give instead.

    Raises:
        StudyError: no such file, none that can be read, or not JSON.
    """
    try:
        content = read_bytes(path, MOST_BYTES + 1)
    except InputError as error:
        raise StudyError(f"{subject} cannot be read. {error}") from error
    if len(content) > MOST_BYTES:
        raise StudyError(f"{subject} is larger than {MOST_BYTES >> 20} MiB. {remedy}")
    try:
        value = _parse(content.decode("utf-8-sig"))  # Windows editors write a byte order mark
    except ValueError as error:
        raise StudyError(f"{subject} is not JSON ({error}). {remedy}") from error
    for at, problem in _problems(value):
        raise StudyError(f"{subject} is broken at {at}: {problem}. {remedy}")
    return value


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number, parse_int=_whole, object_pairs_hook=_once)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _problems(value: Any) -> Iterator[tuple[str, str]]:
    """(Path, what is wrong) of numbers that no float holds, and of texts that no file and no terminal can show."""
    waiting = [("$", value)]
    while waiting:
        at, item = waiting.pop()
        if isinstance(item, dict):
            for name, member in item.items():
                waiting += [(at, name), (f"{at}.{name}", member)]
        elif isinstance(item, list):
            waiting += [(f"{at}[{position}]", member) for position, member in enumerate(item)]
        elif isinstance(item, float) and not math.isfinite(item):
            yield at, "the number is too large"
        elif isinstance(item, str) and any("\ud800" <= letter <= "\udfff" for letter in item):
            yield at.encode(errors="backslashreplace").decode(), "a text holds half of a character"


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number of JSON")


def _whole(text: str) -> int | float:
    return int(text) if len(text) <= _MOST_DIGITS else math.inf


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]!a} is there twice in one object")
    return found
