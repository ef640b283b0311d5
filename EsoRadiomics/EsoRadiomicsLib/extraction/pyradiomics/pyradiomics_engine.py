"""PyRadiomics as an engine: resampling and HU exclusion before it, then its own features, image by image."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping

import SimpleITK as sitk

from ...core.translation import mark
from ...imaging.case import Case
from ..features import Found
from ..roi import Roi
from .feature_names import CLASSES, IMAGES, is_feature, split_name
from .pyradiomics_features import image_features
from .pyradiomics_package import radiomics, software_versions
from .pyradiomics_roi import prepare, resample_region
from .pyradiomics_settings import PyRadiomicsSettings
from .shared_image import SharedImage

_REMEDIES = mark(
    {
        "Darwin": "SlicerRadiomics, which brings it, is not offered for macOS; the README's troubleshooting says how "
        "to build it in Slicer's Python console. Studies of other engines, and results in saved scenes, need no "
        "PyRadiomics.",
        "": "Open View > Extensions Manager, install SlicerRadiomics, and restart Slicer. Until then only studies of "
        "other engines can be measured; results in saved scenes can be read.",
    }
)


class PyRadiomics:
    """See :class:`EsoRadiomicsLib.extraction.engines.Engine`."""

    title = "PyRadiomics"
    about = ""
    packages = ("radiomics",)
    remedy = _REMEDIES.get(platform.system(), _REMEDIES[""])
    settings = PyRadiomicsSettings
    images, classes = IMAGES, CLASSES
    volumes = ("original_shape_VoxelVolume", "original_shape_MeshVolume")

    def split_name(self, name: str) -> tuple[str, str, str] | None:
        return split_name(name) if is_feature(name) else None

    def software(self) -> dict[str, str]:
        return software_versions()

    def warm_up(self) -> None:
        radiomics()
        import numpy.ma  # noqa: F401 - by percentiles, when they are first asked for

        from . import roi_images  # noqa: F401

    def share(self, case: Case, region: sitk.Image, settings: PyRadiomicsSettings) -> SharedImage | None:
        return resample_region(case, region, settings)

    def prepare(self, case: Case, settings: PyRadiomicsSettings, shared: SharedImage | None) -> Roi:
        return prepare(case, settings, shared)

    def parts(self, names: Iterable[str]) -> dict[str, dict[str, list[str]]]:
        """By image, as the features of one do not depend on another: ``{"original": {"glcm": ["Idn", …]}}``."""
        parts: dict[str, dict[str, list[str]]] = {}
        for name in names:
            image, feature_class, feature = split_name(name)
            parts.setdefault(image, {}).setdefault(feature_class, []).append(feature)
        return dict(sorted(parts.items()))  # sub-bands with filtered axes in common one after the other

    def measure(self, roi: Roi, settings: PyRadiomicsSettings, label: str, part: Mapping[str, list[str]]) -> Found:
        return image_features(roi, settings, label, part)


ENGINE = PyRadiomics()
