"""What goes to the terminal: text that any terminal can show, and nothing from a file that could command it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# Control characters (C0 but tab and line feed, DEL, C1) and those that reverse the order of what is read.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """The text with each control character as its code (``\\u001b``), which is also how JSON writes it."""
    return _COMMANDS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class _Shown:
    """A stream that writes :func:`visible` text; ``unfiltered`` is the stream itself."""

    def __init__(self, unfiltered: TextIO) -> None:
        self.unfiltered = unfiltered

    def write(self, text: str) -> int:
        self.unfiltered.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unfiltered, name)


@contextmanager
def safe_terminal() -> Iterator[None]:
    """Standard output and error show only :func:`visible` text, and what their encoding lacks as its code."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = (stream and _Shown(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
