"""ComBat: removing the shift and spread that a scanner or centre gives each feature, learned on training rows only.

W. E. Johnson, C. Li, A. Rabinovic, Biostatistics 2007;8:118–127: location and scale of each batch and feature, shrunk
by empirical Bayes over the features of the batch (parametric priors). Own code, checked against R's sva::ComBat: of the
Python libraries one shrinks over batches instead of features, one needs numpy 1, one is no longer kept, one is GPL.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
class Combat:
    """A fitted harmonisation.

    Attributes:
        column: what names the batch of a row.
        features: names of the features it changes.
        mean, sd: of each feature over the training rows: weighted grand mean and pooled SD within batches.
        batches: by name: rows it was fitted on, and of each feature the shift and the variance factor, in pooled SDs.
    """

    column: str
    features: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    batches: Mapping[str, Batch]

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the SHA-256 of the model."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def apply(self, values: Array, batches: Sequence[str]) -> Array:
        """Harmonise (rows, features) in the order of ``features``; NaN stays NaN.

        Raises:
            InputError: a batch the model was not fitted on.
        """
        unknown = sorted(set(batches) - set(self.batches))
        if unknown:
            raise InputError(
                f"The harmonisation knows no {self.column} “{unknown[0]}”; it was fitted on "
                f"{', '.join(self.batches)}. Fit it anew with training rows of that {self.column}."
            )
        shift = np.array([self.batches[batch].shift for batch in batches])
        scale = np.sqrt([self.batches[batch].variance for batch in batches])
        mean, sd = np.array(self.mean), np.array(self.sd)
        return ((values - mean) / sd - shift) / scale * sd + mean

    def save(self, path: Path) -> None:
        """Write the model as JSON."""
        write_text(path, json.dumps({"combat_version": 1, **asdict(self)}, indent=1, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Batch:
    """One batch's effect; see :class:`Combat`."""

    rows: int
    shift: tuple[float, ...]
    variance: tuple[float, ...]


def load_combat(path: Path) -> Combat:
    """Read a model.

    Raises:
        StudyError: unreadable, or not JSON.
        InputError: JSON, but not of a harmonisation.
    """
    node = read_json(path, f"The harmonisation {path}", "Fit one with “esoradiomics cohort harmonise”.")
    try:
        batches = {
            str(name): Batch(int(item["rows"]), _numbers(item["shift"]), _numbers(item["variance"]))
            for name, item in node["batches"].items()
        }
        features = tuple(map(str, node["features"]))
        model = Combat(str(node["column"]), features, _numbers(node["mean"]), _numbers(node["sd"]), batches)
        lists = [model.mean, model.sd, *(part for batch in batches.values() for part in (batch.shift, batch.variance))]
        if any(len(part) != len(features) for part in lists) or not all(
            value > 0 for part in (model.sd, *(batch.variance for batch in batches.values())) for value in part
        ):
            raise ValueError("its lists do not fit its features")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is no harmonisation ({error}). Fit one with “esoradiomics cohort harmonise”."
        ) from error
    return model


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def fit_combat(values: Array, batches: Sequence[str], features: Sequence[str], column: str) -> tuple[Combat, list[str]]:
    """Fit on training rows; returns the model and the features left out, which have missing or constant values.

    Args:
        values: (rows, features).
        batches: (rows,) batch of each row.
        features: names of the columns of ``values``.
        column: what the batches are called.

    Raises:
        InputError: fewer than two batches, a batch with fewer than 3 rows, or fewer than two features to learn from.
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
    mean = sum((rows.mean() * kept[rows].mean(axis=0) for rows in members.values()), np.zeros(kept.shape[1]))
    residuals = np.concatenate([kept[rows] - kept[rows].mean(axis=0) for rows in members.values()])
    sd = np.sqrt(np.mean(residuals**2, axis=0))
    fitted = {}
    for name, rows in members.items():
        shift, variance = _shrink((kept[rows] - mean) / sd)
        fitted[name] = Batch(int(rows.sum()), tuple(shift.tolist()), tuple(variance.tolist()))
    names = tuple(name for name, fine in zip(features, usable, strict=True) if fine)
    return Combat(column, names, tuple(mean.tolist()), tuple(sd.tolist()), fitted), left_out


def _shrink(standardised: Array) -> tuple[Array, Array]:
    """Posterior shift γ* and variance δ*² of each feature of one batch (equations 3.1 of the paper, iterated).

    The priors, γ ~ N(γ̄, τ²) and δ² ~ inverse gamma(λ, θ), come from the moments over the batch's features.
    """
    n = len(standardised)
    shift_hat = standardised.mean(axis=0)
    variance_hat = standardised.var(axis=0, ddof=1)
    centre, spread = shift_hat.mean(), shift_hat.var(ddof=1)
    m, s2 = variance_hat.mean(), variance_hat.var(ddof=1)
    if not (spread > 0 and s2 > 0):
        return shift_hat, variance_hat
    shape, scale = 2 + m**2 / s2, m + m**3 / s2
    shift, variance = shift_hat, variance_hat
    for _ in range(_MOST_ITERATIONS):
        new_shift = (n * spread * shift_hat + variance * centre) / (n * spread + variance)
        squares = ((standardised - new_shift) ** 2).sum(axis=0)
        new_variance = (scale + squares / 2) / (n / 2 + shape - 1)
        change = max(np.abs(new_shift - shift).max(), np.abs(new_variance - variance).max())
        shift, variance = new_shift, new_variance
        if change < _CONVERGED:
            return shift, variance
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
