"""Whether image and ROI can be what they are said to be: counts and shares that a person judges at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..core.formatting import plain
from ..core.translation import tr
from ..extraction.roi import Roi, bounding_box
from ..extraction.settings import ExtractionSettings
from ..imaging.case import Case

SOFT_TISSUE_HU = (-200, 300)
FEWEST_LEVELS = 8
_MOST_OUTSIDE = 0.5
_LEAST_MAIN_PART = 0.9
REACH_VOXELS = 3
"""Half the length of the longest wavelet filter in use (coif1, six taps): beyond the border a filter sees copies."""


@dataclass(frozen=True)
class Plausibility:
    """Of an ROI as drawn and as it is measured.

    Attributes:
        voxels, volume_cm3: of the mask; ``contour_volume_cm3`` of the contours it was filled from, if it was.
        islands: parts that do not touch; ``main_part`` the largest one's share of the voxels.
        empty_slices: between the first and the last slice with voxels.
        gray_levels: in the ROI at the study's bin width; None where the settings have none.
        outside_soft_tissue: share of the ROI outside −200 … 300 HU.
        border_voxels: from the ROI to the nearest border of the image, in voxels that are measured.
        filter_reach_voxels: how far the study's filter sees; None where it has none.
        warnings: sentences on what is not plausible.
    """

    voxels: int
    volume_cm3: float
    contour_volume_cm3: float | None
    islands: int
    main_part: float
    empty_slices: int
    gray_levels: int | None
    outside_soft_tissue: float
    border_voxels: float
    filter_reach_voxels: int | None
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values, without the warnings, which the result has among its own."""
        return {name: value for name, value in vars(self).items() if name != "warnings"}


def plausibility(case: Case, roi: Roi, settings: ExtractionSettings) -> Plausibility:
    """Look at a case, its ROI and the settings it is measured with."""
    mask, hu = sitk.GetArrayViewFromImage(case.mask), sitk.GetArrayViewFromImage(case.image)
    (x, y, z), (width, height, depth) = bounding_box(case.mask)
    inside = mask[z : z + depth, y : y + height, x : x + width] != 0
    values = hu[z : z + depth, y : y + height, x : x + width][inside]
    labels = sitk.ConnectedComponent(sitk.GetImageFromArray(inside.astype(np.uint8)), True)
    parts = np.bincount(sitk.GetArrayViewFromImage(labels)[inside])[1:]
    contours = case.sources.get("mask", {}).get("volume_of_contours_cm3")
    voxels = len(values)
    volume = voxels * float(np.prod(case.image.GetSpacing())) / 1000
    outside = float(np.mean((values < SOFT_TISSUE_HU[0]) | (values > SOFT_TISSUE_HU[1])))
    levels = _gray_levels(roi, settings)
    free = np.minimum([x, y, z], np.array(case.image.GetSize()) - [x + width, y + height, z + depth])
    border = float((free * case.image.GetSpacing() / np.array(roi.image.GetSpacing())).min())
    reach = REACH_VOXELS if "wavelet" in getattr(settings, "image_types", ()) else None
    found = []
    if levels is not None and levels < FEWEST_LEVELS:
        found.append(
            tr(
                "The ROI has {levels} gray levels at the study's bin width; texture features of fewer than "
                "{fewest_levels} say little. Check that the image is in HU.",
                levels=levels,
                fewest_levels=FEWEST_LEVELS,
            )
        )
    if outside > _MOST_OUTSIDE:
        found.append(
            tr(
                "{outside:.0f} % of the ROI lie outside −200 … 300 HU (median {median} HU), which is no "
                "soft tissue. Check the contour and that the image is in HU.",
                outside=100 * outside,
                median=plain(round(float(np.median(values)))),
            )
        )
    if len(parts) > 1 and parts.max() < _LEAST_MAIN_PART * voxels:
        found.append(
            tr(
                "The ROI has {parts} parts that do not touch; the largest holds {share:.0f} % of its "
                "voxels. Check that all of them are meant.",
                parts=len(parts),
                share=100 * parts.max() / voxels,
            )
        )
    if reach is not None and border < reach:
        found.append(
            tr(
                "The ROI lies {border:.1f} voxels from the border of the image, within the reach of the "
                "wavelet filter ({reach_voxels} voxels): values there rest on copies. Give the image "
                "uncropped.",
                border=border,
                reach_voxels=reach,
            )
        )
    return Plausibility(
        voxels=voxels,
        volume_cm3=volume,
        contour_volume_cm3=contours,
        islands=len(parts),
        main_part=float(parts.max()) / voxels,
        empty_slices=int(np.count_nonzero(~inside.any(axis=(1, 2)))),
        gray_levels=levels,
        outside_soft_tissue=outside,
        border_voxels=border,
        filter_reach_voxels=reach,
        warnings=tuple(found),
    )


def _gray_levels(roi: Roi, settings: ExtractionSettings) -> int | None:
    width = getattr(settings, "bin_width", None)
    image, mask = sitk.GetArrayViewFromImage(roi.image), sitk.GetArrayViewFromImage(roi.mask)
    if not width or image.shape != mask.shape or not mask.any():
        return None
    values = image[mask != 0]
    return int(np.floor(values.max() / width) - np.floor(values.min() / width)) + 1
