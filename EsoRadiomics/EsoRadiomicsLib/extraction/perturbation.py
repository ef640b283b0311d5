"""Perturbations of one patient's image and contour, within what re-imaging and re-contouring do.

After Zwanenburg et al., "Assessing robustness of radiomic features by image perturbation", Sci Rep 9:614 (2019),
doi 10.1038/s41598-018-36938-4: rotation, noise, volume change, translation and contour randomisation. Each is named,
seeded and reproducible. The limits below are not that paper's (which changes volumes by percent and shifts the voxel
grid): they are assumed, the size of what a reader changes who draws the same tumour again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pywt
import SimpleITK as sitk

from ..imaging.case import Case
from .roi import bounding_box

CHANGE_MM = (0.5, 2.0)
SHIFT_MM = (0.5, 2.0)
ROTATION_DEG = (1.0, 6.0)

CONTEXT_MM = 15.0
"""What is worked on beyond the GTV's bounding box: more than any perturbation moves, or the features look at."""
SUPERVOXEL_MM = 5.0
COMPACTNESS_HU = 25.0
"""Difference in HU that counts as much as the edge of a supervoxel; more than the noise, or they become ragged."""
SURE_OVERLAP, LEAST_OVERLAP = 0.9, 0.2
"""A supervoxel with so much of it inside the GTV always belongs to it, and with less never (Zwanenburg et al. 2019)."""


