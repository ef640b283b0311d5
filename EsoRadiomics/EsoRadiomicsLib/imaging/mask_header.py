"""What the header of a mask file offers for the manifest's column ``roi`` to choose from: labels, segments or ROIs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ..core.errors import InputError
from ..core.numbers import whole
from .header_checks import read_volume_header
from .masks import MaskSource, choose
from .read_mask import open_mask
from .volumes import existing, is_dicom, opened_volume


@dataclass(frozen=True)
class MaskHeader:
    """What a mask offers.

    Attributes:
        path: of the mask.
        selector: “label”, “segment” or “roi”, as :func:`EsoRadiomicsLib.imaging.case.load_case` calls its arguments.
        names: of segments or ROIs; labels are known only from the voxels.
        keys: IDs or numbers by which a segment or ROI can be chosen too.
        series: SeriesInstanceUIDs it was drawn on; empty if not DICOM.
        source: of a DICOM mask, the mask itself, which then chooses as it will when it is read.
    """

    path: Path
    selector: str
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    series: frozenset[str] = frozenset()
    source: MaskSource | None = None

    def choice(self, roi: str) -> dict[str, Any]:
        """The argument of ``load_case`` that chooses ``roi``; none where ``roi`` is empty and only one is there.

        Raises:
            InputError: no such segment or ROI, several to choose from, or no label value.
        """
        if self.source is not None:
            self.source.find(roi or None)
        elif self.selector != "label":
            choose(self.names, roi or None, self.selector, self.path, self.keys)
        elif roi and whole(roi) is None:
            raise InputError(
                f"The mask {self.path} is a labelmap, and “{roi[:60]}” is no label value. Give a whole number."
            )
        if not roi:
            return {}
        return {self.selector: whole(roi) if self.selector == "label" else roi}


def read_mask_header(mask: Path, *, allow_outside: bool = False) -> MaskHeader:
    """Look into a mask file of any kind.

    Args:
        mask: its path.
        allow_outside: accept that a volume file's header names data files outside its folder.

    Raises:
        InputError: damaged, or not a mask.
    """
    mask = existing(mask)
    if mask.is_dir() or is_dicom(mask):
        source = open_mask(mask)
        return MaskHeader(mask, source.selector, tuple(source.names), tuple(source.keys), source.series, source)
    header = native_header(mask, allow_outside=allow_outside)
    matches = (re.fullmatch(r"Segment([0-9]{1,6})_ID", key) for key in header.GetMetaDataKeys())
    found = sorted(int(match[1]) for match in matches if match)
    if not found:
        require_scalar_volume(header, f"The mask {mask}")
        return MaskHeader(mask, "label")

    def value(number: int, name: str, default: str) -> str:
        key = f"Segment{number}_{name}"
        return header.GetMetaData(key).strip() if header.HasMetaDataKey(key) else default

    keys = tuple(value(number, "ID", "") for number in found)
    names = tuple(value(number, "Name", key) for number, key in zip(found, keys, strict=True))
    return MaskHeader(mask, "segment", names, keys)


def native_header(path: Path, *, allow_outside: bool = False) -> sitk.ImageFileReader:
    """SimpleITK's reader after it has read a volume file's header.

    Raises:
        InputError: damaged, or no volume file.
    """
    with opened_volume(read_volume_header(path, allow_outside=allow_outside)) as reader:
        return reader


def require_scalar_volume(header: sitk.ImageFileReader, subject: str) -> None:
    """Refuse what is not 3-D with one value a voxel; ``subject`` begins the sentence.

    Raises:
        InputError: 2-D, 4-D, a single slice, or several values a voxel.
    """
    size = header.GetSize()
    if header.GetDimension() != 3 or header.GetNumberOfComponents() != 1 or min(size) < 2:
        raise InputError(f"{subject} is no scalar 3-D volume ({' × '.join(map(str, size))}). Export one volume.")
