"""IBEX's features as an engine: the ROI as drawn on the CT as scanned, category by category."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.metadata import version

import SimpleITK as sitk

from ... import __version__
from ...core.translation import mark
from ...imaging.case import Case
from ..features import Found
from ..roi import Roi, RoiAccount, measurement_frame, require_roi, step
from .ibex_names import IBEX_CATEGORIES, PREFIX, split_ibex_name
from .ibex_settings import IbexSettings


class Ibex:
    """See :class:`EsoRadiomicsLib.extraction.engines.Engine`."""

    title = "IBEX"
    about = mark(
        "IBEX's definitions, recomputed. IBEX's own results confirm the co-occurrence matrices at offsets 1, 4 and "
        "7 with four of their features, the number of voxels, surface, volume and the statistics of the intensities; "
        "the other features follow its documentation, and of run lengths, mass, roundness and orientation no result of "
        "IBEX is public."
    )
    packages = ()
    remedy = ""
    settings = IbexSettings
    images, classes = (PREFIX,), tuple(IBEX_CATEGORIES)
    volumes = ("ibex_shape_Volume",)

    def split_name(self, name: str) -> tuple[str, str, str] | None:
        if split_ibex_name(name) is None:
            return None
        image, category, feature = name.split("_")
        return image, category, feature

    def software(self) -> dict[str, str]:
        return dict(_software_versions())

    def warm_up(self) -> None:
        from . import ibex_measure  # noqa: F401

    def share(self, case: Case, region: sitk.Image, settings: IbexSettings) -> None:
        return None

    def prepare(self, case: Case, settings: IbexSettings, shared: None) -> Roi:
        """The ROI as drawn."""
        mask = measurement_frame(case.mask)
        steps = [step("drawn", mask)]
        require_roi(mask, steps, settings, case.name)
        account = RoiAccount(tuple(steps), 0.0, "no exclusion", "drawn")
        return Roi(measurement_frame(case.image), mask, mask, account, ())

    def parts(self, names: Iterable[str]) -> dict[str, list[str]]:
        """By IBEX's category."""
        parts: dict[str, list[str]] = {}
        for name in names:
            parts.setdefault(IBEX_CATEGORIES[name.split("_")[1]], []).append(name)
        return parts

    def measure(self, roi: Roi, settings: IbexSettings, label: str, part: Sequence[str]) -> Found:
        from .ibex_measure import measure_ibex

        hu, mask = (sitk.GetArrayViewFromImage(volume) for volume in (roi.image, roi.mask))
        return measure_ibex(hu, mask, roi.image.GetSpacing(), settings, part)


@lru_cache
def _software_versions() -> dict[str, str]:
    packages = {package: version(package) for package in ("SimpleITK", "numpy", "scipy")}
    return {"esoradiomics": __version__, "python": platform.python_version(), **packages}


ENGINE = Ibex()
