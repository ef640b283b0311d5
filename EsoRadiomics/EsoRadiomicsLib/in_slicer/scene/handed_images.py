"""CT and GTV as files for another process, each written once until it changes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from .mrml_images import write_image


class HandedImages:
    """Each image in a temporary folder of its own: another process may still read the last one when the next comes."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, tempfile.TemporaryDirectory[str]]] = {}

    def path(self, name: str, state: Any, image: Callable[[], sitk.Image]) -> Path:
        """The file ``name`` with the image in this state, which is written unless it was.

        Raises:
            InputError: ``image`` cannot be given.
            OSError: it cannot be written.
        """
        kept = self._kept.get(name)
        if kept is not None and kept[0] == state and (path := Path(kept[1].name, name)).is_file():
            return path
        self._forget(name)
        folder = tempfile.TemporaryDirectory(prefix="EsoRadiomics-", ignore_cleanup_errors=True)
        self._kept[name] = (object(), folder)  # what is not whole is in no state that could come again
        path = Path(folder.name, name)
        write_image(image(), path)
        self._kept[name] = (state, folder)
        return path

    def forget(self) -> None:
        """Remove the files."""
        for name in list(self._kept):
            self._forget(name)

    def _forget(self, name: str) -> None:
        if name in self._kept:
            self._kept.pop(name)[1].cleanup()
