"""Every bad input that cohorts are known for, planted in one manifest: each is found, and all good cases finish."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from cohort_factory import SIZE, ragged_gtv, write_manifest, write_patient
from dicom_factory import contours_of, write_ct, write_rtstruct

from EsoRadiomicsLib.cohort.cohort_check import Check, check_cohort
from EsoRadiomicsLib.cohort.cohort_run import CohortRun, local_workers, run_cohort
from EsoRadiomicsLib.cohort.cohort_table import write_results
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.cohort.problems import Problem, read_problems, write_problems
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

STUDY = load_study("escc-lpfs-ccrt")
PHASES = (("dicom", "arterial phase"), ("native", "native"), ("cut", "arterial"), ("first", "arterial"))
"""DICOM cases and what their series are called."""
GOOD = ["=formula", "A1", "A2", "Évry", "copied-image", "copied-mask", "dicom", "native", "thick"]
BAD = {"twice", "missing", "outside", "no-mask", "cut", "first", "other-series", "no-roi", "no-segment", "empty"}
UNSEEN = {"empty"}
"""Only its voxels tell."""


@dataclass(frozen=True)
class Planted:
    """The cohort with everything that can be wrong, as Excel saves it: its check, its run and the run's results."""

    check: Check
    run: CohortRun
    out: Path


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted") / "cohort"
    outside = folder.parent / "elsewhere"
    for seed, name in enumerate(("A1", "A2", "copied-image", "copied-mask", "thick", "empty", "formula", "accent")):
        write_patient(folder / name, seed)
    shutil.copy(folder / "A1" / "ct.nrrd", folder / "copied-image" / "ct.nrrd")
    shutil.copy(folder / "A1" / "gtv.nrrd", folder / "copied-mask" / "gtv.nrrd")
    write_patient(outside, seed=20)
    (folder / "thick").joinpath("ct.nrrd").unlink()
    phantoms.write_phantom(folder / "thick", phantoms.ct(SIZE, (1.0, 1.0, 5.0), seed=30))
    air = sitk.ReadImage(str(folder / "empty" / "ct.nrrd"))
    mask = sitk.Cast(sitk.Less(air, -900), sitk.sitkUInt8)
    sitk.WriteImage(mask, str(folder / "empty" / "gtv.nrrd"))  # nothing but air, which the HU exclusion removes
    rows = [line(name, f"{name}/ct.nrrd", f"{name}/gtv.nrrd") for name in ("A1", "A2", "copied-image", "copied-mask")]
    rows += [line("thick", "thick/ct.nrrd", "thick/gtv.nrrd"), line("empty", "empty/c*.nrrd", "empty/gtv.nrrd")]
    for seed, (name, phase) in enumerate(PHASES):
        image = phantoms.ct(SIZE, seed=40 + seed)
        write_ct(folder / name / "ct", image, series=f"{name} {phase}")
        write_rtstruct(
            folder / name / "rs.dcm", {"GTV-1": contours_of(ragged_gtv(image, 50 + seed))}, series=f"{name} {phase}"
        )
        rows.append({"case": name, "image": f"{name}/ct", "rtstruct": f"{name}/rs.dcm", "roi": "GTV*"})
    (folder / "cut" / "ct" / "007.dcm").write_bytes((folder / "cut" / "ct" / "007.dcm").read_bytes()[:900])
    (folder / "first" / "ct" / "000.dcm").write_bytes(b"")
    image = phantoms.ct(SIZE, seed=60)
    segment = [("S1", "GTV", 1, 0)]
    drawn = sitk.GetArrayFromImage(phantoms.gtv(image))[None]
    phantoms.write_slicer_segmentation(folder / "A2" / "gtv.seg.nrrd", image, drawn, segment)
    rows += [
        {"case": "other-series", "image": "native/ct", "rtstruct": "dicom/rs.dcm"},
        {"case": "no-roi", "image": "dicom/ct", "rtstruct": "dicom/rs.dcm", "roi": "PTV"},
        {**line("no-segment", "A2/ct.nrrd", "A2/gtv.seg.nrrd"), "roi": "Tumour"},
        line("twice", "A1/ct.nrrd", "A1/gtv.nrrd"),
        line("twice", "A2/ct.nrrd", "A2/gtv.nrrd"),
        line("missing", "nowhere/ct.nrrd", "A1/gtv.nrrd"),
        line("outside", "../elsewhere/ct.nrrd", "../elsewhere/gtv.nrrd"),
        line("no-mask", "A1/ct.nrrd", ""),
        {**line("=formula", "formula/ct.nrrd", "formula/gtv.nrrd"), "note": "@SUM(A1)", "change": "-3,5"},
        line("Évry", "accent/ct.nrrd", "accent/gtv.nrrd"),
    ]
    path = write_manifest(folder / "manifest.csv", rows, encoding="cp1252", separator=";")
    manifest = read_manifest(path)
    out = folder.parent / "out"
    run = run_cohort(manifest, STUDY.settings, out, features=("original_shape_Sphericity",), workers=local_workers(1))
    write_results(run, out, study=STUDY.id)
    return Planted(check_cohort(manifest), run, out)


