"""A network as an engine: the ROI becomes pictures, and one layer of the network the features."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import SimpleITK as sitk

from ... import __version__
from ...core.optional import require
from ...imaging.case import Case
from ..features import Found
from ..roi import Roi, RoiAccount, bounding_box, measurement_frame, require_roi, step
from .deep_settings import DeepSettings
from .network import EXTRA, RECIPES, load_network
from .patch import make_pictures, network_input

_NAME = re.compile(r"deep_(\d{4,})")


class Deep:
    """See :class:`EsoRadiomicsLib.extraction.engines.Engine`. A process loads a network once."""

    title = "Network (ONNX)"
    about = ""
    packages = ("onnx", "onnxruntime")
    remedy = ""
    settings = DeepSettings
    images, classes = ("deep",), ("network",)
    volumes = ()

    def split_name(self, name: str) -> tuple[str, str, str] | None:
        found = _NAME.fullmatch(name)
        return ("deep", "network", found[1]) if found else None

    def software(self) -> dict[str, str]:
        return dict(_software_versions())

    def warm_up(self) -> None:
        require("onnx", EXTRA, "Checking a network")
        require("onnxruntime", EXTRA, "A deep feature")

    def share(self, case: Case, region: sitk.Image, settings: DeepSettings) -> None:
        return None

    def prepare(self, case: Case, settings: DeepSettings, shared: Any | None) -> Roi:
        """The ROI as drawn, and the pictures of it that the network is shown."""
        drawn = step("drawn", case.mask)
        require_roi(case.mask, [drawn], settings, case.name)
        pictures, shown, warnings = make_pictures(case.image, case.mask, settings, case.name)
        start, size = bounding_box(case.mask)
        origin = [index * mm for index, mm in zip(start, case.mask.GetSpacing(), strict=True)]
        image, mask = (
            measurement_frame(sitk.RegionOfInterest(whole, size, start), origin) for whole in (case.image, case.mask)
        )
        account = RoiAccount((drawn, shown), 0.0, "", "")
        return Roi(image, mask, mask, account, warnings, pictures)

    def parts(self, names: Iterable[str]) -> dict[str, list[str]]:
        """One part, as a run of the network gives all features."""
        return {"the network": list(names)}

    def measure(self, roi: Roi, settings: DeepSettings, label: str, part: list[str]) -> Found:
        """The mean over the pictures, each of which the network sees alone."""
        network = load_network(settings.identity)
        gray = np.stack([picture.gray for picture in roi.pictures])
        outputs = network.run(network_input(gray, settings)).mean(axis=0, dtype=np.float64)
        numbers = dict(zip(settings.names, outputs.tolist(), strict=True))
        return {
            name: (numbers[name], "" if np.isfinite(numbers[name]) else f"the network returned {numbers[name]:g}")
            for name in part
        }


@lru_cache
def _software_versions() -> dict[str, str]:
    """Once a process; which network it is stands in the settings."""
    versions = {"esoradiomics": __version__, "python": platform.python_version()}
    versions["onnxruntime"] = str(require("onnxruntime", EXTRA, "A deep feature").__version__)
    for package in ("SimpleITK", "numpy", *RECIPES):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


ENGINE = Deep()
