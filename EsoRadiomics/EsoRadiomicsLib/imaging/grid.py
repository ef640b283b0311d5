"""Grids: the one form every image is brought to, and a mask brought from its own grid to the image's.

The header of the same image differs in its last bits between formats (NIfTI keeps 32-bit floats, DICOM decimal text).
Nothing here may depend on those bits, so comparisons are made in voxels, with tolerances far above them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..core.errors import InputError
from ..core.formatting import decimals
from ..core.translation import tr

SAME_GRID_VOXELS = 0.01
"""Grids whose voxel centres agree within this part of a voxel are one grid."""
_DECIMALS = 3
"""Voxel coordinates are rounded to these decimals before a tie between two neighbours is broken."""


@dataclass(frozen=True)
class Brought:
    """A mask on the image's grid (uint8 0/1), how it came there (JSON values), and what the user should know."""

    image: sitk.Image
    account: dict[str, Any]
    warnings: tuple[str, ...] = ()


def canonical_spacing(spacing: float) -> float:
    """The shortest decimal that names the same 32-bit float: 0.9769999980926514 → 0.977."""
    return float(str(np.float32(spacing)))


def canonical_grid(image: sitk.Image) -> sitk.Image:
    """The 3-D image with axes along left, posterior and superior, and canonical spacing; the argument is not "
    "changed."""
    orientation = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    if orientation != "LPS":
        image = sitk.DICOMOrient(image, "LPS")
    spacing = tuple(canonical_spacing(mm) for mm in image.GetSpacing())
    if spacing != image.GetSpacing():
        image = sitk.Image(image)
        image.SetSpacing(spacing)
    return image


def voxel_coordinates(points: np.ndarray, grid: sitk.Image) -> np.ndarray:
    """(n, 3) points in mm (LPS) → (n, 3) continuous voxel coordinates (x, y, z) of ``grid``."""
    direction = np.reshape(grid.GetDirection(), (3, 3))
    return np.linalg.solve(direction, (points - np.array(grid.GetOrigin())).T).T / np.array(grid.GetSpacing())


def nearest(coordinates: np.ndarray) -> np.ndarray:
    """The voxel each continuous coordinate lies in, as integers; midway goes up, also when rounding noise hides it."""
    return np.floor(np.round(coordinates, _DECIMALS) + 0.5).astype(np.int64)


def bring_to_grid(mask: sitk.Image, grid: sitk.Image, mask_name: str, image_name: str) -> Brought:
    """A 0/1 mask on the grid of a canonical image: as it is, shifted by whole voxels, or by nearest neighbour.

    The account's ``offset_mm`` is how far the mask's first voxel lies from the image's, along x, y and z.

    Raises:
        InputError: the ROI lies wholly or partly outside the image, or falls between its voxels.
    """
    mask = canonical_grid(mask)
    array = sitk.GetArrayViewFromImage(mask)
    size, spacing = np.array(mask.GetSize()), np.array(grid.GetSpacing())
    # Voxel i of the mask lies at matrix @ i + start in voxels of the image.
    ends = mask.GetOrigin() + np.vstack([np.zeros(3), _axes(mask).T])
    start, *steps = voxel_coordinates(ends, grid)
    matrix = np.column_stack([step - start for step in steps])

    account: dict[str, Any] = {"grid": "same", "offset_mm": [round(float(mm), 3) + 0.0 for mm in start * spacing]}
    turned = np.abs(matrix - np.eye(3)) @ size
    whole = np.round(start).astype(np.int64)
    if max(turned.max(), np.abs(start - whole).max()) <= SAME_GRID_VOXELS:
        brought = place(array, whole.tolist(), grid, mask_name, image_name)
        if mask.GetSize() != grid.GetSize():
            return Brought(brought, account | {"grid": "a box of the image's grid"})
        if not whole.any():
            return Brought(brought, account)
        warning = tr(
            "The mask is as large as the image, but by its header it begins {distance} from it. Check "
            "that the ROI lies on the tumour.",
            distance=_mm(start * spacing),
        )
        return Brought(brought, account | {"grid": "shifted by whole voxels"}, (warning,))

    voxels = np.argwhere(array)[:, ::-1]
    _require_inside(nearest(voxels @ matrix.T + start), grid, mask_name, image_name)
    brought = _nearest_neighbour(array, voxels, matrix, start, grid)
    found = np.argwhere(sitk.GetArrayViewFromImage(brought))[:, ::-1]
    if not len(found):
        raise InputError(
            tr(
                "The ROI of {mask_name} falls between the voxels of {image_name}: nothing of it is left on "
                "the image's grid. Draw it on this image.",
                mask_name=mask_name,
                image_name=image_name,
            )
        )
    moved = (found.mean(axis=0) - (matrix @ voxels.mean(axis=0) + start)) * spacing
    cell = np.prod(mask.GetSpacing()) * len(voxels)
    change = 100 * (np.prod(spacing) * len(found) / cell - 1)
    account |= {
        "grid": "nearest neighbour",
        "size": list(mask.GetSize()),
        "spacing_mm": list(mask.GetSpacing()),
        "roi_moved_mm": [round(float(mm), 3) + 0.0 for mm in moved],
        "volume_change_percent": round(float(change), 2),
    }
    extent, voxel = (" × ".join(f"{length:g}" for length in each) for each in (mask.GetSize(), mask.GetSpacing()))
    warning = tr(
        "The mask is on another grid than the image ({extent} voxels of {voxel} mm, its first voxel "
        "{distance} from the image's). It was brought to the image's grid by nearest neighbour, which "
        "moved the centre of the ROI by {moved:.2f} mm and changed its volume by {change} %.",
        extent=extent,
        voxel=voxel,
        distance=_mm(start * spacing),
        moved=np.linalg.norm(moved),
        change=decimals(change, 1),
    )
    return Brought(brought, account, (warning,))


