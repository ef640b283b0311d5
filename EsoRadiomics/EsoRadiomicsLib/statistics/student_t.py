"""Quantiles of Student's t distribution without scipy, whose import takes longer than all the rest of a score."""

from __future__ import annotations

import math


def t_two_sided(level: float, degrees: int) -> float:
    """The t that holds a share ``level`` of the distribution between -t and t.

    Source: the finite series of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4; solved by
    bisection to the last bit.
    """
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _inside(middle, degrees) < level:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(low)


def _inside(angle: float, degrees: int) -> float:
    """P(|T| < t) at angle = atan(t / √degrees)."""
    odd = degrees % 2
    cosine, total = math.cos(angle), 0.0
    term = cosine if odd else 1.0
    for power in range(odd, degrees - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * cosine**2
    return (angle + math.sin(angle) * total) * 2 / math.pi if odd else math.sin(angle) * total
