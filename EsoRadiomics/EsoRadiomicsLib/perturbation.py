"""Perturbations of one patient's image and contour, within what re-imaging and re-contouring do.

After Zwanenburg et al., "Assessing robustness of radiomic features by image perturbation", Sci Rep 9:614 (2019),
doi 10.1038/s41598-018-36938-4: rotation, noise, volume change, translation and contour randomisation. Each is named,
seeded and reproducible.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pywt
import SimpleITK as sitk

from .case import Case
from .roi import bounding_box

CONTEXT_MM = 15.0
"""What is worked on beyond the GTV's bounding box: more than any perturbation moves, or the features look at."""
SUPERVOXEL_MM = 5.0
SURE_OVERLAP = 0.9
"""A supervoxel with at least this share inside the GTV always belongs to it (Zwanenburg et al. 2019)."""

CHANGE_MM = (0.5, 2.0)
SHIFT_MM = (0.5, 2.0)
ROTATION_DEG = (1.0, 6.0)


@dataclass(frozen=True)
class Perturbation:
    """One draw: ``kind`` is a key of :data:`KINDS`; ``seed`` fixes every random number of it."""

    kind: str
    seed: tuple[int, ...]

    def apply(self, case: Case) -> tuple[Case, str]:
        """The perturbed case, on the same grid and in the same pixel type, and what was done, in words."""
        image, mask, words = KINDS[self.kind](case, np.random.default_rng(self.seed))
        return replace(case, image=image, mask=mask), words


def plan(count: int, seed: int, kinds: tuple[str, ...] | None = None) -> tuple[Perturbation, ...]:
    """``count`` perturbations, the kinds in turn, each with its own seed."""
    kinds = kinds or tuple(KINDS)
    return tuple(Perturbation(kinds[i % len(kinds)], (seed, i)) for i in range(count))


def noise_level(image: sitk.Image, start: tuple[int, ...], size: tuple[int, ...]) -> float:
    """SD in HU of the noise in a box of a CT: median |HH| / 0.6745 of the finest in-plane wavelet (coif1).

    Source: Donoho and Johnstone, Biometrika 81:425 (1994); as used by Zwanenburg et al. 2019.
    """
    box = sitk.GetArrayFromImage(_crop(image, start, size)).astype(float)
    details = [pywt.dwt2(plane, "coif1")[1][2] for plane in box]
    return float(np.median(np.abs(np.stack(details))) / 0.6745)