def place(box: np.ndarray, start: Iterable[int], grid: sitk.Image, mask_name: str, image_name: str) -> sitk.Image:
    """A 0/1 array (z, y, x) whose first voxel is voxel ``start`` (x, y, z) of the grid, as a mask of the whole grid.

    Raises:
        InputError: a part of the ROI lies outside the grid.
    """
    whole = np.zeros(grid.GetSize()[::-1], np.uint8)
    here, there = [], []
    for first, length, extent in zip(tuple(start)[::-1], box.shape, whole.shape, strict=True):
        low, high = max(first, 0), min(first + length, extent)
        here.append(slice(low, max(low, high)))
        there.append(slice(low - first, max(low, high) - first))
    whole[tuple(here)] = box[tuple(there)]
    _refuse_outside(int(np.count_nonzero(box)), int(np.count_nonzero(whole)), mask_name, image_name)
    image = sitk.GetImageFromArray(whole)
    image.CopyInformation(grid)
    return image


def _axes(image: sitk.Image) -> np.ndarray:
    """Columns: the step in mm from a voxel to its neighbour along x, y and z."""
    return np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())


def _nearest_neighbour(
    array: np.ndarray, voxels: np.ndarray, matrix: np.ndarray, start: np.ndarray, grid: sitk.Image
) -> sitk.Image:
    """Own code because a resampling filter breaks ties between two voxels by the last bits of the headers."""
    reach = np.abs(matrix).sum(axis=1)
    corners = nearest(voxels @ matrix.T + start)
    size = np.array(grid.GetSize())
    low = np.clip(np.floor(corners.min(axis=0) - reach), 0, size - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) + reach), 0, size - 1).astype(int) + 1
    whole = np.zeros(grid.GetSize()[::-1], np.uint8)
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    inverse = np.linalg.inv(matrix)
    for z in range(low[2], high[2]):
        points = np.stack([x, y, np.full_like(x, z)], axis=-1)
        at = nearest((points - start) @ inverse.T)
        inside = ((at >= 0) & (at < array.shape[::-1])).all(axis=-1)
        i, j, k = at[inside].T
        whole[z, y[inside], x[inside]] = array[k, j, i]
    image = sitk.GetImageFromArray(whole)
    image.CopyInformation(grid)
    return image


def _require_inside(voxels: np.ndarray, grid: sitk.Image, mask_name: str, image_name: str) -> None:
    inside = ((voxels >= 0) & (voxels < grid.GetSize())).all(axis=1)
    _refuse_outside(len(voxels), int(inside.sum()), mask_name, image_name)


def _refuse_outside(voxels: int, inside: int, mask_name: str, image_name: str) -> None:
    if inside == voxels:
        return
    if inside == 0:
        raise InputError(
            tr(
                "The ROI of {mask_name} does not overlap the image {image_name}. Check that both are of the "
                "same patient and examination, and that both headers give the position in the same "
                "coordinates.",
                mask_name=mask_name,
                image_name=image_name,
            )
        )
    raise InputError(
        tr(
            "{share:.1f} % of the ROI of {mask_name} ({outside:,} of {voxels:,} voxels) lies outside "
            "the image {image_name}. Give the image the ROI was drawn on, uncropped.",
            share=100 * (1 - inside / voxels),
            mask_name=mask_name,
            outside=voxels - inside,
            voxels=voxels,
            image_name=image_name,
        )
    )


def _mm(vector: np.ndarray) -> str:
    return "(" + ", ".join(f"{mm + 0.0:.2f}" for mm in vector) + ") mm"
