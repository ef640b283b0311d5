"""Readings of a paper: the settings that it leaves open, each way that its text allows.

A card lists plausible alternatives for settings that it had to assume; a reading is one combination of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from ..core.errors import ScoreError
from ..extraction.settings import ExtractionSettings
from .study import Study

MOST = 64
"""Readings that are looked at; beyond, the settings that the card lists last stay as they are."""


@dataclass(frozen=True)
class Choice:
    """A setting that the paper leaves open: the card's value first, then its alternatives, each with its reason."""

    setting: str
    values: tuple[Any, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """One way to read the paper: the values of all open settings, and the extraction settings that they make."""

    values: Mapping[str, Any]
    settings: ExtractionSettings


@dataclass(frozen=True)
class PaperReadings:
    """All readings, the card's own first.

    Attributes:
        choices: the settings that are varied.
        readings: their combinations.
        without_effect: open settings that no feature of the signature depends on.
        left_out: open settings that stay as they are, because there would be more than ``MOST`` readings.
    """

    choices: tuple[Choice, ...]
    readings: tuple[Reading, ...]
    without_effect: tuple[str, ...]
    left_out: tuple[str, ...]


def paper_readings(study: Study) -> PaperReadings:
    """The readings of a study's paper that can give its signature another value.

    Raises:
        ScoreError: the study has no signature that is measured on a CT, or its card lists no alternatives.
    """
    if study.signature is None or study.table_only:
        raise ScoreError(f"“{study.title}” cannot be scored from a CT: {study.absent or study.table_only}")
    names, own = study.signature.names, study.settings
    choices: list[Choice] = []
    left_out = []
    for node in study.card.get("readings", ()):
        values = (own.to_dict()[node["setting"]], *(each["value"] for each in node["alternatives"]))
        choice = Choice(node["setting"], values, ("", *(each["reason"] for each in node["alternatives"])))
        if len(values) * prod(len(each.values) for each in choices) > MOST:
            left_out.append(choice.setting)
        else:
            choices.append(choice)
    readings = tuple(_combinations(choices, own, names))
    if len(readings) < 2:
        raise ScoreError(
            f"“{study.title}” can be read in one way only: its card lists no setting that was left open and could "
            "change the score (“readings”)."
        )
    varied = {choice.setting: choice for choice in choices if len(_seen(readings, choice.setting)) > 1}
    without_effect = tuple(choice.setting for choice in choices if choice.setting not in varied)
    return PaperReadings(tuple(varied.values()), readings, without_effect, tuple(left_out))


def _combinations(choices: Sequence[Choice], own: ExtractionSettings, names: Sequence[str]) -> Iterator[Reading]:
    """The combinations that differ in what they measure: a change that has no effect beside the others is none."""
    for combination in product(*(choice.values for choice in choices)):
        values = {choice.setting: value for choice, value in zip(choices, combination, strict=True)}
        settings = own.changed(**values)
        if not settings.idle(names) & set(own.differences(settings)):
            yield Reading(values, settings)


def _seen(readings: Sequence[Reading], setting: str) -> set[str]:
    return {repr(reading.values[setting]) for reading in readings}