def line(case: str, image: str, mask: str) -> dict[str, str]:
    return {"case": case, "image": image, "mask": mask}


def test_all_good_cases_finish(planted: Planted) -> None:
    assert sorted(key[0] for key in planted.run.finished) == sorted(GOOD)


@pytest.mark.parametrize(
    ("case", "stage", "reason"),
    [
        ("twice", "manifest", "Case twice is on lines 15, 16"),
        ("missing", "manifest", "The image “nowhere/ct.nrrd” is not there"),
        ("outside", "manifest", "lies outside the manifest's folder"),
        ("no-mask", "manifest", "no mask and no RTSTRUCT"),
        ("cut", "image and mask", "007.dcm"),
        ("first", "image and mask", "000.dcm is called a DICOM file but does not begin as one"),
        ("other-series", "image and mask", "drawn on another series"),
        ("no-roi", "image and mask", "has no ROI “PTV”"),
        ("no-segment", "image and mask", "has no segment “Tumour”"),
        ("empty", "ROI", "HU: 0 voxels"),
    ],
)
def test_each_bad_case_fails_with_stage_reason_and_remedy(planted: Planted, case: str, stage: str, reason: str) -> None:
    found = [problem for problem in planted.run.failures if problem.case == case]
    assert len(found) == 1, planted.run.failures
    assert found[0].stage == stage
    assert reason in str(found[0])
    assert found[0].remedy
    before = [problem for problem in planted.check.problems if problem.case == case and problem.blocking]
    assert len(before) == (case not in UNSEEN), "all that headers tell is found before hours of work"
    assert all(reason in str(problem) and problem.remedy for problem in before)


def test_nothing_else_fails(planted: Planted) -> None:
    assert {problem.case for problem in planted.run.failures} == BAD
    assert {problem.case for problem in planted.check.problems if problem.blocking} == BAD - UNSEEN


@pytest.mark.parametrize("what", ["check", "run"])
def test_two_cases_with_the_same_image_or_mask_are_named(planted: Planted, what: str) -> None:
    problems = planted.check.problems if what == "check" else planted.run.problems
    shared = {(p.case, p.reason.split(" (")[0]) for p in problems if "same" in p.reason}
    assert shared >= {
        ("A1, copied-image", "These cases have the same image"),
        ("A1, copied-mask", "These cases have the same mask"),
    }


def test_the_check_and_the_run_tell_that_the_cts_are_not_alike(planted: Planted) -> None:
    for problems, thin, arterial in ((planted.check.problems, 9, 1), (planted.run.problems, 8, 1)):
        mixed = " ".join(problem.reason for problem in problems if problem.stage == "acquisition")
        assert f"slice thickness: 3 mm ({thin}), 5 mm (1); unlike most: thick" in mixed
        assert f"contrast phase: arterial ({arterial}), native (1); unlike most: native" in mixed


def test_how_excel_saved_the_manifest_is_told(planted: Planted) -> None:
    told = " ".join(problem.reason for problem in planted.run.remarks)
    assert "Windows-1252" in told
    assert "Decimal commas in column “change” were read as decimal points (cells: 1)" in told


def test_formulas_are_told_and_written_so_that_no_spreadsheet_runs_them(planted: Planted) -> None:
    told = next(p.reason for p in planted.check.problems if "formula" in p.reason)
    assert "2 cells start like a spreadsheet formula" in told
    assert "“=formula” (line 20, column case)" in told
    assert "“@SUM(A1)” (line 20, column note)" in told
    text = (planted.out / "features.csv").read_text(encoding="utf-8")
    assert "\n'=formula,'@SUM(A1),-3.5," in text


def test_failures_and_remarks_are_files_of_their_own_that_can_be_read_back(planted: Planted) -> None:
    assert read_problems(planted.out / "failures.csv") == planted.run.failures
    assert read_problems(planted.out / "remarks.csv") == planted.run.remarks
    with pytest.raises(InputError, match="no table of problems"):
        read_problems(planted.out / "features.csv")


def test_the_shell_command_lists_every_problem_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_patient(tmp_path / "A", seed=0)
    rows = [line("A", "A/ct.nrrd", "A/gtv.nrrd"), line("B", "B/ct.nrrd", "A/gtv.nrrd"), line("C", "A/ct.nrrd", "C")]
    manifest = write_manifest(tmp_path / "manifest.csv", rows)
    assert main(["cohort", "check", str(manifest)]) == 1
    said = capsys.readouterr().out
    assert "failed: B [manifest]" in said
    assert "failed: C [manifest]" in said
    assert "can be measured: 1, that cannot: 2;" in said


