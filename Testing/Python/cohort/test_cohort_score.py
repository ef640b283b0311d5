"""Scores of a cohort from its table, and the page about it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_factory import write_cohort

from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.reporting.cohort.cohort_report import outlying_shares
from EsoRadiomicsLib.scoring.patient import score_patient
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

CASES = 9


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort run by the shell command; its second patient's image is damaged, and its name is not harmless."""
    folder = tmp_path_factory.mktemp("cohort")
    manifest = write_cohort(folder / "cohort", CASES)
    text = manifest.read_text(encoding="utf-8").replace("\nP001,", "\n<b>P001</b>,")
    manifest.write_text(text, encoding="utf-8")
    (manifest.parent / "P001" / "ct.nrrd").write_bytes(b"no image")
    code = main(["cohort", "run", str(manifest), "--study", "ln-response-crt", "--out", str(folder / "out")])
    assert code == 1
    return folder / "out"


def test_scores_from_the_table_equal_those_of_each_patient_alone(results: Path, tmp_path: Path) -> None:
    assert main(["cohort", "score", str(results / "features.csv"), "--out", str(tmp_path / "scores.csv")]) == 0
    scores = pd.read_csv(tmp_path / "scores.csv", float_precision="round_trip").set_index("case")
    assert (tmp_path / "scores.csv").read_bytes() == (results / "scores.csv").read_bytes()
    assert len(scores) == CASES - 1
    folder = results.parent / "cohort" / "P003"
    alone = score_patient(load_case(folder / "ct.nrrd", folder / "gtv.nrrd"), load_study("ln-response-crt")).score
    assert scores.loc["P003", "rad_score"] == alone.rad_score
    assert scores.loc["P003", "probability"] == alone.probability
    assert alone.group is not None
    assert scores.loc["P003", "group"] == alone.group.id


def test_a_study_that_the_table_cannot_be_scored_by_says_why(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["cohort", "score", str(results / "features.csv"), "--out", str(tmp_path / "s.csv"), "--study"]
    assert main([*command, "escc-lpfs-ccrt"]) == 1
    assert "not scored by escc-lpfs-ccrt" in capsys.readouterr().out


def test_a_row_of_other_settings_or_without_a_value_is_not_scored(results: Path, tmp_path: Path) -> None:
    table = pd.read_csv(results / "features.csv", dtype=str, keep_default_na=False)
    table.loc[0, "settings"] = "0123456789ab"
    table.loc[1, "original_shape_Sphericity"] = ""
    table.loc[1, "failed"] = "original_shape_Sphericity: it was flat"
    table.to_csv(tmp_path / "features.csv", index=False)
    assert main(["cohort", "score", str(tmp_path / "features.csv"), "--out", str(tmp_path / "scores.csv")]) == 0
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert "0123456789ab" in scores["not_scored"][0]
    assert "it was flat" in scores["not_scored"][1]
    assert scores["rad_score"].notna().tolist() == [False, False, *[True] * (CASES - 3)]


def test_how_a_table_was_read_and_that_it_names_no_settings_is_told(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(results / "features.csv", dtype=str, keep_default_na=False).drop(columns="settings")
    names = {"wavelet-HLL_glcm_Idn": "wavelet.HLL_glcm_Idn", "other": "glcm_Idn"}
    table.assign(**{"wavelet-HLL_glcm_Idn": "1", "other": "2"}).rename(columns=names).to_csv(
        tmp_path / "features.csv", index=False
    )
    command = ["cohort", "score", str(tmp_path / "features.csv"), "--out", str(tmp_path / "scores.csv")]
    assert main([*command, "--study", "ln-response-crt"]) == 1
    told = capsys.readouterr().out
    assert "does not say with which settings" in told
    assert "named as R writes names" in told
    assert "not named as any engine here names them were not used (1: glcm_Idn)" in told


def test_a_reference_says_how_its_table_was_read_and_that_it_cannot_serve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = list(load_study("escc-lpfs-ccrt").settings.names)[:4]
    rows = [[f"P{i}", *(i * k + 1 for k in range(4)), i] for i in range(5)]
    table = pd.DataFrame(rows, columns=["case", *names, "firstorder_Mean"])
    table.to_csv(tmp_path / "t.csv", index=False, sep=";", decimal=",")
    build = ["reference", "build", "--study", "escc-lpfs-ccrt", "--label", "x", "--out", str(tmp_path / "r.json")]
    assert main([*build, str(tmp_path / "t.csv")]) == 0
    told = capsys.readouterr().out
    assert "were not used (1: firstorder_Mean)" in told
    assert "cannot serve as a reference" in told


def test_what_is_no_feature_table_is_refused(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cohort", "score", str(results / "failures.csv"), "--out", str(tmp_path / "s.csv")]) == 1
    assert "is no feature table" in capsys.readouterr().err


def test_the_report_shows_scores_failures_and_acquisition_and_opens_offline(results: Path) -> None:
    text = (results / "report.html").read_text(encoding="utf-8")
    for words in ("Failed", "Scores", "Outliers", "Acquisition", "slice spacing (mm)", "data:image/svg"):
        assert words in text
    assert load_study("ln-response-crt").title in text and "no HU exclusion in this study" in text
    assert load_study("ln-control-2y").title not in text, "nobody asked for it"
    assert "Bin width (HU)" in text and "bin_width" not in text
    assert "&lt;b&gt;P001&lt;/b&gt;" in text
    assert "<b>P001" not in text
    assert "<th>reader</th>" not in text, "columns without a word are left out"
    assert "P001/ct.nrrd" not in text, "patients' folders stay in the house"
    assert str(results.parent) not in text, "paths are relative to the manifest"
    assert "http" not in text.split("<body>")[1].replace("http://www.w3.org", "")
    assert "$" not in text.split("<body>")[1]


def test_outliers_follow_the_modified_z_score() -> None:
    values = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0], [5.0, 9.0], [100.0, math.nan]])
    # Median 3.5, MAD 1.5: only 100 is beyond 3.5; a feature with MAD 0 tells nothing.
    assert outlying_shares(values).tolist() == [0, 0, 0, 0, 0, 0.5]
