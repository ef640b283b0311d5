"""The survival that a fitted card predicts for one patient, over time, with its 95 % band and the card's horizons."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ...core.translation import tr
from ...core.wide_text import wrapped
from ...scoring.patient_curve import PatientCurve, time_ticks
from .style import (
    DEMONSTRATION,
    GREY,
    INK,
    PATIENT,
    VERMILLION,
    WIDTH_MM,
    add_axes_mm,
    add_page,
    new_figure,
    plain_axes,
)

TEXT, SMALL = 7.5, 6.5
LEFT, TOP, HEIGHT, RIGHT = 16.0, 10.0, 56.0, 4.0
LETTERS = 140


def survival_figure(curve: PatientCurve, *, demonstration: bool = False) -> Figure:
    """The curve as a step function; two, for the ends of what is possible, while a covariate is missing."""
    notes = wrapped(curve.note, LETTERS)
    figure = new_figure(TOP + HEIGHT + 15 + 3.2 * (len(notes) + demonstration))
    page, axes = add_page(figure), add_axes_mm(figure, LEFT, TOP, WIDTH_MM - LEFT - RIGHT, HEIGHT)
    page.text(
        LEFT,
        5,
        tr("Predicted {endpoint} of this patient", endpoint=tr(curve.endpoint)),
        size=TEXT + 1,
        weight="bold",
        va="center",
    )
    best, worst = curve.best, curve.worst
    if curve.missing:
        axes.fill_between(best.time, worst.survival, best.survival, step="post", color=GREY, alpha=0.13, lw=0)
        axes.step(worst.time, worst.survival, where="post", color=PATIENT, lw=1.3, ls="--")
    else:
        axes.fill_between(best.time, best.lower, best.upper, step="post", color=PATIENT, alpha=0.15, lw=0)
    axes.step(best.time, best.survival, where="post", color=PATIENT, lw=1.5)
    for time in curve.marks:
        low, high = curve.at(time)
        axes.plot([time, time], [0, high], color=GREY, lw=0.6, ls=":")
        axes.plot([time] * len({low, high}), sorted({low, high}), "D", color=PATIENT, ms=4, mec="white", mew=0.6)
        axes.annotate(
            curve.words(time), (time, high), (3, 3), textcoords="offset points", size=SMALL, color=INK, va="bottom"
        )
    ticks = time_ticks(curve.last, curve.unit)
    axes.set(xlim=(0, max(curve.last, ticks[-1])), ylim=(0, 1.03), xticks=ticks, yticks=np.arange(0, 1.01, 0.2))
    axes.set_yticklabels([f"{tick:.0f} %" for tick in np.arange(0, 101, 20)])
    axes.set_xlabel(tr("Time ({unit})", unit=tr(curve.unit)), size=TEXT, labelpad=2)
    axes.set_ylabel(tr(curve.endpoint), size=TEXT, labelpad=2)
    plain_axes(axes)
    y = TOP + HEIGHT + 12
    for line, colour in [(line, GREY) for line in notes] + [(tr(DEMONSTRATION), VERMILLION)] * demonstration:
        page.text(LEFT, y, line, size=SMALL, color=colour, va="center")
        y += 3.2
    return figure
