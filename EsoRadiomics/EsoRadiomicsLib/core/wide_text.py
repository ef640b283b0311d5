"""Lines of text by the columns that they take: Chinese characters are two wide, and may be parted without a space."""

from __future__ import annotations

import re
import textwrap
from unicodedata import east_asian_width

WIDE = "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]"
"""A character that is two columns wide, as a regular expression."""
_CLOSING, _OPENING = "[、，。；：？！）》」』％]", "[（《「『]"
_PIECES = re.compile(rf"{_OPENING}*{WIDE}{_CLOSING}*|(?:(?!{WIDE})\S)+{_CLOSING}*|\s+")
"""What a line may not be broken within: a word, or a character with the punctuation that belongs to it."""


def columns(text: str) -> int:
    """Columns that a line takes in letters of one width."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, width: int) -> str:
    """The text with blanks behind it up to ``width`` columns."""
    return text + " " * (width - columns(text))


def wrapped(text: str, width: int, *, first: str = "", rest: str = "", most: int | None = None) -> list[str]:
    """Lines of at most ``width`` columns; those beyond ``most`` are cut with “…”.

    Args:
        text: one paragraph.
        width: columns, with the indent.
        first, rest: indents of the first line and of the others.
        most: lines to give.
    """
    if columns(text) == len(text):
        return textwrap.wrap(
            text, width, initial_indent=first, subsequent_indent=rest, max_lines=most, placeholder=" …"
        )
    lines, line = [], first
    for piece in _PIECES.findall(text):
        if columns(line + piece.rstrip()) > width and line.strip():
            lines.append(line.rstrip())
            line = rest + piece.lstrip()
        else:
            line += piece
    lines.append(line.rstrip())
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]}…"]
    return lines
