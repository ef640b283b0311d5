"""What a reference cohort is worth for a study: its Rad-scores against the published, and a verdict with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from ..core.formatting import counted, number
from ..studies.reference_cohort import ReferenceCohort
from ..studies.study import Study
from .against_reference import FEW_CASES

FEWEST_CASES = 10
"""Fewer cannot serve: a z-score of 2 would have a 95 % interval of more than ± 1.1."""
SD_RATIO = (0.5, 2.0)
"""Between these the SD of the Rad-score is like a published one's."""
SHARE_APART = 0.25
LOW_CORE = 0.5
"""A feature whose quartiles span less than this share of what its SD says owes its SD to a few patients."""
NEARLY_VOLUME = 0.8


@dataclass(frozen=True)
class CaseFacts:
    """What is known of a case beside its features: GTV in cm³ and how the CT was acquired, in words."""

    volume_cm3: float
    acquisition: Mapping[str, str]


@dataclass(frozen=True)
class Worth:
    """A reference cohort as one study sees it.

    Attributes:
        cases: in the cohort; ``scored`` of them have all features of the signature.
        score_sd: of the Rad-score in the cohort; its mean is the intercept by construction.
        published: (patients, mean, SD) as the study printed them.
        share_above: of the cohort above the cut-off; ``published_above`` what normal distributions of the published
            means and SDs give; None without a cut-off.
        z_error: standard error of a z-score of 0 and of 2 against this cohort.
        few_patients: features whose SD rests on a few patients.
        volume_correlation: Spearman's, of Rad-score and GTV; None where the volumes are not known.
        acquisitions: of each property of the CTs the values and how many have them.
        verdict: ``usable``, ``with reservations`` or ``not usable``; ``reasons`` are sentences.
    """

    study: str
    cases: int
    scored: int
    score_sd: float
    published: tuple[tuple[str, float, float], ...]
    share_above: float | None
    published_above: tuple[tuple[str, float], ...]
    z_error: tuple[float, float]
    few_patients: tuple[str, ...]
    volume_correlation: float | None
    acquisitions: Mapping[str, Mapping[str, int]]
    verdict: str
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """The verdict with its reasons."""
        head = {
            "usable": "This cohort can serve as a reference",
            "with reservations": "This cohort can serve as a reference, with reservations",
            "not usable": "This cohort cannot serve as a reference",
        }[self.verdict]
        return f"{head}: {' '.join(self.reasons)}" if self.reasons else f"{head}."


def reference_worth(
    study: Study, reference: ReferenceCohort, scores: Sequence[float], facts: Sequence[CaseFacts] = ()
) -> Worth:
    """Judge a cohort for a z-scored study.

    Args:
        study: with a z-scored signature.
        reference: the cohort.
        scores: Rad-score of each case against the cohort itself.
        facts: of the same cases, in the same order; empty where nothing is known.
    """
    signature = study.signature
    assert signature is not None
    n = reference.cases
    values = np.array(scores, dtype=float)
    sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    published = tuple(
        (each["group"], float(each["mean"]["value"]), float(each["sd"]["value"]))
        for each in study.card["signature"].get("distribution", ())
    )
    cutoff = signature.cutoff
    above = float(np.mean([cutoff.group(each) == cutoff.above for each in scores])) if cutoff and scores else None
    expected = tuple(
        (group, 1 - NormalDist(mean, spread).cdf(cutoff.value)) for group, mean, spread in published if cutoff
    )
    few = tuple(name for name in signature.names if _core(reference, name) < LOW_CORE)
    volumes = np.array([each.volume_cm3 for each in facts])
    correlation = _spearman(values, volumes) if len(facts) == len(values) and len(values) > 2 else None
    acquisitions: dict[str, Counter[str]] = {}
    for case in facts:
        for name, value in case.acquisition.items():
            acquisitions.setdefault(name, Counter())[value] += 1
    error = ((1 / n) ** 0.5, (1 / n + 4 / (2 * (n - 1))) ** 0.5)
    reasons = []
    if n < FEW_CASES:
        reasons.append(
            f"{counted(n, 'case')} leave a z-score of 2 a 95 % interval of ± {number(1.96 * error[1], 2)}; "
            f"{FEW_CASES} or more are advised."
        )
    ratios = [sd / spread for _, _, spread in published]
    if ratios and not any(SD_RATIO[0] <= ratio <= SD_RATIO[1] for ratio in ratios):
        told = ", ".join(f"{number(spread, 2)} in {group}" for group, _, spread in published)
        reasons.append(f"The {signature.name} varies by {number(sd, 2)} (SD) here, published are {told}.")
    if above is not None and expected and min(abs(above - share) for _, share in expected) > SHARE_APART:
        told = ", ".join(f"{100 * share:.0f} % in {group}" for group, share in expected)
        reasons.append(f"{100 * above:.0f} % lie above the cut-off, by the published means and SDs {told}.")
    if few:
        reasons.append(f"The SD of {counted(len(few), 'feature')} ({few[0]} …) rests on a few patients.")
    if correlation is not None and abs(correlation) > NEARLY_VOLUME:
        reasons.append(f"The {signature.name} is nearly the GTV's volume here (Spearman {number(correlation, 2)}).")
    mixed = [name for name, counts in acquisitions.items() if len(set(counts) - {"unknown"}) > 1]
    if mixed:
        reasons.append(f"The CTs differ in {', '.join(mixed)}.")
    verdict = "not usable" if n < FEWEST_CASES or sd == 0 else "with reservations" if reasons else "usable"
    return Worth(
        study.id,
        n,
        len(values),
        sd,
        published,
        above,
        expected,
        error,
        few,
        correlation,
        {name: dict(counts.most_common()) for name, counts in acquisitions.items()},
        verdict,
        tuple(reasons),
    )


def _core(reference: ReferenceCohort, name: str) -> float:
    """The SD that the quartiles would have in a normal distribution, as a share of the SD; 1 where unknown."""
    feature = reference.features.get(name)
    if feature is None or feature.sd <= 0 or not {"0.25", "0.75"} <= set(feature.quantiles):
        return 1.0
    return (feature.quantiles["0.75"] - feature.quantiles["0.25"]) / 1.349 / feature.sd


def _spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    from scipy.stats import rankdata

    ranks = rankdata(x), rankdata(y)
    if min(np.ptp(each) for each in ranks) == 0:
        return None
    return float(np.corrcoef(*ranks)[0, 1])
