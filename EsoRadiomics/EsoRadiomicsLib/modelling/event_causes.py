"""Which event ended a patient's follow-up: the one that is predicted, what competes with it, or none."""

from __future__ import annotations

import pandas as pd

from ..core.errors import InputError
from ..statistics.inputs import BoolArray, indicator, numbers


def event_and_causes(
    table: pd.DataFrame, event_column: str, competing: str | None
) -> tuple[pd.Series, BoolArray | None]:
    """The event as 0/1, and whose follow-up (n,) ended with what competes with it; None where nothing was named.

    ``competing`` is a column of 0/1, or what code 2 of the event is called.

    Raises:
        InputError: neither says so of any patient.
    """
    event = table[event_column]
    if competing is None:
        return event, None
    coded = numbers(event, "the event") == 2
    if coded.any():
        return event.where(~coded, 0), coded
    if competing in table:
        competed = indicator(table[competing], f"'{competing}'") & (event != 1).to_numpy()
        if competed.any():
            return event, competed
    raise InputError(
        f"Nobody had {competing} before the event: neither “{event_column}” is 2 anywhere, nor is there a "
        f"column “{competing}” that is 1 where the event is 0. Code one of them so."
    )
