"""How a CT was acquired, from the headers of its slices, and what of it spoils features."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from ..core.errors import InputError
from ..core.translation import mark, tr
from .dicom_files import one_text, read_header, reading
from .volumes import Acquisition, existing, is_dicom

if TYPE_CHECKING:
    from pydicom import Dataset

_OF_ANOTHER = mark(
    "The DICOM file that was named for its scanner is no CT slice of the image's size. What it tells is not used."
)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LEAST_TILT = 0.5
_DERIVED = {"MIP", "MINIP", "PROJECTION", "MPR", "REFORMATTED", "AVERAGE", "AVG", "SUBTRACTION", "VRT", "RESAMPLED"}
_LOSSY_SYNTAXES = (
    *("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"),  # JPEG baseline and extended
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
)
_PERHAPS_LOSSY = ("1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203")  # JPEG 2000, its transform tells
_CODESTREAM, _CODING, _TRANSFORM = b"\xff\x4f\xff\x51", b"\xff\x52", 13
"""Where JPEG 2000 begins, where it tells how it codes, and how far behind that the transform is: 0 loses."""
_PHASES = {
    "arterial": r"arteri\w*",
    "venous": r"(porto)?venous|ven|venös\w*|portal\w*",
    "native": r"nativ\w*|plain|unenhanced|non[- ]?contrast",
    "delayed": r"delay\w*|late",
}
"""Words for contrast phases in series descriptions; a CT has no other place for its phase."""


def read_acquisition(headers: Sequence[Dataset]) -> Acquisition:
    """What the headers of a series tell: those of lossy compression all, for the rest the first one.

    What they do not tell stays None, and text in a number's place (KVP “120 kV”) is read as far as it is a number.
    """
    header = headers[0]

    def value(name: str) -> Any:
        try:
            return header.get(name)
        except Exception:  # pydicom decodes on first access, and text where a number belongs raises what it likes
            raw = header.get_item(name)
            return raw.value.decode("ascii", "replace") if raw is not None and isinstance(raw.value, bytes) else None

    def text(name: str) -> str | None:
        return one_text(value(name)) or None

    def number(name: str) -> float | None:
        told = one_text(value(name))
        match = None if "\\" in told else _NUMBER.match(told)  # of several values none is meant
        found = float(match[0]) if match else math.nan
        return found if math.isfinite(found) else None

    agent = text("ContrastBolusAgent")
    return Acquisition(
        modality="CT",
        slice_thickness_mm=number("SliceThickness"),
        kvp=number("KVP"),
        exposure_mas=number("Exposure"),
        kernel=text("ConvolutionKernel"),
        contrast=True if agent and agent.lower() not in ("no", "none") else None,
        contrast_phase=_phase(text("SeriesDescription") or ""),
        manufacturer=text("Manufacturer"),
        scanner=text("ManufacturerModelName"),
        lossy=_lossy(headers),
        derived=_derived(text("ImageType") or ""),
        gantry_tilt_deg=number("GantryDetectorTilt"),
    )


def acquisition_beside(path: Path | str, image: sitk.Image) -> tuple[Acquisition, tuple[str, ...]]:
    """What a DICOM file tells of the series that an image was made from, and sentences on what spoils features.

    Args:
        path: one slice of the series.
        image: the image; where its slices have another size than the file's, nothing is believed.

    Raises:
        InputError: no such file, or no sound DICOM file.
    """
    file = existing(path)
    if not file.is_file() or not is_dicom(file):
        raise InputError(
            tr("{file} is no DICOM file. Name one slice of the series that the image was made from.", file=file)
        )
    header = read_header(file)
    if one_text(header.get("Modality")) != "CT" or (header.get("Columns"), header.get("Rows")) != image.GetSize()[:2]:
        return Acquisition(), (tr(_OF_ANOTHER),)
    acquisition = read_acquisition([header])
    return acquisition, acquisition_doubts(acquisition)


def acquisition_doubts(acquisition: Acquisition) -> tuple[str, ...]:
    """Sentences on what spoils features whatever the study."""
    found = []
    if acquisition.lossy:
        found.append(
            tr(
                "The CT was compressed with loss ({lossy}): texture features differ from those of the "
                "original. Give the series as the scanner sent it.",
                lossy=acquisition.lossy,
            )
        )
    if acquisition.derived:
        found.append(
            tr(
                "The CT is a derived series ({derived}), not as it was reconstructed: projections and "
                "reformatted slices have other features. Give the original axial series.",
                derived=acquisition.derived,
            )
        )
    if acquisition.gantry_tilt_deg and abs(acquisition.gantry_tilt_deg) > _LEAST_TILT:
        found.append(
            tr(
                "The header tells a gantry tilt of {gantry_tilt_deg:g}°, but the slices lie straight above "
                "each other: the series was resampled, or the positions are wrong. Check the ROI's shape.",
                gantry_tilt_deg=acquisition.gantry_tilt_deg,
            )
        )
    return tuple(found)


def _lossy(headers: Sequence[Dataset]) -> str | None:
    """How slices were compressed with loss, by the flag, which stays in uncompressed copies, or the syntax."""
    for header in headers:
        with reading(Path(header.filename)):
            syntax = header.file_meta.get("TransferSyntaxUID") if hasattr(header, "file_meta") else None
            if one_text(header.get("LossyImageCompression")) == "01":
                ratio, method = (one_text(header.get(f"LossyImageCompression{name}")) for name in ("Ratio", "Method"))
                return "0028,2110 = 01" + "".join(f", {part}" for part in (method, ratio and f"{ratio} : 1") if part)
            if syntax in _LOSSY_SYNTAXES or (syntax in _PERHAPS_LOSSY and _loses(Path(header.filename))):
                return tr("transfer syntax {syntax_name}", syntax_name=syntax.name)
    return None


def _loses(path: Path) -> bool:
    """Whether a slice in JPEG 2000 was packed with the wavelets that do not give the same voxels back."""
    content = path.read_bytes()
    at = content.find(_CODING, content.find(_CODESTREAM))
    return content[at + _TRANSFORM : at + _TRANSFORM + 1] == b"\0"


def _derived(image_type: str) -> str | None:
    words = image_type.upper().replace("\\", " ").replace("_", " ").split()
    return image_type.replace("\\", " / ") if _DERIVED & set(words) else None


def _phase(description: str) -> str | None:
    words = description.replace("_", " ")
    return next((phase for phase, names in _PHASES.items() if re.search(rf"\b({names})\b", words, re.IGNORECASE)), None)
