"""Telling how far long work is: to a person at a terminal, or as JSON lines to the program that started us."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from shutil import get_terminal_size
from typing import TextIO

from .terminal import visible

Progress = Callable[[float, str], None]
"""Called with the share done (0 to 1) and what is being done."""

_BAR = 20
MODES = ("auto", "json", "none")


def reporter(mode: str, stream: TextIO | None = None) -> Progress:
    """A progress function that writes to ``stream`` (default: standard error).

    ``auto`` rewrites one line on a terminal and is silent elsewhere; ``json`` writes one JSON object a line.
    """
    stream = stream or sys.stderr
    if mode == "json":
        return lambda share, what: print(json.dumps({"progress": share, "message": what}), file=stream, flush=True)
    if mode == "auto" and stream.isatty():
        return lambda share, what: _line(stream, share, what)
    return lambda share, what: None


def _line(stream: TextIO, share: float, what: str) -> None:
    filled = round(_BAR * share)
    what = visible(what)  # may be named by a file
    stream = getattr(stream, "unfiltered", stream)
    text = f"[{'#' * filled}{'.' * (_BAR - filled)}] {100 * share:3.0f} %  {what}"
    end = "\n" if share >= 1 else ""
    stream.write(f"\r\x1b[2K{text[: get_terminal_size().columns - 1]}{end}")  # a line that wraps cannot be rewritten
    stream.flush()
