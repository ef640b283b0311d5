"""Where the module's data files are: beside the library in Slicer and in the source tree, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def resource_path(*parts: str) -> Path:
    """Path of a file or folder under ``Resources``, e.g. ``resource_path("Studies", "escc-lpfs-ccrt.json")``."""
    inside = _HERE / "Resources"
    root = inside if inside.is_dir() else _HERE.parent / "Resources"
    return root.joinpath(*parts)
