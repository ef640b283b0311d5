"""The parts of a study card as typed values: signature, cut-off, covariates, outcome, strata, with evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..core.errors import UsageError
from ..core.translation import mark, tr
from ..statistics.combat import Combat, combat_of
from ..statistics.survival_curve import HazardCurve
from .card_curves import Curve, read_curve

EVIDENCE = mark(("published", "reconstructed", "refit", "assumed", "absent"))
UNSURE = ("reconstructed", "assumed")
_LARGEST = 500.0
"""Linear predictor beyond which an exponential would overflow; the risk is decided long before."""


@dataclass(frozen=True)
class Quantity:
    """One value of a card with its evidence: published, reconstructed, refit, assumed or absent (then None)."""

    value: Any
    evidence: str
    source: str = ""
    ci95: tuple[float, float] | None = None

    @classmethod
    def read(cls, node: Mapping[str, Any]) -> Quantity:
        ci95 = node.get("ci95")
        return cls(node["value"], node["evidence"], node.get("source", ""), tuple(ci95) if ci95 else None)


@dataclass(frozen=True)
class SignatureFeature:
    """One feature of a Rad-score; ``mean`` and ``sd`` are None where the study does not give them."""

    name: str
    coefficient: Quantity
    mean: Quantity | None
    sd: Quantity | None


@dataclass(frozen=True)
class Group:
    """A risk group; ``outlook`` is ``worse`` or ``better``, ``medians`` the study's median times by cohort."""

    id: str
    label: str
    outlook: str
    medians: tuple[tuple[str, Quantity], ...] = ()


@dataclass(frozen=True)
class Cutoff:
    """Cut-off of a Rad-score: ``above`` holds where ``score rule value`` is true."""

    value: float
    rule: str
    above: Group
    below: Group
    evidence: str
    source: str = ""

    def group(self, score: float) -> Group:
        """The risk group of a score."""
        is_above = score >= self.value if self.rule == ">=" else score > self.value
        return self.above if is_above else self.below


@dataclass(frozen=True)
class Signature:
    """A Rad-score: intercept + Σ coefficient × feature, on raw values or on z-scores (``normalisation``).

    ``harmonisation`` is what the features go through before, None without one.
    """

    name: str
    link: str
    normalisation: str
    intercept: float
    features: tuple[SignatureFeature, ...]
    cutoff: Cutoff | None
    probability_of: str
    harmonisation: Combat | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features the signature needs."""
        return tuple(feature.name for feature in self.features)


@dataclass(frozen=True)
class Covariate:
    """A clinical input: ``levels`` (value → label) or a continuous ``range``; ``description`` is for a tooltip.

    ``after_baseline`` says when it is known, where that is after the clock of the outcome has started. Text is a
    level's label only, never its number, where it is given ``by_name``, as scanners are.
    """

    name: str
    label: str
    levels: Mapping[float, str] | None
    range: tuple[float, float] | None
    unit: str
    description: str = ""
    after_baseline: str = ""
    by_name: bool = False

    @property
    def extremes(self) -> tuple[float, ...]:
        """The values that bound a monotone effect: all levels, or both ends of the range."""
        return tuple(self.levels) if self.levels is not None else self.range or ()

    def describe(self, value: float) -> str:
        """``"N2"`` for a level, ``"63 years"`` for a continuous value."""
        if self.levels is not None:
            return tr(self.levels[value])
        return f"{value:g} {tr(self.unit)}".strip()

    def check(self, value: Any) -> float:
        """The value as a number.

        Accepts a level's number or its label.

        Raises:
            UsageError: not one of the levels, or outside the range.
        """
        if self.levels is not None:
            for level, label in self.levels.items():
                if str(value).strip().lower() == label.lower():
                    return level
                if _is_number(value, level) and not (self.by_name and isinstance(value, str)):
                    return level
            allowed = ", ".join(
                label if self.by_name else f"{level:g} ({label})" for level, label in self.levels.items()
            )
            raise UsageError(f"{self.name} is {value!r}; the study knows {allowed}.")
        low, high = self.range or (float("-inf"), float("inf"))
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not low <= number <= high:
            raise UsageError(
                f"{self.name} is {value!r}; give a number from {low:g} to {high:g} {self.unit}".strip() + "."
            )
        return number


def _is_number(value: Any, level: float) -> bool:
    try:
        return float(value) == level
    except (TypeError, ValueError):
        return False


@dataclass(frozen=True)
class Term:
    """One term of a linear predictor: ``kind`` is ``covariate``, ``rad-score`` or ``risk-group`` (1 above the cut-off).

    With a ``curve`` its value is what the coefficient is multiplied with.
    """

    kind: str
    name: str
    coefficient: Quantity
    axis: Quantity | None
    curve: Curve | None = None

    def value(self, x: float) -> float:
        """What the coefficient is multiplied with: ``x``, or the curve's value there."""
        return x if self.curve is None else self.curve.at(x)

    def effect(self, x: float) -> float:
        """The term's part of the linear predictor."""
        return self.coefficient.value * self.value(x)

    def columns(self, x: float) -> list[float]:
        """``x``, or the columns that a curve was fitted as; ``betas`` are their coefficients."""
        return [x] if self.curve is None else self.curve.columns(x)

    @property
    def betas(self) -> list[float]:
        return [self.coefficient.value * beta for beta in (self.curve.betas if self.curve is not None else (1.0,))]

    def between(self, values: Sequence[float]) -> Sequence[float]:
        """Values at which the extreme effects over a covariate's ``values`` are found."""
        if self.curve is None or not values:
            return values
        return [*values, *self.curve.between(min(values), max(values))]


