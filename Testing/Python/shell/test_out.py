"""``--out`` never destroys an input, a manifest, another patient's results or what this command did not write."""

from __future__ import annotations

from pathlib import Path

import cohort_factory
import dicom_factory
import phantoms
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.shell.cli import main

STUDY = ("--study", "ln-response-crt")


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cohort_factory.write_cohort(tmp_path / "data", 1)
    monkeypatch.chdir(tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize("out", ["P000/ct.nrrd", "P000/gtv.nrrd", "manifest.csv"])
def test_an_input_is_kept(out: str, patient: Path) -> None:
    before = Path(out).read_bytes()
    assert main(["extract", "P000/ct.nrrd", "P000/gtv.nrrd", *STUDY, "--signature", "--out", out]) == 2
    assert main(["cohort", "check", "manifest.csv", "--out", out]) == 2
    assert Path(out).read_bytes() == before


def test_a_row_is_replaced_only_by_the_same_images(patient: Path) -> None:
    extract = ["extract", "P000/ct.nrrd", "P000/gtv.nrrd", *STUDY, "--signature", "--out", "row.csv"]
    assert main(extract) == 0
    before = Path("row.csv").read_bytes()
    assert main(extract) == 0
    assert Path("row.csv").read_bytes() == before
    gtv = sitk.ReadImage("P000/gtv.nrrd")
    sitk.WriteImage(sitk.BinaryDilate(gtv), "P000/other.nrrd")
    assert main([*extract[:2], "P000/other.nrrd", *extract[3:]]) == 2
    sitk.WriteImage(phantoms.ct(cohort_factory.SIZE, seed=9), "P000/ct.nrrd")
    assert main(extract) == 2
    assert Path("row.csv").read_bytes() == before


def test_a_row_of_more_features_is_kept(patient: Path) -> None:
    extract = ["extract", "P000/ct.nrrd", "P000/gtv.nrrd", *STUDY, "--out", "row.csv"]
    assert main([*extract, "--signature"]) == 0
    assert main(extract) == 0
    full = Path("row.csv").read_bytes()
    assert main([*extract, "--signature"]) == 2
    assert Path("row.csv").read_bytes() == full


def test_one_folder_cannot_be_the_reports_and_that_of_dicom_objects(patient: Path) -> None:
    image = sitk.ReadImage("P000/ct.nrrd")
    dicom_factory.write_ct(Path("dicom"), image)
    call = ["score", "dicom", "P000/gtv.nrrd", *STUDY, "--out", "out", "--dicom", "./out"]
    assert main(call) == 2
    assert not Path("out").exists()


def test_a_null_character_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "ct.nrrd", "gtv.nrrd", *STUDY, "--out", "out\0"]) == 2
    assert "null character" in capsys.readouterr().err


def test_a_runs_results_are_replaced_by_a_run_alone(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["cohort", "run", "manifest.csv", *STUDY, "--out", "results"]
    assert main(run) == 0
    written = {path.name: path.read_bytes() for path in Path("results").iterdir() if path.is_file()}
    assert main(["cohort", "score", "results/features.csv", *STUDY, "--out", "results/scores.csv"]) == 2
    assert main(["cohort", "check", "manifest.csv", "--out", "results/failures.csv"]) == 2
    assert main(["extract", "P000/ct.nrrd", "P000/gtv.nrrd", *STUDY, "--out", "results/features.csv"]) == 2
    assert main(run) == 0
    assert {path.name: path.read_bytes() for path in Path("results").iterdir() if path.is_file()} == written
    assert main(["cohort", "score", "results/features.csv", *STUDY, "--out", "scores.csv"]) == 0
    assert main(["cohort", "score", "results/features.csv", *STUDY, "--out", "scores.csv"]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_a_run_does_not_take_a_folder_with_files_of_its_names(patient: Path) -> None:
    Path("mine").mkdir()
    Path("mine", "features.csv").write_text("my own table")
    assert main(["cohort", "run", "manifest.csv", *STUDY, "--out", "mine"]) == 2
    assert [path.name for path in Path("mine").iterdir()] == ["features.csv"]
    assert Path("mine", "features.csv").read_text() == "my own table"


def test_a_run_of_cases_that_all_fail_has_its_page_and_table(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("P000/ct.nrrd").write_bytes(b"NRRD0004\ntype: short\n")
    assert main(["cohort", "run", "manifest.csv", *STUDY, "--out", "results"]) == 1
    assert "0 cases finished" in capsys.readouterr().out
    assert "P000" in Path("results", "report.html").read_text(encoding="utf-8")


def test_a_manifest_without_cases_has_its_page(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.csv").write_text("case,image,mask\n")
    code = main(["cohort", "run", "empty.csv", *STUDY, "--out", "results"])
    told = capsys.readouterr()
    assert code == 0, told.err
    assert "0 cases finished" in told.out and "no line below its header" in told.out
    assert Path("results", "report.html").exists()
