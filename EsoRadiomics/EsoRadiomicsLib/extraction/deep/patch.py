"""The picture of an ROI that a network is shown: a square out of an axial slice, windowed to gray and resized."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ...core.errors import RoiError
from ...core.translation import told, tr
from ..roi import Picture, Step
from .deep_settings import DeepSettings

AIR_HU = -1024.0
"""What a picture shows where it reaches beyond the CT."""
WHITE = 255.0


def make_pictures(
    image: sitk.Image, mask: sitk.Image, settings: DeepSettings, name: str
) -> tuple[tuple[Picture, ...], Step, tuple[str, ...]]:
    """The pictures that ``settings`` ask for, the ROI's voxels in them, and warnings.

    Enlarging interpolates; where the box has more pixels than the picture nothing is averaged.

    Args:
        image: CT in HU, axes along left, posterior and superior.
        mask: uint8, 1 in the ROI, on the same grid.
        settings: slices, box, window, size.
        name: what messages call the case.

    Raises:
        RoiError: no slice has enough pixels of the ROI.
    """
    inside = sitk.GetArrayViewFromImage(mask) != 0
    areas = np.count_nonzero(inside, axis=(1, 2))
    largest = int(areas.argmax())  # the first of several: the lowest
    if areas[largest] < settings.min_pixels:
        raise RoiError(
            f"The largest axial slice of the ROI of {name} has {areas[largest]} pixels; at least {settings.min_pixels} "
            "are needed for a picture. Check the contour, and that it is drawn on axial slices."
        )
    slices = [largest] if settings.slices == "largest" else np.flatnonzero(areas >= settings.min_pixels).tolist()
    pictures, beyond = [], False
    for z in slices:
        gray, inside, side, outside = _picture(image[:, :, z], mask[:, :, z], settings)
        caption = told(
            "axial slice {n} of {count} from the feet, {side:.0f} × {side:.0f} mm", n=z + 1, count=len(areas), side=side
        )
        pictures.append(Picture(gray, inside, caption))
        beyond |= outside
    warnings: tuple[str, ...] = ()
    if beyond:
        warnings = (
            tr(
                "The box around the ROI reaches beyond the edge of the CT; the network was shown air there. Check that "
                "the CT covers the ROI and its surroundings."
            ),
        )
    where = (
        pictures[0].caption
        if len(slices) == 1
        else told("{count} axial slices of {least} pixels or more", count=len(slices), least=settings.min_pixels)
    )
    voxels = int(areas[slices].sum())
    step = Step(where, voxels, voxels * float(np.prod(mask.GetSpacing())) / 1000)
    return tuple(pictures), step, warnings


def network_input(gray: np.ndarray, settings: DeepSettings) -> np.ndarray:
    """Pictures (k, s, s) of gray values as the network takes them: (k, channels, s, s), float32."""
    mean, sd = (
        np.array(values * settings.input_channels, np.float32)[: settings.input_channels, np.newaxis, np.newaxis]
        for values in (settings.gray_mean, settings.gray_sd)
    )
    return (gray[:, np.newaxis] - mean) / sd


def _picture(image: sitk.Image, mask: sitk.Image, settings: DeepSettings) -> tuple[np.ndarray, np.ndarray, float, bool]:
    """(gray, ROI, side in mm, whether it reaches beyond the CT) of one slice; the frame begins at (0, 0)."""
    spacing = np.array(image.GetSpacing())
    rows, columns = np.nonzero(sitk.GetArrayViewFromImage(mask))
    low = np.array([columns.min(), rows.min()]) * spacing - spacing / 2
    high = np.array([columns.max(), rows.max()]) * spacing + spacing / 2
    side = float((high - low).max()) + 2 * settings.margin_mm
    corner = (low + high) / 2 - side / 2
    beyond = bool((corner < -spacing / 2).any() or (corner + side > (image.GetSize() - np.array(0.5)) * spacing).any())
    size = settings.input_size
    grid = sitk.Image(size, size, sitk.sitkFloat32)
    grid.SetSpacing((side / size, side / size))
    grid.SetOrigin((corner + side / size / 2).tolist())
    hu = sitk.Resample(
        sitk.Cast(_framed(image), sitk.sitkFloat32),
        grid,
        sitk.Transform(),
        getattr(sitk, settings.interpolator),
        AIR_HU,
        sitk.sitkFloat32,
    )
    roi = sitk.Resample(_framed(mask), grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    inside = sitk.GetArrayFromImage(roi) != 0
    black, white = settings.hu_window
    gray = np.clip((sitk.GetArrayFromImage(hu) - black) / (white - black), 0, 1) * WHITE
    if settings.background == "masked":
        gray[~inside] = 0
    return gray.astype(np.float32), inside, side, beyond


def _framed(image: sitk.Image) -> sitk.Image:
    """A slice without its place in the world, whose decimals would otherwise reach the interpolation."""
    framed = sitk.Image(image)
    framed.SetOrigin((0.0, 0.0))
    framed.SetDirection((1.0, 0.0, 0.0, 1.0))
    return framed
