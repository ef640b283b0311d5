"""Files and folders that may be missing, out of reach, or no files at all: a pipe hangs its reader."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import InputError


def look(path: Path) -> os.stat_result | None:
    """What is at a path, links followed; None where nothing is.

    Raises:
        InputError: it cannot be looked at: no permission, a name too long, a loop of links.
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a null character
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{_short(path)} cannot be read: {reason}. Check the path and its permissions.") from error


def require_regular(path: Path) -> os.stat_result:
    """A file that can be read to its end; pipes, sockets and devices are none.

    Raises:
        InputError: nothing is there, a folder is, or what is no regular file.
    """
    found = look(path)
    if found is None:
        raise InputError(f"There is no file {_short(path)}. Check the spelling of the path.")
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file (a pipe or a device)"
        raise InputError(f"{_short(path)} is {what}, but a file is needed. Check the path.")
    return found


def require_there(path: Path) -> os.stat_result:
    """A regular file or a folder.

    Raises:
        InputError: nothing is there, or what is neither.
    """
    found = look(path)
    if found is None:
        raise InputError(f"There is no file or folder {_short(path)}. Check the spelling of the path.")
    return found if stat.S_ISDIR(found.st_mode) else require_regular(path)


def file_size(path: Path) -> int:
    """Size of a regular file in bytes."""
    return require_regular(path).st_size


def read_bytes(path: Path, most: int = -1) -> bytes:
    """The content of a regular file, or its first bytes.

    Raises:
        InputError: it cannot be read, or is no regular file.
    """
    require_regular(path)
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise InputError(f"{_short(path)} cannot be read: {error.strerror}. Check its permissions.") from error


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 300 else f"{text[:120]} … {text[-60:]}"
