"""ComBat: removing the shift and spread that a scanner or centre gives each feature, learned on training rows only.

W. E. Johnson, C. Li, A. Rabinovic, Biostatistics 2007;8:118–127: location and scale of each batch and feature, shrunk
by empirical Bayes over the features of the batch (parametric priors). Own code, checked against R's sva::ComBat: of the
Python libraries one shrinks over batches instead of features, one needs numpy 1, one is no longer kept, one is GPL.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.output import write_text
from ..core.strict_json import read_json

FEWEST_ROWS = 3
_CONVERGED = 1e-10
_MOST_ITERATIONS = 10_000
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """What empirical Bayes took of a batch's features: shift ~ N(mean, variance), variance ~ inverse gamma."""

    mean: float
    variance: float
    shape: float
    scale: float


@dataclass(frozen=True)
class Batch:
    """One batch's effect; see :class:`Combat`. ``prior`` is None where nothing could be learned from the features."""

    rows: int
    shift: tuple[float, ...]
    variance: tuple[float, ...]
    prior: Prior | None = None


@dataclass(frozen=True)
class Combat:
    """A fitted harmonisation.

    Attributes:
        column: what names the batch of a row.
        features: names of the features it changes.
        mean, sd: of each feature over the training rows: weighted grand mean and pooled SD within batches; with
            covariates the mean where all of them are 0.
        batches: by name: rows it was fitted on, and of each feature the shift and the variance factor, in pooled SDs.
        covariates: what the features may differ by, batches or not; ``effects`` of each, a number a feature.
    """

    column: str
    features: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    batches: Mapping[str, Batch]
    covariates: tuple[str, ...] = ()
    effects: tuple[tuple[float, ...], ...] = ()

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the SHA-256 of the model."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def apply(self, values: Array, batches: Sequence[str], covariates: Array | None = None) -> Array:
        """Harmonise (rows, features) in the order of ``features``; NaN stays NaN.

        ``covariates`` (rows, k) are needed where the model keeps some.

        Raises:
            InputError: a batch the model was not fitted on, or covariates that are not given.
        """
        unknown = sorted(set(batches) - set(self.batches))
        if unknown:
            raise InputError(
                f"The harmonisation knows no {self.column} “{unknown[0]}”; it was fitted on "
                f"{', '.join(self.batches)}. Fit it anew with training rows of that {self.column}."
            )
        if self.covariates and covariates is None:
            raise InputError(f"The harmonisation keeps {', '.join(self.covariates)}, which is not given here.")
        row = [list(self.batches).index(batch) for batch in batches]
        shift = np.array([batch.shift for batch in self.batches.values()])[row]
        scale = np.sqrt([batch.variance for batch in self.batches.values()])[row]
        sd = np.array(self.sd)
        expected = np.array(self.mean) + (covariates @ np.array(self.effects) if covariates is not None else 0.0)
        return ((values - expected) / sd - shift) / scale * sd + expected

    def only(self, features: Sequence[str]) -> Combat:
        """The same model for some of its features."""
        at = [self.features.index(name) for name in features]

        def of(row: tuple[float, ...]) -> tuple[float, ...]:
            return tuple(row[k] for k in at)

        batches = {
            name: replace(batch, shift=of(batch.shift), variance=of(batch.variance))
            for name, batch in self.batches.items()
        }
        effects = tuple(map(of, self.effects))
        return replace(
            self, features=tuple(features), mean=of(self.mean), sd=of(self.sd), batches=batches, effects=effects
        )

    def save(self, path: Path) -> None:
        """Write the model as JSON."""
        write_text(path, json.dumps({"combat_version": 1, **asdict(self)}, indent=1, ensure_ascii=False) + "\n")


def load_combat(path: Path) -> Combat:
    """Read a model.

    Raises:
        StudyError: unreadable, or not JSON.
        InputError: JSON, but not of a harmonisation.
    """
    node = read_json(path, f"The harmonisation {path}", "Fit one with “esoradiomics cohort harmonise”.")
    try:
        return combat_of(node)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is no harmonisation ({error}). Fit one with “esoradiomics cohort harmonise”."
        ) from error


