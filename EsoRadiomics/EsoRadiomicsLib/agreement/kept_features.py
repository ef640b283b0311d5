"""Which features an agreement study keeps: the rule, and the file that hands the list to the next room."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.errors import InputError, UsageError
from ..core.output import write_text
from ..core.places import read_bytes
from ..core.strict_json import parse_json
from .icc import parse_form

FORMAT = "esoradiomics-kept-features/1"
OBSERVERS = ("any", "inter", "intra", "both")


@dataclass(frozen=True)
class Rule:
    """When a feature is reproducible enough to be kept.

    Attributes:
        threshold: ICC asked for, 0 to 1.
        form: of the ICC, as :func:`agreement.icc.parse_form` takes it; kept as Shrout & Fleiss's short name.
        strict: whether the ICC must be above the threshold (> 0.75) rather than at it or above (≥ 0.75).
        lower_bound: whether the lower 95 % confidence limit is held against the threshold, not the estimate.
        observers: comparisons a feature must pass: between readers (``inter``), between sessions of one
            reader (``intra``), ``both``, or ``any`` = all that the table allows.

    Raises:
        UsageError: a value that is none of these.
    """

    threshold: float
    form: str = "2,1"
    strict: bool = False
    lower_bound: bool = False
    observers: str = "any"

    def __post_init__(self) -> None:
        object.__setattr__(self, "form", parse_form(self.form).name)
        if not 0 <= self.threshold <= 1:
            raise UsageError(f"The ICC threshold is {self.threshold:g}; give a number from 0 to 1.")
        if self.observers not in OBSERVERS:
            raise UsageError(f"observers is “{self.observers}”; choose from {', '.join(OBSERVERS)}.")

    @property
    def quantity(self) -> str:
        """What is held against the threshold: ``ICC(2,1)`` or ``lower 95 % limit of ICC(2,1)``."""
        return f"{'lower 95 % limit of ' * self.lower_bound}{parse_form(self.form).label}"

    @property
    def sign(self) -> str:
        """``>`` or ``≥``."""
        return ">" if self.strict else "≥"

    def __str__(self) -> str:
        return f"{self.quantity} {self.sign} {self.threshold:g}"

    def passes(self, icc: float, lower: float) -> bool:
        """Whether a feature with this ICC and lower confidence limit is kept; never with NaN."""
        judged = lower if self.lower_bound else icc
        return judged > self.threshold or (judged == self.threshold and not self.strict)

    def shortfall(self, icc: float, lower: float) -> str:
        """Why it is not; the number is cut, not rounded, so that it never reads as the threshold."""
        judged = lower if self.lower_bound else icc
        shown = "−∞" if math.isinf(judged) else f"{math.floor(judged * 1e4) / 1e4:.4f}".replace("-", "−")
        return f"{self.quantity} is {shown}, not {self.sign} {self.threshold:g}"


@dataclass(frozen=True)
class KeptFeatures:
    """The features kept and where the list comes from; holds no case names.

    Attributes:
        features: their names, in the order of the table.
        rule: the rule they passed.
        n_features: how many were examined.
        comparisons: for each comparison its ``name``, ``raters`` and ``n_cases``.
        settings: extraction settings of the table, by column; empty where the table does not say.
        versions: software versions of the table, by column.
        software: what made the list.
    """

    features: tuple[str, ...]
    rule: Rule
    n_features: int
    comparisons: tuple[Mapping[str, Any], ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    software: str = f"EsoRadiomics {__version__}"


def kept_text(kept: KeptFeatures) -> str:
    """The list as the text of a small JSON file."""
    document = {
        "format": FORMAT,
        "rule_in_words": str(kept.rule),
        "n_kept": len(kept.features),
        **asdict(kept),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def save_kept(kept: KeptFeatures, path: str | Path) -> None:
    """Write the list, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(Path(path), kept_text(kept))


def load_kept(path: str | Path) -> KeptFeatures:
    """The list that :func:`save_kept` wrote.

    Raises:
        InputError: no such file, or not a list of kept features; the message says what is wrong with it.
    """
    path = Path(path)
    try:
        document = parse_json(read_bytes(path).decode("utf-8-sig"))
    except ValueError as error:
        raise InputError(f"{path} is no list of kept features: it cannot be read as JSON ({error}).") from error
    wrong = _what_is_wrong(document)
    if wrong:
        raise InputError(f"{path} is no usable list of kept features: {wrong}. Make it anew from the ICC table.")
    known = {item.name: document[item.name] for item in fields(KeptFeatures)}
    known["rule"] = Rule(**document["rule"])
    known["features"] = tuple(document["features"])
    known["comparisons"] = tuple(document["comparisons"])
    known["versions"] = {name: tuple(values) for name, values in document["versions"].items()}
    return KeptFeatures(**known)


def _what_is_wrong(document: Any) -> str:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return f"“format” is not “{FORMAT}”"
    missing = [item.name for item in fields(KeptFeatures) if item.name not in document]
    if missing:
        return f"it has no “{missing[0]}”"
    features = document["features"]
    if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
        return "“features” is not a list of names"
    if len(set(features)) != len(features):
        return "“features” has a name twice"
    for name, kind in (("rule", dict), ("comparisons", list), ("settings", dict), ("versions", dict)):
        if not isinstance(document[name], kind):
            return f"“{name}” is not {'an object' if kind is dict else 'a list'}"
    if not all(isinstance(item, dict) for item in document["comparisons"]):
        return "“comparisons” is not a list of objects"
    if not all(isinstance(item, list) for item in document["versions"].values()):
        return "“versions” is not an object of lists"
    try:
        Rule(**document["rule"])
    except (TypeError, ValueError, AttributeError, UsageError) as error:
        return f"“rule”: {error}"
    return ""
