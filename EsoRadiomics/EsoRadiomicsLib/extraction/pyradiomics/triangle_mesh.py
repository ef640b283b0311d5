"""Area, volume and diameters of an ROI's surface: PyRadiomics' bits without its comparison of all pairs of vertices.

PyRadiomics' kernel walks over cells of 2 × 2 × 2 voxels in the order z, y, x and adds up the triangles of marching
cubes. Here all triangles are computed at once and added in the same order (``cumsum`` adds one after the other, ``sum``
does not). Diameters are the largest distances between two mesh vertices. From any vertex, some corner of the convex
hull is farther away than a vertex that is no corner, by at least a quarter of a squared voxel edge, which is many
orders above rounding. So comparing the corners is enough, and the same arithmetic for a pair gives the same bits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

CORNERS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0))
"""(z, y, x) of the corners of a cell, in the order of their bits."""

EDGES = np.array(
    [
        *((0, 0, 1), (0, 1, 2), (0, 2, 1), (0, 1, 0), (2, 0, 1), (2, 1, 2)),
        *((2, 2, 1), (2, 1, 0), (1, 0, 0), (1, 0, 2), (1, 2, 2), (1, 2, 0)),
    ]
)
"""(z, y, x) of the middle of each of a cell's 12 edges, in half voxels."""
# The edges of each cell's triangles in hexadecimal, three a triangle, by the bits of its corners; of a cell whose last
# corner is inside, the table of the opposite cell holds. PyRadiomics' table (BSD-3-Clause).
TRIANGLES = (
    "- 083 190 183198 12a 08312a 92a029 2832a8a98 b23 b2008b 190b23 b2119b98b 3a1ba3 a1008a8ba 9033b9ba9 "
    "98aba8 478 043473 190478 194147173 12a478 34730412a 92a902478 2a9297273479 478b23 b47b24204 "
    "190478b23 47b94bb29192 3a1ba3478 ba114b10447b 4789033b9ba9 47b4b99ba 954 954083 054015 854835315 "
    "12a954 08312a954 2a5542240 2a5325354834 954b23 b2008b954 054015b23 215258b28548 3a1ba3954 "
    "549a1008a8ba 54050ba5bb03 548a58ba8 789579 309539357 780017715 157173 78957912a 12a309395357 "
    "0288258572a5 2a5253357 579789b23 579972209b27 b23018178157 21b17b157 7895793a1ba3 5705097b0a10ba0 "
    "ba003ba50078570 ba557b 65a 08365a 19065a 18319865a 165126 165126083 965906026 598582526832 b2365a "
    "b2008b65a 190b2365a b2119b98b65a 63b653513 08b0b50515b6 63b036065059 65969bb98 47865a 04347365a "
    "19047865a 19414717365a 478165126 043473165126 478965906026 739479329596269 b2347865a b47b2420465a "
    "190b2347865a 47b94bb2919265a 47863b653513 51b5b610b47b04b 47863b036065059 65969b4797b9 a4964a "
    "a4964a083 01aa60640 18316886461a 149124264 149124264083 024426 832824426 b23a4964a b2008ba4964a "
    "b2301aa60640 64161a148b2118b 964369139b63 18b081b61149641 63b036640 86468b 67a78a89a 67a0a709a073 "
    "67a1a7178018 67a1a7173 126168189678 269129679309739 078706602 273267 b2367a78a89a 207b2709767a9a7 "
    "67a1a7178018b23 b2117ba61167 896678169b63136 09167b 07870603bb60 67b"
)


def area_and_volume(mask: np.ndarray, spacing: np.ndarray) -> tuple[float, float]:
    """Surface area in mm² and volume in mm³ of the triangle mesh.

    Args:
        mask: (z, y, x) bool, with a border of voxels outside.
        spacing: (z, y, x) in mm.
    """
    cells = np.zeros(np.subtract(mask.shape, 1), np.uint8)
    for bit, corner in enumerate(CORNERS):
        part = mask[tuple(slice(at, at + n) for at, n in zip(corner, cells.shape, strict=True))]
        cells |= part.view(np.uint8) << bit
    surface = np.flatnonzero((cells != 0) & (cells != 255))
    kind = cells.ravel()[surface]
    sign = np.where(kind & 128, -1.0, 1.0)
    kind = np.where(kind & 128, 255 - kind, kind)
    edges, count = _triangles()
    cell = np.repeat(np.arange(len(surface)), count[kind])
    number = np.arange(len(cell)) - np.repeat(np.cumsum(count[kind]) - count[kind], count[kind])
    corners = EDGES[edges[kind[cell], number]]  # (triangle, corner, axis)
    origin = np.unravel_index(surface, cells.shape)
    # (axis, triangle) of the corners a, b and c, in mm
    a, b, c = (np.stack([(corners[:, i, d] / 2 + origin[d][cell]) * spacing[d] for d in range(3)]) for i in range(3))
    normal = _cross(a, b)
    volume = sign[cell] * (normal[0] * c[0] + normal[1] * c[1] + normal[2] * c[2])
    normal = _cross(a - c, b - c) ** 2
    area = 0.5 * np.sqrt(normal[0] + normal[1] + normal[2])
    return float(np.cumsum(area)[-1]), float(np.cumsum(volume)[-1] / 6)


