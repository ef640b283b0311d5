"""Where the module's data files are: beside the library in Slicer and in the source tree, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_LIBRARY = Path(__file__).resolve().parents[1]


def resource_path(*parts: str) -> Path:
    """Path of a file or folder under ``Resources``, e.g. ``resource_path("Studies", "escc-lpfs-ccrt.json")``."""
    inside = _LIBRARY / "Resources"
    root = inside if inside.is_dir() else _LIBRARY.parent / "Resources"
    return root.joinpath(*parts)
