"""Where results go, decided before the work: nothing that is there is destroyed, and one run at a time has a place."""

from __future__ import annotations

import csv
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError


def check_new_file(path: Path, own: Callable[[Path], bool] = lambda path: False) -> None:
    """Check, before any work, that a file can be written that is not there yet, or is an earlier one of its kind.

    Args:
        path: to write.
        own: whether a regular file that is there is what this command wrote before, and may be replaced.

    Raises:
        OutputError: something else of that name is there (a link counts, whatever it leads to), or it cannot be
            written.
    """
    path = Path(path).absolute()
    try:
        found = os.lstat(path) if os.path.lexists(path.parent) else None
    except FileNotFoundError:
        found = None
    except (OSError, ValueError) as error:  # ValueError: a null character
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{str(path)[:300]} cannot be written: {reason}. Choose another name.") from error
    if found is not None and not (stat.S_ISREG(found.st_mode) and own(path)):
        raise OutputError(f"{path} exists already. Choose another name, or remove it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK) or not path.parent.is_dir():
        raise OutputError(
            f"{path} cannot be written: {path.parent} is no folder that you may write to. Choose another."
        )


def columns_of(path: Path) -> list[str]:
    """The names in the first line of a CSV, to know a file of our own by; none of what is no text."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader([file.readline(1 << 16)]), [])
    except (OSError, ValueError, csv.Error):
        return []


def check_apart(folder: Path, inputs: Iterable[Path], kept: Collection[str] = ()) -> None:
    """Check that no file that is read lies in a folder whose files, but for those ``kept``, are replaced.

    Raises:
        OutputError: one does.
    """
    place = os.path.realpath(folder)
    for path in inputs:
        found = Path(os.path.realpath(path))
        if found.is_relative_to(place) and found.name not in kept:
            raise OutputError(f"{path} is read and lies in {folder}, where results go. Choose another folder.")


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    """Hold a place (file or folder, there or not) for this process; the system gives it back however this one ends.

    The lock is a file among the system's temporary ones, so that nothing is left beside the results.

    Raises:
        OutputError: another run on this computer holds it.
    """
    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
    lock = Path(tempfile.gettempdir()) / f"esoradiomics-{name}.lock"
    handle = _open(lock)
    try:
        if handle is not None and not _take(handle):
            raise OutputError(f"Another run writes to {path} now. Wait until it has ended, or choose another place.")
        if handle is not None and not _is_there(lock, handle):
            raise OutputError(f"Another run that wrote to {path} ends just now. Try again.")
        try:
            yield
        finally:
            if handle is not None:
                with suppress(OSError):
                    lock.unlink()
    finally:
        if handle is not None:
            os.close(handle)


def _open(lock: Path) -> int | None:
    """The lock's file; None where there can be none: then a run goes on without."""
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError:
        return None


def _is_there(lock: Path, handle: int) -> bool:
    """Whether the file that was opened still has its name: its last owner removes it before giving it back."""
    try:
        return os.path.samestat(os.stat(lock), os.fstat(handle))
    except OSError:
        return False


def _take(handle: int) -> bool:
    """Whether the lock was free."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