@dataclass(frozen=True)
class CompetingEvent:
    """What competes with an outcome's event, so that its risk is a cumulative incidence.

    ``model`` is ``fine-gray``, or ``cause-specific``: then ``terms`` are those of the competing ``event``'s hazard,
    some of the outcome's with other coefficients, and ``hazards`` the steps (time, cumulative hazard of the outcome's
    event, of the competing one) at linear predictor 0.
    """

    event: str
    model: str
    terms: tuple[Term, ...]
    hazards: tuple[tuple[float, float, float], ...]

    def incidence(self, time: float, predictor: float, of_competing: float) -> float:
        """Risk by ``time`` from both hazards: ∫ S(u)·dΛ₁(u), S = exp(−Λ₁ − Λ₂) (Benichou & Gail, 1990).

        Within a step both hazards are constant, so that no risk can exceed 1.
        """
        own, other = math.exp(min(predictor, _LARGEST)), math.exp(min(of_competing, _LARGEST))
        risk = before = before_own = 0.0
        for at, hazard, competing in self.hazards:
            if at > time:
                break
            of_event = own * hazard
            of_all = of_event + other * competing
            if of_all > before:
                share = (of_event - before_own) / (of_all - before)
                risk += math.exp(-before) * -math.expm1(before - of_all) * share
            before, before_own = of_all, of_event
        return risk


@dataclass(frozen=True)
class Outcome:
    """The outcome model: a Cox model with survival at horizons, or a logistic model.

    ``baseline`` is ((time, survival at linear predictor 0), …), empty where the study publishes none; with a
    ``competing`` event the probability of not having had the outcome's. ``cutoff`` is that of a logistic model's
    probability. ``curve``: survival at every time, which no paper prints.
    """

    kind: str
    label: str
    unit: str
    intercept: float
    terms: tuple[Term, ...]
    baseline: tuple[tuple[float, Quantity], ...]
    cutoff: Cutoff | None = None
    competing: CompetingEvent | None = None
    curve: HazardCurve | None = None

    @property
    def of_two_hazards(self) -> CompetingEvent | None:
        """The competing event where the risk rests on its hazard, too, and not on one linear predictor."""
        return self.competing if self.competing is not None and self.competing.model == "cause-specific" else None


@dataclass(frozen=True)
class Stratum:
    """An integrated risk stratum: patients with ``adverse_factors`` of the strata's factors."""

    adverse_factors: int
    id: str
    label: str
    medians: tuple[tuple[str, Quantity], ...]


@dataclass(frozen=True)
class Factor:
    """A factor of the strata: adverse where the risk group's id or the covariate's value is in ``adverse``."""

    kind: str
    name: str
    adverse: tuple[Any, ...]


@dataclass(frozen=True)
class Strata:
    """Risk strata that count adverse factors (for example Rad-score group and HRR status)."""

    name: str
    factors: tuple[Factor, ...]
    groups: tuple[Stratum, ...]


