"""The Rad-score as running sums, feature by feature, and where it lies among the published groups: numbers only.

The file figures and the views in Slicer draw the same geometry.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.translation import mark, tr
from ..extraction.engines import split_name
from ..studies.card_parts import Cutoff, Signature
from ..studies.study import Study
from .score import OUTSIDE_REFERENCE_Z, Contribution

MARGIN = 0.09
"""Empty share of an axis at both of its ends."""
_CLASS_LABELS = mark({"shape": "Shape", "firstorder": "First-order", "histogram": "Histogram"})


@dataclass(frozen=True)
class Waterfall:
    """From the intercept to the score.

    Attributes:
        items: the features' parts, the largest first.
        sums: the intercept, then the sum after each item.
        low, high: ends of the axis, the cut-off within.
        places: decimals that all sums need.
    """

    items: tuple[Contribution, ...]
    sums: tuple[float, ...]
    low: float
    high: float
    places: int


@dataclass(frozen=True)
class ScaleRow:
    """A line of the score's scale: from ``low`` to ``high`` with ``middle`` marked.

    ``published``: mean ± SD of a group of the paper; else how far the patient's own score reaches.
    """

    label: str
    low: float
    high: float
    middle: float
    published: bool = False


def waterfall(signature: Signature, contributions: Sequence[Contribution]) -> Waterfall:
    """The running sums of a Rad-score."""
    items = tuple(sorted(contributions, key=lambda item: -abs(item.contribution)))
    sums = [signature.intercept]
    for item in items:
        sums.append(sums[-1] + item.contribution)
    places = min(4, max(0, 3 - math.floor(math.log10(max(map(abs, [*sums, 1e-4]))))))
    low, high = span(sums, signature.cutoff)
    return Waterfall(items, tuple(sums), low, high, places)


def span(values: Sequence[float], cutoff: Cutoff | None) -> tuple[float, float]:
    """Ends of an axis that shows these values and the cut-off."""
    shown = [*values, *([cutoff.value] if cutoff else [])]
    margin = MARGIN * ((max(shown) - min(shown)) or 1.0)
    return min(shown) - margin, max(shown) + margin


def named(feature: str) -> tuple[str, str, str]:
    """Image, class and feature, as people read them."""
    image, feature_class, name = split_name(feature)
    return image, tr(_CLASS_LABELS.get(feature_class, feature_class.upper())), name


def is_outside(item: Contribution) -> bool:
    """Whether the feature is unlike the reference cohort."""
    return item.z is not None and abs(item.z) > OUTSIDE_REFERENCE_Z


def scale_rows(study: Study, document: Mapping[str, Any]) -> list[ScaleRow]:
    """What a result's score can be compared with: published groups, and how far the score itself could move.

    Args:
        study: whose card may print means and SDs of groups.
        document: ``result.json``.
    """
    rows = []
    for each in study.card["signature"].get("distribution", ()):
        mean, sd = each["mean"]["value"], each["sd"]["value"]
        if mean is not None and sd is not None:
            rows.append(ScaleRow(tr(each["group"]), mean - sd, mean + sd, mean, published=True))
    score = document["score"]["rad_score"]
    if document["robustness"]:
        low, high = document["robustness"]["interval_95"]
        rows.append(ScaleRow(tr("own, perturbed"), low, high, score))
    if readings := document.get("paper_readings"):
        rows.append(ScaleRow(tr("own, all readings"), readings["lowest"], readings["highest"], score))
    if against := (document["reference"] or {}).get("against"):
        rows.append(ScaleRow(tr("other reference"), against["low"], against["high"], score))
    return rows
