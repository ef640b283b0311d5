"""The DICOM files that a volume of the scene was loaded from, as far as Slicer still knows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import slicer

from ...core.errors import InputError
from ...imaging.volumes import is_dicom
from ..language import tr as _

INSTANCES = "DICOM.instanceUIDs"
"""Attribute in which Slicer's DICOM module names the slices of a volume; it is saved with the scene."""


def dicom_file(volume: Any) -> Path:
    """One file of the series that the volume node was loaded from.

    Raises:
        InputError: it was not loaded from DICOM, or its files are not there any more.
    """
    path = _found(volume)
    if path is not None:
        return path
    if volume.GetAttribute(INSTANCES):
        raise InputError(
            _(
                "The DICOM files of “{volume}” are not in this Slicer's DICOM database; DICOM needs the CT's "
                "patient and study. Import the series there, or export on the computer that has it."
            ).format(volume=volume.GetName())
        )
    raise InputError(
        _(
            "“{volume}” was not loaded from DICOM, so there is no patient and no study that a DICOM "
            "export could belong to. Load the CT by Slicer's DICOM module and score it, or export a PDF."
        ).format(volume=volume.GetName())
    )


def known_dicom_file(volume: Any) -> Path | None:
    """As :func:`dicom_file`, or None."""
    try:
        return _found(volume)
    except InputError:
        return None


def _found(volume: Any) -> Path | None:
    return next((path for path in _candidates(volume) if path.is_file() and is_dicom(path)), None)


def _candidates(volume: Any) -> Iterator[Path]:
    database = getattr(slicer, "dicomDatabase", None)
    instances = (volume.GetAttribute(INSTANCES) or "").split()
    if database is not None and instances:
        yield Path(database.fileForInstance(instances[0]))
    storage = volume.GetStorageNode()
    if storage is not None and storage.GetFileName():
        yield Path(storage.GetFileName())
