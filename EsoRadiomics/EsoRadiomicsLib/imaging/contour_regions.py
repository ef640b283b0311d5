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
_WALL_VOXELS, _WALL_SHARE = 1.0, 0.3
"""A hole with thinner walls, along this share of its border or more, may be the same outline again, or a part of it."""


@dataclass(frozen=True)
class Region:
    """What the contours of a slice mean.

    Attributes:
        levels: indices of the contours: those that are filled, those that cut holes into them, islands in the holes …
            A single level with ``xor`` where an odd number of contours makes the inside.
        repeats: contours left out because they are there already.
        overlaps: whether contours overlap partly, and count as their union.
        twice_round: whether a contour goes round a part of the slice twice, which is left out as a keyhole's hole is.
        thin_walls: whether a hole lies along the border of what it is cut into.
        area, perimeter: of the region, in voxels.
    """

    levels: tuple[tuple[int, ...], ...]
    xor: bool
    repeats: int
    overlaps: bool
    twice_round: bool
    thin_walls: bool
    area: float
    perimeter: float


def region_of(polygons: Sequence[np.ndarray], *, xor: bool = False) -> Region:
    """The region of (n, 2) polygons of one slice in voxel coordinates; ``xor`` as CLOSEDPLANAR_XOR means it.

    A polygon that crosses itself, as a keyhole does, is inside where its own path goes round an odd number of times.
    """
    import shapely

    paths = [_shape(polygon) for polygon in polygons]
    shapes = [shape for shape, _ in paths]
    shared = _shared_areas(shapes)
    kept: list[int] = []
    for i in range(len(shapes)):
        if not any(_same(shapes, shared, i, j) for j in kept):
            kept.append(i)
    overlaps = thin_walls = False
    levels: list[list[int]] = []
    if xor:
        levels.append(kept)
        region = reduce(shapely.symmetric_difference, [shapes[i] for i in kept])
    else:
        rest = kept
        while rest:
            roots = [i for i in rest if not any(_inside(shapes, shared, i, j) for j in rest)]
            overlaps = overlaps or any(_overlap(shapes, shared, i, j) for i in roots for j in roots if i < j)
            if levels and not thin_walls:
                thin_walls = any(_along(shapes, shared, i, j) for i in roots for j in levels[-1])
            levels.append(roots)
            rest = [i for i in rest if i not in roots]
        region = shapely.Polygon()
        for roots in reversed(levels):
            region = shapely.difference(shapely.union_all([shapes[i] for i in roots]), region)
    return Region(
        levels=tuple(map(tuple, levels)),
        xor=xor,
        repeats=len(shapes) - len(kept),
        overlaps=overlaps,
        twice_round=any(paths[i][1] > TOUCH_VOXELS * paths[i][0].length for i in kept),
        thin_walls=thin_walls,
        area=float(region.area),
        perimeter=float(region.length),
    )


def once_around(points: np.ndarray) -> np.ndarray:
    """A closed path without its repeats: one that goes twice around the same points has no odd inside."""
    distinct = points[np.abs(points - np.roll(points, 1, axis=0)).max(axis=1) > 1e-3]  # some repeat the first point
    for times in range(5, 1, -1):
        length, rest = divmod(len(distinct), times)
        if length >= 3 and not rest and np.allclose(distinct, np.tile(distinct[:length], (times, 1)), atol=1e-3):
            return distinct[:length]
    return points


def _shape(polygon: np.ndarray) -> tuple[Geometry, float]:
    """What a path goes round an odd number of times, and the area it goes round an even number of times."""
    import shapely

    shape = shapely.Polygon(polygon)
    if shape.is_valid:
        return shape, 0.0
    closed = np.vstack([polygon, polygon[:1]])
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all([shapely.LineString(closed)])]))
    turns = _turns(closed, shapely.get_coordinates(shapely.point_on_surface(faces)))
    twice = faces[(turns != 0) & (turns % 2 == 0)]
    return shapely.union_all(faces[turns % 2 == 1]), float(shapely.area(twice).sum())


def _turns(closed: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How many times a closed path goes round each of the points: its winding numbers."""
    (x0, y0), (x1, y1) = closed[:-1].T, closed[1:].T
    x, y = points[:, :1], points[:, 1:]
    crosses = (y0 <= y) != (y1 <= y)
    with np.errstate(divide="ignore", invalid="ignore"):
        right = x < x0 + (y - y0) * (x1 - x0) / (y1 - y0)
    return np.where(crosses & right, np.sign(y1 - y0), 0).sum(axis=1).astype(int)


def _shared_areas(shapes: Sequence[Geometry]) -> dict[tuple[int, int], float]:
    """Areas that pairs of shapes share, by their indices in both orders; pairs that are apart are left out."""
    import shapely

    pairs = shapely.STRtree(shapes).query(shapes, predicate="intersects").T
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    array = np.array(shapes)
    areas = shapely.area(shapely.intersection(array[pairs[:, 0]], array[pairs[:, 1]]))
    return {
        pair: area for (i, j), area in zip(pairs.tolist(), areas.tolist(), strict=True) for pair in ((i, j), (j, i))
    }


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


def _along(shapes: Sequence[Geometry], shared: Mapping[tuple[int, int], float], i: int, j: int) -> bool:
    """Whether a part of a hole's border lies along that of the shape around it."""
    if not _inside(shapes, shared, i, j):
        return False
    border = shapes[i].boundary
    return bool(border.intersection(shapes[j].boundary.buffer(_WALL_VOXELS)).length > _WALL_SHARE * border.length)
