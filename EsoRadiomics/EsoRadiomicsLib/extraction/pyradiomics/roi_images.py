"""The images of one ROI, original and sub-bands, each binned once, and PyRadiomics' features of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pywt
import SimpleITK as sitk
from radiomics import cMatrices, imageoperations

from ...core.errors import ExtractionError
from ..roi import Roi, bounding_box
from .feature_names import ORIGINAL
from .pyradiomics_settings import PyRadiomicsSettings
from .quick_classes import TEXTURES, Shape
from .shared_image import PartBands
from .sub_bands import SubBands
from .texture_counts import LevelImage, RoiGrid

MOST_LEVELS = 4096
"""Of gray values: their pairs in 13 directions then take 1.7 GB."""


class RoiImages:
    """What the features of an ROI's images have in common is computed once, when it is needed."""

    def __init__(self, roi: Roi, settings: PyRadiomicsSettings) -> None:
        self.roi, self.settings = roi, settings
        self.wavelet = settings.wavelet
        self.parameters = settings.pyradiomics_parameters()["setting"]
        self.image = sitk.GetArrayViewFromImage(roi.image)
        self.mask = sitk.GetArrayViewFromImage(roi.mask) != 0

    def shape(self, features: list[str]) -> dict[str, Any]:
        """Shape features by name."""
        start, size = bounding_box(self.roi.shape_mask)
        cropped = sitk.RegionOfInterest(self.roi.shape_mask, size, start)
        return _computed(Shape(cropped, cropped, **self.parameters), features)

    def textures(self, image_name: str, classes: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
        """Features of an image by class and name, shape aside."""
        if not classes:
            return {}
        values = self.image[self.mask] if image_name == ORIGINAL else self.sub_bands.values(image_name)
        self._require_few_levels(values, image_name)
        # The edges depend on the extremes alone, which PyRadiomics looks for in all values.
        edges = imageoperations.getBinEdges(np.array([values.min(), values.max()]), **self.parameters)
        levels = LevelImage(self.grid, np.digitize(values, edges))
        return {
            name: _computed(TEXTURES[name](levels, values, self._voxel, **self.parameters), features)
            for name, features in classes.items()
        }

    def _require_few_levels(self, values: np.ndarray, image_name: str) -> None:
        """Refuse, before it takes the memory, more gray levels than can be counted pair by pair."""
        width = self.parameters["binWidth"]
        levels = (float(values.max()) - float(values.min())) / width + 1
        if not levels <= MOST_LEVELS:
            raise ExtractionError(
                f"The ROI has {levels:,.0f} gray levels of {width:g} HU on the image “{image_name}”; at most "
                f"{MOST_LEVELS:,} can be counted. Check the bin width, and that the image is in Hounsfield units."
            )

    @cached_property
    def grid(self) -> RoiGrid:
        """The ROI in its bounding box."""
        start, size = bounding_box(self.roi.mask)
        mask = self.mask[tuple(slice(a, a + n) for a, n in zip(start[::-1], size[::-1], strict=True))]
        return RoiGrid(mask, cMatrices.generate_angles(np.array(mask.shape), np.array([1]), False, False, 0))

    @cached_property
    def sub_bands(self) -> SubBands | PartBands:
        """Of the whole resampled image, as filters look outside the ROI."""
        part = self.roi.part
        if part is not None and part.has_bands_of(self.mask, pywt.Wavelet(self.wavelet).dec_len // 2):
            return PartBands(part, self.mask, self.wavelet)
        return SubBands(self.image, self.mask, self.wavelet)

    @cached_property
    def _voxel(self) -> sitk.Image:
        """PyRadiomics' constructors want an image; of ours they only look at the spacing."""
        voxel = sitk.Image([1, 1, 1], sitk.sitkUInt8)
        voxel.SetSpacing(self.roi.image.GetSpacing())
        return voxel


def _computed(calculator: Any, features: list[str]) -> dict[str, Any]:
    for feature in features:
        calculator.enableFeatureByName(feature)
    return calculator.execute()
