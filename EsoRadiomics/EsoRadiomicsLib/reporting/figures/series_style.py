"""Colours and dashes of several curves in one figure: told apart in print and by colour-blind readers.

Palette: Okabe & Ito, Color Universal Design, 2008.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .style import BLUE, GREEN, VERMILLION

ORANGE, PURPLE, SKY = "#E69F00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (8, 1.5)))


def series() -> Iterator[tuple[str, Any]]:
    """(colour, dash) of one curve after the other, without end."""
    while True:
        yield from zip(COLOURS, DASHES, strict=True)
