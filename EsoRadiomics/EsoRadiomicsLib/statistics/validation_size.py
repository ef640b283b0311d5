"""How many patients it takes to check a prediction model: precise calibration and discrimination.

Binary outcomes: Archer et al., Stat Med 2021, and Riley et al., Stat Med 2021 (R: ``pmvalsampsize``). Survival: the
simulation of Riley et al., Stat Med 2022, with the calibration slope and C-index of a Cox model.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from .calibration import survival_calibration
from .discrimination import harrell
from .inputs import FloatArray, Survival
from .sample_size import Criterion, SampleSize, binormal, check_c, check_share, over_normal

_Z = 1.96
SLOPE_WIDTH, C_WIDTH, RATIO_WIDTH = 0.2, 0.1, 0.2
"""Widths of the 95 % intervals of the calibration slope, the C-index and observed/expected."""
_SIMULATED, _REPEATS = 2500, 4


def validation_binary(
    prevalence: float,
    c_index: float,
    log_odds: tuple[float, float] | None = None,
    ratio_width: float = RATIO_WIDTH,
) -> SampleSize:
    """To check a logistic model of this ``c_index`` where the outcome has this ``prevalence``.

    ``log_odds`` are mean and SD of the model's linear predictor, where they are known; otherwise they follow from
    C-index and prevalence (normal with the same SD with and without the outcome). ``ratio_width`` is that of
    observed/expected.
    """
    check_c(c_index)
    check_share(prevalence, "The prevalence")
    if log_odds is None:
        means, variance = binormal(c_index, prevalence)
        parts = [(1 - prevalence, means[0], math.sqrt(variance)), (prevalence, means[1], math.sqrt(variance))]
        assumed = f"log odds from C-index and prevalence: SD {math.sqrt(variance):.2f} with and without the outcome"
    else:
        parts = [(1.0, *log_odds)]
        assumed = f"log odds of mean {log_odds[0]:g} and SD {log_odds[1]:g}"
    odds = prevalence * (1 - prevalence)
    sizes = {
        _ratio_text(ratio_width): (1 - prevalence) / (prevalence * _ratio_se(ratio_width) ** 2),
        f"calibration slope ± {SLOPE_WIDTH / 2:g}": _slope_size(parts),
        f"C-index ± {C_WIDTH / 2:g}": _c_size(c_index, odds),
    }
    criteria = tuple(Criterion(what, math.ceil(n), math.ceil(n) * prevalence) for what, n in sizes.items())
    return SampleSize(criteria, (assumed,))


def validation_survival(
    risk: float,
    c_index: float,
    followed: float = 1.0,
    ratio_width: float = RATIO_WIDTH,
    seed: int = 1,
) -> SampleSize:
    """To check a Cox model of this ``c_index`` at a horizon by which the event has this ``risk``.

    ``followed`` is the share of patients that follow-up reaches at the horizon, apart from events. Simulated: normal
    linear predictor whose SD gives the C-index, exponential times and losses; errors shrink with the root of n.
    """
    check_c(c_index)
    check_share(risk, "The risk by the horizon")
    if followed != 1:
        check_share(followed, "The share followed to the horizon")
    sd = _predictor_sd(c_index)
    rate = _baseline_rate(risk, sd)
    rng = np.random.default_rng(seed)
    variances, shares = [], []
    for _ in range(_REPEATS):
        predictor = sd * rng.standard_normal(_SIMULATED)
        time = rng.exponential(1 / (rate * np.exp(predictor)))
        lost = rng.exponential(-1 / math.log(followed), _SIMULATED) if followed < 1 else np.full(_SIMULATED, np.inf)
        outcome = Survival(np.minimum(np.minimum(time, lost), 1.0), time <= np.minimum(lost, 1.0))
        checked = survival_calibration(outcome, predictor, np.exp(-rate * np.exp(predictor)), 1.0)
        ratio, slope = checked.observed_expected, checked.slope
        errors = (
            math.log(ratio.upper / ratio.lower) / (2 * _Z),
            (slope.upper - slope.lower) / (2 * _Z),
            harrell(outcome, predictor).se,
        )
        shares.append(outcome.event.mean())
        variances.append(np.square(errors) * _SIMULATED)
    targets = np.array([_ratio_se(ratio_width), SLOPE_WIDTH / (2 * _Z), C_WIDTH / (2 * _Z)])
    sizes = np.mean(variances, axis=0) / targets**2
    names = (_ratio_text(ratio_width), f"calibration slope ± {SLOPE_WIDTH / 2:g}", f"C-index ± {C_WIDTH / 2:g}")
    criteria = tuple(
        Criterion(name, math.ceil(n), math.ceil(n) * float(np.mean(shares)))
        for name, n in zip(names, sizes, strict=True)
    )
    return SampleSize(
        criteria,
        (
            f"linear predictor normal with SD {sd:.2f}, from the C-index",
            f"{followed:.0%} of the patients followed to the horizon, apart from events",
        ),
    )


def _ratio_text(width: float) -> str:
    se = _ratio_se(width)
    return f"observed/expected {math.exp(-_Z * se):.2f} to {math.exp(_Z * se):.2f}"


def _ratio_se(width: float) -> float:
    """Error of ln(observed/expected) at which the interval around 1 has this width: exp(x) − exp(−x) = 2·sinh(x)."""
    return math.asinh(width / 2) / _Z


def _slope_size(parts: list[tuple[float, float, float]]) -> float:
    """From the share, mean and SD of each part of the log odds: n times the information gives the slope's error."""

    def moment(power: int) -> float:
        def of(z: FloatArray, mean: float, sd: float) -> FloatArray:
            value = mean + sd * z
            return value**power * expit(value) * expit(-value)

        return sum(share * over_normal(partial(of, mean=mean, sd=sd)) for share, mean, sd in parts)

    flat, mixed, steep = moment(0), moment(1), moment(2)
    return flat / ((SLOPE_WIDTH / (2 * _Z)) ** 2 * (flat * steep - mixed**2))


def _c_size(c_index: float, odds: float) -> float:
    """Patients at which Newcombe's error of an AUC (Stat Med 2006, method 4) is small enough."""

    def excess(n: float) -> float:
        parts = (n / 2 - 1) * ((1 - c_index) / (2 - c_index) + c_index / (1 + c_index))
        return math.sqrt(c_index * (1 - c_index) * (1 + parts) / (n**2 * odds)) - C_WIDTH / (2 * _Z)

    return float(brentq(excess, 3, 1e9))


def _predictor_sd(c_index: float) -> float:
    """SD of a normal linear predictor with this C-index: under proportional hazards C = E expit|difference|."""

    def excess(sd: float) -> float:
        return over_normal(lambda z: expit(np.abs(math.sqrt(2) * sd * z))) - c_index

    return float(brentq(excess, 0, 50))


def _baseline_rate(risk: float, sd: float) -> float:
    """Hazard of linear predictor 0 at which the mean risk by time 1 is ``risk``."""

    def excess(log_rate: float) -> float:
        return over_normal(lambda z: -np.expm1(-np.exp(log_rate + sd * z))) - risk

    return math.exp(float(brentq(excess, -50, 50)))
