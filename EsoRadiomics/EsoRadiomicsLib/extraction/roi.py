"""What an engine measures: an image and its ROI on one grid, with an account of how they came from the case.

Everything is in the *measurement frame*: first voxel at (0, 0, 0), axes along x, y, z. Features depend on the voxels
and their spacing and on nothing else, so the same patient gives the same bits wherever the scanner's origin is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..core.errors import RoiError
from ..core.translation import tr
from .settings import ExtractionSettings


@dataclass(frozen=True)
class Step:
    """The ROI after one step: its voxel count and its volume in cm³."""

    name: str
    voxels: int
    cm3: float


@dataclass(frozen=True)
class RoiAccount:
    """What became of the drawn GTV.

    ``removed_percent`` is the share of voxels the HU exclusion took, ``order`` and ``shape_mask`` as in the settings.
    """

    steps: tuple[Step, ...]
    removed_percent: float
    order: str
    shape_mask: str


@dataclass(frozen=True, eq=False)
class Picture:
    """What an engine looks at that measures pictures, not voxels.

    Attributes:
        gray: (rows, columns) float32 from 0, black, to 255; rows from anterior, columns from the patient's right.
        inside: (rows, columns) bool, the ROI.
        caption: where it is from, for people.
    """

    gray: np.ndarray
    inside: np.ndarray
    caption: str


@dataclass(frozen=True)
class Roi:
    """The image and masks that features are computed on (measurement frame, masks uint8 0/1).

    ``image`` and ``mask`` share one grid; ``shape_mask`` has that spacing, but its own extent where it is the drawn
    mask. ``pictures`` are all that is measured where there are any. ``part`` is the engine's own: of what ROIs share.
    """

    image: sitk.Image
    mask: sitk.Image
    shape_mask: sitk.Image
    account: RoiAccount
    warnings: tuple[str, ...]
    pictures: tuple[Picture, ...] = ()
    part: Any = None


def bounding_box(mask: sitk.Image) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(start, size) in voxels (x, y, z) of the non-zero part of a mask that is not empty."""
    inside = sitk.GetArrayViewFromImage(mask)
    planes = inside.reshape(len(inside), -1).max(axis=1) != 0  # of whole bytes, as it is asked for often
    footprint = inside[planes].max(axis=0) != 0
    occupied = [np.flatnonzero(line) for line in (footprint.any(axis=0), footprint.any(axis=1), planes)]
    x, y, z = ((int(line[0]), int(line[-1] - line[0] + 1)) for line in occupied)
    return (x[0], y[0], z[0]), (x[1], y[1], z[1])


def measurement_frame(image: sitk.Image, origin: Sequence[float] = (0.0, 0.0, 0.0)) -> sitk.Image:
    """The image with another origin and axes along x, y and z; voxels and spacing stay."""
    framed = sitk.Image(image)
    framed.SetOrigin(origin)
    framed.SetDirection((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    return framed


def step(name: str, mask: sitk.Image) -> Step:
    """The account of a mask after the step ``name``."""
    voxels = int(np.count_nonzero(sitk.GetArrayViewFromImage(mask)))
    return Step(name, voxels, voxels * float(np.prod(mask.GetSpacing())) / 1000)


def require_roi(mask: sitk.Image, steps: Sequence[Step], settings: ExtractionSettings, name: str) -> None:
    """Refuse an ROI that is too small after the last of ``steps``, or a line of voxels.

    Raises:
        RoiError: with the whole account.
    """
    voxels, where = steps[-1].voxels, steps[-1].name
    if voxels < max(settings.min_voxels, 1):
        trail = ", ".join(tr("{step}: {voxels:,} voxels", step=tr(step.name), voxels=step.voxels) for step in steps)
        raise RoiError(
            tr(
                "The ROI of {name} has {voxels} voxels left ({where}); at least {min_voxels} are needed. "
                "Account: {trail}. Check the contour, and that the image is in Hounsfield units.",
                name=name,
                voxels=voxels,
                where=tr(where),
                min_voxels=settings.min_voxels,
                trail=trail,
            )
        )
    _, size = bounding_box(mask)
    if sum(extent > 1 for extent in size) < 2:
        raise RoiError(
            tr(
                "The ROI of {name} is a line of voxels ({size}, {where}); texture needs a surface or a "
                "volume. Check the contour.",
                name=name,
                size=" × ".join(map(str, size)),
                where=tr(where),
            )
        )
