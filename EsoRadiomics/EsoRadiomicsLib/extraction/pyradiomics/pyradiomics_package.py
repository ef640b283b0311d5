"""The PyRadiomics that is importable here, and the versions that a result must carry to be repeated."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, version
from importlib.util import LazyLoader
from typing import Any

from ... import __version__
from ...core.errors import ExtractionError

_COMMAND = "radiomics.scripts"


@lru_cache
def radiomics() -> Any:
    """The ``radiomics`` package with its console chatter off.

    Raises:
        ExtractionError: PyRadiomics is not installed; the message says how to get it.
    """
    try:
        with _sparing():
            import radiomics
    except ImportError as error:
        raise ExtractionError(
            "PyRadiomics is not installed in this Python, so nothing can be measured. In 3D Slicer, install the "
            "extension SlicerRadiomics (Extensions Manager) and restart; elsewhere run “make” in the project, or "
            "install pyradiomics 3.0.1."
        ) from error
    radiomics.setVerbosity(60)
    return radiomics


class _Sparing(PathFinder):
    """Spares the import of what PyRadiomics reads parameter files with, and of its command: a fifth of a small run."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname == _COMMAND:
            return ModuleSpec(fullname, None, is_package=True)  # an empty package
        spec = super().find_spec(fullname, path, target) if fullname == "pykwalify.core" else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)  # whoever does read a parameter file imports it then
        return spec


@contextmanager
def _sparing() -> Iterator[None]:
    there = _COMMAND in sys.modules
    sys.meta_path.insert(0, _Sparing)
    try:
        yield
    finally:
        sys.meta_path.remove(_Sparing)
        if not there:
            sys.modules.pop(_COMMAND, None)  # whoever wants it imports it


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
