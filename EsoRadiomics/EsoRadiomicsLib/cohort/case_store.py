"""Finished cases on disk: one JSON file each, named by the SHA-256 of everything that decides its numbers.

A file appears whole or not at all, so a run may be killed at any moment; what is there is finished and never changes.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import OutputError
from ..core.output import PARTIAL, writing

CASES = "cases"
"""Folder of finished cases, among a run's results."""
_LEFTOVER = re.compile(rf"\.[\w-]+\.(json|csv|parquet|html)\.\d+{re.escape(PARTIAL)}")
CHECKSUM = "sha256"
"""Of the rest of a record, in the record."""


@dataclass(frozen=True)
class Store:
    """A folder of finished cases."""

    folder: Path

    def read(self, key: str) -> dict[str, Any] | None:
        """The record of a finished case; None where there is none, or it is not what was written."""
        try:
            record = json.loads(self._path(key).read_bytes())
            written = record.pop(CHECKSUM)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return record if written == _checksum(key, record) else None

    def write(self, key: str, record: dict[str, Any]) -> None:
        """Keep a finished case.

        Raises:
            OutputError: the disk is full, or the folder cannot be written.
            ValueError: the record holds what is no number.
        """
        content = {**record, CHECKSUM: _checksum(key, record)}
        with writing(self._path(key)) as file:
            file.write(json.dumps(content, allow_nan=False).encode() + b"\n")

    def prepare(self) -> None:
        """Make the folder, and remove what a killed run left half-written; the caller's is the only run here.

        Raises:
            OutputError: the folder cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in [*self.folder.iterdir(), *self.folder.parent.iterdir()]:
                if _LEFTOVER.fullmatch(path.name):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be written: {error.strerror}. Choose another folder.") from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def _checksum(key: str, record: dict[str, Any]) -> str:
    """SHA-256 of a record under its key: a changed digit, or a record under another's name, is not believed."""
    content = json.dumps([key, record], sort_keys=True, allow_nan=False)
    return hashlib.sha256(content.encode()).hexdigest()
