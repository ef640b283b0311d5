"""Study cards: a published (or refitted) radiomics study as data, read from JSON and checked against its schema.

A study is never code: a new study, a hospital's own model and a recalibrated model are new cards.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core.errors import StudyError, UsageError
from ..core.resources import resource_path
from ..core.schemas import check_schema, was_checked
from ..core.strict_json import read_json
from ..extraction.engines import engine, settings_from
from ..extraction.settings import ExtractionSettings
from .card_parts import (
    Covariate,
    Outcome,
    Quantity,
    Signature,
    Strata,
    read_covariate,
    read_outcome,
    read_signature,
    read_strata,
)
from .study_checks import engine_of_card, inconsistencies, settings_of_card


@dataclass(frozen=True)
class Study:
    """One study card. ``card`` is its JSON; the typed attributes are what scoring needs."""

    card: Mapping[str, Any]
    path: Path

    @property
    def id(self) -> str:
        return self.card["id"]

    @property
    def title(self) -> str:
        return self.card["title"]

    @property
    def citation(self) -> str:
        return self.card["citation"]["text"]

    @property
    def endpoint(self) -> str:
        return self.card["endpoint"]["name"]

    @cached_property
    def settings(self) -> ExtractionSettings:
        """The extraction settings the card locks."""
        return settings_from({name: quantity.value for name, quantity in self.settings_evidence.items()})

    @cached_property
    def settings_evidence(self) -> dict[str, Quantity]:
        """Every extraction setting with its evidence."""
        return {name: Quantity.read(node) for name, node in settings_of_card(self.card).items()}

    @property
    def absent(self) -> str:
        """Why the study has no signature to compute, or an empty string."""
        return self.card["signature"].get("absent", "")

    @property
    def table_only(self) -> str:
        """Why the signature's features cannot be measured on a CT, or an empty string."""
        return self.card["signature"].get("table_only", "")

    @cached_property
    def signature(self) -> Signature | None:
        node = self.card["signature"]
        return None if self.absent else read_signature(node)

    @cached_property
    def covariates(self) -> dict[str, Covariate]:
        return {node["name"]: read_covariate(node) for node in self.card["covariates"]}

    @cached_property
    def rival_covariates(self) -> dict[str, Covariate]:
        """Clinical variables of the simple models that the card carries, by name; nobody is asked for them."""
        return {
            node["name"]: read_covariate(node) for node in self.card.get("rivals", {"covariates": ()})["covariates"]
        }

    @cached_property
    def outcome(self) -> Outcome | None:
        node = self.card["outcome"]
        return None if node is None else read_outcome(node)

    @cached_property
    def strata(self) -> Strata | None:
        node = self.card["strata"]
        return None if node is None else read_strata(node)

    def acquisition(self, name: str) -> Quantity | None:
        """A property of the study's CT protocol, or None where the card does not have it."""
        node = self.card["acquisition"].get(name)
        return None if node is None else Quantity.read(node)


def builtin_studies() -> tuple[str, ...]:
    """Identifiers of the cards that come with the extension, sorted."""
    return tuple(sorted(path.stem for path in resource_path("Studies").glob("*.json")))


def load_study(study: str | Path | Study) -> Study:
    """A study by identifier (``"escc-lpfs-ccrt"``) or by the path of a card.

    Args:
        study: identifier or path; a :class:`Study` is given back as it is.

    Returns:
        The card, with the extraction's ``settings``, ``signature``, ``outcome`` (times in months) and ``strata``; every
        number has its evidence and its place in the paper.

    Raises:
        StudyError: no such study, or a broken card (the message holds the path inside the JSON).

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> study = eso.load_study("escc-lpfs-ccrt")
        >>> study.endpoint, len(study.signature.features)
        ('LPFS', 17)
    """
    if isinstance(study, Study):
        return study
    if str(study) in builtin_studies():
        return read_card(resource_path("Studies", f"{study}.json"))
    if os.path.isfile(study):
        return read_card(Path(study))
    raise StudyError(
        f"There is no study “{study}”, and no study card at that path. "
        f"The built-in studies are: {', '.join(builtin_studies())}."
    )


def read_card(path: Path) -> Study:
    """Read and check one study card.

    Raises:
        StudyError: unreadable, not JSON, not of the schema, or inconsistent.
    """
    card = read_json(path, f"The study card {path}", "Give a study card written as JSON.")
    return check_card(card, path)


def check_card(card: Any, path: Path) -> Study:
    """A study from its JSON, checked against the schemas and for what a schema cannot say.

    Raises:
        StudyError: what is wrong, with its path inside the JSON.
    """
    subject = f"The study card {path}"
    if not was_checked(card):
        _check_schemas(card, subject)
    for where, problem in inconsistencies(card):
        raise StudyError(f"{subject} is broken at {where}: {problem}.")
    return Study(card, path)


def _check_schemas(card: Any, subject: str) -> None:
    check_schema(card, "study-card.schema.json", subject)
    check_schema(card["protocol"], "protocol.schema.json", subject, at="$.protocol")
    try:
        engine(engine_of_card(card))
    except UsageError as error:
        raise StudyError(f"{subject} is broken at $.extraction.engine: {error}") from error
    measuring = {"roi": card["roi"], "extraction": card["extraction"]}
    check_schema(measuring, f"engine-{engine_of_card(card)}.schema.json", subject)
