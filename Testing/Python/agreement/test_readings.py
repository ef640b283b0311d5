"""From images and several contours of each to the features that are kept: by the shell, from files and in memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import phantoms
import pytest
import SimpleITK as sitk
from cohort_factory import SIZE, ragged_gtv
from readings_factory import write_readings

from EsoRadiomicsLib.agreement.icc_protocol import protocol_rule
from EsoRadiomicsLib.agreement.kept_features import load_kept
from EsoRadiomicsLib.agreement.readings import Measured, Reading, compare, measure_manifest, measure_readings
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.extraction.feature_table import read_table
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.extraction.workers import helpers
from EsoRadiomicsLib.imaging.case import Case, load_case, make_case
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

STUDY = load_study("ln-control-2y")
FEW = PyRadiomicsSettings(image_types=("original",), feature_classes=("firstorder",))
"""Settings that measure quickly."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_readings(tmp_path_factory.mktemp("readings"))


@pytest.fixture(scope="module")
def out(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the shell command makes of the manifest."""
    folder = tmp_path_factory.mktemp("shell") / "icc"
    assert icc(manifest, folder, "--jobs", "2", "--bland-altman", "original_glcm_Idn") == 0
    return folder


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """A manifest that a test may spoil."""
    return write_readings(tmp_path / "readings")


def icc(table: Path, out: Path, *options: str) -> int:
    return main(["icc", str(table), "--study", STUDY.id, "--out", str(out), *options])


def few(manifest: Path, folder: Path) -> Measured:
    return measure_manifest(read_manifest(manifest), FEW, folder)


def in_memory(manifest: Path) -> list[Reading]:
    return [
        Reading(e.case, e.reader, e.session, partial(load_case, e.image, e.mask))
        for e in read_manifest(manifest).entries
    ]


def document(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "agreement.json").read_text(encoding="utf-8"))
    return found


# --- the whole way ----------------------------------------------------------------------------------------------


def test_one_command_leads_from_masks_to_the_list_of_kept_features(out: Path) -> None:
    assert {path.name for path in out.iterdir()} == {
        "agreement.json",
        "bland_altman_original_glcm_Idn.svg",
        "cases",
        "icc.csv",
        "icc.svg",
        "icc_map.svg",
        "kept.json",
        "readings.csv",
    }
    kept = load_kept(out / "kept.json")
    assert kept.n_features == len(STUDY.settings.names) == 107
    assert kept.rule == protocol_rule(STUDY)
    assert [c["name"] for c in kept.comparisons] == ["inter-observer", "intra-observer (A)"]
    table = pd.read_csv(out / "icc.csv")
    assert list(kept.features) == list(table.loc[table["verdict"] == "kept", "feature"])
    assert 0 < len(kept.features) < 107


def test_the_library_gives_the_list_of_the_shell(out: Path, manifest: Path, tmp_path: Path) -> None:
    measured = measure_manifest(read_manifest(manifest), STUDY.settings, tmp_path)
    kept = compare(measured, protocol_rule(STUDY), STUDY).kept
    assert kept == load_kept(out / "kept.json")


def test_cases_in_memory_give_the_table_of_the_files_bit_for_bit(out: Path, manifest: Path) -> None:
    told: list[float] = []
    with helpers(2) as helping:
        measured = measure_readings(
            in_memory(manifest), STUDY.settings, helpers=helping, progress=lambda share, what: told.append(share)
        )
    from_files = read_table(out / "readings.csv")
    pd.testing.assert_frame_equal(measured.table, from_files.fillna({"failed": ""}), check_exact=True)
    assert told == sorted(told) and told[-1] == 1


def test_the_table_of_the_readings_is_taken_again_into_the_same_folder(out: Path, tmp_path: Path) -> None:
    again = tmp_path / "icc"
    shutil.copytree(out, again)
    assert icc(again / "readings.csv", again) == 0
    for name in ("icc.csv", "kept.json", "icc.svg", "icc_map.svg", "readings.csv"):
        assert (again / name).read_bytes() == (out / name).read_bytes(), name
    assert (again / "cases").is_dir()
    assert not list(again.glob("bland_altman*")), "the figure of the earlier call is not of this one"


def test_agreement_json_holds_what_a_program_shows(out: Path) -> None:
    told, table = document(out), pd.read_csv(out / "icc.csv")
    assert told["rule_in_words"] == "ICC(2,1) > 0.75"
    assert told["form_in_words"] == "two-way random, absolute agreement, single reading"
    assert told["study"] == STUDY.id
    numbers = [told[name] for name in ("n_kept", "n_dropped", "n_not_computed")]
    assert numbers == [int((table["verdict"] == verdict).sum()) for verdict in ("kept", "dropped", "not computed")]
    assert told["n_features"] == sum(numbers) == 107
    assert sum(row["kept"] for row in told["counts"]) == told["n_kept"]
    assert told["comparisons"][0] == {"name": "inter-observer", "raters": ["A", "B"], "n_cases": 4}
    assert set(told["files"]) == {path.name for path in out.iterdir()} - {"cases", "readings.csv"}
    assert told["failures"] == []


def test_a_manifest_in_excels_format_is_measured_too(manifest: Path, out: Path, tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="XLSX needs openpyxl")
    rows = pd.read_csv(manifest, dtype=str)
    for name in ("image", "mask"):
        rows[name] = [str(manifest.parent / place) for place in rows[name]]
    rows.to_excel(tmp_path / "readings.xlsx", index=False)
    assert icc(tmp_path / "readings.xlsx", tmp_path / "icc", "--allow-outside", "--jobs", "2") == 0
    assert (tmp_path / "icc" / "kept.json").read_bytes() == (out / "kept.json").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_manifest_is_known_by_its_header_as_spreadsheets_save_it(
    some: Path, tmp_path: Path, encoding: str, capsys: Any
) -> None:
    rows = pd.read_csv(some, dtype=str).assign(remark="größer")
    rows = rows[["image", *rows.columns.drop("image")]].rename(columns={"image": "Image"})
    rows[rows["reader"] == "B"].to_csv(some, index=False, sep=";", encoding=encoding)
    assert icc(some, tmp_path / "icc") == 1
    assert "one reader (B) with one reading of each case" in capsys.readouterr().err


def test_a_table_of_features_may_have_been_saved_with_its_row_numbers(out: Path, tmp_path: Path) -> None:
    read_table(out / "readings.csv").to_csv(tmp_path / "numbered.csv")
    assert icc(tmp_path / "numbered.csv", tmp_path / "icc") == 0
    assert (tmp_path / "icc" / "kept.json").read_bytes() == (out / "kept.json").read_bytes()


def test_finished_readings_survive_an_interruption(some: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "EsoRadiomicsLib", "icc", str(some), "--study", STUDY.id]
    command += ["--out", str(tmp_path / "icc"), "--progress", "json"]
    library = str(Path(__file__).resolve().parents[3] / "EsoRadiomics")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": library}
    )
    assert process.stderr is not None
    next(line for line in process.stderr if "2 of 12" in line)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "the same command goes on from there" in output
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "icc" / "cases").glob("*.json")}
    assert 2 <= len(finished) < 12
    assert {path.name for path in (tmp_path / "icc").iterdir()} == {"cases"}
    assert icc(some, tmp_path / "icc", "--jobs", "2") == 0
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert len(list((tmp_path / "icc" / "cases").glob("*.json"))) == 12


# --- readings that fail -----------------------------------------------------------------------------------------


def test_a_reading_that_fails_is_left_out_and_named(some: Path, tmp_path: Path, capsys: Any) -> None:
    (some.parent / "P01" / "B1.nrrd").write_bytes(b"no mask")
    assert icc(some, tmp_path / "icc", "--jobs", "2") == 1
    failures = pd.read_csv(tmp_path / "icc" / "failures.csv", dtype=str)
    assert failures[["case", "reader", "session"]].to_numpy().tolist() == [["P01", "B", "1"]]
    told = document(tmp_path / "icc")
    assert told["failures"][0]["case"] == "P01" and told["failures"][0]["remedy"]
    assert told["warnings"][0].startswith("1 reading could not be measured: P01 (reader B): ")
    assert "inter-observer: 3 cases with all 2 readings used, 1 left out: P01 (no reader B)." in told["warnings"]
    assert "failed: P01, reader B, session 1" in capsys.readouterr().out
    phantom = phantoms.ct(SIZE, seed=1)
    sitk.WriteImage(ragged_gtv(phantom, 77), str(some.parent / "P01" / "B1.nrrd"))
    assert icc(some, tmp_path / "icc", "--jobs", "2") == 0
    assert not (tmp_path / "icc" / "failures.csv").exists()


def test_too_few_cases_after_failures_are_refused_with_the_failures(some: Path, tmp_path: Path, capsys: Any) -> None:
    for case in ("P00", "P01"):
        (some.parent / case / "B1.nrrd").write_bytes(b"no mask")
    assert icc(some, tmp_path / "icc", "--jobs", "2") == 1
    message = capsys.readouterr().err
    assert message.startswith("esoradiomics: 2 readings could not be measured: P00 (reader B): ")
    assert "inter-observer: 2 cases with all readings" in message
    assert {path.name for path in (tmp_path / "icc").iterdir()} == {"cases", "failures.csv", "readings.csv"}


def test_results_that_no_longer_fit_the_readings_go(some: Path, out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "icc")
    for case in ("P00", "P01"):
        (some.parent / case / "B1.nrrd").write_bytes(b"no mask")
    assert icc(some, tmp_path / "icc", "--jobs", "2") == 1
    assert {path.name for path in (tmp_path / "icc").iterdir()} == {"cases", "failures.csv", "readings.csv"}


def test_a_reading_in_memory_that_fails_is_left_out_and_named(manifest: Path) -> None:
    def broken() -> Case:
        raise InputError("The segment is empty. Draw it.")

    def too_small() -> Case:
        image = phantoms.ct(SIZE)
        mask = sitk.GetImageFromArray(np.pad([[[1]]], [(4, 5), (9, 10), (11, 12)]).astype(np.uint8))
        mask.CopyInformation(image)
        return make_case(image, mask)

    readings = in_memory(manifest)
    readings[0] = Reading(readings[0].case, "A", "1", broken)
    readings[8] = Reading(readings[8].case, "B", "1", too_small)
    with pytest.raises(InputError, match=r"2 readings could not be measured.*inter-observer: 2 cases"):
        compare(measure_readings(readings, FEW), protocol_rule(STUDY))
    measured = measure_readings(readings, FEW, observers="intra")
    assert [(p.case, p.reader, p.stage) for p in measured.failures] == [
        ("P00", "A", "image and mask"),
        ("P02", "B", "ROI"),
    ]
    result = compare(measured, protocol_rule(STUDY, observers="intra"))
    assert result.comparisons[0].cases == ("P01", "P02", "P03")


def test_readings_of_which_none_can_be_measured_are_refused_with_the_reason(some: Path, tmp_path: Path) -> None:
    for mask in some.parent.glob("*/??.nrrd"):
        mask.write_bytes(mask.name.encode() * len(mask.parent.name))
    with pytest.raises(InputError, match=r"No reading could be measured\. P00, reader A, session 1"):
        few(some, tmp_path / "out")


# --- readings that cannot be compared ---------------------------------------------------------------------------


def test_a_mask_given_twice_is_refused_before_anything_is_measured(some: Path, tmp_path: Path, capsys: Any) -> None:
    shutil.copy(some.parent / "P02" / "A2.nrrd", some.parent / "P02" / "B1.nrrd")
    assert icc(some, tmp_path / "icc") == 1
    message = capsys.readouterr().err
    assert "case P02 (reader A, session 2) and case P02 (reader B, session 1) have the same image and mask" in message
    assert not (tmp_path / "icc").exists()


def test_a_mask_given_twice_in_different_files_is_refused_by_its_voxels(some: Path, tmp_path: Path) -> None:
    mask = sitk.ReadImage(str(some.parent / "P02" / "A1.nrrd"))
    sitk.WriteImage(mask, str(some.parent / "P02" / "B1.nrrd"), useCompression=True)
    with pytest.raises(InputError, match=r"P02 \(reader A, session 1\) and case P02 \(reader B, session 1\)"):
        compare(few(some, tmp_path / "out"), protocol_rule(STUDY))
    with pytest.raises(InputError, match="have the same image and mask"):
        measure_readings(in_memory(some), FEW)


def test_contours_of_two_readers_may_be_segments_of_one_file(some: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(some, dtype=str)
    apart = few(some, tmp_path / "apart")
    for case in set(rows["case"]):
        drawn = {reading: sitk.ReadImage(str(some.parent / case / f"{reading}.nrrd")) for reading in ("A1", "A2", "B1")}
        layers = np.stack([sitk.GetArrayFromImage(mask) for mask in drawn.values()])
        names = [(f"S{i}", name, 1, i) for i, name in enumerate(drawn)]
        phantoms.write_slicer_segmentation(some.parent / case / "all.seg.nrrd", drawn["A1"], layers, names)
    rows["roi"] = rows["reader"] + rows["session"]
    rows["mask"] = rows["case"] + "/all.seg.nrrd"
    rows.to_csv(some, index=False)
    together = few(some, tmp_path / "together")
    pd.testing.assert_frame_equal(together.table, apart.table, check_exact=True)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.drop(columns="reader"), "names no reader for case P00, P01.*“reader”"),
        (lambda rows: rows[(rows["reader"] == "A") & (rows["session"] == "1")], "one reader .A. with one reading"),
        (lambda rows: rows[rows["case"] < "P02"], "inter-observer: 2 cases with all readings"),
        (lambda rows: rows.iloc[:0], "There is no reading to measure"),
        (lambda rows: rows.assign(image="none.nrrd"), "12 readings could not be measured.*“none.nrrd” is not there"),
        (
            lambda rows: pd.concat([rows, rows[(rows["case"] < "P02") & (rows["reader"] == "B")]]),
            "2 readings could not be measured: P00 .reader B.: .* on lines .*; P01 .* inter-observer: 2 cases",
        ),
    ],
)
def test_readings_that_cannot_be_compared_are_refused_before_anything_is_measured(
    some: Path, tmp_path: Path, spoil: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    spoil(pd.read_csv(some, dtype=str)).to_csv(some, index=False)
    with pytest.raises(InputError, match=message):
        few(some, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_line_that_is_there_twice_takes_only_its_case(some: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(some, dtype=str)
    pd.concat([rows, rows.iloc[[0]]]).to_csv(some, index=False)
    measured = few(some, tmp_path / "out")
    assert {problem.case for problem in measured.failures} == {"P00"}
    assert compare(measured, protocol_rule(STUDY)).comparisons[0].cases == ("P01", "P02", "P03")


def test_a_mask_on_another_grid_and_another_image_of_a_case_are_warned_about(some: Path, tmp_path: Path) -> None:
    mask = sitk.ReadImage(str(some.parent / "P00" / "B1.nrrd"))
    shrunk = sitk.Resample(mask, [size // 2 for size in SIZE], sitk.Transform(), sitk.sitkNearestNeighbor,
                           mask.GetOrigin(), [2 * mm for mm in mask.GetSpacing()])  # fmt: skip
    sitk.WriteImage(shrunk, str(some.parent / "P00" / "B1.nrrd"))
    other = phantoms.ct(SIZE, seed=50)
    sitk.WriteImage(other, str(some.parent / "P01" / "other.nrrd"))
    rows = pd.read_csv(some, dtype=str)
    rows.loc[(rows["case"] == "P01") & (rows["reader"] == "B"), "image"] = "P01/other.nrrd"
    rows.to_csv(some, index=False)
    warnings = compare(few(some, tmp_path / "out"), protocol_rule(STUDY)).warnings
    assert any(text.startswith("P00, reader B, session 1 [warning]: The mask is on another grid") for text in warnings)
    assert any("The readings of case P01 come from different images" in text for text in warnings)


def test_different_voxels_without_resampling_are_warned_about(some: Path, tmp_path: Path) -> None:
    for path in (some.parent / "P00").glob("*.nrrd"):
        image = sitk.ReadImage(str(path))
        image.SetSpacing((0.8, 0.8, 3))
        sitk.WriteImage(image, str(path))
    plain = FEW.changed(voxel_mm=None)
    measured = measure_manifest(read_manifest(some), plain, tmp_path / "out")
    warning = "different voxels and the settings do not resample: 0.977 × 0.977 × 3 mm (3 cases), 0.8 × 0.8 × 3 mm"
    assert any(warning in text for text in measured.warnings)
    assert measure_readings(in_memory(some), plain).warnings[-1] == measured.warnings[-1]
    assert not any("resample" in text for text in few(some, tmp_path / "resampled").warnings)


def test_a_call_that_cannot_succeed_is_refused_before_anything_is_measured(
    some: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "icc"
    assert main(["icc", str(some), "--threshold", "0.8", "--out", str(out)]) == 2
    assert "Give --study" in capsys.readouterr().err
    assert icc(some, out, "--bland-altman", "original_glcm_Idx") == 2
    assert "has no feature “original_glcm_Idx”" in capsys.readouterr().err
    assert not out.exists()
    out.mkdir()
    (out / "thesis.docx").touch()
    assert icc(some, out) == 2
    assert "holds other files (thesis.docx)" in capsys.readouterr().err
