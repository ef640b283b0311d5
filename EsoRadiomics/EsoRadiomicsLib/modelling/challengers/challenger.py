"""What a challenger is: a name, the outcome it is for, and how it learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ...core.optional import require
from ...statistics.inputs import BoolArray, FloatArray, Survival

Predictor = Callable[[FloatArray], FloatArray]
"""Features (m, p) → risk (m,), higher for an earlier event or for the outcome coded 1."""


@dataclass(frozen=True)
class Challenger:
    """``learn`` takes z-scored features (n, p), the outcome (Survival, or booleans where ``binary``) and a seed.

    ``package`` is what it imports, ``distribution`` what pip calls that.
    """

    name: str
    binary: bool
    package: str
    distribution: str
    learn: Callable[[ModuleType, FloatArray, Survival | BoolArray, int], Predictor]

    def check(self) -> ModuleType:
        """Its package.

        Raises:
            UsageError: it cannot be imported.
        """
        return require(self.package, "modelling", f"The challenger “{self.name}”", self.distribution)

    def fit(self, features: FloatArray, outcome: Survival | BoolArray, seed: int) -> Predictor:
        """Learn from patients; the same seed gives the same predictions."""
        return self.learn(self.check(), features, outcome, seed)


def survival_records(outcome: Survival | BoolArray) -> np.ndarray:
    """The outcome as scikit-survival takes it."""
    assert isinstance(outcome, Survival)
    records = np.empty(len(outcome), dtype=[("event", "?"), ("time", "f8")])
    records["event"], records["time"] = outcome.event, outcome.time
    return records
