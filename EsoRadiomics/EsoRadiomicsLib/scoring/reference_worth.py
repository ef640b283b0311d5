"""What a reference cohort is worth for a study: its Rad-scores against the published, and a verdict with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from ..core.formatting import counted, listed, number, some
from ..core.translation import tr
from ..studies.card_parts import Signature
from ..studies.reference_cohort import ReferenceCohort, SignatureSpread
from ..studies.reference_pooling import centre_differences
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
        score_sd: of the Rad-score in the cohort; its mean is the intercept by construction. None where it cannot be
            computed.
        published: (patients, mean, SD) as the study printed them.
        share_above: of the cohort above the cut-off; ``published_above`` what normal distributions of the published
            means and SDs give; None without a cut-off.
        z_error: standard error of a z-score of 0 and of 2 against this cohort.
        few_patients: features whose SD rests on a few patients.
        volume_correlation: Spearman's, of Rad-score and GTV; None where the volumes are not known.
        acquisitions: of each property of the CTs the values and how many have them.
        verdict: ``usable``, ``with reservations`` or ``not usable``; ``reasons`` are sentences.
        twins: cases that have the features of another one, bit for bit.
    """

    study: str
    cases: int
    scored: int
    score_sd: float | None
    published: tuple[tuple[str, float, float], ...]
    share_above: float | None
    published_above: tuple[tuple[str, float], ...]
    z_error: tuple[float, float]
    few_patients: tuple[str, ...]
    volume_correlation: float | None
    acquisitions: Mapping[str, Mapping[str, int]]
    verdict: str
    reasons: tuple[str, ...]
    twins: int = 0

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
    study: Study,
    reference: ReferenceCohort,
    scores: Sequence[float],
    facts: Sequence[CaseFacts] = (),
    *,
    twins: int = 0,
) -> Worth:
    """Judge a cohort for a z-scored study.

    Args:
        study: with a z-scored signature.
        reference: the cohort.
        scores: Rad-score of each case against the cohort itself; empty where they are not known, as in a pooled cohort:
            then they are taken as normally distributed.
        facts: of the same cases, in the same order; empty where nothing is known.
        twins: as in :class:`Worth`.
    """
    signature = study.signature
    assert signature is not None
    published = tuple(
        (each["group"], float(each["mean"]["value"]), float(each["sd"]["value"]))
        for each in study.card["signature"].get("distribution", ())
    )
    cutoff = signature.cutoff
    expected = tuple(
        (group, 1 - NormalDist(mean, spread).cdf(cutoff.value)) for group, mean, spread in published if cutoff
    )
    known = [reference.features[name] for name in signature.names if name in reference.features]
    n = min((each.n for each in known), default=reference.cases)
    error = ((1 / n) ** 0.5, (1 / n + 4 / (2 * (n - 1))) ** 0.5)
    acquisitions: dict[str, Counter[str]] = {}
    for case in facts:
        for name, value in case.acquisition.items():
            acquisitions.setdefault(name, Counter())[value] += 1
    seen = {name: dict(counts.most_common()) for name, counts in acquisitions.items()}
    worth = Worth(
        study.id,
        reference.cases,
        len(scores) or n,
        None,
        published,
        None,
        expected,
        error,
        (),
        None,
        seen,
        "not usable",
        (),
    )
    if lacking := tuple(_lacking(reference, signature)):
        return replace(worth, scored=0, reasons=lacking)
    values = np.array(scores, dtype=float)
    sd = float(values.std(ddof=1)) if len(values) > 1 else _sd_of(signature, reference.signatures.get(study.id))
    above = None
    if cutoff and scores:
        above = float(np.mean([cutoff.group(each) == cutoff.above for each in scores]))
    elif cutoff and sd:
        above = 1 - NormalDist(signature.intercept, sd).cdf(cutoff.value)
    few = tuple(name for name in signature.names if _core(reference, name) < LOW_CORE)
    volumes = np.array([each.volume_cm3 for each in facts])
    correlation = _spearman(values, volumes) if len(facts) == len(values) > 2 else None
    worth = replace(
        worth, score_sd=sd, share_above=above, few_patients=few, volume_correlation=correlation, twins=twins
    )
    reasons = tuple(_reservations(worth, signature.name, n))
    useless = n - twins < FEWEST_CASES or sd == 0 or reference.demonstration
    if reference.demonstration:
        reasons = ("It was generated to demonstrate the software.", *reasons)
    return replace(
        worth, verdict="not usable" if useless else "with reservations" if reasons else "usable", reasons=reasons
    )


