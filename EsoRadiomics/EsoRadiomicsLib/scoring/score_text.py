"""A Rad-score, its cut-off, survival and points as people read them: not rounded across a cut-off, never 0 or 100 %."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.formatting import DIGITS, number, plain
from ..core.translation import tr

if TYPE_CHECKING:
    from ..studies.card_parts import Cutoff
    from .predicted_outcome import Bounds


def rad_score(value: float, cutoff: Cutoff | None) -> str:
    """A Rad-score to 4 digits, or as many as it takes not to round it across its cut-off."""
    digits = DIGITS
    if cutoff is not None:
        while digits < 17 and cutoff.group(float(f"{value:.{digits}g}")) != cutoff.group(value):
            digits += 1
    return number(value, digits)


def rule(cutoff: Cutoff) -> str:
    """``"≥ 0.1411"``: what puts a score into the group above."""
    return f"{'≥' if cutoff.rule == '>=' else '>'} {plain(cutoff.value)}"


def percent(bounds: Bounds) -> str:
    """``"38 %"``, or ``"12–45 %"`` where something is missing; never 0 % or 100 %, which no model can know."""
    low, high = _whole_percent(bounds.low), _whole_percent(bounds.high)
    return f"{low} %" if low == high else f"{low}–{high} %"


def points(bounds: Bounds) -> str:
    """``"43"``, or ``"0–63"`` where something is missing."""
    low, high = (f"{round(value)}".replace("-", "−") for value in (bounds.low, bounds.high))
    if low == high:
        return low
    return tr("{low} to {high}", low=low, high=high) if bounds.low < 0 else f"{low}–{high}"


def _whole_percent(probability: float) -> str:
    if probability < 0.005:
        return "<1"
    return ">99" if probability >= 0.995 else f"{100 * probability:.0f}"
