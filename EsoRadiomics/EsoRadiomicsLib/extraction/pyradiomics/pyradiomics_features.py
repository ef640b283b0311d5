"""PyRadiomics' features of one image of an ROI: all of them, or only a signature's few.

The features of one image do not depend on which others are computed: signature-only, full and parallel extraction give
the same bits as one plain PyRadiomics run with the same settings.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ...core.errors import ExtractionError
from ..roi import Roi
from .pyradiomics_package import radiomics
from .pyradiomics_settings import PyRadiomicsSettings

if TYPE_CHECKING:
    from .roi_images import RoiImages

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
    images = _images(roi, settings)
    raw: dict[str, dict[str, Any]] = {}
    with _pyradiomics_errors() as errors:
        try:
            if "shape" in classes:
                raw["shape"] = images.shape(classes["shape"])
            textures = {name: features for name, features in classes.items() if name != "shape"}
            raw.update(images.textures(image_name, textures))
        except (ValueError, RuntimeError, ArithmeticError, IndexError) as error:
            raise ExtractionError(
                f"PyRadiomics failed on the image “{image_name}”: {error}. The ROI may be too small or too thin for "
                "its texture; check the contour."
            ) from error
    result = {}
    for feature_class, features in classes.items():
        for feature in features:
            found = raw[feature_class]
            value, reason = (
                check_value(found[feature]) if feature in found else (math.nan, "PyRadiomics did not return it")
            )
            name = f"{image_name}_{feature_class}_{feature}"
            result[name] = (value, f"{reason} ({errors[-1]})" if reason and errors else reason)
    return result


_last: RoiImages | None = None


def _images(roi: Roi, settings: PyRadiomicsSettings) -> RoiImages:
    """The last ROI's are kept, because a process is asked for several of them in turn."""
    global _last
    radiomics()
    from .roi_images import RoiImages

    if _last is None or _last.settings != settings or not _same(_last.roi, roi):
        _last = None  # two need not be in memory at once
        _last = RoiImages(roi, settings)
    return _last


def _same(roi: Roi, other: Roi) -> bool:
    """In a worker, each task brings a copy of the ROI."""
    pairs = ((roi.image, other.image), (roi.mask, other.mask), (roi.shape_mask, other.shape_mask))
    return roi is other or all(
        a.GetSpacing() == b.GetSpacing()
        and np.array_equal(sitk.GetArrayViewFromImage(a), sitk.GetArrayViewFromImage(b))
        for a, b in pairs
    )


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
