"""IBEX's shape of an ROI: lengths in cm, some features slice by slice, voxels at a slice's edge counting half.

Every function takes the ROI's mask (bool, z, y, x; rows from front to back, columns from right to left of the patient)
and what else it needs, and returns NaN where the feature does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

# CT number → g/cm³ (IBEX), constant beyond the ends.
DENSITY_CT = (0, 294, 898, 1000, 1056, 1198, 1644, 1872, 2470)
DENSITY = (0, 0.291, 0.927, 1, 1.047, 1.1, 1.337, 1.427, 1.75)


class IbexShape:
    """One ROI's shape, each quantity computed once, when it is asked for.

    Args:
        mask: (z, y, x), cut to the ROI's bounding box; not empty.
        ct: CT numbers, same shape.
        spacing_cm: (x, y, z).
    """

    def __init__(self, mask: np.ndarray, ct: np.ndarray, spacing_cm: tuple[float, float, float]) -> None:
        self.mask, self.ct, self.spacing = mask, ct, spacing_cm

    @cached_property
    def voxel_size(self) -> float:
        """Volume of a voxel, cm³."""
        return float(np.prod(self.spacing))

    @cached_property
    def number_of_voxel(self) -> float:
        """Voxels, those with an outer 4-neighbour in their slice (or on the box's edge) counting ½."""
        return _half_edge_voxels(self.mask)

    @cached_property
    def volume(self) -> float:
        """Voxels × volume of a voxel, cm³."""
        return self.number_of_voxel * self.voxel_size

    @cached_property
    def surface_area(self) -> float:
        """⅔ of the area of the voxel faces exposed (Crofton's formula in 3 directions, Legland 2007), cm².

        None for one slice, for which IBEX gives the perimeter instead.
        """
        if self.mask.shape[0] == 1:
            return np.nan
        faces = [np.count_nonzero(np.diff(np.pad(self.mask, 1).astype(np.int8), axis=axis)) for axis in range(3)]
        return 2 / 3 * float(np.dot(faces, self._face_areas))

    @property
    def _face_areas(self) -> np.ndarray:
        """Area of a face across z, y and x, cm²."""
        return self.voxel_size / np.array(self.spacing[::-1])

    @property
    def surface_area_density(self) -> float:
        """Surface within the box without what lies on its border, per volume of the box one voxel smaller, 1/cm."""
        if min(self.mask.shape) == 1:
            return np.nan
        faces = [np.count_nonzero(np.diff(self.mask.astype(np.int8), axis=axis)) for axis in range(3)]
        box = float(np.prod(np.subtract(self.mask.shape, 1))) * self.voxel_size
        return 2 / 3 * float(np.dot(faces, self._face_areas)) / box

    @property
    def compactness1(self) -> float:
        """V / (√π A^⅔), in cm^(5/3): with A^⅔ (Aerts 2014), not IBSI's A^(3/2), so that it has a unit."""
        return float(self.volume / (np.sqrt(np.pi) * self.surface_area ** (2 / 3)))

    @property
    def compactness2(self) -> float:
        """36 π V² / A³."""
        return float(36 * np.pi * self.volume**2 / self.surface_area**3)

    @property
    def sphericity(self) -> float:
        """π^⅓ (6 V)^⅔ / A."""
        return float(np.pi ** (1 / 3) * (6 * self.volume) ** (2 / 3) / self.surface_area)

    @property
    def spherical_disproportion(self) -> float:
        """A / (4 π R²) with R the radius of a sphere of the same volume: 1 / Sphericity."""
        return 1 / self.sphericity

    @property
    def mass(self) -> float:
        """Density of each whole voxel × its volume, g; the density is linear between IBEX's points."""
        return float(np.interp(self.ct[self.mask], DENSITY_CT, DENSITY).sum()) * self.voxel_size

    @property
    def mean_breadth(self) -> float:
        """Mean of the breadth along the three axes by planar Euler numbers (Legland 2007), cm; none for one slice."""
        if self.mask.shape[0] == 1:
            return np.nan
        m = self.mask
        voxels = np.count_nonzero(m)
        pairs = [np.count_nonzero(_both(m, axis)) for axis in range(3)]
        breadths = []
        for axis, spacing in enumerate(self.spacing[::-1]):
            first, second = (other for other in range(3) if other != axis)
            squares = np.count_nonzero(_both(_both(m, first), second))
            breadths.append(spacing * (voxels - pairs[first] - pairs[second] + squares))
        return float(np.mean(breadths))

    @property
    def max_3d_diameter(self) -> float:
        """Largest distance between two voxel centres, cm."""
        points = self._ends * np.array(self.spacing[::-1])
        with suppress(QhullError, ValueError):  # a flat ROI has few enough points to compare all
            points = points[ConvexHull(points).vertices]
        return float(pdist(points).max()) if len(points) > 1 else 0.0

    @cached_property
    def _ends(self) -> np.ndarray:
        """(z, y, x) of the first and last voxel of every row: the ROI's hull is theirs."""
        rows = np.argwhere(self.mask.any(axis=2))
        lines = self.mask[rows[:, 0], rows[:, 1]]
        first, last = lines.argmax(axis=1), lines.shape[1] - 1 - lines[:, ::-1].argmax(axis=1)
        return np.unique(np.concatenate([np.column_stack([rows, first]), np.column_stack([rows, last])]), axis=0)

    @property
    def number_of_objects(self) -> float:
        """Components joined by faces, edges or corners."""
        return float(ndimage.label(self.mask, np.ones((3, 3, 3)))[1])

    @property
    def convex_hull_volume_3d(self) -> float:
        """Volume of the hull of the voxel centres, cm³; none for a flat ROI."""
        try:
            return float(ConvexHull(self._ends).volume) * self.voxel_size
        except (QhullError, ValueError):
            return np.nan

    @cached_property
    def _hulls(self) -> np.ndarray:
        """The mask with each slice replaced by its convex hull."""
        return np.array([_filled_hull(piece) for piece in self.mask])

    @property
    def convex_hull_volume(self) -> float:
        """Volume of the slices' hulls, edge voxels counting ½ as in Volume, cm³."""
        return _half_edge_voxels(self._hulls) * self.voxel_size

    @property
    def convex(self) -> float:
        """Mean over slices of area / area of the hull (MATLAB's Solidity)."""
        return float(np.mean([piece.sum() / hull.sum() for piece, hull in _pairs_in_use(self.mask, self._hulls)]))

    @cached_property
    def _ellipses(self) -> np.ndarray:
        """(eccentricity, orientation) of each slice."""
        return np.array([_ellipse(piece) for piece in self.mask if piece.any()])

    @property
    def roundness(self) -> float:
        """Mean over slices of 1 − eccentricity of the ellipse with the slice's second moments."""
        return float(np.mean(1 - self._ellipses[:, 0]))

    @property
    def orientation(self) -> float:
        """Mean over slices of the angle between the patient's left and that ellipse's long axis, −90° to 90°.

        A plain mean of angles, as IBEX takes it: slices near +90° and −90° average to 0°.
        """
        return float(np.mean(self._ellipses[:, 1]))


def _both(mask: np.ndarray, axis: int) -> np.ndarray:
    """Where two neighbours along an axis are both set."""
    n = mask.shape[axis]
    return mask.take(range(n - 1), axis) & mask.take(range(1, n), axis)


def _half_edge_voxels(mask: np.ndarray) -> float:
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    inner = mask & padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1] & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    return (np.count_nonzero(mask) + np.count_nonzero(inner)) / 2


