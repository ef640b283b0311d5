"""Optimism by the bootstrap: how much better a model looks in the patients it was built from (rms ``validate``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..core.errors import InputError
from .inputs import FloatArray, IntArray

Model = TypeVar("Model")


@dataclass(frozen=True)
class Optimism:
    """k measures of a model, and of B models built from bootstrap samples (B less those that could not be built).

    ``apparent`` (k,): model of all patients in all patients; ``training`` (B, k): of a sample in that sample;
    ``test`` (B, k): of a sample in all patients.
    """

    apparent: FloatArray
    training: FloatArray
    test: FloatArray
    n_failed: int

    @property
    def optimism(self) -> FloatArray:
        """Mean of training − test (k,), over the samples in which a measure could be computed."""
        difference = self.training - self.test
        known = ~np.isnan(difference)
        total = np.where(known, difference, 0).sum(axis=0)
        return np.divide(total, known.sum(axis=0), out=np.full(len(total), np.nan), where=known.any(axis=0))

    @property
    def corrected(self) -> FloatArray:
        """What to expect in new patients (k,)."""
        return self.apparent - self.optimism


def bootstrap_samples(n: int, n_samples: int, seed: int) -> IntArray:
    """Rows (n_samples, n) of patients drawn with replacement, the same for the same seed."""
    return np.random.default_rng(seed).integers(0, n, size=(n_samples, n))


def bootstrap_optimism(
    fit: Callable[[IntArray], Model], measure: Callable[[Model, IntArray], FloatArray], samples: IntArray
) -> Optimism:
    """Repeat everything that built a model in each of ``samples`` (B, n).

    ``fit`` builds a model from the rows it is given, with every selection step repeated inside; ``measure`` returns k
    numbers of a model in the rows it is given. Samples in which no model can be built (InputError) are counted and
    left out; more than half of them is an InputError.
    """
    everybody = np.arange(samples.shape[1])
    apparent = measure(fit(everybody), everybody)
    training, test = [], []
    failure: InputError | None = None
    for rows in samples:
        try:
            model = fit(rows)
            inside, outside = measure(model, rows), measure(model, everybody)
        except InputError as error:
            failure = error
            continue
        training.append(inside)
        test.append(outside)
    n_failed = len(samples) - len(training)
    if 2 * n_failed > len(samples):
        raise InputError(f"No model could be built in {n_failed} of {len(samples)} bootstrap samples: {failure}")
    return Optimism(apparent, np.array(training), np.array(test), n_failed)
