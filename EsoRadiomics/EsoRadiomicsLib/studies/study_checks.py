"""What a study card must fulfil beyond its schema: names that refer to something, groups that are complete."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..core.errors import UsageError
from ..extraction.engines import engine, settings_from
from ..extraction.settings import DEFAULT_ENGINE
from ..statistics.combat import combat_of

Problem = tuple[str, str]


def inconsistencies(card: Mapping[str, Any]) -> Iterator[Problem]:
    """(Path inside the JSON, what is wrong there) for each inconsistency of a card that fulfils its schema."""
    yield from _absent_values(card)
    yield from _settings(card)
    yield from _readings(card)
    yield from _not_varied(card)
    yield from _covariates(card["covariates"])
    if "absent" not in card["signature"]:
        yield from _signature(card["signature"], engine_of_card(card))
        yield from _harmonisation(card)
    if card["outcome"] is not None:
        yield from _outcome(card)
    if card["strata"] is not None:
        yield from _strata(card)


def quantities(node: Any, path: str = "$") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(Path, object) of each object of a card that has an evidence: its numbers, texts and steps."""
    if isinstance(node, Mapping):
        if "evidence" in node:
            yield path, node
        for key, value in node.items():
            yield from quantities(value, f"{path}.{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from quantities(value, f"{path}[{i}]")


def engine_of_card(card: Mapping[str, Any]) -> str:
    """Name of the engine that a card's features are measured with."""
    return card["extraction"].get("engine", {"value": DEFAULT_ENGINE})["value"]


def settings_of_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """The extraction settings of a card with their evidence, as it has them; the engine where the card names one."""
    known = {"engine", *engine(engine_of_card(card)).settings.field_names()}
    return {name: node for name, node in {**card["roi"], **card["extraction"]}.items() if name in known}


def _absent_values(card: Mapping[str, Any]) -> Iterator[Problem]:
    for path, node in quantities(card):
        if node["evidence"] == "absent" and node.get("value") is not None:
            yield f"{path}.evidence", f"the evidence is “absent”, but there is a value ({node['value']!r})"


def _settings(card: Mapping[str, Any]) -> Iterator[Problem]:
    settings = {name: node["value"] for name, node in settings_of_card(card).items()}
    chosen = {"engine": settings.pop("engine", DEFAULT_ENGINE)}
    each_can_be = True
    for name, value in settings.items():
        try:
            settings_from({**chosen, name: value})
        except UsageError as error:
            each_can_be = False
            yield f"$.{'roi' if name in card['roi'] else 'extraction'}.{name}.value", str(error).rstrip(".")
    try:
        settings_from({**chosen, **settings})
    except UsageError as error:
        if each_can_be:  # but not all of them together
            yield "$.extraction", str(error).rstrip(".")


def _readings(card: Mapping[str, Any]) -> Iterator[Problem]:
    """Alternatives are for what the card had to assume, and differ from it."""
    settings, chosen = settings_of_card(card), {"engine": engine_of_card(card)}
    yield from _repeated("$.readings", [reading["setting"] for reading in card.get("readings", ())])
    for i, reading in enumerate(card.get("readings", ())):
        name, where = reading["setting"], f"$.readings[{i}]"
        if name == "engine" or name not in settings:
            yield f"{where}.setting", f"“{name}” is no extraction setting of this card"
            continue
        if settings[name]["evidence"] not in ("assumed", "absent"):
            yield (
                f"{where}.setting",
                f"{name} is {settings[name]['evidence']}: only what was assumed can be read otherwise",
            )
        values = [settings[name]["value"], *(each["value"] for each in reading["alternatives"])]
        yield from _repeated(f"{where}.alternatives", list(map(repr, values)))
        for j, value in enumerate(values[1:]):
            try:
                settings_from({**chosen, name: value})
            except UsageError as error:
                yield f"{where}.alternatives[{j}].value", str(error).rstrip(".")


def _not_varied(card: Mapping[str, Any]) -> Iterator[Problem]:
    """Reasons are for settings of the card that its readings leave alone."""
    settings, varied = settings_of_card(card), {reading["setting"] for reading in card.get("readings", ())}
    yield from _repeated("$.not_varied", [each["setting"] for each in card.get("not_varied", ())])
    for i, each in enumerate(card.get("not_varied", ())):
        if each["setting"] not in settings:
            yield f"$.not_varied[{i}].setting", f"“{each['setting']}” is no extraction setting of this card"
        elif each["setting"] in varied:
            yield f"$.not_varied[{i}].setting", f"{each['setting']} is varied by the card's readings"


def _covariates(covariates: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    yield from _repeated("$.covariates", [covariate["name"] for covariate in covariates])
    for i, covariate in enumerate(covariates):
        where = f"$.covariates[{i}]"
        if "levels" in covariate and "range" in covariate:
            yield where, "a covariate has either levels or a range, not both"
        yield from _repeated(f"{where}.levels", [level["value"] for level in covariate.get("levels", ())])
        low, high = covariate.get("range", (0, 1))
        if not low < high:
            yield f"{where}.range", f"the range must rise, but is {low:g} to {high:g}"


def _signature(signature: Mapping[str, Any], engine_name: str) -> Iterator[Problem]:
    names = [feature["name"] for feature in signature["features"]]
    measuring = engine(engine_name)
    for i, name in enumerate(names):
        if measuring.split_name(name) is None and "table_only" not in signature:
            known = measuring.settings().names
            yield (
                f"$.signature.features[{i}].name",
                f"“{name}” is not one of the {len(known)} feature names of {measuring.title} (expected, for example: "
                f"“{known[-1]}”)",
            )
    yield from _repeated("$.signature.features", names)
    if (cutoff := signature["cutoff"]) and cutoff["above"]["id"] == cutoff["below"]["id"]:
        yield "$.signature.cutoff", f"both groups have the id “{cutoff['above']['id']}”"


def _harmonisation(card: Mapping[str, Any]) -> Iterator[Problem]:
    """What is to be harmonised is the signature, and what that takes is asked for."""
    node, where = card["signature"].get("harmonisation"), "$.signature.harmonisation"
    if node is None:
        return
    try:
        combat_of(node)
    except ValueError as error:
        yield where, str(error)
    if node["features"] != [feature["name"] for feature in card["signature"]["features"]]:
        yield f"{where}.features", "these are not the signature's features in their order"
    covariates = {covariate["name"]: covariate for covariate in card["covariates"]}
    for name in (node["column"], *node["covariates"]):
        if name not in covariates:
            yield where, f"“{name}” is not among the card's covariates"
    batch = covariates.get(node["column"])
    if batch is not None and (
        not batch.get("by_name") or {level["label"] for level in batch.get("levels", ())} != {*node["batches"]}
    ):
        yield f"{where}.batches", f"the levels of “{node['column']}” must be these batches, given by name"


def _outcome(card: Mapping[str, Any]) -> Iterator[Problem]:
    covariates = {covariate["name"] for covariate in card["covariates"]}
    for i, term in enumerate(card["outcome"]["terms"]):
        where = f"$.outcome.terms[{i}]"
        if term["kind"] == "covariate" and term["name"] not in covariates:
            yield f"{where}.name", f"“{term['name']}” is not among the card's covariates"
        if term["kind"] == "rad-score" and "absent" in card["signature"]:
            yield where, "a Rad-score needs a signature"
        if "curve" in term:
            yield from _bent(term["curve"], f"{where}.curve")
        low, high = term.get("axis", {}).get("value", (0, 1))
        if term["kind"] == "rad-score" and "axis" not in term:
            yield where, "a Rad-score needs an “axis”: the range that the nomogram draws"
        if not low < high:
            yield f"{where}.axis.value", f"the axis must rise, but is {low:g} to {high:g}"
        if term["kind"] == "risk-group" and not card["signature"].get("cutoff"):
            yield where, "a risk group needs a signature with a cut-off"
    if "competing" in card["outcome"]:
        yield from _competing(card["outcome"])
    baseline = card["outcome"].get("baseline", [])
    for i in range(1, len(baseline)):
        if baseline[i]["time"] <= baseline[i - 1]["time"]:
            yield f"$.outcome.baseline[{i}].time", "the times must rise"
        if baseline[i]["survival"]["value"] > baseline[i - 1]["survival"]["value"]:
            yield f"$.outcome.baseline[{i}].survival", "a survival cannot rise with time"
    if "curve" in card["outcome"]:
        yield from _curve(card["outcome"]["curve"], _n_columns(card["outcome"]["terms"]), baseline)


def _curve(curve: Mapping[str, Any], n_terms: int, baseline: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """A curve is whole, belongs to as many terms, and says what the baseline says."""
    times, where = curve["time"], "$.outcome.curve"
    if not all(np.isfinite(curve[name]).all() for name in ("time", "hazard", "variance")):
        yield where, "there are values that are no numbers"
        return
    for name in ("hazard", "variance", "drift"):
        if len(curve[name]) != len(times):
            yield f"{where}.{name}", f"there are {len(curve[name])} rows for {len(times)} times"
    rows = (*curve["drift"], *curve["covariance"])
    if any(len(row) != n_terms for row in rows) or len(curve["covariance"]) != n_terms:
        yield where, f"“drift” and “covariance” need a column for each of the {n_terms} coefficients"
        return
    if any(later <= before for before, later in pairwise(times)):
        yield f"{where}.time", "the times must rise"
    for name in ("hazard", "variance"):
        if curve[name][0] < 0 or any(later < before for before, later in pairwise(curve[name])):
            yield f"{where}.{name}", "the values must not fall, or be negative"
    if curve["last_follow_up"] < times[-1]:
        yield f"{where}.last_follow_up", "it lies before the last event"
    covariance = np.array(curve["covariance"], dtype=np.float64)
    values = np.linalg.eigvalsh(covariance)
    if not np.allclose(covariance, covariance.T) or values[0] < -1e-9 * abs(values[-1]):
        yield f"{where}.covariance", "this is no covariance: it must be symmetric, without negative eigenvalues"
    hazards = dict(zip(times, curve["hazard"], strict=False))
    for i, at in enumerate(baseline):
        hazard = max((hazards[time] for time in hazards if time <= at["time"]), default=0.0)
        if abs(math.exp(-hazard) - at["survival"]["value"]) > 1e-6:
            yield f"$.outcome.baseline[{i}].survival", f"the curve says {math.exp(-hazard):.6g} here"


def _n_columns(terms: Sequence[Mapping[str, Any]]) -> int:
    """How many coefficients the terms have: a spline or factor has several, the first level none."""
    curves = [term.get("curve") for term in terms]
    return sum(1 if curve is None else len(curve["coefficients"]) - ("levels" in curve) for curve in curves)


def _bent(curve: Mapping[str, Any], where: str) -> Iterator[Problem]:
    points = curve.get("knots") or curve["levels"]
    if any(after <= before for before, after in pairwise(points)):
        yield where, "its knots or levels must rise"
    needed = len(points) - 1 if "knots" in curve else len(points)
    if len(curve["coefficients"]) != needed:
        yield f"{where}.coefficients", f"there must be {needed} of them, not {len(curve['coefficients'])}"


def _competing(outcome: Mapping[str, Any]) -> Iterator[Problem]:
    competing, where = outcome["competing"], "$.outcome.competing"
    known = [term["name"] for term in outcome["terms"]]
    for i, term in enumerate(competing.get("terms", ())):
        if "curve" in term:
            yield from _bent(term["curve"], f"{where}.terms[{i}].curve")
        if term["name"] not in known:
            yield f"{where}.terms[{i}].name", f"“{term['name']}” is not among the outcome's terms"
    if "hazards" not in competing:
        return
    columns = {name: competing["hazards"][name] for name in ("time", "event", "competing")}
    if len({len(column) for column in columns.values()}) > 1:
        yield f"{where}.hazards", "its three columns differ in length"
    for name, column in columns.items():
        if any(after < before for before, after in pairwise(column)):
            yield f"{where}.hazards.{name}", "it must not fall"


def _strata(card: Mapping[str, Any]) -> Iterator[Problem]:
    factors, groups = card["strata"]["factors"], card["strata"]["groups"]
    covariates = {covariate["name"]: covariate for covariate in card["covariates"]}
    for i, factor in enumerate(factors):
        where = f"$.strata.factors[{i}]"
        known: set[Any] | None = None
        if factor["kind"] == "risk-group":
            known = _group_ids(card["signature"])
        elif factor["name"] not in covariates:
            yield f"{where}.name", f"“{factor['name']}” is not among the card's covariates"
        elif "levels" in covariates[factor["name"]]:
            known = {level["value"] for level in covariates[factor["name"]]["levels"]}
        for value in factor["adverse"]:
            if known is not None and value not in known:
                choices = ", ".join(map(str, sorted(known))) or "none, as the signature has no cut-off"
                yield f"{where}.adverse", f"{value!r} is not one of the factor's values ({choices})"
    if sorted(group["adverse_factors"] for group in groups) != list(range(len(factors) + 1)):
        yield "$.strata.groups", f"one group is needed for each of 0 to {len(factors)} adverse factors"


def _group_ids(signature: Mapping[str, Any]) -> set[str]:
    cutoff = signature.get("cutoff")
    return {cutoff["above"]["id"], cutoff["below"]["id"]} if cutoff else set()


def _repeated(where: str, values: Sequence[Any]) -> Iterator[Problem]:
    for i, value in enumerate(values):
        if value in values[:i]:
            yield where, f"“{value}” is listed twice"
