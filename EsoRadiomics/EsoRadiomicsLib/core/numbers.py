"""Numbers that come as text from elsewhere: finite ones or none."""

from __future__ import annotations

import math
import re
from typing import Any

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)


def finite(text: str) -> float:
    """A decimal number.

    Raises:
        ValueError: not one, or not finite (nan, inf, 1e400), or written as only a programming language does (1_000).
    """
    text = text.strip()
    number = float(text) if _DECIMAL.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise ValueError(f"“{text[:40]}” is no finite number")
    return number


def whole(text: str) -> int | None:
    """A whole number from 0 on, of at most 18 digits; None for any other text."""
    return int(text) if _WHOLE.fullmatch(text) else None


def is_number(value: Any) -> bool:
    """Whether a value (of JSON) is a finite number that a float can hold; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
