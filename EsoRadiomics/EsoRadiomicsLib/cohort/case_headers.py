"""What the headers of a case tell, without its voxels: its acquisition, and what prevents a measurement."""

from __future__ import annotations

from dataclasses import dataclass

from ..imaging.dicom_files import one_text
from ..imaging.dicom_series import read_series_headers
from ..imaging.mask_header import native_header, read_mask_header, require_scalar_volume
from ..imaging.masks import require_reference
from ..imaging.volumes import Acquisition, is_dicom
from .manifest import Entry


@dataclass(frozen=True)
class Headers:
    """What the headers of a case's CT tell; ``series`` is the SeriesInstanceUID, empty if not DICOM."""

    acquisition: Acquisition
    slice_spacing_mm: float
    series: str


def read_headers(entry: Entry) -> Headers:
    """The image's headers, once image and mask have passed all checks that need no voxels.

    Raises:
        InputError: what would fail in the run.
    """
    mask = read_mask_header(entry.mask, allow_outside=entry.allow_outside)
    mask.choice(entry.roi)
    if not (entry.image.is_dir() or is_dicom(entry.image)):
        header = native_header(entry.image, allow_outside=entry.allow_outside)
        require_scalar_volume(header, f"The image {entry.image}")
        return Headers(Acquisition(), header.GetSpacing()[2], "")
    series = read_series_headers(entry.image, mask.series)
    if mask.source is not None:
        frame = one_text(series.slices[0].get("FrameOfReferenceUID"))
        require_reference(mask.source, entry.roi or None, entry.image, series.series_uid, frame)
    return Headers(series.acquisition, series.spacing_mm[2], series.series_uid)
