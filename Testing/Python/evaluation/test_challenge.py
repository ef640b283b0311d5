"""Challengers: they learn what is there, they lose on noise, and the report says who beats whom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_tables import generated_table, written

from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.evaluation.challenge import Challenge, Contender, challenge
from EsoRadiomicsLib.modelling.challengers import challengers
from EsoRadiomicsLib.modelling.challengers.challenger import Challenger
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Cohort, Columns
from EsoRadiomicsLib.reporting.figures.challenger_plot import challenger_figure
from EsoRadiomicsLib.reporting.model.model_tables import challenger_rows
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.statistics.discrimination import harrell
from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.statistics.roc import auc
from EsoRadiomicsLib.studies.study import load_study

pytest.importorskip("sksurv", reason="scikit-survival (GPL) is not installed")
SURVIVAL = ["elastic-net Cox model", "gradient boosting (Cox)", "random survival forest"]
BINARY = ["gradient boosting", "random forest", "ridge logistic model"]


def cohort(binary: bool, seed: int = 1, signal: float = 1.0, n: int = 160) -> Cohort:
    """Twelve features, of which the first two matter."""
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(rng.normal(size=(n, 12)), columns=[f"f{k}" for k in range(12)])
    risk = signal * (x.f0 - x.f1).to_numpy()
    time = rng.exponential(np.exp(-risk))
    survival = Survival(time, rng.random(n) < 0.8)
    outcome = rng.random(n) < 1 / (1 + np.exp(-1.5 * risk)) if binary else None
    names = tuple(f"P{k}" for k in range(n))
    return Cohort(x, pd.DataFrame(index=x.index), None if binary else survival, outcome, names)


def of(name: str, some: Cohort) -> Challenger:
    return next(each for each in challengers(some) if each.name == name)


def learned(name: str, train: Cohort, test: Cohort, seed: int = 3) -> float:
    outcome = train.survival if train.binary is None else train.binary
    assert outcome is not None
    risk = np.asarray(of(name, train).fit(train.features.to_numpy(), outcome, seed)(test.features.to_numpy()))
    if test.binary is not None:
        return auc(test.binary, risk).value
    assert test.survival is not None
    return harrell(test.survival, risk).value


@pytest.mark.parametrize("name", SURVIVAL + BINARY)
def test_a_challenger_ranks_new_patients_by_what_matters_and_not_by_noise(name: str) -> None:
    binary = name in BINARY
    assert learned(name, cohort(binary, 1), cohort(binary, 2, n=250)) > 0.72
    noise = [learned(name, cohort(binary, seed, 0.0), cohort(binary, seed + 50, 0.0, n=250)) for seed in range(3)]
    assert np.mean(noise) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", SURVIVAL + BINARY)
def test_the_same_seed_gives_the_same_challenger(name: str) -> None:
    train, test = cohort(name in BINARY, 1), cohort(name in BINARY, 2)
    assert learned(name, train, test, 5) == learned(name, train, test, 5)


def test_each_outcome_has_its_challengers() -> None:
    assert [each.name for each in challengers(cohort(binary=False))] == SURVIVAL
    assert sorted(each.name for each in challengers(cohort(binary=True))) == BINARY


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sksurv.ensemble", None)
    with pytest.raises(UsageError, match=r"needs the Python package scikit-survival.*pip install"):
        challengers(cohort(binary=False))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    path = written(generated_table(), tmp_path_factory.mktemp("challenge"))
    columns = Columns(time="months", event="event", clinical=("stage", "HRR status"), split="cohort")
    options = Options(n_folds=5, lambda_rule="min")
    return fit_table(path, columns, load_study("escc-lpfs-ccrt"), Identity("a", "A", "b"), options=options)


def test_all_models_are_held_against_the_same_patients_left_out(fitted: Fit) -> None:
    found = challenge(fitted.plan, fitted.model, n=4)
    names = [each.model for each in found.contenders]
    assert names[0] == "Rad-score" and names[-3:] == SURVIVAL and "clinical only" in names
    own = found.contenders[0]
    assert own.difference == own.difference_lower == own.difference_upper == 0
    for each in found.contenders:
        assert each.lower <= each.value <= each.upper
        assert each.difference == pytest.approx(each.value - own.value)
    again = challenge(fitted.plan, fitted.model, n=4)
    assert again == found


def contender(name: str, value: float, lower: float, upper: float, challenger: bool = True) -> Contender:
    return Contender(name, challenger, value, value - 0.1, value + 0.1, value - 0.6, lower, upper)


def test_the_verdict_says_whether_the_best_one_wins_beyond_chance() -> None:
    own = contender("Rad-score", 0.6, 0, 0, challenger=False)
    lucky = Challenge("C-index", (own, contender("forest", 0.64, -0.02, 0.1), contender("net", 0.55, -0.1, 0)), 50)
    assert lucky.verdict.startswith(
        "No challenger beats the Rad-score beyond the play of chance; the best is the forest"
    )
    assert "0.64 against 0.60" in lucky.verdict and "+0.04, -0.02 to +0.10, 50 bootstrap samples" in lucky.verdict
    better = Challenge("C-index", (own, contender("forest", 0.7, 0.02, 0.15)), 50)
    assert better.verdict.startswith("A challenger beats the Rad-score beyond the play of chance: forest")


def test_the_figure_has_a_row_and_the_table_a_line_for_each_model() -> None:
    own = contender("Rad-score", 0.6, 0, 0, challenger=False)
    found = Challenge("C-index", (own, contender("forest", 0.64, -0.02, 0.1)), 50)
    figure = challenger_figure(found, title="T")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["Rad-score", "forest"]
    rows = challenger_rows(found)
    assert rows[1]["C-index"] == 0.64 and rows[1]["kind"] == "challenger" and rows[0]["kind"] == ""


@pytest.mark.slow
def test_the_command_writes_the_challengers_into_report_table_and_figure(tmp_path: Path) -> None:
    path, out = written(generated_table(), tmp_path), tmp_path / "out"
    call = ["fit", str(path), "--protocol", "ln-response-crt", "--outcome", "outcome", "--split", "cohort"]
    more = ["--n-folds", "3", "--lambda-rule", "min", "--bootstrap", "0", "--permutations", "0", "--progress", "none"]
    assert main([*call, *more, "--challengers", "10", "--out", str(out)]) == 0
    table = pd.read_csv(out / "tables" / "challengers.csv")
    assert set(BINARY) < set(table.model)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Would a learning machine do better?" in page and "beyond the play of chance" in page
    assert (out / "figures" / "challengers.svg").exists()