def combat_of(node: Mapping[str, Any]) -> Combat:
    """A model from its JSON.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not one.
    """
    batches = {
        str(name): Batch(
            int(item["rows"]),
            _numbers(item["shift"]),
            _numbers(item["variance"]),
            Prior(**{key: float(value) for key, value in item["prior"].items()}) if item.get("prior") else None,
        )
        for name, item in node["batches"].items()
    }
    features, covariates = (tuple(map(str, node.get(key, ()))) for key in ("features", "covariates"))
    effects = tuple(map(_numbers, node.get("effects", ())))
    model = Combat(
        str(node["column"]), features, _numbers(node["mean"]), _numbers(node["sd"]), batches, covariates, effects
    )
    lists = [model.mean, model.sd, *(part for each in batches.values() for part in (each.shift, each.variance))]
    if any(len(part) != len(features) for part in [*lists, *effects]) or len(effects) != len(covariates):
        raise ValueError("its lists do not fit its features")
    if not all(value > 0 for part in (model.sd, *(each.variance for each in batches.values())) for value in part):
        raise ValueError("a variance is not above 0")
    return model


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def fit_combat(
    values: Array,
    batches: Sequence[str],
    features: Sequence[str],
    column: str,
    covariates: Mapping[str, Array] | None = None,
) -> tuple[Combat, list[str]]:
    """Fit on training rows; returns the model and the features left out, which have missing or constant values.

    Args:
        values: (rows, features).
        batches: (rows,) batch of each row.
        features: names of the columns of ``values``.
        column: what the batches are called.
        covariates: by name (rows,): what the features may differ by, so that it is kept (sva's ``mod``).

    Raises:
        InputError: fewer than two batches, a batch with fewer than 3 rows, fewer than two features to learn from, or
            a covariate that the batches already determine.
    """
    labels = np.asarray(batches)
    members = {str(name): labels == name for name in sorted(set(batches))}
    small = [name or "(empty)" for name, rows in members.items() if rows.sum() < FEWEST_ROWS or not name]
    if len(members) < 2 or small:
        found = ", ".join(f"{name or '(empty)'} ({rows.sum()})" for name, rows in members.items())
        raise InputError(
            f"Harmonisation needs at least two batches with {FEWEST_ROWS} training rows each; the column {column} has: "
            f"{found}. Join small batches, or leave them out."
        )
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(values).all(axis=0)
        usable &= np.all([np.ptp(values[rows], axis=0) > 0 for rows in members.values()], axis=0)
    left_out = [name for name, fine in zip(features, usable, strict=True) if not fine]
    kept = values[:, usable]
    if kept.shape[1] < 2:
        raise InputError("Fewer than two features vary within every batch, so nothing can be harmonised.")
    covariates = covariates or {}
    known = np.array(list(covariates.values()), dtype=np.float64).reshape(len(covariates), len(values)).T
    effects = _within(kept, known, list(covariates), members, column)
    without = kept - known @ effects
    mean = sum((rows.mean() * without[rows].mean(axis=0) for rows in members.values()), np.zeros(kept.shape[1]))
    residuals = np.concatenate([without[rows] - without[rows].mean(axis=0) for rows in members.values()])
    sd = np.sqrt(np.mean(residuals**2, axis=0))
    fitted = {}
    for name, rows in members.items():
        shift, variance, prior = _shrink((without[rows] - mean) / sd)
        fitted[name] = Batch(int(rows.sum()), tuple(shift.tolist()), tuple(variance.tolist()), prior)
    names = tuple(name for name, fine in zip(features, usable, strict=True) if fine)
    per_covariate = tuple(tuple(row) for row in effects.tolist())
    model = Combat(
        column, names, tuple(mean.tolist()), tuple(sd.tolist()), fitted, tuple(map(str, covariates)), per_covariate
    )
    return model, left_out


def _within(
    values: Array, covariates: Array, names: Sequence[str], members: Mapping[str, NDArray[np.bool_]], column: str
) -> Array:
    """Effects (k, features) of the covariates by least squares within the batches."""
    if not names:
        return np.zeros((0, values.shape[1]))
    batch = np.column_stack(list(members.values())).astype(np.float64)
    size = np.abs(covariates).max(axis=0)
    design = np.hstack([batch, covariates / np.where(size > 0, size, 1)])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise InputError(
            f"ComBat cannot keep {', '.join(names)}: the {column} of a row, or another of them, already tells it, so "
            "that nothing can tell one's effect from the other's. Leave it out."
        )
    return np.linalg.lstsq(design, values, rcond=None)[0][batch.shape[1] :] / size[:, None]


def _shrink(standardised: Array) -> tuple[Array, Array, Prior | None]:
    """Posterior shift γ* and variance δ*² of each feature of one batch (equations 3.1 of the paper, iterated).

    The priors, γ ~ N(γ̄, τ²) and δ² ~ inverse gamma(λ, θ), come from the moments over the batch's features.
    """
    n = len(standardised)
    shift_hat = standardised.mean(axis=0)
    variance_hat = standardised.var(axis=0, ddof=1)
    centre, spread = shift_hat.mean(), shift_hat.var(ddof=1)
    m, s2 = variance_hat.mean(), variance_hat.var(ddof=1)
    if not (spread > 0 and s2 > 0):
        return shift_hat, variance_hat, None
    shape, scale = 2 + m**2 / s2, m + m**3 / s2
    shift, variance = shift_hat, variance_hat
    for _ in range(_MOST_ITERATIONS):
        new_shift = (n * spread * shift_hat + variance * centre) / (n * spread + variance)
        squares = ((standardised - new_shift) ** 2).sum(axis=0)
        new_variance = (scale + squares / 2) / (n / 2 + shape - 1)
        change = max(np.abs(new_shift - shift).max(), np.abs(new_variance - variance).max())
        shift, variance = new_shift, new_variance
        if change < _CONVERGED:
            return shift, variance, Prior(float(centre), float(spread), float(shape), float(scale))
    raise InputError(
        f"The harmonisation did not settle (last change {change:.1g}). Look for features with extreme values."
    )


def batch_share(values: Array, batches: Sequence[str]) -> float:
    """Mean share of the features' variance that lies between batches (η², 0 to 1); NaN without features."""
    labels = np.asarray(batches)
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    between = sum(
        (labels == name).sum() * (values[labels == name].mean(axis=0) - values.mean(axis=0)) ** 2
        for name in sorted(set(batches))
    )
    varying = total > 0
    return float(np.mean(between[varying] / total[varying])) if varying.any() else math.nan