def test_an_uncompressed_dicom_without_its_last_pixels_is_found_by_its_size(tmp_path: Path) -> None:
    image = phantoms.ct(SIZE)
    write_ct(tmp_path / "ct", image)
    write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours_of(phantoms.gtv(image))})
    cut = tmp_path / "ct" / "014.dcm"
    cut.write_bytes(cut.read_bytes()[:-1500])
    manifest = write_manifest(tmp_path / "manifest.csv", [{"case": "A", "image": "ct", "rtstruct": "rs.dcm"}])
    problems = check_cohort(read_manifest(manifest)).problems
    assert "014.dcm" in str(problems[0])
    assert problems[0].blocking


def test_a_case_that_looks_like_a_formula_comes_back_as_it_was(tmp_path: Path) -> None:
    problems = [
        Problem("=1+1", "ROI", "'quoted' and “@x”", "-", "+r", "2"),
        Problem("-3", "x", "y", "", blocking=False),
    ]
    write_problems(tmp_path / "problems.csv", problems)
    assert "\n'=1+1,'+r,2,ROI" in (tmp_path / "problems.csv").read_text(encoding="utf-8")
    assert read_problems(tmp_path / "problems.csv") == problems


def test_the_roi_column_chooses_labels_segments_and_rois(tmp_path: Path) -> None:
    image = phantoms.ct(SIZE)
    gtv = phantoms.gtv(image)
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    two = sitk.GetArrayFromImage(gtv)
    other = np.roll(two, 4, axis=2)
    both = sitk.GetImageFromArray((two * 3 + (other & ~(two > 0)) * 7).astype(np.uint8))
    both.CopyInformation(image)
    sitk.WriteImage(both, str(tmp_path / "labels.nrrd"))
    segments = [("S1", "Lung", 1, 0), ("S2", "GTV", 2, 1)]
    phantoms.write_slicer_segmentation(tmp_path / "gtv.seg.nrrd", image, np.stack([other, two * 2]), segments)
    write_ct(tmp_path / "dicom", image)
    write_rtstruct(tmp_path / "rs.dcm", {"Lung": contours_of(gtv), "GTV-1": contours_of(gtv)})
    rows: list[Mapping[str, str]] = [
        {**line("label", "ct.nrrd", "labels.nrrd"), "roi": "3"},
        {**line("segment", "ct.nrrd", "gtv.seg.nrrd"), "roi": "GTV"},
        {"case": "roi", "image": "dicom", "rtstruct": "rs.dcm", "roi": "GTV*"},
        {**line("wrong", "ct.nrrd", "labels.nrrd"), "roi": "GTV"},
    ]
    manifest = read_manifest(write_manifest(tmp_path / "manifest.csv", rows))
    run = run_cohort(
        manifest, STUDY.settings, tmp_path / "out", features=("original_shape_Sphericity",), workers=local_workers(1)
    )
    assert [p.case for p in run.failures] == ["wrong"]
    assert "is no label value" in run.failures[0].reason
    masks = {run.store.read(key)["mask_sha256"] for key in run.finished.values()}  # type: ignore[index]
    assert len(masks) == 1


def test_the_check_takes_the_roi_numbers_that_the_run_takes(tmp_path: Path) -> None:
    from pydicom import dcmread

    image = phantoms.ct(SIZE)
    write_ct(tmp_path / "dicom", image)
    write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours_of(phantoms.gtv(image))})
    structures = dcmread(tmp_path / "rs.dcm")
    structures.StructureSetROISequence[0].ROINumber = structures.ROIContourSequence[0].ReferencedROINumber = 7
    structures.save_as(tmp_path / "rs.dcm")
    rows = [{"case": roi, "image": "dicom", "rtstruct": "rs.dcm", "roi": roi} for roi in ("7", "1")]
    manifest = read_manifest(write_manifest(tmp_path / "manifest.csv", rows))
    assert [problem.case for problem in check_cohort(manifest).problems if problem.blocking] == ["1"]


def test_a_manifest_without_its_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column mask"):
        read_manifest(write_manifest(tmp_path / "manifest.csv", [{"case": "A", "image": "ct.nrrd"}]))


def test_a_clinical_column_must_not_hide_a_result(tmp_path: Path) -> None:
    row = {**line("A", "ct.nrrd", "gtv.nrrd"), "original_glcm_Idn": "1"}
    with pytest.raises(InputError, match="original_glcm_Idn"):
        read_manifest(write_manifest(tmp_path / "manifest.csv", [row]))