def read_signature(node: Mapping[str, Any]) -> Signature:
    features = tuple(
        SignatureFeature(
            name=item["name"],
            coefficient=Quantity.read(item["coefficient"]),
            mean=Quantity.read(item["mean"]) if "mean" in item else None,
            sd=Quantity.read(item["sd"]) if "sd" in item else None,
        )
        for item in node["features"]
    )
    cutoff = _cutoff(node["cutoff"])
    return Signature(
        name=node["name"],
        link=node["link"],
        normalisation=node["normalisation"],
        intercept=node["intercept"]["value"],
        features=features,
        cutoff=cutoff,
        probability_of=node.get("probability_of", ""),
        harmonisation=combat_of(node["harmonisation"]) if "harmonisation" in node else None,
    )


def _cutoff(node: Mapping[str, Any] | None) -> Cutoff | None:
    if node is None:
        return None
    return Cutoff(
        value=node["value"],
        rule=node["rule"],
        above=_group(node["above"]),
        below=_group(node["below"]),
        evidence=node["evidence"],
        source=node.get("source", ""),
    )


def _medians(node: Mapping[str, Any]) -> tuple[tuple[str, Quantity], ...]:
    return tuple((item["cohort"], Quantity.read(item["value"])) for item in node.get("medians", ()))


def _group(node: Mapping[str, Any]) -> Group:
    return Group(node["id"], node["label"], node["outlook"], _medians(node))


def read_covariate(node: Mapping[str, Any]) -> Covariate:
    levels = {float(item["value"]): item["label"] for item in node["levels"]} if "levels" in node else None
    low_high = tuple(node["range"]) if "range" in node else None
    described = node.get("unit", ""), node.get("description", ""), node.get("after_baseline", "")
    return Covariate(node["name"], node["label"], levels, low_high, *described, node.get("by_name", False))


def read_outcome(node: Mapping[str, Any]) -> Outcome:
    terms = tuple(
        Term(
            kind=item["kind"],
            name=item["name"],
            coefficient=Quantity.read(item["coefficient"]),
            axis=Quantity.read(item["axis"]) if "axis" in item else None,
            curve=read_curve(item["curve"]) if "curve" in item else None,
        )
        for item in node["terms"]
    )
    baseline = tuple((item["time"], Quantity.read(item["survival"])) for item in node.get("baseline", ()))
    intercept = node["intercept"]["value"] if "intercept" in node else 0.0
    cutoff, curve = _cutoff(node.get("cutoff")), _hazard_curve(node["curve"]) if "curve" in node else None
    competing = _competing(node["competing"], terms) if "competing" in node else None
    label, unit = node.get("label", ""), node.get("unit", "")
    return Outcome(node["kind"], label, unit, intercept, terms, baseline, cutoff, competing, curve)


def _hazard_curve(node: Mapping[str, Any]) -> HazardCurve:
    parts = {name: np.array(node[name], dtype=np.float64) for name in ("time", "hazard", "variance", "covariance")}
    drift = np.array(node["drift"], dtype=np.float64).reshape(len(node["time"]), -1)
    return HazardCurve(**parts, drift=drift, last_follow_up=node["last_follow_up"])


def _competing(node: Mapping[str, Any], terms: tuple[Term, ...]) -> CompetingEvent:
    own = {term.name: term for term in terms}
    steps = node.get("hazards", {"time": (), "event": (), "competing": ()})
    return CompetingEvent(
        event=node["event"],
        model=node["model"],
        terms=tuple(
            replace(
                own[item["name"]],
                coefficient=Quantity.read(item["coefficient"]),
                curve=read_curve(item["curve"]) if "curve" in item else None,
            )
            for item in node.get("terms", ())
        ),
        hazards=tuple(zip(steps["time"], steps["event"], steps["competing"], strict=True)),
    )


def read_strata(node: Mapping[str, Any]) -> Strata:
    factors = tuple(Factor(item["kind"], item.get("name", ""), tuple(item["adverse"])) for item in node["factors"])
    groups = tuple(
        Stratum(item["adverse_factors"], item["id"], item["label"], _medians(item)) for item in node["groups"]
    )
    return Strata(node["name"], factors, groups)
