"""A real cohort end to end: LUNG1 (388 patients with lung cancer, survival), where a developer has its table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from EsoRadiomicsLib.fitting.assess import assess
from EsoRadiomicsLib.fitting.card import Identity
from EsoRadiomicsLib.fitting.cohort import Columns
from EsoRadiomicsLib.fitting.fit import Options, fit_table
from EsoRadiomicsLib.fitting.report import fit_files
from EsoRadiomicsLib.study import load_study


@pytest.mark.slow
def test_the_protocol_of_escc_lpfs_ccrt_runs_on_lung1(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "lung1_features"
    if not folder.is_dir():
        pytest.skip(f"the LUNG1 table is not there ({folder})")
    clinical = pd.read_csv(folder / "lung1_clinical.csv").rename(columns={"PatientID": "case"})
    features = pd.read_csv(folder / "lung1_features.csv").rename(columns={"Unnamed: 0": "case"})
    table = clinical.merge(features, on="case").dropna(subset=["age"])
    table["N"] = table["Clinical.N.Stage"].clip(upper=3)
    first = features.columns[1]
    table = table[[*(c for c in table.columns if c not in features.columns[1:]), *features.columns[1:]]]
    path = tmp_path / "lung1.csv"
    table.to_csv(path, index=False)
    columns = Columns(
        time="Survival.time",
        event="deadstatus.event",
        clinical=("age", "N", "gender"),
        first_feature=first,
        time_unit="days",
    )
    identity = Identity("lung1", "LUNG1", "LUNG1")
    fit = fit_table(path, columns, load_study("escc-lpfs-ccrt"), identity, options=Options(seed=1))
    assessment = assess(fit)
    # Published signatures and tumour volume reach a C-index of 0.57 to 0.65 for overall survival in this cohort.
    validation = assessment.sides[1].evaluations[0]
    for model in ("Rad-score", "volume only"):
        found = validation.find("C-index", None, model)
        assert found is not None and 0.52 < found.value < 0.68
    names = set(fit_files(assessment, None, None, {}))
    assert {"report.html", "figures/kaplan-meier-validation.svg", "tables/predictions.csv"} <= names
    # Its features' names lack their class, so no CT could be scored with this model.
    assert "card.json" not in names
