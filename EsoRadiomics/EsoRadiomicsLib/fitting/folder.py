"""A folder of results that appears whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from ..errors import OutputError


def check_new_folder(folder: Path) -> None:
    """Raise OutputError, before any work, when ``folder`` is a file or holds something already."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; the results need a folder. Choose another name.")
    if folder.exists() and any(folder.iterdir()):
        raise OutputError(f"{folder} is not empty. Choose a new or empty folder, so that no earlier result is lost.")
    existing = next(parent for parent in folder.absolute().parents if parent.exists())
    if not existing.is_dir():
        raise OutputError(f"{folder} cannot be made: {existing} is a file. Choose another folder.")


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` (relative path → content) beside ``folder`` and move them into place together.

    Raises:
        OutputError: the folder is in use (see :func:`check_new_folder`), or cannot be written.
    """
    folder = folder.absolute()
    check_new_folder(folder)
    workshop = folder.with_name(f".{folder.name}.partial")
    try:
        for name, content in files.items():
            path = workshop / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if folder.exists():
            folder.rmdir()
        workshop.rename(folder)
    except OSError as error:
        raise OutputError(
            f"The results cannot be written to {folder}: {error.strerror}. Choose a folder that you may write to."
        ) from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
