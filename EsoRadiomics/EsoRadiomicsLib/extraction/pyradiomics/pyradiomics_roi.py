"""From a case to the voxels that are measured: resampling and HU exclusion in a named order, with an account."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ...core.errors import RoiError
from ...core.formatting import plain
from ...core.translation import mark, told, tr
from ..roi import Roi, RoiAccount, bounding_box, measurement_frame, require_roi, step
from .pyradiomics_package import radiomics
from .pyradiomics_settings import PyRadiomicsSettings
from .quick_resampling import Resampler
from .shared_image import Part, SharedImage

if TYPE_CHECKING:
    from ...imaging.case import Case

LABEL = 1
# PyRadiomics resamples the ROI's bounding box plus this many new voxels, because filters look outside the ROI.
PAD_VOXELS = 5
# A cubic B-spline's influence falls by 0.27 a voxel: what lies 24 voxels beyond the box changes 1e-10 HU, which
# conversion to whole HU removes; prefiltering a box instead of a 512×512 series is much of what makes this fast.
MARGIN_VOXELS = 24
MOST_VOXELS, MOST_IN_A_ROW = 1 << 27, 100_000
"""Of an ROI after resampling, and of an image along one axis: half a litre in 0.016 mm³, and ten metres in 0.1 mm."""
REMOVED_WARNING_PERCENT = 100 / 3


def prepare(case: Case, settings: PyRadiomicsSettings, shared: SharedImage | None = None) -> Roi:
    """Resample a case and exclude voxels below ``hu_min``, in the order the settings name.

    ``after-resampling`` equals PyRadiomics' ``resegmentRange=[hu_min]`` bit for bit; ``before-resampling`` thresholds
    the mask as drawn, as Slicer's Threshold effect does, and some voxels below ``hu_min`` come back by interpolation.

    Args:
        case: image and GTV.
        settings: the study's.
        shared: the case's image from :func:`resample_region`, with which several masks spare resampling it each.

    Raises:
        RoiError: the ROI is empty, flat or smaller than ``min_voxels`` at any step.
    """
    image, mask = case.image, measurement_frame(case.mask)
    steps = [step(mark("drawn"), mask)]
    removed, part = 0.0, None

    def exclude(hu_min: float) -> None:
        nonlocal mask, removed
        kept = _above(image, mask, hu_min)
        steps.append(step(told("at or above {hu} HU", hu=plain(hu_min)), kept))
        removed = 100 * (1 - steps[-1].voxels / steps[-2].voxels)
        mask = kept
        require_roi(mask, steps, settings, case.name)

    require_roi(mask, steps, settings, case.name)
    drawn = mask
    if settings.hu_min is not None and settings.hu_order == "before-resampling":
        exclude(settings.hu_min)
    if settings.voxel_mm is None:
        image = measurement_frame(image)
    else:
        _require_bounded(mask, settings, case.name)
        whole, excluded = image, mask
        cut = _cut(shared, excluded, settings)
        image, mask, part = cut or (*_resample(whole, excluded, settings), None)
        drawn = mask if drawn is excluded else _resample(whole, drawn, settings)[1]
        size = " × ".join(f"{mm:g}" for mm in image.GetSpacing())
        steps.append(step(told("resampled to {size} mm", size=size), mask))
        require_roi(mask, steps, settings, case.name)
    if settings.hu_min is not None and settings.hu_order == "after-resampling":
        exclude(settings.hu_min)

    warnings: tuple[str, ...] = ()
    if removed > REMOVED_WARNING_PERCENT:
        warnings = (
            tr(
                "The HU exclusion removed {removed:.1f} % of the GTV: the contour holds much air, fat or lung. Check "
                "the contour before trusting the score.",
                removed=removed,
            ),
        )
    account = RoiAccount(tuple(steps), removed, settings.hu_order, settings.shape_mask)
    shape_mask = drawn if settings.shape_mask == "drawn" else mask
    return Roi(image, mask, shape_mask, account, warnings, part=part)


def _require_bounded(mask: sitk.Image, settings: PyRadiomicsSettings, name: str) -> None:
    """Refuse, before it takes the memory, an ROI that resampling would make larger than any patient.

    Raises:
        RoiError: as a header with a wrong voxel size makes it.
    """
    assert settings.voxel_mm is not None
    grown = [old / new for old, new in zip(mask.GetSpacing(), settings.voxel_mm, strict=True)]
    voxels = np.prod([n * factor + 2 * PAD_VOXELS for n, factor in zip(bounding_box(mask)[1], grown, strict=True)])
    longest = max(n * factor for n, factor in zip(mask.GetSize(), grown, strict=True))
    if not (voxels <= MOST_VOXELS and longest <= MOST_IN_A_ROW):
        raise RoiError(
            f"Resampled to {' × '.join(f'{mm:g}' for mm in settings.voxel_mm)} mm, the ROI of {name} would have "
            f"{voxels:,.0f} voxels. Check the voxel size in the image's header, "
            f"{' × '.join(f'{mm:g}' for mm in mask.GetSpacing())} mm."
        )


def resample_region(case: Case, region: sitk.Image, settings: PyRadiomicsSettings) -> SharedImage | None:
    """The case's image resampled around a region (uint8 0/1, on the case's grid), for masks that lie inside it.

    None where the settings do not resample, or a part cut out might not have the bits of a part resampled alone.
    """
    if settings.voxel_mm is None or settings.pixel_type != "int16" or _grids_meet(case.image, settings.voxel_mm):
        return None
    return SharedImage(_resample(case.image, measurement_frame(region), settings)[0])


def _above(image: sitk.Image, mask: sitk.Image, hu_min: float) -> sitk.Image:
    kept = sitk.GetArrayViewFromImage(mask).astype(bool) & (sitk.GetArrayViewFromImage(image) >= hu_min)
    result = sitk.GetImageFromArray(kept.astype(np.uint8))
    result.CopyInformation(mask)
    return result


def _grids_meet(image: sitk.Image, voxel_mm: Sequence[float]) -> bool:
    """Whether a voxel centre of the new grid falls on one of the old.

    There the interpolated value is a whole HU but for its last bits, SimpleITK truncates it, and a box would not give
    the bits of the whole image.
    """
    for n, old, new in zip(image.GetSize(), image.GetSpacing(), voxel_mm, strict=True):
        centres = (np.arange(int(n * old / new) + 1) + 0.5) * new / old - 0.5
        if not np.isclose(centres, np.rint(centres), rtol=0, atol=1e-6).any():
            return False
    return True


def _cut(
    shared: SharedImage | None, mask: sitk.Image, settings: PyRadiomicsSettings
) -> tuple[sitk.Image, sitk.Image, Part] | None:
    """What :func:`_resample` gives, its image cut out of a larger one; None where that is not possible."""
    if shared is None:
        return None
    grid, mask = _on_grid_of(mask, mask, settings, "sitkNearestNeighbor")
    if grid.GetSpacing() != shared.image.GetSpacing():  # PyRadiomics does not resample across a mask of one slice
        return None
    offset = np.subtract(grid.GetOrigin(), shared.image.GetOrigin()) / grid.GetSpacing()
    start = np.rint(offset).astype(int).tolist()
    image = sitk.RegionOfInterest(shared.image, grid.GetSize(), start)
    image.SetOrigin(grid.GetOrigin())
    return image, mask, Part(shared, tuple(start))


def _resample(image: sitk.Image, mask: sitk.Image, settings: PyRadiomicsSettings) -> tuple[sitk.Image, sitk.Image]:
    """PyRadiomics' own resampling; it takes the grid from the mask, so the image may be a box around the ROI."""
    assert settings.voxel_mm is not None
    if settings.pixel_type != "int16" or _grids_meet(image, settings.voxel_mm):
        box = measurement_frame(image)
    else:
        start, size = bounding_box(mask)
        lower, upper = [], []
        for axis, (old, new) in enumerate(zip(image.GetSpacing(), settings.voxel_mm, strict=True)):
            reach = MARGIN_VOXELS + int(np.ceil((PAD_VOXELS + 1) * new / old))
            lower.append(max(start[axis] - reach, 0))
            upper.append(min(start[axis] + size[axis] + reach, image.GetSize()[axis]))
        box = measurement_frame(
            image[lower[0] : upper[0], lower[1] : upper[1], lower[2] : upper[2]],
            [index * mm for index, mm in zip(lower, image.GetSpacing(), strict=True)],
        )
    return _on_grid_of(box, mask, settings, settings.interpolator)


def _on_grid_of(
    image: sitk.Image, mask: sitk.Image, settings: PyRadiomicsSettings, interpolator: str
) -> tuple[sitk.Image, sitk.Image]:
    assert settings.voxel_mm is not None
    return _resample_image()(
        image,
        mask,
        resampledPixelSpacing=list(settings.voxel_mm),
        interpolator=interpolator,
        padDistance=PAD_VOXELS,
        label=LABEL,
    )


@lru_cache
def _resample_image() -> Any:
    """PyRadiomics' function, which finds a quicker way to the bounding box, and a quicker filter."""
    operations = radiomics().imageoperations
    simpleitk = SimpleNamespace(**{**vars(sitk), "ResampleImageFilter": Resampler})
    quick = {"_checkROI": lambda image, mask, **_: np.concatenate(bounding_box(mask)), "sitk": simpleitk}
    return FunctionType(operations.resampleImage.__code__, {**vars(operations), **quick})
