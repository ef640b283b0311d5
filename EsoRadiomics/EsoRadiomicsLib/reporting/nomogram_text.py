"""What is written beside a nomogram's axes, whoever draws it: values, notes, and which tick labels find room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..core.formatting import number
from ..core.translation import mark, tr
from ..scoring.nomogram import Nomogram, Place, Row, Tick

DEMONSTRATION = mark("Demonstration reference cohort: these numbers mean nothing clinically.")


def value_text(row: Row, value: float | None) -> str:
    """``"N2"`` for a level, ``"0.1411"`` for a number, ``"not given"`` for None."""
    if value is None:
        return tr("not given")
    if row.discrete:
        return next(tick.label for tick in row.ticks if tick.value == value)
    return number(value)


def notes(nomogram: Nomogram, place: Place) -> list[str]:
    """What a reader must know before trusting what is drawn."""
    found = []
    if nomogram.reconstructed:
        found.append(
            tr("Reconstructed: the study does not print all numbers of this nomogram; its percentages are estimates.")
        )
    if nomogram.note:
        found.append(nomogram.note)
    if not place.total.known:
        found.append(tr("Bars: a variable is not given; they run over its possible values."))
    if any(b.low < -1e-9 or b.high > 100 + 1e-9 for b in place.points.values()):
        found.append(tr("Arrow heads: the value lies beyond its axis, so what follows from it is an extrapolation."))
    return found


def usual_side(tick: Tick) -> tuple[int, ...]:
    """All labels on one side."""
    return (1,)


def labelled(
    ticks: Sequence[Tick],
    x_of: Callable[[float], float],
    width_of: Callable[[str], float],
    *,
    gap: float,
    sides: Callable[[Tick], tuple[int, ...]] = usual_side,
) -> Iterator[tuple[Tick, int]]:
    """Each tick with the side of its label: 1, −1 (other side of the axis) or 0 (no room).

    Args:
        ticks: in the order of their points.
        x_of: place of a number of points.
        width_of: width of a label, in the unit of ``x_of``.
        gap: least distance between two labels, likewise.
        sides: on which sides each label may be, the first that has room.
    """
    last = {1: float("-inf"), -1: float("-inf")}
    for tick in ticks:
        half = width_of(tick.label) / 2
        x = x_of(tick.points)
        side = next((side for side in sides(tick) if x - half > last[side] + gap), 0)
        if side:
            last[side] = x + half
        yield tick, side
