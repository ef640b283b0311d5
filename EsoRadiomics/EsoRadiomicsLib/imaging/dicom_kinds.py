"""What a DICOM object is: a slice of a volume, or one of the many other things that lie beside and inside a series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .dicom_files import reading

if TYPE_CHECKING:
    from pydicom import Dataset

NOT_IMAGES = ("RTSTRUCT", "SEG", "RTDOSE", "RTPLAN", "RTRECORD", "REG", "SR", "PR", "KO", "DOC", "FID")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def not_a_slice(header: Dataset) -> str:
    """What an object is that is no slice of a volume; empty for one that may be.

    Localizers, dose reports and other screenshots carry the modality of the scanner, and often the series' UID.

    Raises:
        InputError: its header is damaged.
    """
    with reading(Path(header.filename)):
        modality = str(header.get("Modality"))
        if modality in NOT_IMAGES:
            return f"DICOM {modality}"
        kind = [str(word).strip().upper() for word in _words(header.get("ImageType"))]
        if "LOCALIZER" in kind:
            return "localizer"
        captured = str(header.get("SOPClassUID", "")).startswith(_SECONDARY_CAPTURE)
        if "SCREEN SAVE" in kind or (captured and "ImagePositionPatient" not in header):
            return "secondary capture (a screenshot or a dose report)"
        if int(header.get("SamplesPerPixel") or 1) > 1:
            return "colour picture"
        return ""


def _words(value: object) -> list[object]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]
