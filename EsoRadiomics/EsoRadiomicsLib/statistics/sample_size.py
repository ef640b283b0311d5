"""How many patients a prediction model needs: Riley's criteria for building one (Stat Med 2019; BMJ 2020).

Every candidate counts, not only what is selected at the end: a LASSO of 851 features has 851 candidate parameters.
R: ``pmsampsize``. For validation see :mod:`.validation_size`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm

from ..core.errors import UsageError
from .inputs import FloatArray

SHRINKAGE = 0.9
"""What is left of the effects after shrinkage: at most 10 % of them may be overfitting."""
OPTIMISM = 0.05
"""By which Nagelkerke's R² of the development patients may flatter, and the error of the overall risk."""
UNKNOWN_NAGELKERKE = 0.15
"""Nagelkerke's R² where nothing is known of the model to come, as Riley et al. advise."""
LEAST_SHARE = 1e-4
"""Of patients: a rarer outcome, or a rarer absence of it, is no question for a cohort, and spoils the quadrature."""
_Z = 1.96
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)


@dataclass(frozen=True)
class Criterion:
    """What has to be precise, and how many patients ``n`` with how many events that takes."""

    what: str
    n: int
    n_events: float


@dataclass(frozen=True)
class SampleSize:
    """The criteria and the largest of them; ``assumed`` says in words what the numbers rest on."""

    criteria: tuple[Criterion, ...]
    assumed: tuple[str, ...]

    @property
    def n(self) -> int:
        """Patients that fulfil all criteria."""
        return max(criterion.n for criterion in self.criteria)

    @property
    def n_events(self) -> float:
        """Their events."""
        return max(criterion.n_events for criterion in self.criteria)


def events_per_parameter(n_events: float, n_parameters: int) -> float:
    """Events (of a binary outcome the rarer one) for each candidate parameter."""
    return n_events / n_parameters


def expected_shrinkage(n: int, parameters: int, r_squared: float) -> float:
    """Shrinkage to expect of ``n`` patients, 1 for none: van Houwelingen & le Cessie's heuristic (Riley et al. 2019).

    ``r_squared`` is Cox and Snell's of the model in new patients; far too few patients leave no more than that.
    """
    _check_r_squared(r_squared, 1.0)

    def excess(shrinkage: float) -> float:
        return n - _for_shrinkage(parameters, r_squared, shrinkage)

    return float(brentq(excess, r_squared + 1e-12, 1 - 1e-12))


def development_binary(
    parameters: int, prevalence: float, *, r_squared: float | None = None, c_index: float | None = None
) -> SampleSize:
    """To build a logistic model of so many candidate ``parameters`` for an outcome of this ``prevalence``.

    How good the model will be: Cox and Snell's ``r_squared``, or the ``c_index`` (:func:`r_squared_of_c`), or neither:
    15 % of the largest possible R².
    """
    check_share(prevalence, "The prevalence")
    largest = 1 - math.exp(2 * (prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)))
    of_c = None if c_index is None else r_squared_of_c(c_index, prevalence)
    r_squared, assumed = _anticipated(r_squared, of_c, c_index, largest)
    precise = math.ceil((_Z / OPTIMISM) ** 2 * prevalence * (1 - prevalence))
    sizes = [*_common(parameters, r_squared, largest), ("overall risk known to ± 0.05", precise)]
    return SampleSize(tuple(Criterion(what, n, n * prevalence) for what, n in sizes), assumed)


def development_survival(
    parameters: int,
    risk: float,
    horizon: float,
    follow_up: float,
    *,
    r_squared: float | None = None,
    c_index: float | None = None,
) -> SampleSize:
    """To build a Cox model of so many candidate ``parameters``.

    ``risk`` of the event by the ``horizon`` in all patients, mean ``follow_up`` in the horizon's unit; how good the
    model will be as in :func:`development_binary`, the C-index by Royston's D (Jinks et al. 2015).
    """
    check_share(risk, "The risk by the horizon")
    if horizon <= 0 or follow_up <= 0:
        raise UsageError("Horizon and follow-up are times greater than 0.")
    rate = -math.log(1 - risk) / horizon
    events = rate * follow_up
    if events >= 1:
        raise UsageError(
            f"With a risk of {risk:g} by {horizon:g} a mean follow-up of {follow_up:g} cannot be: it ends with the "
            "event. Give the mean of the times to event or last visit."
        )
    # The null model is exponential: E·ln(rate) − rate·T for each patient, with time counted in follow-ups.
    largest = 1 - math.exp(2 * (events * math.log(events) - events))
    of_c = None if c_index is None else r_squared_of_survival_c(c_index, events)
    r_squared, assumed = _anticipated(r_squared, of_c, c_index, largest)
    sizes = _common(parameters, r_squared, largest)
    if risk + OPTIMISM < 1:
        higher = -math.log(1 - risk - OPTIMISM) / horizon
        person_time = rate * (_Z / (higher - rate)) ** 2
        sizes.append((f"overall risk at {horizon:g} known to ± 0.05", math.ceil(person_time / follow_up)))
    return SampleSize(tuple(Criterion(what, n, n * events) for what, n in sizes), assumed)


