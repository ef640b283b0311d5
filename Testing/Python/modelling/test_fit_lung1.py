"""A real cohort end to end: LUNG1 (388 patients with lung cancer, survival), where a developer has its table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.evaluation.assessment import assess
from EsoRadiomicsLib.evaluation.fit_checks import FitChecks
from EsoRadiomicsLib.modelling.fit import Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Columns
from EsoRadiomicsLib.reporting.model.model_report import fit_files
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

CLINICAL = ("age", "N", "gender")
TIME, EVENT = "Survival.time", "deadstatus.event"


@pytest.fixture(scope="module")
def lung1_table(shared_data: Path) -> pd.DataFrame:
    """Clinical columns, then features under names without their class (``VoxelVolume.original``)."""
    folder = shared_data / "lung1_features"
    if not folder.is_dir():
        pytest.skip(f"the LUNG1 table is not there ({folder})")
    clinical = pd.read_csv(folder / "lung1_clinical.csv").rename(columns={"PatientID": "case"})
    features = pd.read_csv(folder / "lung1_features.csv").rename(columns={"Unnamed: 0": "case"})
    clinical["N"] = clinical["Clinical.N.Stage"].clip(upper=3)
    return clinical.merge(features, on="case").dropna(subset=["age"])


@pytest.mark.slow
def test_the_protocol_of_escc_lpfs_ccrt_runs_on_lung1(lung1_table: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "lung1.csv"
    lung1_table.to_csv(path, index=False)
    columns = Columns(time=TIME, event=EVENT, time_unit="days", clinical=CLINICAL, first_feature="Elongation.original")
    identity = Identity("lung1", "LUNG1", "LUNG1")
    fit = fit_table(path, columns, load_study("escc-lpfs-ccrt"), identity, options=Options(seed=1))
    assessment = assess(fit)
    # Published signatures and tumour volume reach a C-index of 0.57 to 0.65 for overall survival in this cohort.
    validation = assessment.sides[1].evaluations[0]
    for model in ("Rad-score", "volume only"):
        found = validation.find("C-index", None, model)
        assert found is not None and 0.52 < found.value < 0.68
    names = set(fit_files(assessment, FitChecks(), {}))
    assert {"card.json", "report.html", "figures/kaplan-meier-validation.svg", "tables/predictions.csv"} <= names


def test_a_card_of_one_half_of_lung1_is_validated_and_updated_on_the_other(
    lung1_table: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = np.random.default_rng(1).permutation(len(lung1_table)) < len(lung1_table) // 2
    for name, part in (("one", lung1_table[half]), ("other", lung1_table[~half])):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    outcome = ["--time", TIME, "--event", EVENT, "--time-unit", "days", "--progress", "none"]
    fit = ["fit", str(tmp_path / "one.csv"), "--protocol", "escc-lpfs-ccrt", "--no-validation", "--permutations", "0"]
    fit += ["--bootstrap", "0", "--first-feature", "Elongation.original", "--out", str(tmp_path / "model")]
    assert main([*fit, *outcome, "--clinical", ",".join(CLINICAL)]) == 0
    card = tmp_path / "model" / "card.json"
    validate = ["validate", str(card), str(tmp_path / "other.csv"), "--update", "intercept"]
    assert main([*validate, *outcome, "--out", str(tmp_path / "updated")]) == 0
    metrics = pd.read_csv(tmp_path / "updated" / "tables" / "metrics.csv")
    ratios = metrics[(metrics.metric == "observed/expected") & (metrics.cohort == "after the intercept update")]
    assert len(ratios) == 3 and ((ratios.lower < 1) & (ratios.upper > 1)).all()
    updated = load_study(tmp_path / "updated" / "card.json")
    assert updated.card["parent"] == "model" and updated.table_only == load_study(card).table_only != ""
    capsys.readouterr()
    assert main(["score", "ct.nrrd", "gtv.nrrd", "--study", str(tmp_path / "updated" / "card.json")]) == 1
    assert "cannot be scored from a CT: Its features" in capsys.readouterr().err
