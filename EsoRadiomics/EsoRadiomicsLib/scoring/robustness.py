"""How firm one patient's score is: its spread over perturbations, and how often its group flips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Replicate:
    """One perturbation and the score under it; ``failed`` says why there is none."""

    kind: str
    words: str
    rad_score: float | None
    group: str | None
    values: dict[str, float]
    failed: str


@dataclass(frozen=True)
class FeatureSpread:
    """A signature feature over the perturbations.

    ``sd`` is the root mean square deviation from the unperturbed value, ``icc`` = SD² of the reference cohort / (that +
    sd²): the share of the variance between patients that the perturbations leave; None without a reference.
    """

    feature: str
    value: float
    minimum: float
    maximum: float
    sd: float
    icc: float | None


@dataclass(frozen=True)
class Robustness:
    """The Rad-score's interval over perturbations, and how often the risk group flips.

    ``interval`` holds the 2.5th and 97.5th percentile. ``flips`` counts the replicates with another risk group than the
    patient's, by kind, with the number of replicates that kind had.
    """

    rad_score: float
    interval: tuple[float, float]
    replicates: tuple[Replicate, ...]
    flips: dict[str, tuple[int, int]]
    features: tuple[FeatureSpread, ...]
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values for result files; the replicates without their feature values."""
        return {
            "rad_score": self.rad_score,
            "interval_95": list(self.interval),
            "seed": self.seed,
            "scored": self.scored,
            "flip_share": self.flip_share,
            "flips": {kind: {"flipped": flipped, "scored": n} for kind, (flipped, n) in self.flips.items()},
            "features": [asdict(feature) for feature in self.features],
            "replicates": [
                {name: value for name, value in asdict(replicate).items() if name != "values"}
                for replicate in self.replicates
            ],
        }

    @classmethod
    def from_dict(cls, node: Mapping[str, Any]) -> Robustness:
        """What :meth:`to_dict` gave; the replicates without their feature values."""
        return cls(
            rad_score=node["rad_score"],
            interval=tuple(node["interval_95"]),
            replicates=tuple(Replicate(**each, values={}) for each in node["replicates"]),
            flips={kind: (each["flipped"], each["scored"]) for kind, each in node["flips"].items()},
            features=tuple(FeatureSpread(**each) for each in node["features"]),
            seed=node["seed"],
        )

    @property
    def scored(self) -> int:
        """Number of perturbations that gave a score."""
        return sum(count for _, count in self.flips.values())

    @property
    def flip_share(self) -> float:
        """Share of the scored perturbations in which the risk group flips (0 where the study has no cut-off)."""
        return sum(flipped for flipped, _ in self.flips.values()) / self.scored
