"""Reference cohorts of several hospitals made one from their means, SDs and correlations: no patient is shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..core.errors import InputError
from .reference_cohort import ReferenceCohort, ReferenceFeature, SignatureSpread

APART_SD = 0.5
"""Means of two centres that differ by more pooled SDs than this are told."""


@dataclass(frozen=True)
class CentreDifference:
    """A feature whose mean differs between two centres, in SDs of the pooled cohort within centres."""

    feature: str
    lower: str
    higher: str
    apart_sd: float


def pool_references(parts: Sequence[ReferenceCohort], label: str) -> ReferenceCohort:
    """The reference cohort of all patients together.

    Mean, SD, number, minimum and maximum of every feature that all parts have are those of the joined table; so are
    the correlations of a signature's features, where no patient lacks one. Quantiles and the patients' scores cannot be
    pooled and are left out.

    Raises:
        InputError: fewer than two, the same one twice, other settings, or no feature in common.
    """
    if len(parts) < 2:
        raise InputError("One reference cohort cannot be merged. Give the files of two or more.")
    for part in parts[1:]:
        differences = parts[0].settings.differences(part.settings)
        if differences:
            listed = "; ".join(f"{name}: {ours} and {theirs}" for name, (ours, theirs) in differences.items())
            raise InputError(
                f"“{parts[0].label}” and “{part.label}” were measured with other settings ({listed}), so they cannot "
                "be merged. Measure one of them again."
            )
    for one, other in combinations(parts, 2):
        if dict(one.features) == dict(other.features):
            raise InputError(
                f"“{one.label}” and “{other.label}” have the same number, mean and SD of every feature: they are one "
                "cohort, and its patients would count twice. Leave one of them out."
            )
    names = [name for name in parts[0].features if all(name in part.features for part in parts)]
    if not names:
        raise InputError("The reference cohorts have no feature in common. Measure the same features in all of them.")
    studies = [study for study in parts[0].signatures if _poolable(parts, study)]
    readings = [
        tuple(part.at(each.settings) for part in parts)
        for each in parts[0].readings
        if all(part.at(each.settings) is not part for part in parts)
    ]
    return ReferenceCohort(
        label=label,
        demonstration=any(part.demonstration for part in parts),
        cases=sum(part.cases for part in parts),
        settings=parts[0].settings,
        software={
            name: ", ".join(sorted({part.software.get(name, "unknown") for part in parts}))
            for name in dict.fromkeys(name for part in parts for name in part.software)
        },
        features={name: _pooled([part.features[name] for part in parts]) for name in names},
        readings=tuple(pool_references(each, label) for each in readings),
        signatures={study: _spread(parts, study) for study in studies},
    )


def centre_differences(parts: Sequence[ReferenceCohort]) -> tuple[CentreDifference, ...]:
    """What a pooled SD would hide: features whose centres' means lie apart, the largest difference first."""
    found = []
    for name in parts[0].features:
        centres = [(part.label, part.features[name]) for part in parts if name in part.features]
        within = sum((each.n - 1) * each.sd**2 for _, each in centres) / max(sum(each.n - 1 for _, each in centres), 1)
        low = min(centres, key=lambda item: item[1].mean)
        high = max(centres, key=lambda item: item[1].mean)
        if within > 0 and (high[1].mean - low[1].mean) / within**0.5 > APART_SD:
            apart = (high[1].mean - low[1].mean) / within**0.5
            found.append(CentreDifference(name, low[0], high[0], apart))
    return tuple(sorted(found, key=lambda item: -item.apart_sd))


def _pooled(parts: Sequence[ReferenceFeature]) -> ReferenceFeature:
    n = sum(part.n for part in parts)
    mean = sum(part.n * part.mean for part in parts) / n
    squares = sum((part.n - 1) * part.sd**2 + part.n * (part.mean - mean) ** 2 for part in parts)
    return ReferenceFeature(
        mean=mean,
        sd=(squares / (n - 1)) ** 0.5,
        n=n,
        minimum=min(part.minimum for part in parts),
        maximum=max(part.maximum for part in parts),
        quantiles={},
    )


def _poolable(parts: Sequence[ReferenceCohort], study: str) -> bool:
    """Whether all parts know the correlations of the same features, over the very patients of their means and SDs."""
    names = set(parts[0].signatures[study].features)

    def whole(part: ReferenceCohort) -> bool:
        spread = part.signatures.get(study)
        if spread is None or set(spread.features) != names:
            return False
        numbers = {part.features[name].n for name in names}
        return len(numbers) == 1 and (not spread.scores or {len(spread.scores)} == numbers)

    return all(map(whole, parts))


def _spread(parts: Sequence[ReferenceCohort], study: str) -> SignatureSpread:
    """Correlations from the sums of products within and between the parts."""
    names = parts[0].signatures[study].features
    numbers = [part.features[names[0]].n for part in parts]
    means = np.array([[part.features[name].mean for name in names] for part in parts])
    centre = np.average(means, axis=0, weights=numbers)
    products = np.zeros((len(names), len(names)))
    for part, n, mean in zip(parts, numbers, means, strict=True):
        sds = np.array([part.features[name].sd for name in names])
        spread = part.signatures[study]
        order = [spread.features.index(name) for name in names]  # a card may have been written in another order since
        products += (n - 1) * np.array(spread.correlations)[np.ix_(order, order)] * np.outer(sds, sds)
        products += n * np.outer(mean - centre, mean - centre)
    scale = np.sqrt(np.diag(products))
    return SignatureSpread(names, tuple(map(tuple, (products / np.outer(scale, scale)).tolist())), ())
