"""What the panel's model section shows and asks for: tables, outcome columns, and what is missing of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...core.errors import EsoRadiomicsError, InputError
from ...modelling.protocol_plan import Plan, alternatives, read_plan
from ...studies.study import Study
from ..language import tr as _
from .table_columns import table_columns

PUBLISHED = "published-features"
"""The choice of a study's own features in the place of all steps that choose some."""


@dataclass(frozen=True)
class ModelInputs:
    """What the section shows; column names and paths, empty where nothing is chosen.

    ``study`` and ``reference`` are those of section 2, ``card`` the card to validate (empty: that study), ``folder``
    where results get a folder of their own, ``time_unit`` that of the times where it is not the study's. ``patient``
    says whose ROI a row is and ``rois`` what becomes of several, ``alternative`` is a choice of
    :func:`selections`, ``endpoint`` what the follow-up is of where that is not the study's.
    """

    table: str = ""
    study: str = ""
    reference: str = ""
    time: str = ""
    time_unit: str = ""
    event: str = ""
    outcome: str = ""
    clinical: tuple[str, ...] = ()
    split: str = ""
    kept: str = ""
    patient: str = ""
    rois: str = ""
    alternative: str = ""
    endpoint: str = ""
    folder: str = ""
    card: str = ""
    update: str = ""
    permutations: int = 100
    bootstrap: int = 200


@dataclass(frozen=True)
class Needs:
    """Which outcome columns a protocol or a card uses: ``survival`` (time and event) and ``binary``."""

    survival: bool
    binary: bool


def needs_of(study: Study) -> Needs:
    """What a card's protocol models; a card whose protocol cannot be repeated is asked by what it predicts."""
    survival = study.card["task"] == "survival"
    try:
        plan = read_plan(study)
    except EsoRadiomicsError:
        return Needs(survival, not survival)
    return Needs(plan.uses_survival, not plan.needs_survival)


def _check_table(path: str) -> None:
    if not table_columns(path).n_features:
        raise InputError(
            _(
                "{path_name} has no column with the name of a feature. Choose features.csv of a cohort's "
                "run, or a result file of IBEX."
            ).format(path_name=Path(path).name)
        )


def missing_table(inputs: ModelInputs, needs: Needs) -> list[str]:
    """Why the table, or a clinical column of it, cannot be used."""
    if not inputs.table:
        return [_("Choose the cohort's table: features.csv of a run, with columns for the outcome.")]
    try:
        _check_table(inputs.table)
    except InputError as error:
        return [str(error)]
    taken = {inputs.split, inputs.patient}
    if needs.survival:
        taken |= {inputs.time, inputs.event}
    if needs.binary:
        taken.add(inputs.outcome)
    return [
        *(
            _("The column “{name}” has a comma in its name. Rename it to use it.").format(name=name)
            for name in inputs.clinical
            if "," in name
        ),
        *(
            _("“{name}” cannot be a clinical variable too: it holds the outcome or the split. Untick it.").format(
                name=name
            )
            for name in inputs.clinical
            if name in taken
        ),
    ]


def selections(study: Study) -> dict[str, str]:
    """What may choose the features instead of the protocol's own step, and how the panel calls it."""
    steps = alternatives(study)
    found = {step: _("{step} instead of {other}").format(step=step, other=of) for step, of in steps.items()}
    try:
        selecting(study, PUBLISHED)
    except EsoRadiomicsError:  # it publishes none
        return found
    return {**found, PUBLISHED: _("the published features, weighed anew")}


def selecting(study: Study, choice: str) -> Plan:
    """The protocol's plan with a choice of :func:`selections`; empty for its own.

    Raises:
        UsageError: it cannot be done so.
    """
    published = choice == PUBLISHED
    return read_plan(study, None if published else choice or None, published_features=published)


def missing_survival(inputs: ModelInputs) -> list[str]:
    """Which columns of a survival outcome are not chosen."""
    reasons = []
    if not inputs.time:
        reasons.append(_("Choose the column of the follow-up time."))
    if not inputs.event:
        reasons.append(_("Choose the column of the event (1 = event, 0 = censored)."))
    return reasons


def missing_folder(inputs: ModelInputs) -> list[str]:
    """That no folder is chosen, if so."""
    return [] if inputs.folder else [_("Choose a folder for the results.")]


def fit_options(inputs: ModelInputs) -> list[str]:
    """Options of ``esoradiomics fit`` beside those of the outcome."""
    given = {
        "clinical": ",".join(inputs.clinical),
        "split": inputs.split,
        "kept": inputs.kept,
        "alternative": "" if inputs.alternative == PUBLISHED else inputs.alternative,
        "signature": "published" if inputs.alternative == PUBLISHED else "",
        "endpoint": inputs.endpoint.strip(),
    }
    counts = [f"--permutations={inputs.permutations}", f"--bootstrap={inputs.bootstrap}"]
    return [*(f"--{name}={value}" for name, value in given.items() if value), *counts]


def outcome_options(inputs: ModelInputs, needs: Needs) -> list[str]:
    """Options of ``esoradiomics fit`` and ``validate`` that name the outcome's columns and the patients'."""
    options = []
    if needs.survival and inputs.time and inputs.event:
        options += [f"--time={inputs.time}", f"--event={inputs.event}"]
        if inputs.time_unit:
            options.append(f"--time-unit={inputs.time_unit}")
    if needs.binary and inputs.outcome:
        options.append(f"--outcome={inputs.outcome}")
    if inputs.patient:
        options.append(f"--patient={inputs.patient}")
        if inputs.rois:
            options.append(f"--rois={inputs.rois}")
    return options