def diameters(mask: np.ndarray, spacing: np.ndarray) -> tuple[float, float, float, float]:
    """Largest distance in mm of two mesh vertices with the same z, the same y, the same x, and of any two.

    Args:
        mask: (z, y, x) bool, with a border of voxels outside.
        spacing: (z, y, x) in mm.
    """
    points = _vertices(mask)
    corner_of_all = np.ones(len(points), bool)
    squared = []
    for axis in range(3):
        corner = _plane_corners(points, axis)
        corner_of_all &= corner
        squared.append(_largest_in_planes(points[corner], axis, spacing))
    squared.append(_largest(points[corner_of_all], spacing))
    z, y, x, any_two = np.sqrt(squared)
    return float(z), float(y), float(x), float(any_two)


@lru_cache
def _triangles() -> tuple[np.ndarray, np.ndarray]:
    """(128, 5, 3) edges by kind of cell, and how many triangles each has."""
    edges, count = np.zeros((128, 5, 3), np.int8), np.zeros(128, np.int8)
    for kind, text in enumerate(TRIANGLES.split()):
        digits = [int(digit, 16) for digit in text.replace("-", "")]
        count[kind] = len(digits) // 3
        edges[kind, : count[kind]] = np.reshape(digits, (-1, 3))
    return edges, count


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The kernel's cross product: ``np.cross`` does not promise its order of operations."""
    return np.stack([a[1] * b[2] - b[1] * a[2], a[2] * b[0] - b[2] * a[0], a[0] * b[1] - b[0] * a[1]])


def _vertices(mask: np.ndarray) -> np.ndarray:
    """(n, 3) mesh vertices in half voxels: the middles of grid edges between inside and outside."""
    found = []
    for axis in range(3):
        change = np.diff(mask, axis=axis)
        points = 2 * np.argwhere(change)
        points[:, axis] += 1
        found.append(points)
    return np.concatenate(found)


def _plane_corners(points: np.ndarray, axis: int) -> np.ndarray:
    """Which points are corners of the convex hull of their plane across ``axis``: exact, as all are integers."""
    first, second = (points[:, other] for other in range(3) if other != axis)
    plane = points[:, axis]
    order = np.lexsort((second, first, plane))
    line = np.stack([plane[order], first[order]])
    starts = np.append(True, (line[:, 1:] != line[:, :-1]).any(axis=0))
    ends = np.append(starts[1:], True)
    corners = np.zeros(len(points), bool)
    for chain, turn in ((order[starts], 1), (order[ends], -1)):
        while True:
            p, q, same = first[chain], second[chain], plane[chain]
            left = (p[1:-1] - p[:-2]) * (q[2:] - q[:-2]) - (q[1:-1] - q[:-2]) * (p[2:] - p[:-2])
            inner = (same[1:-1] == same[:-2]) & (same[1:-1] == same[2:]) & (turn * left <= 0)
            if not inner.any():
                break
            chain = chain[np.concatenate([[True], ~inner, [True]])]
        corners[chain] = True
    return corners


def _largest_in_planes(points: np.ndarray, axis: int, spacing: np.ndarray) -> float:
    """Largest squared distance in mm² of two points in one plane across ``axis``."""
    points = points[np.argsort(points[:, axis], kind="stable")]
    starts = np.flatnonzero(np.diff(points[:, axis], prepend=-1))
    extent = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    reach = ((extent / 2 * spacing) ** 2).sum(axis=1) * (1 + 1e-9)
    stops = np.append(starts[1:], len(points))
    largest = 0.0
    for i in np.argsort(-reach):
        if reach[i] < largest:
            break
        largest = max(largest, _largest(points[starts[i] : stops[i]], spacing))
    return largest


def _largest(points: np.ndarray, spacing: np.ndarray, rows: int = 128) -> float:
    """Largest squared distance in mm² of two points."""
    return max(_squared(points[i : i + rows], points[i:], spacing).max() for i in range(0, len(points), rows))


def _squared(some: np.ndarray, others: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    z, y, x = (np.subtract.outer(a, b) for a, b in zip((some / 2 * spacing).T, (others / 2 * spacing).T, strict=True))
    return z * z + y * y + x * x
