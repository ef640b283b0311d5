"""Packages that only some tasks need: imported where they are used, or a sentence that says how to get them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from .errors import UsageError


def require(package: str, extra: str, purpose: str, distribution: str = "") -> ModuleType:
    """Import a package; ``purpose`` begins the sentence, ``extra`` is the one of ``pyproject.toml`` that brings it.

    ``distribution`` is what pip calls it, where that is not the package's name.

    Raises:
        UsageError: it cannot be imported; the sentence has the command that installs it, in Slicer and elsewhere.
    """
    try:
        return import_module(package)
    except ImportError as error:
        name = distribution or package
        raise UsageError(
            f"{purpose} needs the Python package {name}, which cannot be imported here ({error}). Install it: "
            f'pip install "esoradiomics[{extra}]", or in the Python console of 3D Slicer '
            f'slicer.util.pip_install("{name}").'
        ) from error
