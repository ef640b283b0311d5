"""The registry of protocol steps: what a card names is found, in an order that can work, and each says what it did."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cohort_tables import generated_table, written
from scipy import stats

from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.core.resources import resource_path
from EsoRadiomicsLib.modelling import steps
from EsoRadiomicsLib.modelling.fit import Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Columns
from EsoRadiomicsLib.modelling.protocol_plan import read_plan
from EsoRadiomicsLib.modelling.steps import lasso_step, protocol_step
from EsoRadiomicsLib.statistics.crossvalidation import LassoCv, cross_validate_logistic
from EsoRadiomicsLib.studies.study import Study, load_study

COLUMNS = Columns(time="months", event="event", clinical=("stage", "HRR status"), split="cohort")


def with_steps(study: str, order: list[str]) -> Study:
    """The study's card with its steps in another order, or fewer of them."""
    card = deepcopy(dict(load_study(study).card))
    specs = {step["step"]: step for step in card["protocol"]["steps"]}
    card["protocol"]["steps"] = [specs[name] for name in order]
    return Study(card, Path("card.json"))


def test_every_step_of_the_schema_is_a_file_of_the_room_and_no_file_is_without_one() -> None:
    schema: dict[str, Any] = json.loads(resource_path("Schemas", "protocol.schema.json").read_text(encoding="utf-8"))
    names = set(schema["properties"]["steps"]["items"]["properties"]["step"]["enum"])
    files = {
        path.stem.removesuffix("_step").replace("_", "-") for path in Path(steps.__file__).parent.glob("*_step.py")
    }
    assert files - {"protocol"} == names
    for name in names:
        assert protocol_step({"step": name, "variables": []}).name == name


def test_a_step_that_is_not_known_is_refused_by_its_name() -> None:
    with pytest.raises(UsageError, match="A protocol step is called “wavelet-net”, which is not known here"):
        protocol_step({"step": "wavelet-net"})


@pytest.mark.parametrize(
    ("order", "match"),
    [
        (["cutoff", "lasso"], "step “cutoff” in the protocol of escc-pfs-dcrt needs a signature, which no step before"),
        (["lasso", "cox", "cutoff"], "step “cox” .* needs a cut-off of the Rad-score, which no step before it leaves"),
        (["split", "z-score"], "has no step that builds a signature"),
    ],
)
def test_an_order_in_which_a_step_lacks_what_it_needs_is_refused_before_any_work(order: list[str], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        read_plan(with_steps("escc-pfs-dcrt", order))


def test_the_new_cards_protocol_holds_the_steps_that_were_done_with_this_cohorts_numbers(tmp_path: Path) -> None:
    path = written(generated_table(), tmp_path)
    study = load_study("escc-pfs-dcrt")
    fit = fit_table(path, COLUMNS, study, Identity("a", "A", "b"), options=Options(n_folds=5, lambda_rule="min"))
    done = {step["step"]: step for step in fit.study.card["protocol"]["steps"]}
    published = [step["step"] for step in study.card["protocol"]["steps"]]
    assert list(done) == [name for name in published if name != "icc"]  # no list of reproducible features was given
    assert done["split"]["ratio"] == [80, 40]
    assert (done["lasso"]["folds"], done["lasso"]["kept"]) == (5, len(fit.model.signature.names))
    assert done["clinical"]["variables"] == ["stage", "HRR status"] and done["clinical"]["cohorts"] == ["training"]
    assert fit.model.final is not None and done["cox"]["kept"] == [term.name for term in fit.model.final.terms]
    assert {step["evidence"] for step in done.values()} == {"refit"}
    again = read_plan(Study(fit.study.card, Path("card.json")))
    assert [step.name for step in again.steps] == list(done)


def test_a_setting_of_a_step_that_the_protocol_does_not_have_is_refused() -> None:
    plan = read_plan(with_steps("escc-pfs-dcrt", ["z-score", "lasso"]))
    with pytest.raises(UsageError, match="has no step “cutoff” whose method to set"):
        plan.edited("cutoff", method="median")


def test_a_filter_that_looks_at_the_outcome_is_repeated_in_each_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may enter without a fold's patients is what differs between the outcomes of the others, by scipy."""
    given: dict[str, Any] = {}

    def spy(features: pd.DataFrame, outcome: Any, folds: Any, **how: Any) -> LassoCv:
        given.update(how, features=features, folds=folds)
        return cross_validate_logistic(features, outcome, folds, **how)

    monkeypatch.setattr(lasso_step, "cross_validate_logistic", spy)
    path = written(generated_table(), tmp_path)
    columns = Columns(outcome="outcome", clinical=("stage",), split="cohort")
    options = Options(n_folds=5, lambda_rule="min")
    fit = fit_table(path, columns, load_study("escc-early-recurrence"), Identity("a", "A", "b"), options=options)
    x, event, (folds,) = fit.training.features, fit.training.event, given["folds"]
    assert list(given["features"].columns) == list(x.columns) and given["allowed"].shape == (1, 5, x.shape[1])

    def differ(rows: Any) -> list[bool]:
        found = []
        for name in x.columns:
            groups = [x[name].to_numpy()[rows & member] for member in (event, ~event)]
            normal = all(stats.shapiro(group).pvalue > 0.05 for group in groups)
            test = stats.ttest_ind(*groups) if normal else stats.mannwhitneyu(*groups, method="asymptotic")
            found.append(bool(test.pvalue <= 0.05))
        return found

    assert given["whole"].tolist() == differ(folds > 0)
    for k in range(5):
        assert given["allowed"][0, k].tolist() == differ(folds != k + 1)
    assert set(fit.model.signature.names) <= set(x.columns[given["whole"]])
