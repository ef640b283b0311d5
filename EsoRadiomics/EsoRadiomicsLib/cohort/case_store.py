"""Finished cases on disk: one JSON file each, named by the SHA-256 of everything that decides its numbers.

A file appears whole or not at all, so a run may be killed at any moment; what is there is finished and never changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import OutputError
from ..core.output import PARTIAL, writing


@dataclass(frozen=True)
class Store:
    """A folder of finished cases."""

    folder: Path

    def read(self, key: str) -> dict[str, Any] | None:
        """The record of a finished case; None where there is none, or the disk has damaged it."""
        try:
            record = json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) and "features" in record else None

    def write(self, key: str, record: dict[str, Any]) -> None:
        """Keep a finished case.

        Raises:
            OutputError: the disk is full, or the folder cannot be written.
        """
        with writing(self._path(key)) as file:
            file.write(json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n")

    def prepare(self) -> None:
        """Make the folder, and remove what a killed run left half-written.

        Raises:
            OutputError: the folder cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in [*self.folder.glob(f".*{PARTIAL}"), *self.folder.parent.glob(f".*{PARTIAL}")]:
                leftover.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be written: {error.strerror}. Choose another folder.") from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"
