"""Packages that only some tasks need: imported where they are used, or a sentence that says how to get them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from .errors import UsageError


def require(package: str, extra: str, purpose: str) -> ModuleType:
    """Import a package; ``purpose`` begins the sentence, ``extra`` is the one of ``pyproject.toml`` that brings it.

    Raises:
        UsageError: it cannot be imported; the sentence has the command that installs it, in Slicer and elsewhere.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise UsageError(
            f"{purpose} needs the Python package {package}, which cannot be imported here ({error}). Install it: "
            f'pip install "esoradiomics[{extra}]", or in the Python console of 3D Slicer '
            f'slicer.util.pip_install("{package}").'
        ) from error
