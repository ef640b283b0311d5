"""“fit”, “validate” and “score” where events compete: what page, tables, figures and a patient's report say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_tables import card_for_phantoms, generated_table, written
from phantoms import write_phantom

from EsoRadiomicsLib.reporting.figures.kaplan_meier_plot import RiskGroup, kaplan_meier_figure
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.statistics.competing import causes, cumulative_incidence
from EsoRadiomicsLib.statistics.inputs import Survival


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "model"
    table = generated_table().assign(event=lambda t: t.event.where(t.index % 4 > 0, 2 * t.event))
    call = ["fit", str(written(table, out.parent)), "--protocol", "escc-lpfs-ccrt", "--time", "months", "--event"]
    call += ["event", "--competing", "death", "--endpoint", "local failure", "--clinical", "stage", "--n-folds", "5"]
    call += ["--competing-model", "fine-gray", "--split", "cohort", "--progress", "none", "--jobs", "1"]
    assert main([*call, "--bootstrap", "2", "--permutations", "2", "--out", str(out)]) == 0
    return out


def test_the_page_names_the_event_what_competes_and_how_it_is_counted(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    for words in (
        "<h1>Local failure by the protocol of escc-lpfs-ccrt",
        "with death first",
        "Cumulative incidence of local failure",
        "Gray&#x27;s test of the incidences",
        "Subdistribution hazard ratios per unit",
        "Who had death first counts as a patient who will not have local failure",
    ):
        assert words in page
    assert "median time" not in page and "survival at" not in page
    rows = pd.read_csv(folder / "tables" / "predictions.csv")
    assert set(rows.event) == {0, 1, 2} and rows["incidence by 24"].between(0, 1).all()
    assert (rows["incidence by 12"] <= rows["incidence by 24"]).all()


def test_a_patient_is_told_a_risk_by_cumulative_incidence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = card_for_phantoms(folder / "card.json", tmp_path)
    call = ["score", *map(str, write_phantom(tmp_path)), "--study", str(card)]
    assert main([*call, "--json", "--out", str(tmp_path / "patient")]) == 0
    outcome = json.loads(capsys.readouterr().out)["outcome"]
    assert outcome["survival"] == [] and [at["time"] for at in outcome["incidence"]] == [12, 24, 36]
    page = (tmp_path / "patient" / "report.html").read_text(encoding="utf-8")
    assert "2-year risk of local failure" in page and "cumulative incidence, beside death" in page


def test_a_validation_needs_to_know_who_died_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = generated_table().assign(event=lambda t: t.event.where(t.index % 4 > 0, 2 * t.event))
    path = str(written(table, folder.parent, "other.csv"))
    call = ["validate", str(folder / "card.json"), path, "--time", "months", "--event", "event", "--progress", "none"]
    assert main([*call, "--out", str(folder.parent / "refused")]) == 1
    assert "--competing death" in capsys.readouterr().err
    assert main([*call, "--competing", "death", "--out", str(folder.parent / "validated")]) == 0
    page = (folder.parent / "validated" / "report.html").read_text(encoding="utf-8")
    assert "Cumulative incidence of local failure" in page
    updated = [*call, "--competing", "death", "--update", "slope", "--out", str(folder.parent / "updated")]
    assert main(updated) == 0
    page = (folder.parent / "updated" / "report.html").read_text(encoding="utf-8")
    top = page[: page.index("<h2>In short")]
    # What an update gives in the patients it was made on is neither on top nor open.
    assert "C-index, validation" in top and "after the slope update" not in top
    assert "<summary>In these same patients after the slope update</summary>" in page
    assert page.count("Recalibrated (baseline or intercept, and slope)") == 1 and "agreement filter" not in page


def test_the_curves_are_aalen_and_johansens() -> None:
    table = generated_table().assign(event=lambda t: t.event.where(t.index % 4 > 0, 2 * t.event))
    outcome = Survival(table.months.to_numpy(), (table.event == 1).to_numpy(), (table.event == 2).to_numpy())
    figure = kaplan_meier_figure([RiskGroup("all", outcome)], title="All", endpoint="local failure", unit="months")
    axes = figure.axes[-1]
    assert axes.get_ylabel() == "Cumulative incidence of local failure"
    drawn = np.asarray(axes.lines[0].get_ydata())
    assert drawn[0] == 0 and drawn[-1] == pytest.approx(cumulative_incidence(causes(outcome)).incidence[-1])