def r_squared_of_c(c_index: float, prevalence: float) -> float:
    """Cox and Snell's R² of a logistic model with this AUC (Riley, Van Calster & Collins, Stat Med 2021).

    The linear predictor is normal with the same SD in patients with and without the outcome.
    """
    means, variance = binormal(c_index, prevalence)
    sd = math.sqrt(variance)
    without = over_normal(lambda z: np.log(expit(-means[0] - sd * z)))
    gain = (1 - prevalence) * without + prevalence * over_normal(lambda z: np.log(expit(means[1] + sd * z)))
    null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    return 1 - math.exp(-2 * (gain - null))


def r_squared_of_survival_c(c_index: float, events: float) -> float:
    """Cox and Snell's R² of a Cox model with this C-index and share of ``events`` (Riley et al., Stat Med 2019)."""
    check_c(c_index)
    d = 5.50 * (c_index - 0.5) + 10.26 * (c_index - 0.5) ** 3
    spread, noise = math.pi / 8 * d**2, math.pi**2 / 6
    of_d = spread / (noise + spread)
    of_hazard = -noise * of_d / ((1 - noise) * of_d - 1)
    return 1 - (1 - of_hazard) ** events


def binormal(c_index: float, prevalence: float) -> tuple[FloatArray, float]:
    """Means (2,) of a calibrated model's log odds without and with the outcome, and their variance, for this AUC."""
    check_c(c_index)
    check_share(prevalence, "The prevalence")
    variance = 2 * float(norm.ppf(c_index)) ** 2
    return float(logit(prevalence)) + np.array([-0.5, 0.5]) * variance, variance


def over_normal(function: Callable[[FloatArray], FloatArray]) -> float:
    """Mean of ``function`` over a standard normal variable, by quadrature."""
    return float(_WEIGHTS @ function(_NODES) / _WEIGHTS.sum())


def check_share(share: float, what: str) -> None:
    """Raise UsageError for what is no share of the patients."""
    if not LEAST_SHARE <= share <= 1 - LEAST_SHARE:
        raise UsageError(
            f"{what} lies between {LEAST_SHARE:g} and {1 - LEAST_SHARE:g}, such as 0.4; {share:g} was given."
        )


def check_c(c_index: float) -> None:
    """Raise UsageError for what no useful model has as C-index."""
    if not 0.5 < c_index < 1:
        raise UsageError(f"A C-index lies between 0.5 and 1; {c_index:g} was given.")


def _common(parameters: int, r_squared: float, largest: float) -> list[tuple[str, int]]:
    """The criteria of overfitting: shrinkage, and optimism of R²."""
    if parameters < 1:
        raise UsageError("A model has at least one candidate parameter.")
    against_optimism = r_squared / (r_squared + OPTIMISM * largest)
    return [
        ("shrinkage of at most 10 %", math.ceil(_for_shrinkage(parameters, r_squared, SHRINKAGE))),
        ("optimism of R² of at most 0.05", math.ceil(_for_shrinkage(parameters, r_squared, against_optimism))),
    ]


def _for_shrinkage(parameters: int, r_squared: float, shrinkage: float) -> float:
    if shrinkage <= r_squared:
        raise UsageError(f"An R² of {r_squared:.2f} is larger than the shrinkage {shrinkage:.2f} that it should leave.")
    return parameters / ((shrinkage - 1) * math.log(1 - r_squared / shrinkage))


def _anticipated(
    given: float | None, of_c: float | None, c_index: float | None, largest: float
) -> tuple[float, tuple[str, ...]]:
    """Cox and Snell's R² and where it is from."""
    if given is not None and of_c is not None:
        raise UsageError("Give R² or the C-index of the model to come, not both.")
    if given is not None:
        r_squared, source = given, "as given"
    elif of_c is not None:
        r_squared, source = of_c, f"from a C-index of {c_index:g}"
    else:
        r_squared, source = UNKNOWN_NAGELKERKE * largest, "15 % of the largest possible, as nothing is known"
    _check_r_squared(r_squared, largest)
    return r_squared, (f"R² (Cox–Snell) {r_squared:.3f} of at most {largest:.3f}: {source}",)


def _check_r_squared(r_squared: float, largest: float) -> None:
    if not 0 < r_squared < largest:
        raise UsageError(f"R² (Cox–Snell) lies between 0 and {largest:.3f} here; {r_squared:.3f} was given.")
