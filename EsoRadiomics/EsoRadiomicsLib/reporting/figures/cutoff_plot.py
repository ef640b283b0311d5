"""How a cut-off of the Rad-score was chosen: the scan over all possible cuts, above the distribution of the scores."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ...core.formatting import number
from ...statistics.cutoff import MaxLogRank
from ...statistics.inputs import FloatArray
from .style import BLUE, GREY, INK, VERMILLION, add_axes_mm, new_figure, plain_axes

TEXT, SMALL = 7.5, 6.5
WIDTH, HEIGHT = 120.0, 88.0
_BINS = 30


def cutoff_scan_figure(scan: MaxLogRank, scores: FloatArray, value: float) -> Figure:
    """Standardised log-rank statistic at each cut, the chosen ``value``, and the ``scores`` (n,) below.

    No p: the score was built on these patients, so that its groups differ whatever it is worth elsewhere.
    """
    figure = new_figure(HEIGHT, WIDTH)
    top = add_axes_mm(figure, 15, 8, WIDTH - 19, 48)
    top.plot(scan.cuts, scan.statistics, "o-", ms=1.8, lw=0.6, color=BLUE, mew=0)
    top.axvline(value, color=VERMILLION, lw=0.9, ls=(0, (4, 2)))
    low, high = float(scores.min()), float(scores.max())
    sentence = f"cut-off {number(value)}, apparent statistic {scan.statistic:.2f}, the largest of {len(scan.cuts)} cuts"
    top.set_title(sentence, size=SMALL, loc="left", pad=3)
    top.set_ylabel("Standardised log-rank statistic", size=TEXT, labelpad=2)
    below = add_axes_mm(figure, 15, 60, WIDTH - 19, 17)
    below.hist(scores, bins=np.linspace(low, high, _BINS + 1).tolist(), color=GREY, alpha=0.6, lw=0)
    below.axvline(value, color=VERMILLION, lw=0.9, ls=(0, (4, 2)))
    below.set_xlabel("Rad-score", size=TEXT, labelpad=2)
    below.set_ylabel("Patients", size=TEXT, labelpad=2, color=INK)
    for axes in (top, below):
        plain_axes(axes)
        axes.set_xlim(low, high)
    top.tick_params(labelbottom=False)
    top.set_ylim(bottom=0, top=1.06 * float(scan.statistics.max()))
    return figure
