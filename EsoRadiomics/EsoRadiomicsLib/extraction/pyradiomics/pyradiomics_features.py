"""PyRadiomics' features of one image of an ROI: all of them, or only a signature's few.

The features of one image do not depend on which others are computed: signature-only, full and parallel extraction give
the same bits as one plain PyRadiomics run with the same settings.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...core.errors import ExtractionError
from ..roi import Roi, bounding_box
from .feature_names import ORIGINAL
from .pyradiomics_package import radiomics
from .pyradiomics_settings import PyRadiomicsSettings

_NEGLIGIBLE_IMAGINARY = 1e-9


def check_value(value: Any) -> tuple[float, str]:
    """A feature value as PyRadiomics returns it → (number, reason why there is none or an empty string).

    numpy ≥ 2.5 makes five shape features complex with a zero imaginary part, in SlicerRadiomics' tables as text.
    """
    try:
        number = complex(str(value).strip())
    except ValueError:
        return math.nan, f"PyRadiomics returned “{value}”, which is not a number"
    if not (math.isfinite(number.real) and math.isfinite(number.imag)):
        return math.nan, f"PyRadiomics returned {number.real:g}"
    if abs(number.imag) > _NEGLIGIBLE_IMAGINARY * max(abs(number.real), 1.0):
        return math.nan, f"PyRadiomics returned the complex number {number:g}"
    return number.real, ""


def image_features(
    roi: Roi, settings: PyRadiomicsSettings, image_name: str, classes: Mapping[str, list[str]]
) -> dict[str, tuple[float, str]]:
    """Features of one image, as PyRadiomics' ``execute`` computes them: ``{name: (value, reason if none)}``."""
    parameters = settings.pyradiomics_parameters()["setting"]
    extractor = radiomics().featureextractor.RadiomicsFeatureExtractor(**parameters)
    operations = radiomics().imageoperations
    raw: dict[str, Any] = {}
    with _pyradiomics_errors() as errors:
        try:
            if "shape" in classes:
                extractor.enabledFeatures = {"shape": classes["shape"]}
                box = _corners(roi.shape_mask)
                raw.update(extractor.computeShape(roi.shape_mask, roi.shape_mask, box, **extractor.settings))
            textures = {name: features for name, features in classes.items() if name != "shape"}
            if textures:
                extractor.enabledFeatures = textures
                filtered = _filtered(roi, settings, image_name)
                image, mask = operations.cropToTumorMask(filtered, roi.mask, _corners(roi.mask))
                raw.update(extractor.computeFeatures(image, mask, image_name, **extractor.settings))
        except (ValueError, RuntimeError, ArithmeticError, IndexError) as error:
            raise ExtractionError(
                f"PyRadiomics failed on the image “{image_name}”: {error}. The ROI may be too small or too thin for "
                "its texture; check the contour."
            ) from error
    result = {}
    for feature_class, features in classes.items():
        for feature in features:
            name = f"{image_name}_{feature_class}_{feature}"
            value, reason = check_value(raw[name]) if name in raw else (math.nan, "PyRadiomics did not return it")
            result[name] = (value, f"{reason} ({errors[-1]})" if reason and errors else reason)
    return result


def _corners(mask: sitk.Image) -> np.ndarray:
    """The bounding box in PyRadiomics' form: lower and upper index of x, of y and of z."""
    start, size = bounding_box(mask)
    return np.array([index for low, n in zip(start, size, strict=True) for index in (low, low + n - 1)])


def _filtered(roi: Roi, settings: PyRadiomicsSettings, image_name: str) -> sitk.Image:
    if image_name == ORIGINAL:
        return roi.image
    return _wavelets(roi, settings.wavelet)[image_name]


_last_wavelets: tuple[bytes, str, dict[str, sitk.Image]] | None = None


def _wavelets(roi: Roi, wavelet: str) -> dict[str, sitk.Image]:
    """The 8 sub-bands by name; the last ones are kept, because a process is asked for several of them in turn."""
    global _last_wavelets
    key = sha256(sitk.GetArrayViewFromImage(roi.image).tobytes()).digest()
    if _last_wavelets is None or _last_wavelets[:2] != (key, wavelet):
        bands = radiomics().imageoperations.getWaveletImage(roi.image, roi.mask, wavelet=wavelet)
        _last_wavelets = (key, wavelet, {name: image for image, name, _ in bands})
    return _last_wavelets[2]


@contextmanager
def _pyradiomics_errors() -> Iterator[list[str]]:
    """The last lines of the errors PyRadiomics logs: it turns a feature's exception into NaN and a log record."""
    lines: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage().strip().splitlines()[-1])

    logger, handler = logging.getLogger("radiomics"), Collect(logging.ERROR)
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
