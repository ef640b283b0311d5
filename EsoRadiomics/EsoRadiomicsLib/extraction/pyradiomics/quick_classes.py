"""PyRadiomics' feature classes with their own formulas, fed with counts and a mesh that are computed faster.

Nothing of PyRadiomics is changed for others: of its methods that call its C modules, copies run here that find ours.
"""

from __future__ import annotations

import logging
from functools import cached_property, lru_cache
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
import SimpleITK as sitk
from radiomics import firstorder, glcm, gldm, glrlm, glszm, ngtdm, shape

from .texture_counts import LevelImage
from .triangle_mesh import area_and_volume, diameters

_COUNTS = SimpleNamespace(
    calculate_glcm=lambda image, *_: (image.glcm(), image.grid.angles),
    calculate_gldm=lambda image, *_: image.gldm(),
    calculate_glrlm=lambda image, *_: (image.glrlm(), image.grid.angles),
    calculate_glszm=lambda image, *_: image.glszm(),
    calculate_ngtdm=lambda image, *_: image.ngtdm(),
)


_MESH = SimpleNamespace(
    calculate_coefficients=lambda mask, spacing: (*area_and_volume(mask, spacing), Diameters(mask, spacing))
)


def _with(method: Any, **modules: Any) -> Any:
    """A method that finds other modules under the names it uses."""
    return FunctionType(method.__code__, {**method.__globals__, **modules}, method.__name__, method.__defaults__)


class Diameters:
    """What PyRadiomics takes diameters from by their number; computed when it takes one."""

    def __init__(self, mask: np.ndarray, spacing: np.ndarray) -> None:
        self.mask, self.spacing = mask, spacing

    def __getitem__(self, number: int) -> float:
        return self._all[number]

    @cached_property
    def _all(self) -> tuple[float, ...]:
        return diameters(self.mask, self.spacing)


class Shape(shape.RadiomicsShape):
    """Diameters are computed when a feature needs one."""

    _initSegmentBasedCalculation = _with(shape.RadiomicsShape._initSegmentBasedCalculation, cShape=_MESH)


class _OnLevels:
    """What all classes have in common: the image comes binned, and which features there are is looked up once.

    Args:
        image: the binned image.
        values: what was binned.
        voxel: an image with the ROI's spacing; nothing else of it is looked at.
        settings: PyRadiomics'.
    """

    def __init__(self, image: LevelImage, values: np.ndarray, voxel: sitk.Image, **settings: Any) -> None:
        self.levels, self.values = image, values
        super().__init__(voxel, voxel, **settings)  # type: ignore[call-arg]
        self.logger = logging.getLogger("radiomics")

    def _initSegmentBasedCalculation(self) -> None:
        self.maskArray = self.levels.grid.mask

    def _applyBinning(self, _: np.ndarray) -> LevelImage:
        present = np.flatnonzero(self.levels.histogram) + 1
        self.coefficients = {"grayLevels": present, "Ng": self.levels.n_levels}
        return self.levels

    @classmethod
    @lru_cache
    def getFeatureNames(cls) -> Any:
        return super().getFeatureNames()  # type: ignore[misc]


class Glcm(_OnLevels, glcm.RadiomicsGLCM):
    """Pairs of neighbours."""

    _calculateMatrix = _with(glcm.RadiomicsGLCM._calculateMatrix, cMatrices=_COUNTS)


class Gldm(_OnLevels, gldm.RadiomicsGLDM):
    """Neighbours of the same level."""

    _calculateMatrix = _with(gldm.RadiomicsGLDM._calculateMatrix, cMatrices=_COUNTS)


class Glrlm(_OnLevels, glrlm.RadiomicsGLRLM):
    """Runs."""

    _calculateMatrix = _with(glrlm.RadiomicsGLRLM._calculateMatrix, cMatrices=_COUNTS)


class Glszm(_OnLevels, glszm.RadiomicsGLSZM):
    """Zones."""

    _calculateMatrix = _with(glszm.RadiomicsGLSZM._calculateMatrix, cMatrices=_COUNTS)


class Ngtdm(_OnLevels, ngtdm.RadiomicsNGTDM):
    """Differences from the neighbourhood."""

    _calculateMatrix = _with(ngtdm.RadiomicsNGTDM._calculateMatrix, cMatrices=_COUNTS)


class FirstOrder(_OnLevels, firstorder.RadiomicsFirstOrder):
    """What several features need is computed once; order statistics are taken from the sorted values."""

    def _initCalculation(self, voxelCoordinates: None = None) -> None:
        self.targetVoxelArray = self.values.astype("float").reshape((1, -1))
        counts = self.levels.histogram[self.levels.histogram > 0].reshape((1, -1))
        self.coefficients["p_i"] = counts.astype("float") / np.sum(counts, 1, keepdims=True).astype("float")

        self._moments: dict[int, np.ndarray] = {}

    def _moment(self, a: np.ndarray, moment: int = 1) -> np.ndarray:
        if moment not in self._moments:
            self._moments[moment] = super()._moment(a, moment)
        return self._moments[moment].copy()

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.sort(self.targetVoxelArray, 1)

    def get10PercentileFeatureValue(self) -> np.ndarray:
        return np.nanpercentile(self._sorted, 10, axis=1)

    def get90PercentileFeatureValue(self) -> np.ndarray:
        return np.nanpercentile(self._sorted, 90, axis=1)

    def getMedianFeatureValue(self) -> np.ndarray:
        return np.nanmedian(self._sorted, 1)

    def getInterquartileRangeFeatureValue(self) -> np.ndarray:
        return np.nanpercentile(self._sorted, 75, 1) - np.nanpercentile(self._sorted, 25, 1)


TEXTURES = {"firstorder": FirstOrder, "glcm": Glcm, "gldm": Gldm, "glrlm": Glrlm, "glszm": Glszm, "ngtdm": Ngtdm}
