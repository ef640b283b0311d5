"""The region that the contours of one slice mean: repeats count once, nested ones are holes, overlapping ones unite.

Archives store contours twice, and an even-odd rule over all of them would remove what was drawn. How contours lie to
each other is worked out by shapely; the unit is the voxel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from shapely import Geometry

REPEAT_VOXELS = 0.5
"""Contours that lie this close to each other, in the mean along their length, are one: no wall can be as thin."""
_REPEAT_SHARE = 0.5  # of their common area that repeats differ by; small contours are all close to each other
TOUCH_VOXELS = 0.05
"""Contours that overlap, or stick out of each other, by no more than this in the mean only touch."""


@dataclass(frozen=True)
class Region:
    """What the contours of a slice mean.

    Attributes:
        levels: indices of the contours: those that are filled, those that cut holes into them, islands in the holes …
            A single level with ``xor`` where an odd number of contours makes the inside.
        repeats: contours left out because they are there already.
        overlaps: whether contours overlap partly, and count as their union.
        area, perimeter: of the region, in voxels.
    """

    levels: tuple[tuple[int, ...], ...]
    xor: bool
    repeats: int
    overlaps: bool
    area: float
    perimeter: float


def region_of(polygons: Sequence[np.ndarray], *, xor: bool = False) -> Region:
    """The region of (n, 2) polygons of one slice in voxel coordinates; ``xor`` as CLOSEDPLANAR_XOR means it.

    A polygon that crosses itself, as a keyhole does, is inside where its own path goes round an odd number of times.
    """
    import shapely

    shapes = [_shape(polygon) for polygon in polygons]
    shared = _shared_areas(shapes)
    kept: list[int] = []
    for i in range(len(shapes)):
        if not any(_same(shapes, shared, i, j) for j in kept):
            kept.append(i)
    overlaps = False
    levels: list[list[int]] = []
    if xor:
        levels.append(kept)
        region = reduce(shapely.symmetric_difference, [shapes[i] for i in kept])
    else:
        rest = kept
        while rest:
            roots = [i for i in rest if not any(_inside(shapes, shared, i, j) for j in rest)]
            overlaps = overlaps or any(_overlap(shapes, shared, i, j) for i in roots for j in roots if i < j)
            levels.append(roots)
            rest = [i for i in rest if i not in roots]
        region = shapely.Polygon()
        for roots in reversed(levels):
            region = shapely.difference(shapely.union_all([shapes[i] for i in roots]), region)
    repeats = len(shapes) - len(kept)
    return Region(tuple(map(tuple, levels)), xor, repeats, overlaps, float(region.area), float(region.length))


def once_around(points: np.ndarray) -> np.ndarray:
    """A closed path without its repeats: one that goes twice around the same points has no odd inside."""
    for times in range(5, 1, -1):
        length, rest = divmod(len(points), times)
        if length >= 3 and not rest and np.allclose(points, np.tile(points[:length], (times, 1)), atol=1e-3):
            return points[:length]
    return points


def _shape(polygon: np.ndarray) -> Geometry:
    import shapely

    shape = shapely.Polygon(polygon)
    if shape.is_valid:
        return shape
    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(shape)))  # a collection may hold several polygons
    return shapely.union_all([part for part in parts if part.geom_type == "Polygon"])


def _shared_areas(shapes: Sequence[Geometry]) -> dict[tuple[int, int], float]:
    """Areas that pairs of shapes share, by their indices in both orders; pairs that are apart are left out."""
    import shapely

    pairs = shapely.STRtree(shapes).query(shapes, predicate="intersects").T
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    array = np.array(shapes)
    areas = shapely.area(shapely.intersection(array[pairs[:, 0]], array[pairs[:, 1]]))
    return {(int(i), int(j)): float(area) for (i, j), area in zip(pairs, areas, strict=True)}


def _same(shapes: Sequence[Geometry], shared: Mapping[tuple[int, int], float], i: int, j: int) -> bool:
    if (i, j) not in shared:
        return False
    common = shapes[i].area + shapes[j].area - shared[i, j]
    differs = common - shared[i, j]
    return differs <= min(REPEAT_VOXELS * max(shapes[i].length, shapes[j].length), _REPEAT_SHARE * common)


def _inside(shapes: Sequence[Geometry], shared: Mapping[tuple[int, int], float], i: int, j: int) -> bool:
    outside = shapes[i].area - shared.get((i, j), 0.0)
    return (i, j) in shared and shapes[i].area < shapes[j].area and outside <= TOUCH_VOXELS * shapes[i].length


def _overlap(shapes: Sequence[Geometry], shared: Mapping[tuple[int, int], float], i: int, j: int) -> bool:
    return shared.get((i, j), 0.0) > TOUCH_VOXELS * min(shapes[i].length, shapes[j].length)