def pooled_worth(study: Study, pooled: ReferenceCohort, parts: Sequence[ReferenceCohort]) -> Worth:
    """Judge a cohort pooled of ``parts``, of whose patients only means, SDs and correlations are known."""
    judged = [part.worth.get(study.id, {}) for part in parts]
    worth = reference_worth(study, pooled, (), twins=sum(each.get("twins", 0) for each in judged))
    known = [each.get("acquisitions", {}) for each in judged]
    seen: dict[str, Counter[str]] = {}
    for name in known[0] if all(known) else ():
        counts = [Counter(each.get(name, {"unknown": part.cases})) for each, part in zip(known, parts, strict=True)]
        seen[name] = sum(counts, Counter())
    names = set(study.signature.names if study.signature else ())
    apart = [each for each in centre_differences(parts) if each.feature in names]
    more = list(_mixed(seen))
    versions = pooled.software.get(pooled.settings.engine, "")
    if len({_major(each) for each in versions.split(", ")}) > 1:
        more.append(f"The centres measured with {pooled.settings.engine} {versions}.")
    if apart:
        more.append(
            f"The centres' means of {counted(len(apart), 'feature')} lie apart, most those of {apart[0].feature}: "
            f"“{apart[0].higher}” {number(apart[0].apart_sd, 2)} SD above “{apart[0].lower}”."
        )
    verdict = "with reservations" if more and worth.verdict == "usable" else worth.verdict
    acquisitions = {name: dict(counts.most_common()) for name, counts in seen.items()}
    return replace(worth, acquisitions=acquisitions, verdict=verdict, reasons=(*worth.reasons, *more))


def reference_warnings(study: Study, reference: ReferenceCohort | None, software: Mapping[str, str]) -> Iterator[str]:
    """What to distrust of the cohort that a patient's z-scores are taken against.

    Args:
        study: that scores.
        reference: the cohort; None where none is used.
        software: what the patient's features were measured with.
    """
    if reference is None:
        return
    worth = reference.worth.get(study.id)
    if worth is not None and worth["verdict"] == "not usable" and not reference.demonstration:  # that is said anyway
        yield tr(
            "The reference cohort “{label}” cannot serve for this study: {reasons}",
            label=reference.label,
            reasons=" ".join(worth["reasons"]),
        )
    name = reference.settings.engine
    ours, theirs = software.get(name, ""), reference.software.get(name, "")
    if ours and theirs and {_major(each) for each in theirs.split(", ")} != {_major(ours)}:
        yield tr(
            "The reference cohort “{label}” was measured with {name} {theirs}, this patient with {ours}: features of "
            "other versions can differ. Measure both with one.",
            label=reference.label,
            name=name,
            theirs=theirs,
            ours=ours,
        )


def _major(version: str) -> str:
    """``3`` of ``v3.0.1``; within it values agree but for their last digits."""
    return version.lstrip("v").split(".")[0]


