"""ROIs of a DICOM RTSTRUCT as masks: even-odd fill of the contours at voxel centres, slice by slice on the CT's grid.

Own code because the libraries differ from the reference masks of the IBSI (Dice 0.97 to 0.99) or do not run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from ..core.errors import InputError
from .dicom_files import read_dataset, reading
from .dicom_series import POSITION_TOLERANCE_MM
from .grid import nearest, place, voxel_coordinates
from .masks import Mask, choose, require_reference
from .volumes import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
ON_EDGE_VOXELS = 1e-4
"""A voxel centre this close to an edge lies on it: formats write the same origin with errors of this size."""


@dataclass(frozen=True)
class _Roi:
    name: str
    number: str
    frame_of_reference: str
    contours: Sequence[Dataset]  # the closed ones
    left_out: int  # open contours and points


@dataclass(frozen=True)
class StructureSet:
    """An RTSTRUCT file and its ROIs; those without a closed contour (points, isocentres) are not offered."""

    path: Path
    selector: str = "roi"

    @cached_property
    def dataset(self) -> Dataset:
        return read_dataset(self.path)

    @property
    def names(self) -> list[str]:
        return [roi.name for roi in self.rois if roi.contours]

    @cached_property
    def series(self) -> frozenset[str]:
        with reading(self.path):
            return frozenset(
                str(series.SeriesInstanceUID)
                for frame in self.dataset.get("ReferencedFrameOfReferenceSequence", ())
                for study in frame.get("RTReferencedStudySequence", ())
                for series in study.get("RTReferencedSeriesSequence", ())
            )

    @cached_property
    def rois(self) -> list[_Roi]:
        with reading(self.path):
            drawn = {
                int(item.ReferencedROINumber): item.get("ContourSequence") or ()
                for item in self.dataset.get("ROIContourSequence", ())
            }
            rois = []
            for item in self.dataset.get("StructureSetROISequence", ()):
                contours = drawn.get(int(item.ROINumber), ())
                closed = [contour for contour in contours if _is_closed(contour)]
                name, frame = item.get("ROIName", ""), item.get("ReferencedFrameOfReferenceUID", "")
                rois.append(
                    _Roi(str(name).strip(), str(item.ROINumber), str(frame), closed, len(contours) - len(closed))
                )
            return rois

    def read(self, wanted: str | None, volume: Volume) -> Mask:
        if wanted is not None and wanted in [roi.name for roi in self.rois] and wanted not in self.names:
            raise InputError(f"The ROI “{wanted}” of {self.path} has no closed contour. Draw it, or choose another.")
        offered = [roi for roi in self.rois if roi.contours]
        numbers = [roi.number for roi in offered]
        roi = offered[choose(self.names, wanted, "ROI", self.path, numbers)]
        frames = frozenset({roi.frame_of_reference} - {""})
        warnings = require_reference(self, frames, volume)
        with reading(self.path):
            points = [np.array(contour.ContourData, float).reshape(-1, 3) for contour in roi.contours]
        if roi.left_out:
            warnings += (f"{roi.left_out} open contours or points of the ROI “{roi.name}” were left out.",)
        image, more = fill(points, volume.image, f"“{roi.name}” in {self.path}", str(volume.path))
        return Mask(image, {"format": "RTSTRUCT", "roi": roi.name, "fill": "even-odd"}, (*warnings, *more))


def _is_closed(contour: Dataset) -> bool:
    return contour.get("ContourGeometricType") in CLOSED and "ContourData" in contour


def fill(
    contours: Sequence[np.ndarray], grid: sitk.Image, roi_name: str, image_name: str
) -> tuple[sitk.Image, tuple[str, ...]]:
    """The mask of closed planar contours on a grid, and warnings.

    A voxel belongs to the ROI if its centre lies inside an odd number of its slice's contours, so a contour inside
    another cuts a hole. Contours are not interpolated between slices.

    Args:
        contours: (n, 3) points in mm (LPS) each.
        grid: the CT on its canonical grid.
        roi_name: how messages call the ROI.
        image_name: how messages call the CT.

    Raises:
        InputError: no contour lies in a slice, contours on finer planes than the slices, or an ROI outside the image.
    """
    outlines = [voxel_coordinates(points, grid) for points in contours]
    _require_near(np.concatenate(outlines), grid, roi_name, image_name)
    # The axis the contours do not extend along is across the slices: z for axial CT, another for sagittal or coronal.
    extent = np.median([np.ptp(outline, axis=0) for outline in outlines], axis=0) * grid.GetSpacing()
    across = int(extent.argmin())
    axes = [axis for axis in range(3) if axis != across] + [across]
    spacing = grid.GetSpacing()[across]
    planar = [outline[:, axes] for outline in outlines if np.ptp(outline[:, across]) * spacing <= POSITION_TOLERANCE_MM]
    flat = [outline for outline in planar if len(outline) >= 3]
    warnings = []
    if len(flat) < len(contours):
        warnings.append(
            f"{len(contours) - len(flat)} contours of the ROI have fewer than three points or do not lie in one slice, "
            "and were left out."
        )
    if not flat:
        raise InputError(f"No contour of {roi_name} lies in a slice of {image_name}. Draw the ROI on these slices.")

    heights = np.array([outline[:, 2].mean() for outline in flat])
    planes = nearest(heights)
    off = float(np.abs(heights - planes).max()) * spacing
    if off > POSITION_TOLERANCE_MM:
        for plane in np.unique(planes):
            if np.ptp(heights[planes == plane]) * spacing > POSITION_TOLERANCE_MM:
                raise InputError(
                    f"The contours of {roi_name} lie on finer planes than the slices of {image_name}. Give the series "
                    "they were drawn on."
                )
        warnings.append(
            f"The contours of the ROI lie up to {off:.2f} mm beside the slices of the CT; each was filled in the "
            "nearest slice. Check that they were drawn on this series."
        )
    empty = int(np.ptp(planes)) + 1 - len(np.unique(planes))
    if empty:
        warnings.append(
            f"{empty} slices between the first and the last contour of the ROI have none; they stay empty, because "
            "contours are not interpolated."
        )
    box, start = _even_odd([outline[:, :2] for outline in flat], planes)
    if not box.any():
        raise InputError(f"{roi_name} holds no voxel centre of {image_name}: it is too small to measure. Check it.")
    back = [axes.index(axis) for axis in range(3)]
    box = box.transpose([2 - axis for axis in back[::-1]])
    return place(box, [start[axis] for axis in back], grid, roi_name, image_name), tuple(warnings)


def _even_odd(polygons: Sequence[np.ndarray], planes: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Fill (n, 2) polygons in voxel coordinates (u, v): a 0/1 box (plane, v, u) around them, its start (u, v, plane).

    For every edge and every row of centres it crosses, the voxels beyond the crossing change sides. A centre on an edge
    counts as before it along u and v, so polygons that share an edge share no voxel and leave none out.
    """
    heads = _snap(np.concatenate(polygons))
    tails = _snap(np.concatenate([np.roll(polygon, -1, axis=0) for polygon in polygons]))
    plane = np.repeat(planes, [len(polygon) for polygon in polygons])
    low = np.floor(np.minimum(heads[:, 1], tails[:, 1])).astype(np.int64) + 1
    high = np.floor(np.maximum(heads[:, 1], tails[:, 1])).astype(np.int64) + 1
    rows = high - low
    edge = np.repeat(np.arange(len(heads)), rows)
    v = np.arange(rows.sum()) - np.repeat(np.cumsum(rows) - rows, rows) + low[edge]
    (u0, v0), (u1, v1) = heads[edge].T, tails[edge].T
    crossing = u0 + (v - v0) * (u1 - u0) / (v1 - v0)
    u = np.floor(_snap(crossing)).astype(np.int64) + 1

    where = np.stack([plane[edge], v, u])
    if not where.size:
        return np.zeros((1, 1, 1), np.uint8), (0, 0, 0)
    start = where.min(axis=1)
    box = np.zeros(where.max(axis=1) - start + 1, np.uint8)
    np.bitwise_xor.at(box, tuple(where - start[:, None]), 1)
    return np.bitwise_xor.accumulate(box, axis=2), tuple(start[::-1].tolist())


def _snap(values: np.ndarray) -> np.ndarray:
    whole = np.round(values)
    return np.where(np.abs(values - whole) <= ON_EDGE_VOXELS, whole, values)


def _require_near(points: np.ndarray, grid: sitk.Image, roi_name: str, image_name: str) -> None:
    """Refuse contours more than an image's extent away: of another examination, or damaged, and too large to fill."""
    size = np.array(grid.GetSize())
    if not ((points >= -size) & (points <= 2 * size)).all():
        raise InputError(
            f"Contours of {roi_name} lie far outside the image {image_name}. Check that both are of the same patient "
            "and examination."
        )
