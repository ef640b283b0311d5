"""The wavelet sub-bands of a resampled image inside an ROI, computed when they are asked for.

PyRadiomics computes all eight as whole images at once. Here an axis is filtered when a sub-band needs it, with the same
function and padding, and of a sub-band only the ROI's voxels are given: the same values with less work and memory.
"""

from __future__ import annotations

import numpy as np
import pywt

PREFIX = "wavelet-"
AXES = (2, 1, 0)
"""The first letter of a sub-band's name is that of x."""


class SubBands:
    """The sub-bands of one level; asked for in the order of their names, no axis is filtered twice.

    Args:
        image: (z, y, x).
        mask: of the same shape, bool.
        wavelet: PyWavelets' name.
    """

    def __init__(self, image: np.ndarray, mask: np.ndarray, wavelet: str) -> None:
        self._image = np.pad(image, [(0, size % 2) for size in image.shape], "wrap")
        self._mask = mask
        self._wavelet = pywt.Wavelet(wavelet)
        self._steps: list[tuple[str, tuple[np.ndarray, np.ndarray]]] = []

    def values(self, name: str) -> np.ndarray:
        """The values in the ROI of a sub-band such as ``wavelet-LLH``."""
        return self.whole(name)[self._mask]

    def whole(self, name: str) -> np.ndarray:
        """A sub-band of the image."""
        letters, data = name.removeprefix(PREFIX), self._image
        for step, axis in enumerate(AXES):
            if step == len(self._steps) or self._steps[step][0] != letters[:step]:
                del self._steps[step:]
                self._steps.append((letters[:step], pywt.swt(data, self._wavelet, level=1, axis=axis)[0]))
            data = self._steps[step][1]["LH".index(letters[step])]
        depth, height, width = self._mask.shape
        return data[:depth, :height, :width]
