"""Numbers and lists as people read them, alike in figures, report, shell and panel. Files keep every digit."""

from __future__ import annotations

from collections.abc import Iterable

from .translation import ntr, tr

DIGITS = 4
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = DIGITS) -> str:
    """Significant digits with a real minus sign: ``"−0.1411"``; ``"7.92×10⁶"`` for the very large or small."""
    mantissa, _, exponent = f"{value:#.{digits}g}".partition("e")
    power = f"×10{str(int(exponent)).translate(_SUPERSCRIPT)}" if exponent else ""
    return mantissa.rstrip(".").replace("-", "−") + power


def plain(value: float) -> str:
    """A number as short as it can be: ``"0.1411"``, ``"−50"``, ``"25"``."""
    return f"{value:g}".replace("-", "−")


def decimals(value: float, places: int) -> str:
    """A fixed number of decimals and always a sign, for columns: ``"+0.0976"``, ``"−0.0030"``, ``"0.0000"``."""
    text = f"{value:+.{places}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def capitalised(text: str) -> str:
    """The first letter large, the others as they are: ``"OS"`` stays."""
    return text[:1].upper() + text[1:]


def p_value(p: float) -> str:
    """``"p = 0.012"``, ``"p < 0.001"``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def some(items: Iterable[object], most: int = 5) -> str:
    """``a, b, c`` and, beyond ``most`` items, how many more there are."""
    texts = [str(item) for item in items]
    more = tr(" and {n} more", n=len(texts) - most) if len(texts) > most else ""
    return listed(texts[:most]) + more


def listed(items: Iterable[object]) -> str:
    """``a, b, c``."""
    return tr(", ").join(map(str, items))


def counted(n: int, noun: str) -> str:
    """``1 case``, ``2 cases``."""
    return ntr(f"{{n}} {noun}", f"{{n}} {noun}s", n)
