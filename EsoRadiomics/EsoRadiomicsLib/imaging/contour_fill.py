"""Closed planar contours as a mask: filled at voxel centres, slice by slice, and compared with their own areas.

The fill is own code because libraries differ from the reference masks of the IBSI (Dice 0.97 to 0.99) or do not run;
how the contours of a slice lie to each other is shapely's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..core.errors import InputError
from ..core.formatting import counted, some
from ..core.translation import mark, ntr, tr
from .contour_regions import Region, once_around, region_of
from .dicom_series import POSITION_TOLERANCE_MM
from .grid import nearest, place, voxel_coordinates

ON_EDGE_VOXELS = 1e-4
"""A voxel centre this close to an edge lies on it: formats write the same origin with errors of this size."""


@dataclass(frozen=True)
class Filled:
    """A mask of contours on the CT's grid, what is known of the contours (JSON values), and warnings."""

    image: sitk.Image
    account: dict[str, Any]
    warnings: tuple[str, ...]


def fill(
    contours: Sequence[np.ndarray], grid: sitk.Image, roi_name: str, image_name: str, *, xor: bool = False
) -> Filled:
    """The mask of closed planar contours on a grid.

    A voxel belongs to the ROI if its centre lies in the region that the contours of its slice mean: see
    :func:`contour_regions.region_of`. Contours are not interpolated between slices.

    Args:
        contours: (n, 3) points in mm (LPS) each.
        grid: the CT on its canonical grid.
        roi_name: how messages call the ROI.
        image_name: how messages call the CT.
        xor: whether the contours are CLOSEDPLANAR_XOR.

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
            ntr(
                "{n} contour of the ROI had fewer than three points or did not lie in one slice, and was left out.",
                "{n} contours of the ROI had fewer than three points or did not lie in one slice, and were left out.",
                len(contours) - len(flat),
            )
        )
    if not flat:
        raise InputError(
            tr(
                "No contour of {roi_name} lies in a slice of {image_name}. Draw the ROI on these slices.",
                roi_name=roi_name,
                image_name=image_name,
            )
        )

    heights = np.array([outline[:, 2].mean() for outline in flat])
    planes = nearest(heights)
    off = float(np.abs(heights - planes).max()) * spacing
    if off > POSITION_TOLERANCE_MM:
        for plane in np.unique(planes):
            if np.ptp(heights[planes == plane]) * spacing > POSITION_TOLERANCE_MM:
                raise InputError(
                    tr(
                        "The contours of {roi_name} lie on finer planes than the slices of {image_name}. Give the "
                        "series they were drawn on.",
                        roi_name=roi_name,
                        image_name=image_name,
                    )
                )
        warnings.append(
            tr(
                "The contours of the ROI lie up to {off:.2f} mm beside the slices of the CT; each was filled "
                "in the nearest slice. Check that they were drawn on this series.",
                off=off,
            )
        )
    empty = int(np.ptp(planes)) + 1 - len(np.unique(planes))
    if empty:
        warnings.append(
            ntr(
                "{n} slice between the first and the last contour of the ROI has none; it stays empty, because "
                "contours are not interpolated.",
                "{n} slices between the first and the last contour of the ROI have none; they stay empty, because "
                "contours are not interpolated.",
                empty,
            )
        )
    polygons = [once_around(outline[:, :2]) for outline in flat]
    slices: dict[int, list[np.ndarray]] = defaultdict(list)
    for plane, polygon in zip(planes.tolist(), polygons, strict=True):
        slices[plane].append(polygon)
    regions = {plane: region_of(drawn, xor=xor) for plane, drawn in sorted(slices.items())}
    box, start = _filled(slices, regions)
    if not box.any():
        raise InputError(
            tr(
                "{roi_name} holds no voxel centre of {image_name}: it is too small to measure. Check it.",
                roi_name=roi_name,
                image_name=image_name,
            )
        )
    voxels = {plane: int(np.count_nonzero(box[plane - start[2]])) for plane in regions}

    def named(chosen: Iterable[int]) -> str:
        return some([_position(plane, across, grid) for plane in chosen], 12)

    warnings += _doubts(regions, voxels, named)
    area = sum(region.area for region in regions.values())
    account = {
        "contours": len(contours),
        "slices_with_contours": len(regions),
        "slices_without_contours": empty,
        "volume_of_contours_cm3": round(area * float(np.prod(grid.GetSpacing())) / 1000, 4),
    }
    back = [axes.index(axis) for axis in range(3)]
    box = box.transpose([2 - axis for axis in back[::-1]])
    image = place(box, [start[axis] for axis in back], grid, roi_name, image_name)
    return Filled(image, account, tuple(warnings))


_REPEATED = mark(
    "Contours of the ROI that are there already were left out ({n} in {slices}: {where}); each was counted once. Check "
    "these slices."
)
_OVERLAPPING = mark(
    "Contours of the ROI overlap partly in {slices} ({where}); their union was taken. Check these slices."
)
_TWICE_ROUND = mark(
    "A contour of the ROI goes round a part of it twice in {slices} ({where}); that part was left out, as the hole of "
    "a keyhole is. Check these slices."
)
_THIN_WALLS = mark(
    "A contour of the ROI lies inside another, close along its border, in {slices} ({where}); it was cut out as a "
    "hole, but may be the same outline or a part of it. Check these slices."
)
_LOST = mark(
    "{slices} of the ROI with contours hold none of its voxels ({where}): the contours enclose no voxel centre there. "
    "Check them."
)
_UNLIKE = mark(
    "The filled area differs from that of the contours by more than their border in {slices} of the ROI ({where}). "
    "Check these contours."
)


def _doubts(regions: dict[int, Region], voxels: dict[int, int], named: Callable[[list[int]], str]) -> list[str]:
    """Sentences on slices whose contours are more than one clear outline, or whose voxels are not what they enclose."""
    of = regions.items()
    planes = {
        _REPEATED: [plane for plane, region in of if region.repeats],
        _OVERLAPPING: [plane for plane, region in of if region.overlaps],
        _TWICE_ROUND: [plane for plane, region in of if region.twice_round],
        _THIN_WALLS: [plane for plane, region in of if region.thin_walls],
        _LOST: [plane for plane in regions if not voxels[plane]],
        _UNLIKE: [
            plane
            for plane, region in of
            if voxels[plane] and abs(voxels[plane] - region.area) > max(region.perimeter, 1.0)
        ],
    }
    n = sum(region.repeats for region in regions.values())
    return [
        tr(sentence, n=n, slices=counted(len(doubtful), "slice"), where=named(doubtful))
        for sentence, doubtful in planes.items()
        if doubtful
    ]


def _position(plane: int, across: int, grid: sitk.Image) -> str:
    """A slice as users find it: its place along the patient's axis that is next to the slices' normal."""
    index = [0.0, 0.0, 0.0]
    index[across] = float(plane)
    axis = int(np.abs(np.reshape(grid.GetDirection(), (3, 3))[:, across]).argmax())
    return f"{'xyz'[axis]} = {grid.TransformContinuousIndexToPhysicalPoint(index)[axis]:.1f} mm"


def _filled(slices: dict[int, list[np.ndarray]], regions: dict[int, Region]) -> tuple[np.ndarray, tuple[int, int, int]]:
    """The 0/1 box (plane, v, u) of the regions, and its start (u, v, plane)."""
    corners = np.concatenate([polygon for drawn in slices.values() for polygon in drawn])
    (u0, v0), (u1, v1) = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int) + 2
    first = min(slices)
    box = np.zeros((max(slices) - first + 1, v1 - v0, u1 - u0), bool)
    for plane, region in regions.items():
        whole = box[plane - first]
        for level in reversed(region.levels):
            np.logical_not(whole, out=whole)  # what the next level is without the one inside it
            inside = np.zeros_like(whole)
            for i in level:
                part = _even_odd(slices[plane][i], (u0, v0), whole.shape)
                inside = inside ^ part if region.xor else inside | part
            whole &= inside
    return box.astype(np.uint8), (int(u0), int(v0), first)


def _even_odd(polygon: np.ndarray, start: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Fill one (n, 2) polygon in voxel coordinates (u, v) into a box (v, u) that begins at ``start``.

    For every edge and every row of centres it crosses, the voxels beyond the crossing change sides. A centre on an edge
    counts as before it along u and v, so polygons that share an edge share no voxel and leave none out.
    """
    heads, tails = _snap(polygon), _snap(np.roll(polygon, -1, axis=0))
    low = np.floor(np.minimum(heads[:, 1], tails[:, 1])).astype(np.int64) + 1
    high = np.floor(np.maximum(heads[:, 1], tails[:, 1])).astype(np.int64) + 1
    rows = high - low
    edge = np.repeat(np.arange(len(heads)), rows)
    v = np.arange(rows.sum()) - np.repeat(np.cumsum(rows) - rows, rows) + low[edge]
    (u0, v0), (u1, v1) = heads[edge].T, tails[edge].T
    crossing = u0 + (v - v0) * (u1 - u0) / (v1 - v0)
    u = np.floor(_snap(crossing)).astype(np.int64) + 1
    box = np.zeros(shape, bool)
    np.logical_xor.at(box, (v - start[1], u - start[0]), True)
    return np.logical_xor.accumulate(box, axis=1)


def _snap(values: np.ndarray) -> np.ndarray:
    whole = np.round(values)
    return np.where(np.abs(values - whole) <= ON_EDGE_VOXELS, whole, values)


def _require_near(points: np.ndarray, grid: sitk.Image, roi_name: str, image_name: str) -> None:
    """Refuse contours more than an image's extent away: of another examination, or damaged, and too large to fill."""
    size = np.array(grid.GetSize())
    if not ((points >= -size) & (points <= 2 * size)).all():
        raise InputError(
            tr(
                "Contours of {roi_name} lie far outside the image {image_name}. Check that both are of the "
                "same patient and examination.",
                roi_name=roi_name,
                image_name=image_name,
            )
        )
