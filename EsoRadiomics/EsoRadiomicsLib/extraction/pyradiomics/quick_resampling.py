"""B-spline resampling onto a grid with the same axes, as products of small matrices: SimpleITK's values in less time.

SimpleITK cuts off an int16 image's decimals. So its values are known for certain where ours, whose last bits differ,
lie farther from a whole number than both can err; where one lies nearer, SimpleITK itself resamples.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import SimpleITK as sitk

_POLE = 3**0.5 - 2
_HORIZON = 18  # ceil(log 1e-10 / log |pole|), where ITK ends the sum that a line begins with
_SURE = 1e-8
"""HU: ten times what rounding can change in products of HU with coordinates of half a metre."""
_SLAB = 1 << 21
"""Voxels that are computed at a time, so that their decimals take no memory to speak of."""


class Resampler(sitk.ResampleImageFilter):
    """SimpleITK's filter, which is asked only where it must be; its output grid is set once, before the first image."""

    _last: tuple[sitk.Image, int, sitk.Image] | None = None

    def Execute(self, image: sitk.Image) -> sitk.Image:  # noqa: N802 - SimpleITK's name
        """The resampled image; that of a mask which is its own image is asked for twice."""
        if self._last is None or self._last[0] is not image or self._last[1] != self.GetInterpolator():
            self._last = image, self.GetInterpolator(), self._quick(image) or super().Execute(image)
        return self._last[2]

    def _quick(self, image: sitk.Image) -> sitk.Image | None:
        straight = image.GetDirection() == self.GetOutputDirection() == tuple(np.eye(3).ravel())
        kinds = (image.GetPixelID(), self.GetOutputPixelType(), self.GetInterpolator())
        if kinds != (sitk.sitkInt16, sitk.sitkInt16, sitk.sitkBSpline) or not straight or min(image.GetSize()) < 4:
            return None
        matrices = []
        axes = zip(image.GetSize(), image.GetSpacing(), image.GetOrigin(), strict=True)
        targets = zip(self.GetSize(), self.GetOutputSpacing(), self.GetOutputOrigin(), strict=True)
        for (length, old, start), (count, new, first) in zip(axes, targets, strict=True):
            at = (first + np.arange(count) * new - start) / old
            if at[0] < _SURE - 0.5 or at[-1] > length - 0.5 - _SURE:  # beyond the image is 0
                return None
            matrices.append(_weights(at, length) @ _coefficients(length))
        voxels = _resampled(sitk.GetArrayViewFromImage(image), *matrices)
        if voxels is None:
            return None
        result = sitk.GetImageFromArray(voxels)
        result.SetSpacing(self.GetOutputSpacing())
        result.SetOrigin(self.GetOutputOrigin())
        return result


def _resampled(voxels: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray | None:
    """(z, y, x) voxels multiplied along each axis, without decimals; None where these do not decide."""
    planes = y @ (voxels.astype(float) @ x.T)
    shape = len(z), len(y), len(x)
    planes = planes.reshape(len(planes), -1)
    found = np.empty((len(z), planes.shape[1]), np.int16)
    step = max(1, _SLAB // planes.shape[1])
    limits = np.iinfo(np.int16)
    for first in range(0, len(z), step):
        slab = z[first : first + step] @ planes
        if np.abs(slab - np.rint(slab)).min() < _SURE:
            return None
        found[first : first + step] = np.clip(slab, limits.min, limits.max)
    return found.reshape(shape)


@lru_cache(maxsize=16)
def _coefficients(length: int) -> np.ndarray:
    """What turns a line's values into coefficients of cubic B-splines, as itk::BSplineDecompositionImageFilter does.

    Source: Unser, IEEE Signal Processing Magazine 16:22 (1999).
    """
    lines = np.eye(length) * ((1 - _POLE) * (1 - 1 / _POLE))
    if length > _HORIZON:
        lines[0] = _POLE ** np.arange(_HORIZON) @ lines[:_HORIZON]
    else:
        mirrored = np.append(np.arange(length), np.arange(length - 2, 0, -1))
        lines[0] = _POLE ** np.arange(len(mirrored)) @ lines[mirrored] / (1 - _POLE ** len(mirrored))
    for n in range(1, length):
        lines[n] += _POLE * lines[n - 1]
    lines[-1] = _POLE / (_POLE**2 - 1) * (_POLE * lines[-2] + lines[-1])
    for n in range(length - 2, -1, -1):
        lines[n] = _POLE * (lines[n + 1] - lines[n])
    return lines


def _weights(at: np.ndarray, length: int) -> np.ndarray:
    """Of each coefficient of a line, at continuous indices; beyond its ends the line is mirrored."""
    below = np.floor(at).astype(int)
    w = at - below
    last = w**3 / 6
    first = 1 / 6 + w * (w - 1) / 2 - last
    third = w + first - 2 * last
    matrix = np.zeros((len(at), length))
    for offset, weight in zip(range(-1, 3), (first, 1 - first - third - last, third, last), strict=True):
        index = np.abs(below + offset)
        index = np.where(index >= length, 2 * (length - 1) - index, index)
        np.add.at(matrix, (np.arange(len(at)), index), weight)
    return matrix
