"""What a cohort run knows of its cases beside their features, for the table that lies in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.formatting import plain
from ..scoring.reference_worth import CaseFacts
from .case_store import Store

_UNKNOWN = "unknown"


def case_facts(table: Path) -> dict[tuple[str, str], CaseFacts]:
    """By SHA-256 of image and mask; empty where the table does not lie in a run's folder."""
    store = Store(table.parent / "cases")
    records = [store.read(path.stem) for path in sorted(store.folder.glob("*.json"))]
    return {(record["image_sha256"], record["mask_sha256"]): _facts(record) for record in records if record}


def _facts(record: Mapping[str, Any]) -> CaseFacts:
    acquisition = record["acquisition"]
    contrast = {True: "with", False: "without", None: _UNKNOWN}[acquisition["contrast"]]
    thickness = acquisition["slice_thickness_mm"] or record["spacing_mm"][2]
    told = {
        "slice thickness": f"{plain(round(thickness, 2))} mm",
        "scanner": acquisition["scanner"] or _UNKNOWN,
        "tube voltage": f"{plain(acquisition['kvp'])} kV" if acquisition["kvp"] else _UNKNOWN,
        "contrast agent": contrast,
        "contrast phase": acquisition["contrast_phase"] or _UNKNOWN,
    }
    return CaseFacts(record["roi"]["steps"][0]["cm3"], told)
