"""Keep the digests of the built-in study cards, which the tests check against the schemas, so that no start has to."""

from __future__ import annotations

import json
import sys
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "EsoRadiomics"
sys.path.insert(0, str(MODULE))

from EsoRadiomicsLib.core.resources import resource_path  # noqa: E402
from EsoRadiomicsLib.core.schemas import CHECKED, digest  # noqa: E402


def write_digests() -> None:
    """One line a card, as it and the schemas are now."""
    cards = sorted(resource_path("Studies").glob("*.json"))
    lines = [f"{digest(json.loads(card.read_text(encoding='utf-8')))}  {card.name}\n" for card in cards]
    resource_path("Schemas", CHECKED).write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    write_digests()
