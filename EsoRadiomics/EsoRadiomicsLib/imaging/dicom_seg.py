"""Segments of a DICOM SEG as masks: its frames, which may leave out empty slices, put back into a volume.

Read with pydicom alone, so that Slicer's Python needs nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ..core.apart import survives
from ..core.errors import InputError
from ..core.translation import mark, tr
from .dicom_files import one_text, read_dataset, reading
from .dicom_series import POSITION_TOLERANCE_MM, along_normal
from .header_fields import MOST_BYTES
from .masks import Mask, choose, require_reference
from .volumes import Volume

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class DicomSegmentation:
    """A DICOM SEG file (binary, fractional or labelmap) and its segments."""

    path: Path
    selector: str = "segment"

    @cached_property
    def dataset(self) -> Dataset:
        # Whole: pydicom decodes a single frame straight from the file to garbage if the file was cut before it.
        return read_dataset(self.path)

    @property
    def names(self) -> list[str]:
        return [name for _, name in self._segments]

    @cached_property
    def series(self) -> frozenset[str]:
        with reading(self.path):
            items = self.dataset.get("ReferencedSeriesSequence", ())
            return frozenset(str(item.SeriesInstanceUID) for item in items)

    @cached_property
    def _segments(self) -> list[tuple[int, str]]:
        with reading(self.path):
            items = self.dataset.get("SegmentSequence", ())
            segments = [(int(item.SegmentNumber), one_text(item.get("SegmentLabel"))) for item in items]
        return [segment for segment in segments if segment[0] != 0]  # a labelmap may list its background as 0

    @property
    def keys(self) -> list[str]:
        return [str(number) for number, _ in self._segments]

    @property
    def absent(self) -> dict[str, str]:
        return {}

    def frame(self, wanted: str | None) -> str:
        return one_text(self.dataset.get("FrameOfReferenceUID"))

    def find(self, wanted: str | None) -> int:
        return choose(self.names, wanted, mark("segment"), self.path, self.keys)

    def read(self, wanted: str | None, volume: Volume) -> Mask:
        number, name = self._segments[self.find(wanted)]
        warnings = require_reference(self, wanted, volume.path, volume.series_uid, volume.frame_of_reference)
        self._require_decoder()
        with reading(self.path):
            if self.dataset.file_meta.TransferSyntaxUID.is_compressed and not survives(self._decode):
                raise ValueError("its pixels cannot be decoded")
            frames = _frames(self.dataset, number)
            if not frames and str(self.dataset.SegmentationType) == "FRACTIONAL":
                raise InputError(
                    tr(
                        "No voxel of the segment “{name}” of {path} reaches one half, from which on it is taken as the "
                        "ROI. Draw it, or choose another.",
                        name=name,
                        path=self.path,
                    )
                )
            if not frames:
                raise InputError(
                    tr(
                        "The segment “{name}” of {path} is empty. Draw it, or choose another.",
                        name=name,
                        path=self.path,
                    )
                )
            image = _volume(self.dataset, frames, self.path)
        kind = str(self.dataset.SegmentationType)
        if kind == "FRACTIONAL":
            warnings += (tr("The DICOM SEG is fractional; voxels of at least one half were taken as the ROI."),)
        return Mask(image, {"format": "DICOM SEG", "segment": name, "type": kind}, warnings)

    def _decode(self) -> None:
        from pydicom.pixels import pixel_array

        pixel_array(self.dataset)

    def _require_decoder(self) -> None:
        from pydicom.pixels import get_decoder

        with reading(self.path):
            syntax = self.dataset.file_meta.TransferSyntaxUID
            if not syntax.is_compressed or get_decoder(syntax).is_available:
                return
        raise InputError(
            tr(
                "{path} is compressed ({syntax_name}), which cannot be decoded here. Save it uncompressed "
                "(dcmtk: dcmdjpls or dcmdjpeg; gdcmconv --raw), or install pylibjpeg's decoders.",
                path=self.path,
                syntax_name=syntax.name,
            )
        )


def _frames(dataset: Dataset, number: int) -> list[tuple[Dataset, np.ndarray]]:
    """The frames that hold voxels of a segment: their functional groups and their 0/1 pixels (rows, columns)."""
    from pydicom.pixels import pixel_array

    labelmap = dataset.SegmentationType == "LABELMAP"
    most = int(dataset.MaximumFractionalValue) if dataset.SegmentationType == "FRACTIONAL" else None
    if most is not None and most < 1:
        raise ValueError(f"the value of a whole voxel (MaximumFractionalValue) is {most}")
    half = 1 if most is None else (most + 1) // 2
    # Frames of single bits may end inside a byte, which only decoding all of them at once respects.
    whole = pixel_array(dataset) if dataset.BitsAllocated == 1 else None
    groups = dataset.PerFrameFunctionalGroupsSequence
    if len(groups) != int(dataset.get("NumberOfFrames") or 1):
        raise ValueError(
            tr(
                "it describes {groups} frames and holds {number}",
                groups=len(groups),
                number=dataset.get("NumberOfFrames"),
            )
        )
    if whole is not None and len(groups) == 1:
        whole = whole.reshape(1, *whole.shape[-2:])
    frames = []
    for i, group in enumerate(groups):
        if not labelmap:
            segment = _of(dataset, group, "SegmentIdentificationSequence")
            if int(segment.ReferencedSegmentNumber) != number:
                continue
        pixels = whole[i] if whole is not None else pixel_array(dataset, index=i)
        if most is not None and pixels.max() > most:
            raise ValueError(f"its voxels go up to {pixels.max()}, a whole one is {most} (MaximumFractionalValue)")
        inside = pixels == number if labelmap else pixels >= half
        if inside.any():
            frames.append((group, inside.astype(np.uint8)))
    return frames


def _of(dataset: Dataset, group: Dataset, name: str) -> Dataset:
    """The one item of a functional group of a frame, which may be shared by all frames."""
    items = group.get(name) or dataset.SharedFunctionalGroupsSequence[0][name].value
    return items[0]


def _volume(header: Dataset, frames: Sequence[tuple[Dataset, np.ndarray]], path: Path) -> sitk.Image:
    """The frames in a volume of their own, with empty slices where the file leaves slices out."""

    def values(group_name: str, name: str) -> np.ndarray:
        return np.array([_of(header, group, group_name)[name].value for group, _ in frames], float)

    positions = values("PlanePositionSequence", "ImagePositionPatient")
    orientations = values("PlaneOrientationSequence", "ImageOrientationPatient")
    orientation = orientations[0]
    measures = _of(header, frames[0][0], "PixelMeasuresSequence")
    heights, drift = along_normal(positions, orientation)
    spacing = _slice_spacing(measures, heights)
    voxel = *map(float, measures.PixelSpacing), spacing
    if not np.isfinite([*positions.ravel(), *orientations.ravel(), *voxel]).all() or min(voxel) <= 0:
        raise ValueError(tr("the position, orientation or spacing of its frames is not of finite numbers"))
    slices = (heights - heights.min()) / spacing
    uneven = np.abs(slices - np.round(slices)).max() * spacing
    if max(uneven, drift) > POSITION_TOLERANCE_MM or np.ptp(orientations, axis=0).max() > 1e-4:
        raise InputError(
            tr("{path} has frames that do not lie on one even grid. Save it again on the CT's grid.", path=path)
        )
    if slices.max() * frames[0][1].size > MOST_BYTES:
        raise ValueError(
            tr(
                "its frames are spread over {slices:,.0f} slices of {spacing:g} mm",
                slices=slices.max(),
                spacing=spacing,
            )
        )
    index = np.round(slices).astype(int)
    if len(set(index)) < len(index):
        raise ValueError(tr("two frames of one segment lie at the same place, so others are lost"))
    array = np.zeros((index.max() + 2, *frames[0][1].shape), np.uint8)  # never a single slice
    for i, (_, pixels) in zip(index, frames, strict=True):
        array[i] = pixels
    image = sitk.GetImageFromArray(array)
    row, column = np.reshape(orientation, (2, 3))
    image.SetOrigin(positions[heights.argmin()].tolist())
    image.SetDirection(np.column_stack([row, column, np.cross(row, column)]).ravel().tolist())
    image.SetSpacing((voxel[1], voxel[0], spacing))
    return image


def _slice_spacing(measures: Any, heights: np.ndarray) -> float:
    """Of the header, or else the smallest distance between frames, or else the slice thickness; in mm."""
    if measures.get("SpacingBetweenSlices"):
        return abs(float(measures.SpacingBetweenSlices))  # some writers give it the sign of the slices' order
    gaps = np.diff(np.unique(np.round(heights, 3)))
    return float(gaps.min()) if len(gaps) else float(measures.SliceThickness)
