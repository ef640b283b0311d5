"""Writing results whole or not at all, and text that other programs cannot be tricked by."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import OutputError


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file under a temporary name and rename it, so that it appears whole or not at all.

    Raises:
        OutputError: the folder does not exist or cannot be written, or the disk is full.
    """
    path = Path(path)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Choose a folder you may write to.") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise OutputError(
            f"{path} cannot be written: {error.strerror}. Free some space or choose another folder."
        ) from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def safe_cell(text: str) -> str:
    """A text cell that a spreadsheet will not run as a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
