"""An image that was resampled once for several ROIs in it, and its sub-bands, filtered once for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

if TYPE_CHECKING:
    from .sub_bands import SubBands

MOST_SHARED = 1 << 22
"""Voxels of an image whose sub-bands are kept: of more, eight take over a quarter of a gigabyte."""


@dataclass(eq=False)
class SharedImage:
    """The image (measurement frame), and its sub-bands as they are asked for."""

    image: sitk.Image
    _source: SubBands | None = None
    _bands: dict[str, np.ndarray] = field(default_factory=dict)

    def band(self, name: str, wavelet: str) -> np.ndarray:
        """(z, y, x) of a sub-band; of one wavelet."""
        from .sub_bands import SubBands

        if self._source is None:
            voxels = sitk.GetArrayViewFromImage(self.image)
            self._source = SubBands(voxels, np.broadcast_to(True, voxels.shape), wavelet)
        if name not in self._bands:
            self._bands[name] = self._source.whole(name)
        return self._bands[name]


@dataclass(frozen=True, eq=False)
class Part:
    """Where an ROI's image was cut out of a shared one: its first voxel (x, y, z)."""

    whole: SharedImage
    start: tuple[int, ...]

    def has_bands_of(self, mask: np.ndarray, reach: int) -> bool:
        """Whether in the ROI (z, y, x, bool) the sub-bands of cut and whole are the same.

        So it is where no filter that reaches so many voxels comes to the cut's border, beyond which it begins again.
        """
        if self.whole.image.GetNumberOfPixels() > MOST_SHARED:
            return False
        found = [
            np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis))) for axis in range(3)
        ]
        return all(line[0] >= reach and line[-1] < n - reach for line, n in zip(found, mask.shape, strict=True))


class PartBands:
    """As :class:`SubBands`, taken from a shared image."""

    def __init__(self, part: Part, mask: np.ndarray, wavelet: str) -> None:
        self._part, self._mask, self._wavelet = part, mask, wavelet

    def values(self, name: str) -> np.ndarray:
        """The values in the ROI of a sub-band such as ``wavelet-LLH``."""
        place = zip(self._part.start[::-1], self._mask.shape, strict=True)
        cut = tuple(slice(first, first + length) for first, length in place)
        return self._part.whole.band(name, self._wavelet)[cut][self._mask]