def worth_lines(worth: Mapping[str, Any]) -> list[str]:
    """What was found of a cohort, a line each, without the verdict; of :meth:`Worth.to_dict`, as a file keeps it."""
    lines = []
    if worth["score_sd"] is not None:
        told = [f"{number(mean)} ± {number(sd)} in {group}" for group, mean, sd in worth["published"]]
        lines.append(
            f"SD of the score: {number(worth['score_sd'])} (its mean is fixed by construction){_published(told)}"
        )
    if worth["share_above"] is not None:
        told = [f"{100 * share:.0f} % in {group}" for group, share in worth["published_above"]]
        means = "" if not told else f"; by the published means and SDs {listed(told)}"
        lines.append(f"above the cut-off: {100 * worth['share_above']:.0f} %{means}")
    lines.append(
        f"95 % interval of a z-score: ± {number(1.96 * worth['z_error'][0], 2)} at 0, "
        f"± {number(1.96 * worth['z_error'][1], 2)} at 2"
    )
    if worth["few_patients"]:
        lines.append(f"SD owed to a few patients: {', '.join(worth['few_patients'])}")
    if worth["volume_correlation"] is not None:
        lines.append(f"Spearman correlation with the GTV's volume: {number(worth['volume_correlation'], 2)}")
    for name, counts in worth["acquisitions"].items():
        lines.append(f"{name}: {', '.join(f'{value} ({n})' for value, n in counts.items())}")
    return lines


def _published(told: Sequence[str]) -> str:
    return f"; published: {listed(told)}" if told else ""


def _lacking(reference: ReferenceCohort, signature: Signature) -> Iterator[str]:
    """Why z-scores of the signature cannot be taken against the cohort at all."""
    lacking = [name for name in signature.names if name not in reference.features]
    if lacking:
        yield f"It lacks {counted(len(lacking), 'feature')} of the signature ({some(lacking, 3)})."
    same = [name for name in signature.names if name not in lacking and not reference.features[name].sd > 0]
    if same:
        yield f"All its cases have the same value of {some(same, 3)}."


def _reservations(worth: Worth, name: str, n: int) -> Iterator[str]:
    if n < FEW_CASES:
        yield (
            f"{counted(n, 'case')} leave a z-score of 2 a 95 % interval of ± {number(1.96 * worth.z_error[1], 2)}; "
            f"{FEW_CASES} or more are advised."
        )
    if worth.twins:
        yield (
            f"In {worth.twins} of {worth.cases} cases every feature is that of another case, bit for bit: a patient "
            "counts twice."
        )
    sd = worth.score_sd
    ratios = [sd / spread for _, _, spread in worth.published] if sd is not None else []
    if sd is not None and ratios and not any(SD_RATIO[0] <= ratio <= SD_RATIO[1] for ratio in ratios):
        told = listed(f"{number(spread, 2)} in {group}" for group, _, spread in worth.published)
        yield f"The {name} varies by {number(sd, 2)} (SD) here, published are {told}."
    above, expected = worth.share_above, worth.published_above
    if above is not None and expected and min(abs(above - share) for _, share in expected) > SHARE_APART:
        told = listed(f"{100 * share:.0f} % in {group}" for group, share in expected)
        yield f"{100 * above:.0f} % lie above the cut-off, by the published means and SDs {told}."
    if worth.few_patients:
        few = worth.few_patients
        yield f"The SD of {counted(len(few), 'feature')} ({some(few, 3)}) rests on a few patients."
    correlation = worth.volume_correlation
    if correlation is not None and abs(correlation) > NEARLY_VOLUME:
        yield f"The {name} is nearly the GTV's volume here (Spearman {number(correlation, 2)})."
    yield from _mixed(worth.acquisitions)


def _mixed(acquisitions: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    mixed = [name for name, counts in acquisitions.items() if len(counts.keys() - {"unknown"}) > 1]
    if mixed:
        yield f"The CTs differ in {listed(mixed)}."


def _sd_of(signature: Signature, spread: SignatureSpread | None) -> float | None:
    """Of the Rad-score, from the features' correlations."""
    if spread is None or set(spread.features) != set(signature.names):
        return None
    weights = {feature.name: feature.coefficient.value for feature in signature.features}
    coefficients = np.array([weights[name] for name in spread.features])
    return float(np.sqrt(coefficients @ np.array(spread.correlations) @ coefficients))


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
