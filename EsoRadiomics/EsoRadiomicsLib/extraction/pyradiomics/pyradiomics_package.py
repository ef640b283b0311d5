"""The PyRadiomics that is importable here, and the versions that a result must carry to be repeated."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ... import __version__
from ...core.errors import ExtractionError


@lru_cache
def radiomics() -> Any:
    """The ``radiomics`` package with its console chatter off.

    Raises:
        ExtractionError: PyRadiomics is not installed; the message says how to get it.
    """
    try:
        import radiomics
        import radiomics.featureextractor
    except ImportError as error:
        raise ExtractionError(
            "PyRadiomics is not installed in this Python, so nothing can be measured. In 3D Slicer, install the "
            "extension SlicerRadiomics (Extensions Manager) and restart; elsewhere run “make” in the project, or "
            "install pyradiomics 3.0.1."
        ) from error
    radiomics.setVerbosity(60)
    return radiomics


def software_versions() -> dict[str, str]:
    """Versions of everything that touches a feature's value."""
    return dict(_software_versions())


@lru_cache
def _software_versions() -> dict[str, str]:
    """Once a process: reading the packages' metadata takes a tenth of the time of a small signature."""
    versions = {"esoradiomics": __version__, "python": platform.python_version()}
    versions["pyradiomics"] = str(radiomics().__version__)
    for package in ("SimpleITK", "numpy", "PyWavelets", "scipy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    return versions
