"""Check the built-in study cards against the schemas and keep their digests, so that no start checks them again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "EsoRadiomics"))

from EsoRadiomicsLib.core.resources import resource_path
from EsoRadiomicsLib.core.schemas import CHECKED, digest
from EsoRadiomicsLib.studies.study import builtin_studies, check_card


def digests() -> str:
    """One line a card."""
    cards = [resource_path("Studies", f"{study}.json") for study in builtin_studies()]
    return "".join(f"{digest(json.loads(card.read_text(encoding='utf-8')))}  {card.name}\n" for card in cards)


if __name__ == "__main__":
    listed = resource_path("Schemas", CHECKED)
    listed.write_text("", encoding="ascii")
    for study in builtin_studies():
        path = resource_path("Studies", f"{study}.json")
        check_card(json.loads(path.read_text(encoding="utf-8")), path)
    listed.write_text(digests(), encoding="ascii")