def _volume(case: Case, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    change = float(random.uniform(*CHANGE_MM) * random.choice([-1, 1]))
    start, size = _surroundings(case)
    distance = _distance(_crop(case.mask, start, size))
    mask = _paste(case.mask, distance <= change, start)
    return case.image, mask, f"{'grown' if change > 0 else 'shrunk'} by {abs(change):.1f} mm"


def _shift(case: Case, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    # In the slice plane: a shift across slices of several mm would be a whole slice or nothing.
    angle, length = random.uniform(0, 2 * math.pi), random.uniform(*SHIFT_MM)
    right, down, _ = np.reshape(case.mask.GetDirection(), (3, 3)).T
    vector = length * (math.cos(angle) * right + math.sin(angle) * down)
    start, size = _surroundings(case)
    moved = _warp(_crop(case.mask, start, size), sitk.TranslationTransform(3, (-vector).tolist()))
    mask = _paste(case.mask, moved, start)
    return case.image, mask, f"contour shifted by ({', '.join(f'{mm:+.1f}' for mm in vector)}) mm"


def _rotation(case: Case, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    degrees = float(random.uniform(*ROTATION_DEG) * random.choice([-1, 1]))
    start, size = _surroundings(case)
    centre = case.image.TransformContinuousIndexToPhysicalPoint([a + b / 2 for a, b in zip(start, size, strict=True)])
    normal = np.reshape(case.image.GetDirection(), (3, 3))[:, 2]
    rotation = sitk.VersorTransform(normal.tolist(), math.radians(degrees))
    rotation.SetCenter(centre)
    source = _crop(case.image, *_surroundings(case, 2 * CONTEXT_MM))
    box = sitk.Resample(source, _crop(case.image, start, size), rotation, sitk.sitkBSpline, -1024.0)
    image = sitk.Paste(case.image, box, box.GetSize(), destinationIndex=start)
    turned = _warp(_crop(case.mask, start, size), rotation)
    return image, _paste(case.mask, turned, start), f"image and contour rotated by {degrees:+.1f}°"


def _boundary(case: Case, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    start, size = _surroundings(case)
    box = sitk.Clamp(sitk.Cast(_crop(case.image, start, size), sitk.sitkFloat32), sitk.sitkFloat32, -200, 300)
    grid = [max(2, round(SUPERVOXEL_MM / mm)) for mm in case.image.GetSpacing()]
    grid = [min(cells, extent) for cells, extent in zip(grid, size, strict=True)]
    labels = sitk.GetArrayFromImage(sitk.SLIC(box, grid, enforceConnectivity=False, initializationPerturbation=False))
    inside = sitk.GetArrayFromImage(_crop(case.mask, start, size)).astype(bool)
    overlap = np.bincount(labels[inside], minlength=labels.max() + 1) / np.maximum(np.bincount(labels.ravel()), 1)
    chosen = (overlap >= SURE_OVERLAP) | (random.uniform(size=overlap.size) < overlap)
    mask = sitk.GetImageFromArray(chosen[labels].astype(np.uint8))
    mask.CopyInformation(box)
    return case.image, _paste(case.mask, mask, start), "boundary redrawn along supervoxels"


def _noise(case: Case, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    start, size = _surroundings(case)
    level = noise_level(case.image, start, size)
    box = _crop(case.image, start, size)
    noisy = sitk.GetArrayFromImage(box) + random.normal(0, level, size[::-1])
    if case.image.GetPixelID() == sitk.sitkInt16:
        noisy = np.clip(np.rint(noisy), -32768, 32767)
    replaced = sitk.Cast(sitk.GetImageFromArray(noisy), case.image.GetPixelID())
    image = sitk.Paste(case.image, replaced, replaced.GetSize(), destinationIndex=start)
    return image, case.mask, f"noise of {level:.1f} HU added"


KINDS: dict[str, Callable[[Case, np.random.Generator], tuple[sitk.Image, sitk.Image, str]]] = {
    "volume": _volume,
    "shift": _shift,
    "rotation": _rotation,
    "boundary": _boundary,
    "noise": _noise,
}


def _surroundings(case: Case, context_mm: float = CONTEXT_MM) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(start, size) of the GTV's bounding box with its context, inside the image."""
    start, size = bounding_box(case.mask)
    reach = [math.ceil(context_mm / mm) for mm in case.mask.GetSpacing()]
    lower = [max(a - r, 0) for a, r in zip(start, reach, strict=True)]
    upper = [min(a + b + r, n) for a, b, r, n in zip(start, size, reach, case.mask.GetSize(), strict=True)]
    return tuple(lower), tuple(b - a for a, b in zip(lower, upper, strict=True))


def _crop(image: sitk.Image, start: tuple[int, ...], size: tuple[int, ...]) -> sitk.Image:
    return sitk.RegionOfInterest(image, size, start)


def _paste(whole: sitk.Image, part: sitk.Image, start: tuple[int, ...]) -> sitk.Image:
    empty = sitk.Image(whole.GetSize(), sitk.sitkUInt8)
    empty.CopyInformation(whole)
    return sitk.Paste(empty, sitk.Cast(part, sitk.sitkUInt8), part.GetSize(), destinationIndex=start)


def _distance(mask: sitk.Image) -> sitk.Image:
    """Signed distance in mm from the surface, negative inside; the surface lies half a voxel from the voxel centres."""
    half = min(mask.GetSpacing()) / 2
    outward = sitk.SignedMaurerDistanceMap(mask, squaredDistance=False, useImageSpacing=True)
    inward = sitk.SignedMaurerDistanceMap(mask == 0, squaredDistance=False, useImageSpacing=True)
    return sitk.Cast(mask == 0, sitk.sitkFloat32) * (outward - half) - sitk.Cast(mask, sitk.sitkFloat32) * (
        inward - half
    )


def _warp(mask: sitk.Image, transform: sitk.Transform) -> sitk.Image:
    """The mask under a transform (from output to input points), with its surface between voxel centres."""
    moved = sitk.Resample(_distance(mask), mask, transform, sitk.sitkLinear, CONTEXT_MM)
    return moved <= 0