def _pairs_in_use(masks: np.ndarray, hulls: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return ((mask, hull) for mask, hull in zip(masks, hulls, strict=True) if mask.any())


def _ellipse(piece: np.ndarray) -> tuple[float, float]:
    """Eccentricity and orientation in degrees of a slice, all its components together, as MATLAB's ``regionprops``.

    Second moments of the pixels as unit squares (+1/12), in pixels whatever their size, y upwards.
    """
    row, column = (index.astype(np.int64) for index in np.nonzero(piece))
    n = row.size

    def second_moment(a: np.ndarray, b: np.ndarray) -> float:
        """Exact in integers: what is symmetric has a mixed moment of 0, not of a rounding error's sign."""
        return float(n * (a @ b) - a.sum() * b.sum()) / n**2

    xx, yy, xy = second_moment(column, column) + 1 / 12, second_moment(row, row) + 1 / 12, -second_moment(column, row)
    common = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    major, minor = xx + yy + common, xx + yy - common
    eccentricity = float(np.sqrt(max(1 - minor / major, 0.0)))
    over, under = (yy - xx + common, 2 * xy) if yy > xx else (2 * xy, xx - yy + common)
    if over == 0 and under == 0:
        return eccentricity, 0.0
    return eccentricity, float(np.degrees(np.arctan(over / under))) if under else 90.0


def _filled_hull(piece: np.ndarray) -> np.ndarray:
    """The pixels whose centres lie in the hull of the middles of the pixels' sides."""
    if not piece.any():
        return piece
    rows, columns = np.nonzero(piece)
    corners = np.concatenate([np.column_stack([rows + dy, columns + dx]) for dy, dx in _MIDDLES])
    edges = ConvexHull(corners).equations  # normal · point + offset ≤ 0 inside
    centres = np.indices(piece.shape).reshape(2, -1)
    inside = (edges[:, :2] @ centres + edges[:, 2:] <= 1e-9).all(axis=0)
    return inside.reshape(piece.shape)


_MIDDLES = ((-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5))


SHAPE_FORMULAS: dict[str, Callable[[IbexShape], float]] = {
    "Compactness1": lambda s: s.compactness1,
    "Compactness2": lambda s: s.compactness2,
    "Convex": lambda s: s.convex,
    "ConvexHullVolume": lambda s: s.convex_hull_volume,
    "ConvexHullVolume3D": lambda s: s.convex_hull_volume_3d,
    "Mass": lambda s: s.mass,
    "Max3DDiameter": lambda s: s.max_3d_diameter,
    "MeanBreadth": lambda s: s.mean_breadth,
    "NumberOfObjects": lambda s: s.number_of_objects,
    "NumberOfVoxel": lambda s: s.number_of_voxel,
    "Orientation": lambda s: s.orientation,
    "Roundness": lambda s: s.roundness,
    "SphericalDisproportion": lambda s: s.spherical_disproportion,
    "Sphericity": lambda s: s.sphericity,
    "SurfaceArea": lambda s: s.surface_area,
    "SurfaceAreaDensity": lambda s: s.surface_area_density,
    "Volume": lambda s: s.volume,
    "VoxelSize": lambda s: s.voxel_size,
}
