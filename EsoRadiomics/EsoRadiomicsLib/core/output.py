"""Writing results whole or not at all, and text that other programs cannot be tricked by."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from .errors import OutputError

PARTIAL = ".partial"
"""How names of files end while they are written; they begin with a dot."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write piece by piece, under a temporary name until it is complete: it appears whole or not at all.

    Raises:
        OutputError: the folder does not exist or cannot be written, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        temporary.unlink(missing_ok=True)  # of a killed run that had this number
        with temporary.open("xb") as file:  # never through a link that someone put there
            yield file
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    finally:  # Ctrl-C comes through here too
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all.

    Raises:
        OutputError: as :func:`writing`.
    """
    with writing(path) as file:
        file.write(text.encode(errors="backslashreplace"))  # of a name that is no text, its codes


def check_output_folder(folder: Path, names: Collection[str]) -> None:
    """Check, before any work, that files called ``names`` may be written into ``folder``.

    Raises:
        OutputError: it is a file, holds files of other names, or cannot be written.
    """
    folder = Path(folder).absolute()
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is a file, but a folder is needed. Choose another name.")
        if folder.is_symlink() and not folder.exists():
            raise OutputError(f"{folder} is a link that leads nowhere. Choose another name, or remove it first.")
        strangers = sorted(path.name for path in folder.iterdir() if path.name not in names) if folder.exists() else []
    except OSError as error:
        raise OutputError(_cannot_write(folder, error)) from error
    if strangers:
        listed = ", ".join(strangers[:3]) + (" …" if len(strangers) > 3 else "")
        raise OutputError(f"{folder} holds other files ({listed}). Choose a new or empty folder.")
    existing = next(parent for parent in folder.parents if os.path.exists(parent))
    if not existing.is_dir():
        raise OutputError(f"{folder} cannot be made: {existing} is a file. Choose another folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(_cannot_write(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES))))


def check_replaceable_folder(folder: Path, names: Collection[str]) -> None:
    """Check, before any work, that :func:`write_folder` can make ``folder`` or replace one with files ``names``.

    Raises:
        OutputError: as :func:`check_output_folder`; it cannot be replaced as a whole: a mount point, or the folder
            that this process is in.
    """
    check_output_folder(folder, names)
    folder = Path(folder).resolve()
    if os.path.ismount(folder):
        raise OutputError(f"{folder} is a drive or a mounted folder, which cannot be replaced. Choose a folder in it.")
    with contextlib.suppress(FileNotFoundError):  # the current folder may be gone
        if Path.cwd().is_relative_to(folder):
            raise OutputError(f"{folder} is the folder you are in, which cannot be replaced. Choose a folder in it.")


def write_folder(folder: Path, files: Mapping[str, bytes], replaced: Collection[str] = ()) -> None:
    """Write exactly these files (relative path → content) as a folder, or not at all.

    Args:
        folder: to write; where a link leads, and not the link, is replaced.
        files: content by relative path.
        replaced: what may be in the folder by then, and goes.

    Raises:
        OutputError: it cannot be written, holds other files, or the disk is full.
    """
    folder = Path(folder).resolve()
    check_replaceable_folder(folder, replaced)
    new_parents = [parent for parent in folder.parents if not parent.exists()]
    workshop = folder.with_name(f".{folder.name}.{os.getpid()}{PARTIAL}")
    try:
        shutil.rmtree(workshop, ignore_errors=True)  # of a killed run that had this number
        for name, content in files.items():
            path = workshop / "new" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _move_into_place(workshop / "new", folder, aside=workshop / "old")
    except OSError as error:
        raise OutputError(_cannot_write(folder, error)) from error
    finally:  # Ctrl-C comes through here too
        shutil.rmtree(workshop, ignore_errors=True)
        if not folder.exists():
            for parent in new_parents:
                with contextlib.suppress(OSError):  # someone else may use it by now
                    parent.rmdir()


def safe_cell(text: str) -> str:
    """A text cell that a spreadsheet will not run as a formula; numbers stay as they are."""
    if text[:1] not in ("=", "+", "-", "@", "\t", "\r"):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text


def plain_cell(text: str) -> str:
    """The text that :func:`safe_cell` made a cell of."""
    return text[1:] if text[:1] == "'" and safe_cell(text[1:]) == text else text


def csv_line(cells: Iterable[str]) -> str:
    """One line of a CSV table of :func:`safe_cell`."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(map(safe_cell, cells))
    return text.getvalue()


def _move_into_place(new: Path, folder: Path, aside: Path) -> None:
    """Rename ``new`` to ``folder``; what was there goes ``aside``, and comes back if the second step fails."""
    if not folder.exists():
        new.rename(folder)
        return
    folder.rename(aside)
    try:
        new.rename(folder)
    except BaseException:
        aside.rename(folder)
        raise


def _cannot_write(place: Path, error: OSError) -> str:
    remedy = "Free some space, or choose" if error.errno in _FULL else "Choose"
    return f"{place} cannot be written: {error.strerror}. {remedy} a folder that you may write to."
