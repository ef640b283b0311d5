"""The panel's cohort section: a manifest made, checked and run out of process, and a failed case loaded."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk
from cohort_factory import write_cohort, write_manifest, write_patient
from mrml import scene
from panel_desk import FakeRunner, RealRunner

from EsoRadiomicsLib.cohort.problems import Problem
from EsoRadiomicsLib.in_slicer.panel.choices import worth_of
from EsoRadiomicsLib.in_slicer.panel.cohort_panel import KEPT, CohortInputs, CohortSection
from EsoRadiomicsLib.in_slicer.scene.scene_access import node_case
from EsoRadiomicsLib.studies.reference_cohort import load_reference
from EsoRadiomicsLib.studies.study import load_study

__all__ = ["scene"]
STUDY = "ln-response-crt"


class Ward:
    """The section with a generated cohort of three patients, of whom the last one's GTV lies beside the CT."""

    def __init__(self, scene: Any, folder: Path, runner: Any = None) -> None:
        self.runner = runner or FakeRunner()
        self.changes = 0
        self.section = CohortSection(scene, self.runner, on_change=self.count)
        self.patients = folder / "patients"
        manifest = write_cohort(self.patients, 3)
        self.broken = self.patients / "P002" / "gtv.nrrd"
        self.good_mask = self.broken.read_bytes()
        mask = sitk.ReadImage(str(self.broken))
        mask.SetOrigin((5000, 0, 0))
        sitk.WriteImage(mask, str(self.broken))
        self.inputs = CohortInputs(str(manifest), str(folder / "results"), STUDY)
        self.section.inputs_changed(self.inputs)

    def count(self) -> None:
        self.changes += 1

    def run(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.section.run(self.inputs)
        assert self.section.running, self.section.error
        self.runner.work(capsys)


@pytest.fixture
def ward(scene: Any, tmp_path: Path) -> Ward:
    return Ward(scene, tmp_path)


def test_a_run_tells_numbers_failures_and_scores(ward: Ward, capsys: pytest.CaptureFixture[str]) -> None:
    ward.run(capsys)
    result = ward.section.result
    assert result is not None, ward.section.error
    assert (result.finished, result.failed, ward.section.error) == (2, 1, "")
    assert ward.section.message.startswith("2 cases finished, 1 failed. Correct the failed ones")
    (failure,) = ward.section.problems
    assert (failure.case, failure.blocking) == ("P002", True)
    assert "does not overlap" in failure.reason and failure.remedy
    assert ward.section.short(failure.reason).startswith("The ROI of the mask does not overlap")
    with (result.folder / "scores.csv").open(newline="") as file:
        scores = [float(row["rad_score"]) for row in csv.DictReader(file) if row["study"] == STUDY]
    (line,) = [line for line in result.scores if line.startswith(load_study(STUDY).title)]
    assert f"score {sum(scores) / 2:.4g}".replace("-", "−")[:9] in line and "in 2 cases" in line
    assert {"features.csv", "report.html"} <= {path.name for path in result.folder.iterdir()}


def test_a_failed_case_is_loaded_corrected_and_the_next_run_measures_only_it(
    ward: Ward, capsys: pytest.CaptureFixture[str]
) -> None:
    ward.run(capsys)
    (failure,) = ward.section.problems
    loaded = ward.section.load(ward.inputs, failure)
    assert loaded is not None and loaded.segmentation is None
    assert ward.section.message.startswith("P002 is loaded. Its CT is there, its mask is not")
    assert "does not overlap" in ward.section.message

    ward.broken.write_bytes(ward.good_mask)
    ward.run(capsys)
    assert ward.section.message == "3 cases finished, 0 failed." and ward.section.problems == ()
    corrected = ward.section.load(ward.inputs, failure)
    assert corrected is not None and corrected.segmentation is not None
    assert "save it (File > Save) and name that file in the manifest" in ward.section.message
    case = node_case(corrected.volume, corrected.segmentation, corrected.segment_id)
    assert ward.section.result is not None
    with (ward.section.result.folder / "features.csv").open(newline="") as file:
        row = list(csv.DictReader(file))[2]
    assert (row["image_sha256"], row["mask_sha256"]) == (case.image_sha256, case.mask_sha256)


def test_a_check_lists_what_fails_and_what_is_only_to_be_looked_at(
    ward: Ward, capsys: pytest.CaptureFixture[str]
) -> None:
    write_patient(ward.patients / "P003", seed=0)  # as P000
    rows = [{"case": f"P00{i}", "image": f"P00{i}/ct.nrrd", "mask": f"P00{i}/gtv.nrrd"} for i in range(5)]
    write_manifest(Path(ward.inputs.manifest), rows)
    ward.section.check(ward.inputs)
    ward.runner.work(capsys)
    assert ward.section.error == ""
    assert re.findall(r"\d+", ward.section.message) == ["4", "1", "1"]
    blocking = {problem.case: problem for problem in ward.section.problems if problem.blocking}
    assert "is not there" in blocking["P004"].reason
    assert any("same image" in problem.reason for problem in ward.section.problems if not problem.blocking)
    assert ward.section.load(ward.inputs, blocking["P004"]) is None
    assert "P004 cannot be loaded: The image “P004/ct.nrrd” is not there" in ward.section.error
    assert ward.section.load(ward.inputs, Problem("P000, P003", "headers", "", "")) is None
    assert "several cases" in ward.section.error
    assert ward.section.load(ward.inputs, Problem("P9", "headers", "", "")) is None
    assert "no longer has the case P9" in ward.section.error

    ward.run(capsys)
    remarks = [problem for problem in ward.section.problems if not problem.blocking]
    assert f"To look at: {len(remarks)}." in ward.section.message
    assert any("same image" in problem.reason and problem.case == "P000, P003" for problem in remarks)


def test_a_manifest_is_made_of_a_folder_once(ward: Ward, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(ward.inputs.manifest)
    path.unlink()
    (ward.patients / "P001" / "second_ct.nrrd").write_bytes((ward.patients / "P001" / "ct.nrrd").read_bytes())
    made: list[Path] = []
    ward.section.scan(ward.patients, made.append)
    ward.runner.work(capsys)
    assert made == [path], ward.section.error
    (remark,) = ward.section.problems
    assert remark.case == "P001" and not remark.blocking
    assert ward.section.message.startswith("manifest.csv was written. Lines that need a look: 1;")
    ward.section.scan(ward.patients, made.append)
    assert "exists already" in ward.section.error and not ward.section.running and len(made) == 1


def test_what_is_missing_is_said_in_sentences(ward: Ward) -> None:
    section, inputs = ward.section, ward.inputs
    assert section.missing(inputs) == section.missing_to_check(inputs) == []
    assert section.missing(CohortInputs()) == [
        "Choose a manifest, or make one from a folder of patients.",
        "Choose a folder for the results.",
        "Choose a study in section 2.",
    ]
    (reason,) = section.missing(replace(inputs, manifest="nowhere.csv"))
    assert "There is no manifest nowhere.csv" in reason
    assert section.missing(replace(inputs, study="escc-early-recurrence")) == []
    (reason,) = section.missing(replace(inputs, reference="nowhere.json"))
    assert "nowhere.json" in reason
    section.run(CohortInputs())
    assert section.error.startswith("Choose a manifest") and not section.running


def test_the_command_gets_what_the_panel_shows(ward: Ward) -> None:
    ward.section.run(replace(ward.inputs, all_features=True, jobs=2, allow_outside=True))
    given = set(ward.runner.arguments)
    assert {"run", "--full", "--jobs=2", "--allow-outside", f"--study={STUDY}", "--progress=json"} <= given
    ward.runner.on_line('{"progress": 0.5, "message": "1 of 3 cases, 1 failed, 20 s left (P000)"}')
    assert (ward.section.progress, ward.section.message) == (0.5, "1 of 3 cases, 1 failed, 20 s left (P000)")


def test_a_study_without_a_signature_is_measured_whole(ward: Ward) -> None:
    ward.section.run(replace(ward.inputs, study="escc-early-recurrence", all_features=False))
    assert "--full" in ward.runner.arguments


def test_a_folder_shows_what_an_earlier_run_left_in_it(
    ward: Ward, scene: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ward.run(capsys)
    assert ward.section.result is not None
    later = CohortSection(scene, FakeRunner(), on_change=lambda: None)
    later.inputs_changed(ward.inputs)
    assert later.result == ward.section.result and later.problems == ward.section.problems
    later.inputs_changed(replace(ward.inputs, folder=str(ward.patients)))
    assert later.result is None and later.problems == () and later.error == ""
    provenance = ward.section.result.folder / "provenance.json"
    for foreign in ({}, [], 1):
        provenance.write_text(json.dumps(foreign), encoding="utf-8")
        later.inputs_changed(replace(ward.inputs, folder=""))
        later.inputs_changed(ward.inputs)
        assert later.result is None and later.error == ""


def test_what_cannot_be_run_at_all_is_the_commands_sentence(ward: Ward, capsys: pytest.CaptureFixture[str]) -> None:
    Path(ward.inputs.manifest).write_text("name,picture\na,b\n", encoding="utf-8")
    ward.section.run(ward.inputs)
    ward.runner.work(capsys)
    assert "has no column case, image" in ward.section.error and ward.section.result is None


def test_closing_the_scene_ends_a_run(ward: Ward) -> None:
    ward.section.run(ward.inputs)
    ward.section.scene_closing()
    assert ward.runner.stopped == 1 and not ward.section.running and ward.section.message == ""
    ward.runner.on_finished(0, "")
    assert ward.section.result is None and ward.section.error == ""


def test_a_cancelled_run_keeps_its_finished_cases(scene: Any, tmp_path: Path) -> None:
    runner = RealRunner()
    ward = Ward(scene, tmp_path, runner)
    ward.section.run(ward.inputs)
    for _ in ("the start", "a case"):
        runner.first_line()
    assert "1 of 3 cases" in ward.section.message, ward.section.message
    ward.section.cancel()
    assert ward.section.message == KEPT and runner.process.poll() is not None
    assert len(list((tmp_path / "results" / "cases").glob("*.json"))) >= 1
    ward.section.run(ward.inputs)
    runner.wait()
    assert ward.section.result is not None, ward.section.error
    assert ward.section.result.finished == 2
    ward.section.check(ward.inputs)
    ward.section.cancel()
    assert ward.section.message == "Cancelled"


def test_a_reference_cohort_is_made_of_a_run_with_its_readings_and_says_what_it_is_worth(
    ward: Ward, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ward.section.missing_to_refer(ward.inputs) == ["Measure a cohort first."]
    ward.broken.write_bytes(ward.good_mask)
    ward.inputs = replace(ward.inputs, study="escc-lpfs-ccrt", all_readings=True)
    ward.run(capsys)
    assert "--all-readings" in ward.runner.arguments and ward.section.error == ""
    made: list[Path] = []
    ward.section.make_reference(ward.inputs, "-Our “hospital”", made.append)
    ward.runner.work(capsys)
    assert made, ward.section.error
    (path,) = made
    assert path.parent == Path(ward.inputs.folder) and ward.section.error == ""
    assert "cannot serve as a reference" in ward.section.message and str(path.parent) not in ward.section.message
    cohort = load_reference(path)
    assert (cohort.label, cohort.cases) == ("-Our “hospital”", 3) and cohort.readings
    line, details = worth_of(load_study("escc-lpfs-ccrt"), cohort)
    assert line.startswith("“-Our “hospital””: 3 cases, not usable.")
    assert "SD of the score" in line and "published" in line and "slice thickness" in details
    ward.section.make_reference(ward.inputs, "again", made.append)
    ward.runner.work(capsys)
    assert made[1] != made[0] and made[0].is_file()
    (reason,) = ward.section.missing_to_refer(replace(ward.inputs, study=STUDY))
    assert "needs no reference cohort" in reason
