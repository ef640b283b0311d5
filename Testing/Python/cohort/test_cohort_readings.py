"""A cohort in every reading of the paper: measured together, kept like any run, and made into one reference."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from cohort_factory import write_cohort

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.paper_readings import paper_readings
from EsoRadiomicsLib.studies.reference_building import build_with_readings
from EsoRadiomicsLib.studies.reference_cohort import load_reference
from EsoRadiomicsLib.studies.study import load_study

STUDY = load_study("ln-control-2y")
READINGS = paper_readings(STUDY).readings
assert STUDY.signature is not None
NAMES = list(STUDY.signature.names)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort(tmp_path_factory.mktemp("cohort"), 3)


@pytest.fixture(scope="module")
def out(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    run(manifest, folder)
    return folder


def run(manifest: Path, folder: Path) -> None:
    command = ["cohort", "run", str(manifest), "--study", STUDY.id, "--all-readings", "--out", str(folder)]
    assert main([*command, "--progress", "none"]) == 0


def read(table: Path) -> pd.DataFrame:
    return pd.read_csv(table, float_precision="round_trip", dtype={"settings": str, "case": str})


def test_every_row_has_the_bits_of_a_run_with_that_readings_settings(manifest: Path, out: Path) -> None:
    table = read(out / "readings.csv").set_index(["case", "settings"])
    assert len(table) == 3 * (len(READINGS) - 1)
    folder = manifest.parent / "P001"
    for reading in READINGS[1:]:
        settings = reading.settings
        case = load_case(folder / "ct.nrrd", folder / "gtv.nrrd", pixel_type=settings.pixel_type)
        alone = extract(prepare(case, settings), settings, NAMES)
        assert dict(table.loc[("P001", settings.fingerprint)][NAMES]) == dict(alone.values)


def test_a_second_run_measures_nothing_and_writes_the_same_bytes(manifest: Path, out: Path) -> None:
    before = {name: (out / name).read_bytes() for name in ("features.csv", "readings.csv")}
    kept = {path: path.stat().st_mtime_ns for path in (out / "cases").iterdir()}
    run(manifest, out)
    assert {path: path.stat().st_mtime_ns for path in (out / "cases").iterdir()} == kept
    assert {name: (out / name).read_bytes() for name in before} == before


def test_the_reference_holds_every_reading_with_its_own_means(out: Path, tmp_path: Path) -> None:
    tables = [str(out / "features.csv"), str(out / "readings.csv")]
    label = ["--study", STUDY.id, "--label", "Phantoms", "--out", str(tmp_path / "reference.json")]
    assert main(["reference", "build", *tables, *label]) == 0
    reference = load_reference(tmp_path / "reference.json")
    assert [each.settings for each in reference.readings] == [reading.settings for reading in READINGS[1:]]
    table = read(out / "readings.csv")
    for each in reference.readings:
        rows = table[table["settings"] == each.settings.fingerprint]
        assert each.features[NAMES[0]].mean == pytest.approx(rows[NAMES[0]].mean(), rel=1e-14)
        assert reference.at(each.settings) is each
    assert reference.at(STUDY.settings) is reference


def test_a_reading_of_other_cases_makes_no_reference(out: Path) -> None:
    table = pd.concat([read(out / "features.csv"), read(out / "readings.csv").iloc[1:]])
    with pytest.raises(InputError, match="Measure them together"):
        build_with_readings(table, STUDY.settings, [reading.settings for reading in READINGS[1:]], label="x")


def test_the_runs_report_says_how_far_the_readings_agree(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "3 of 3 cases have a score in all 9 readings" in page and "ICC(2,1)" in page
