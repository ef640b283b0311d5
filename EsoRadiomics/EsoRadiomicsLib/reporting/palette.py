"""Colours that the file figures, the panel and the interactive nomogram share.

Palette: Okabe & Ito, Color Universal Design, 2008; colours are never the only sign of anything.
"""

from __future__ import annotations

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
INK, GREY, PALE, PAPER = "#1A1A1A", "#6B6B6B", "#D9D9D9", "#FFFFFF"
PATIENT = BLUE
OUTLOOK = {"worse": VERMILLION, "better": GREEN}
SHAPE = {"worse": "▲", "better": "●"}