@dataclass(frozen=True, eq=False)
class Site:
    """A case, and what its perturbations work on; what several of them need is computed once, when it is needed."""

    case: Case

    @cached_property
    def box(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(start, size) in voxels of the GTV's bounding box with its context, inside the image."""
        return self.surroundings(CONTEXT_MM)

    @cached_property
    def image(self) -> sitk.Image:
        """The CT in the box."""
        return _crop(self.case.image, *self.box)

    @cached_property
    def mask(self) -> sitk.Image:
        """The GTV in the box."""
        return _crop(self.case.mask, *self.box)

    @cached_property
    def distance(self) -> sitk.Image:
        """Signed distance in mm from the contour, negative inside; it lies half a voxel from the voxel centres."""
        half = min(self.mask.GetSpacing()) / 2
        outward, inward = (
            sitk.SignedMaurerDistanceMap(part, squaredDistance=False, useImageSpacing=True) - half
            for part in (self.mask, self.mask == 0)
        )
        inside = sitk.Cast(self.mask, sitk.sitkFloat32)
        return (1 - inside) * outward - inside * inward

    @cached_property
    def supervoxels(self) -> np.ndarray:
        """(z, y, x) number of the supervoxel of each voxel: connected pieces of tissue of one density."""
        soft = sitk.Clamp(sitk.Cast(self.image, sitk.sitkFloat32), sitk.sitkFloat32, -200, 300)
        smooth = sitk.SmoothingRecursiveGaussian(soft, min(soft.GetSpacing()))
        grid = [max(2, round(SUPERVOXEL_MM / mm)) for mm in soft.GetSpacing()]
        grid = [min(cells, extent) for cells, extent in zip(grid, soft.GetSize(), strict=True)]
        labels = sitk.SLIC(smooth, grid, COMPACTNESS_HU, enforceConnectivity=True, initializationPerturbation=False)
        return sitk.GetArrayFromImage(labels)

    @cached_property
    def spline(self) -> sitk.Image:
        """Coefficients of the cubic B-spline through the CT in the box and what may turn into it."""
        source = _crop(self.case.image, *self.surroundings(2 * CONTEXT_MM))
        return sitk.BSplineDecomposition(sitk.Cast(source, sitk.sitkFloat64))

    @cached_property
    def noise_hu(self) -> float:
        """SD of the noise of the CT in the box."""
        return noise_level(self.image)

    def surroundings(self, context_mm: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(start, size) in voxels of the GTV's bounding box and ``context_mm`` around it, inside the image."""
        start, size = bounding_box(self.case.mask)
        reach = [math.ceil(context_mm / mm) for mm in self.case.mask.GetSpacing()]
        lower = [max(a - r, 0) for a, r in zip(start, reach, strict=True)]
        extent = zip(start, size, reach, self.case.mask.GetSize(), strict=True)
        upper = [min(a + b + r, n) for a, b, r, n in extent]
        return tuple(lower), tuple(b - a for a, b in zip(lower, upper, strict=True))

    def whole_mask(self, part: sitk.Image) -> sitk.Image:
        """A mask of the box as one on the case's grid."""
        empty = sitk.Image(self.case.mask.GetSize(), sitk.sitkUInt8)
        empty.CopyInformation(self.case.mask)
        return _paste(empty, sitk.Cast(part, sitk.sitkUInt8), self.box[0])

    def whole_image(self, part: sitk.Image) -> sitk.Image:
        """The CT with another content of the box."""
        return _paste(self.case.image, part, self.box[0])


@dataclass(frozen=True)
class Perturbation:
    """One draw: ``kind`` is a key of :data:`KINDS`; ``seed`` fixes every random number of it."""

    kind: str
    seed: tuple[int, ...]

    def apply(self, subject: Case | Site) -> tuple[Case, str]:
        """The perturbed case, on the same grid and in the same pixel type, and what was done, in words.

        A site spares several perturbations of one case what they have in common.
        """
        site = subject if isinstance(subject, Site) else Site(subject)
        image, mask, words = KINDS[self.kind](site, np.random.default_rng(self.seed))
        return replace(site.case, image=image, mask=mask), words


def plan(count: int, seed: int, kinds: tuple[str, ...] | None = None) -> tuple[Perturbation, ...]:
    """``count`` perturbations, the kinds in turn, each with its own seed."""
    kinds = kinds or tuple(KINDS)
    return tuple(Perturbation(kinds[i % len(kinds)], (seed, i)) for i in range(count))


def noise_level(image: sitk.Image) -> float:
    """SD in HU of the noise of a CT: median |HH| / 0.6745 of the finest in-plane wavelet (coif1).

    Source: Donoho and Johnstone, Biometrika 81:425 (1994); with this wavelet Chang, Yu and Vetterli, IEEE Trans Image
    Process 9:1532 (2000), as used by Zwanenburg et al. 2019.
    """
    details = [pywt.dwt2(plane, "coif1")[1][2] for plane in sitk.GetArrayFromImage(image).astype(float)]
    return float(np.median(np.abs(np.stack(details))) / 0.6745)


def _volume(site: Site, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    change = float(random.uniform(*CHANGE_MM) * random.choice([-1, 1]))
    words = f"{'grown' if change > 0 else 'shrunk'} by {abs(change):.1f} mm"
    return site.case.image, site.whole_mask(site.distance <= change), words


def _shift(site: Site, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    # In the slice plane: a shift across slices of several mm would be a whole slice or nothing.
    angle, length = random.uniform(0, 2 * math.pi), random.uniform(*SHIFT_MM)
    right, down, _ = np.reshape(site.mask.GetDirection(), (3, 3)).T
    vector = length * (math.cos(angle) * right + math.sin(angle) * down)
    moved = _warped(site, sitk.TranslationTransform(3, (-vector).tolist()))
    return site.case.image, moved, f"contour shifted by ({', '.join(f'{mm:+.1f}' for mm in vector)}) mm"


def _rotation(site: Site, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    degrees = float(random.uniform(*ROTATION_DEG) * random.choice([-1, 1]))
    middle = [a + b / 2 for a, b in zip(*site.box, strict=True)]
    normal = np.reshape(site.image.GetDirection(), (3, 3))[:, 2]
    rotation = sitk.VersorTransform(normal.tolist(), math.radians(degrees))
    rotation.SetCenter(site.case.image.TransformContinuousIndexToPhysicalPoint(middle))
    kind, outside = site.image.GetPixelID(), -1024.0
    turned = sitk.Resample(site.spline, site.image, rotation, sitk.sitkBSplineResampler, outside, kind)
    return site.whole_image(turned), _warped(site, rotation), f"image and contour rotated by {degrees:+.1f}°"


def _boundary(site: Site, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    labels, inside = site.supervoxels, sitk.GetArrayViewFromImage(site.mask) != 0
    sizes = np.bincount(labels.ravel())
    overlap = np.bincount(labels[inside], minlength=sizes.size) / np.maximum(sizes, 1)
    overlap[overlap.argmax()] = 1.0  # a GTV smaller than a supervoxel must not vanish
    chance = random.uniform(size=overlap.size) < overlap
    chosen = (overlap >= SURE_OVERLAP) | (chance & (overlap >= LEAST_OVERLAP))
    closed = sitk.GetImageFromArray(_closed(chosen[labels]).astype(np.uint8))
    return site.case.image, site.whole_mask(closed), "boundary redrawn along supervoxels"


def _noise(site: Site, random: np.random.Generator) -> tuple[sitk.Image, sitk.Image, str]:
    noisy = sitk.GetArrayFromImage(site.image) + random.normal(0, site.noise_hu, site.box[1][::-1])
    if site.image.GetPixelID() == sitk.sitkInt16:
        noisy = np.clip(np.rint(noisy), -32768, 32767)
    part = sitk.Cast(sitk.GetImageFromArray(noisy), site.image.GetPixelID())
    return site.whole_image(part), site.case.mask, f"noise of {site.noise_hu:.1f} HU added"


KINDS: dict[str, Callable[[Site, np.random.Generator], tuple[sitk.Image, sitk.Image, str]]] = {
    "volume": _volume,
    "shift": _shift,
    "rotation": _rotation,
    "boundary": _boundary,
    "noise": _noise,
}


def _closed(inside: np.ndarray) -> np.ndarray:
    """Closing by one voxel along each axis; what a filter for any shape does in 20 times the time."""
    grown = np.pad(inside, 2)
    grown = np.logical_or.reduce(_with_neighbours(grown))
    return np.logical_and.reduce(_with_neighbours(grown))


def _with_neighbours(array: np.ndarray) -> list[np.ndarray]:
    """The array without its rim, and the same shifted by one voxel to each side."""
    middle = [slice(1, -1)] * 3
    shifted = [
        array[
            tuple(slice(1 + step, n - 1 + step) if axis == at else middle[axis] for axis, n in enumerate(array.shape))
        ]
        for at in range(3)
        for step in (-1, 1)
    ]
    return [array[tuple(middle)], *shifted]


def _warped(site: Site, transform: sitk.Transform) -> sitk.Image:
    """The GTV under a transform (from output to input points), with its surface between voxel centres."""
    moved = sitk.Resample(site.distance, site.mask, transform, sitk.sitkLinear, CONTEXT_MM)
    return site.whole_mask(moved <= 0)


def _crop(image: sitk.Image, start: tuple[int, ...], size: tuple[int, ...]) -> sitk.Image:
    return sitk.RegionOfInterest(image, size, start)


def _paste(whole: sitk.Image, part: sitk.Image, start: tuple[int, ...]) -> sitk.Image:
    pasted = sitk.Image(whole)  # the one copy
    x, y, z = (slice(first, first + length) for first, length in zip(start, part.GetSize(), strict=True))
    pasted[x, y, z] = part
    return pasted
