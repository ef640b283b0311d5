"""A made-up patient for a first try without data: a thorax with a tumour of the esophagus, from formulas and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk

from .mrml_images import ijk_to_ras, image_data, vtk_matrix
from .scene_segments import GTV_COLOUR, add_segmentation

NAME = "Generated thorax (not a patient)"
SIZE, SPACING = (176, 136, 48), (2.0, 2.0, 3.0)
AIR, LUNG, FAT, TISSUE, BONE, TUMOUR = -1000, -800, -90, 45, 450, 35


def thorax() -> tuple[sitk.Image, sitk.Image]:
    """CT (int16, HU) and GTV (uint8): the same voxels every time."""
    z, y, x = np.indices(SIZE[::-1], dtype=float)
    x, y, z = ((i - (n - 1) / 2) * mm for i, n, mm in zip((x, y, z), SIZE, SPACING, strict=True))

    def ellipse(at: tuple[float, float], radii: tuple[float, float]) -> np.ndarray:
        return ((x - at[0]) / radii[0]) ** 2 + ((y - at[1]) / radii[1]) ** 2

    hu = np.full(x.shape, float(AIR))
    for at, radii, value in (
        ((0, 0), (160, 108), FAT),
        ((0, 0), (150, 98), TISSUE),
        ((-72, -8), (62, 74), LUNG),
        ((72, -8), (62, 74), LUNG),
        ((12, -38), (48, 38), TISSUE + 10),  # heart
        ((0, 72), (22, 18), BONE),
        ((22, 44), (13, 13), TISSUE + 15),  # aorta
        ((0, 42), (9, 8), TISSUE),
    ):
        hu[ellipse(at, radii) < 1] = value
    tumour = ((x - 1) / 17) ** 2 + ((y - 40) / 13) ** 2 + ((z - 6) / 30) ** 2 < 1 + 0.15 * np.sin(x / 4 + z / 5)
    hu[tumour] = TUMOUR
    hu[(ellipse((2, 38), (4, 3)) < 1) & (z > -60)] = AIR + 50  # the lumen, narrow
    noise = np.random.default_rng(20210925).normal(size=x.shape)
    for axis in range(3):  # grain of a few mm, as a scanner's
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    hu += noise * np.where(tumour, 5, 3)
    ct, gtv = sitk.GetImageFromArray(np.round(hu).astype(np.int16)), sitk.GetImageFromArray(tumour.astype(np.uint8))
    for image in (ct, gtv):
        image.SetSpacing(SPACING)
        image.SetOrigin([-(n - 1) / 2 * mm for n, mm in zip(SIZE, SPACING, strict=True)])
    return ct, gtv


def add_generated_patient(scene: Any) -> tuple[Any, Any]:
    """Put CT and GTV into the scene; their names say that they are generated."""
    ct, gtv = thorax()
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", NAME)
    volume.SetAndObserveImageData(image_data(ct))
    volume.SetIJKToRASMatrix(vtk_matrix(ijk_to_ras(ct)))
    volume.CreateDefaultDisplayNodes()
    return volume, add_segmentation(scene, f"{NAME}: GTV", {"GTV": gtv}, GTV_COLOUR, volume)
