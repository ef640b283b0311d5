"""The two LASSO figures of radiomics papers: coefficients along λ, and the cross-validated curve that chooses it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ...statistics.crossvalidation import LassoCv
from ...statistics.inputs import FloatArray
from .series_style import COLOURS
from .style import GREY, INK, VERMILLION, add_axes_mm, new_figure, plain_axes

TEXT, SMALL = 7.5, 6.5
WIDTH, HEIGHT = 95.0, 78.0
_BEYOND_MIN = 1.2
"""How far below λ min (in log λ) is drawn: further down overfitting dwarfs everything that matters."""
_DOTTED = (0, (1, 1.6))
_MEASURES = {
    "deviance": "Cross-validated deviance",
    "auc": "Cross-validated AUC",
    "class": "Cross-validated misclassification",
    "c_index": "Cross-validated C-index",
    "mse": "Cross-validated mean squared error",
}


def coefficient_path_figure(cv: LassoCv, index: int) -> Figure:
    """Coefficients of all features along log λ, those selected at λ number ``index`` in colour."""
    figure, axes = _axes()
    x = _drawn(cv)
    coefficients = cv.path.coefficients[: len(x)]
    for column in np.flatnonzero(np.abs(coefficients).max(axis=0)):
        chosen = coefficients[index, column] != 0
        colour = COLOURS[column % len(COLOURS)] if chosen else GREY
        axes.plot(x, coefficients[:, column], color=colour, lw=0.9 if chosen else 0.4, alpha=1 if chosen else 0.5)
    axes.axhline(0, color=INK, lw=0.5)
    axes.axvline(x[index], color=INK, lw=0.8, ls=_DOTTED)
    axes.set_ylabel("Coefficient (per SD)", size=TEXT, labelpad=2)
    _lambda_axis(axes, cv)
    return figure


def cv_curve_figure(cv: LassoCv, rule: str) -> Figure:
    """The cross-validated measure ± its standard error along log λ, with both choices of λ; ``rule`` was used."""
    figure, axes = _axes()
    curve = cv.curve
    x = _drawn(cv)
    mean, se = curve.mean[: len(x)], curve.se[: len(x)]
    axes.errorbar(x, mean, se, fmt="none", ecolor=GREY, elinewidth=0.6, capsize=1.2, capthick=0.5)
    axes.plot(x, mean, "o", ms=2.4, color=VERMILLION, mew=0)
    # The names of the lines stand where the curve leaves room: above its minimum, below its maximum.
    top = mean[curve.index_min] < (mean.min() + mean.max()) / 2
    for index, name in ((curve.index_min, "min"), (curve.index_1se, "1-SE")):
        used = name.replace("-", "").lower() == rule
        axes.axvline(x[index], color=INK, lw=1.0 if used else 0.6, ls=_DOTTED)
        axes.annotate(
            f"λ {name} = {curve.lambdas[index]:.4f}" + (" (used)" if used else ""),
            (x[index], 0.98 if top else 0.03),
            (-2.5, 0),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            size=SMALL,
            rotation=90,
            ha="right",
            va="top" if top else "bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )
    axes.set_ylabel(_MEASURES[curve.measure], size=TEXT, labelpad=2)
    _lambda_axis(axes, cv)
    return figure


def _drawn(cv: LassoCv) -> FloatArray:
    """log λ of the part of the path that is drawn."""
    x = np.log(cv.path.lambdas)
    return x[x >= x[cv.curve.index_min] - _BEYOND_MIN]


def _axes() -> tuple[Figure, Any]:
    figure = new_figure(HEIGHT, WIDTH)
    return figure, add_axes_mm(figure, 15, 10, WIDTH - 19, HEIGHT - 21)


def _lambda_axis(axes: Any, cv: LassoCv) -> None:
    """log λ below, and the number of features above, as glmnet draws it."""
    plain_axes(axes)
    x = _drawn(cv)
    axes.set_xlabel("log λ", size=TEXT, labelpad=2)
    axes.margins(x=0.02)
    above = axes.secondary_xaxis("top")
    at = np.unique(np.linspace(0, len(x) - 1, 8).astype(int))
    above.set_xticks(x[at], [str(cv.path.n_selected[i]) for i in at])
    above.tick_params(labelsize=SMALL, length=2, width=0.5, pad=1)
    above.set_xlabel("features with a coefficient", size=SMALL, labelpad=2, color=GREY)
    above.spines["top"].set_visible(False)
