"""The section Reproducibility against a real MRML scene: readings, ICC out of process, a result kept with the scene."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from mrml import add_segmentation, edit_segment, edit_volume, node_ids, save_and_reopen, scene, segment_voxels
from panel_desk import STUDY, RealRunner
from phantoms import ct, gtv
from reproducibility_desk import CASES, FEATURES, MeasuringRunner, ReadingsDesk, contour, readings_table

from EsoRadiomicsLib.agreement.kept_features import load_kept
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.in_slicer.panel.choices import study_of
from EsoRadiomicsLib.in_slicer.panel.reproducibility_panel import AgreementInputs, Reproducibility
from EsoRadiomicsLib.in_slicer.scene.scene_readings import SceneReadings
from EsoRadiomicsLib.in_slicer.widgets.reproducibility.agreement_html import agreement_html
from EsoRadiomicsLib.shell.cli import main

__all__ = ["scene"]

KEYS = [(case, reader, "1") for case in CASES for reader in "AB"]


@pytest.fixture
def desk(scene: Any) -> ReadingsDesk:
    return ReadingsDesk(scene)


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A feature table of the same readings."""
    path = tmp_path / "readings.csv"
    readings_table(KEYS).to_csv(path, index=False)
    return str(path)


# Readings


def test_the_segments_of_the_scene_are_proposed_as_readings_on_their_ct(desk: ReadingsDesk) -> None:
    found = desk.controller.readings()
    assert [reading.key for reading in found] == KEYS
    assert [reading.volume.GetName() for reading in found] == [case for case, _, _ in KEYS]


def test_the_ct_a_segmentation_was_drawn_on_counts_more_than_its_name(desk: ReadingsDesk) -> None:
    node = desk.segmentations["P1", "A"]
    node.SetReferenceImageGeometryParameterFromVolumeNode(desk.volumes[1])
    (found,) = [reading for reading in desk.controller.readings() if reading.segmentation is node]
    assert found.volume is desk.volumes[1]
    desk.access.enter_ct(found, desk.volumes[2])
    (found,) = [reading for reading in desk.controller.readings() if reading.segmentation is node]
    assert found.volume is desk.volumes[2]


@pytest.mark.parametrize("text", ["Dr Wang", "é|:;=", "a%20b", ""])
def test_what_the_user_enters_comes_back_with_the_scene(desk: ReadingsDesk, text: str, tmp_path: Path) -> None:
    first = desk.controller.readings()[0]
    desk.access.enter(first, reader=text, case="other", session="2", used=False)
    save_and_reopen(desk.scene, tmp_path / "scene.mrb")
    readings = SceneReadings(desk.scene).readings()
    (entered,) = [reading for reading in readings if not reading.used]
    assert entered.key == ("other", text, "2")
    SceneReadings(desk.scene).forget_entered()
    assert [reading.key for reading in SceneReadings(desk.scene).readings()] == KEYS


def test_the_preview_of_removed_voxels_is_no_reading(desk: ReadingsDesk) -> None:
    add_segmentation(desk.scene, {"removed": gtv(ct())}, "P1 preview").SetAttribute("EsoRadiomics.role", "removed")
    assert [reading.key for reading in desk.controller.readings()] == KEYS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"used": False}, "2 ticked cases are"),
        ({"reader": ""}, "Ticked, but with no reader: “GTV”"),
        ({"case": ""}, "Ticked, but with no case: “GTV”"),
        ({"reader": "B"}, "same case, reader and session: P1 by B, session 1"),
    ],
)
def test_what_keeps_readings_from_being_compared_is_said_before_anything_runs(
    desk: ReadingsDesk, change: dict[str, Any], said: str
) -> None:
    assert desk.controller.missing(desk.inputs) == []
    desk.access.enter(desk.controller.readings()[0], **change)
    assert said in " ".join(desk.controller.missing(desk.inputs))
    desk.controller.compute(desk.inputs)
    assert not desk.controller.running and said in desk.controller.error


def test_an_empty_scene_a_missing_file_and_a_missing_study_are_said(scene: Any) -> None:
    controller = Reproducibility(SceneReadings(scene), MeasuringRunner(), on_change=lambda: None, study=study_of)
    for inputs, said in (
        (AgreementInputs(), "Choose a study"),
        (AgreementInputs(STUDY), "An ICC needs three cases or more"),
        (AgreementInputs(STUDY, ""), "Choose a feature table or a manifest"),
        (AgreementInputs(STUDY, "none.csv"), "There is no file none.csv"),
        (AgreementInputs("escc-lnm-deep", ""), "states no ICC rule. Tick “Another rule”"),
    ):
        assert said in controller.missing(inputs)[0]


def test_the_rule_is_the_studys_unless_another_is_asked_for(desk: ReadingsDesk) -> None:
    assert desk.controller.rule_line(desk.inputs) == "ICC(2,1) ≥ 0.9 (the study’s)"
    changes = {"threshold": 0.75, "form": "3,1", "strict": True, "lower_bound": True}
    other = replace(desk.inputs, changes=changes)
    assert desk.controller.rule_line(other) == "lower 95 % limit of ICC(3,1) > 0.75 (yours)"
    desk.controller.compute(other)
    assert {"--threshold=0.75", "--form=3,1", "--strict", "--lower-bound"} <= set(desk.runner.arguments)


# Computing


def test_ct_and_contours_reach_the_other_process_as_they_are(desk: ReadingsDesk) -> None:
    desk.controller.compute(desk.inputs)
    entries = read_manifest(Path(desk.runner.arguments[3])).entries
    assert [entry.key for entry in entries] == KEYS
    assert len({entry.image for entry in entries}) == len(CASES)
    for entry in entries:
        image, mask = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (entry.image, entry.mask))
        assert np.array_equal(image, sitk.GetArrayFromImage(ct(seed=CASES.index(entry.case))))
        assert np.array_equal(mask, sitk.GetArrayFromImage(contour(entry.reader)))


def test_the_panel_gives_what_the_shell_command_gives_for_the_same_files(scene: Any, tmp_path: Path) -> None:
    runner = RealRunner()
    desk = ReadingsDesk(scene, runner)
    desk.controller.compute(desk.inputs)
    runner.wait()
    assert desk.controller.result is not None, desk.controller.error
    lines = ["case,image,mask,reader,session"]
    for case, reader, session in KEYS:
        sitk.WriteImage(ct(seed=CASES.index(case)), str(tmp_path / f"{case}.nrrd"))
        sitk.WriteImage(contour(reader), str(tmp_path / f"{case}{reader}.nrrd"))
        lines.append(f"{case},{case}.nrrd,{case}{reader}.nrrd,{reader},{session}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    out = tmp_path / "out"
    assert main(["icc", str(tmp_path / "manifest.csv"), "--study", STUDY, "--out", str(out), "--progress=none"]) == 0
    for name in ("icc.csv", "kept.json"):
        assert desk.controller.result.files[name] == (out / name).read_bytes()
    assert len(desk.controller.result.rows) == 851


def test_cancel_and_closing_the_scene_end_the_process_and_leave_nothing(desk: ReadingsDesk) -> None:
    before = node_ids(desk.scene)
    for number, end in enumerate((desk.controller.cancel, desk.controller.scene_closing), 1):
        desk.controller.compute(desk.inputs)
        folder = desk.runner.folder
        assert folder.is_dir()
        end()
        assert desk.runner.stopped == number and not folder.exists()
        desk.runner.on_finished(0, "")
        assert not desk.controller.running and desk.controller.error == "" and desk.controller.result is None
    assert node_ids(desk.scene) == before


@pytest.mark.parametrize("what", ["segmentation", "ct", "segment", "contour", "voxel"])
def test_a_result_of_readings_that_were_changed_meanwhile_is_dropped(desk: ReadingsDesk, what: str) -> None:
    desk.controller.compute(desk.inputs)
    node, segment = desk.segment("P2", "B")
    if what == "segmentation":
        desk.scene.RemoveNode(node)
    elif what == "ct":
        desk.scene.RemoveNode(desk.volumes[1])
    elif what == "segment":
        node.GetSegmentation().RemoveSegment(segment)
    elif what == "contour":
        voxels = segment_voxels(node, segment).copy()
        voxels[8, 20, 15:20] = 0
        edit_segment(node, segment, voxels)
    else:
        edit_volume(desk.volumes[1], -999)
    desk.runner.measure()
    assert "changed or deleted while the readings were measured" in desk.controller.error
    assert desk.controller.result is None and desk.access.stored() == ""


def test_a_reading_that_is_added_meanwhile_does_not_cost_the_result(desk: ReadingsDesk) -> None:
    desk.controller.compute(desk.inputs)
    added = add_segmentation(desk.scene, {"GTV": contour("B")}, "P1 reader C")
    desk.controller.inputs_changed(desk.inputs)
    desk.runner.measure()
    assert desk.controller.result is None and "for other inputs" in desk.controller.message
    desk.scene.RemoveNode(added)
    desk.controller.inputs_changed(desk.inputs)
    assert desk.controller.result is not None


def test_what_was_said_stays_until_something_is_changed(desk: ReadingsDesk) -> None:
    controller = desk.computed()
    controller.inputs_changed(desk.inputs)
    assert controller.message == "Done"
    desk.access.enter(controller.readings()[0], used=False)
    controller.inputs_changed(desk.inputs)
    assert controller.message == ""


def test_finished_readings_are_not_measured_again_for_another_rule(desk: ReadingsDesk) -> None:
    desk.computed()
    desk.controller.compute(replace(desk.inputs, changes={"threshold": 0.5}))
    assert (Path(desk.runner.option("out")) / "cases" / "finished.json").is_file()


# The result


def test_a_result_is_shown_for_its_own_readings_and_rule_only_and_comes_back_with_them(desk: ReadingsDesk) -> None:
    controller = desk.computed()
    for other in (
        replace(desk.inputs, study="escc-pfs-dcrt"),
        replace(desk.inputs, changes={"threshold": 0.5}),
        replace(desk.inputs, table="none.csv"),
    ):
        controller.inputs_changed(other)
        assert controller.result is None
        controller.inputs_changed(desk.inputs)
        assert controller.result is not None
    node, segment = desk.segment("P1", "A")
    drawn = segment_voxels(node, segment).copy()
    edited = drawn.copy()
    edited[8, 20, 15:20] = 0
    for voxels, shown in ((edited, False), (drawn, True)):
        edit_segment(node, segment, voxels)
        controller.inputs_changed(desk.inputs)
        assert (controller.result is not None) == shown
    desk.access.enter(controller.readings()[0], reader="C")
    controller.inputs_changed(desk.inputs)
    assert controller.result is None


def test_a_reopened_scene_shows_the_same_result_without_computing(desk: ReadingsDesk, tmp_path: Path) -> None:
    result = desk.computed().result
    assert result is not None
    save_and_reopen(desk.scene, tmp_path / "scene.mrb")
    runner = MeasuringRunner()
    again = Reproducibility(SceneReadings(desk.scene), runner, on_change=desk.count, study=study_of)
    again.restore()
    again.inputs_changed(desk.inputs)
    assert again.result is not None
    assert (again.result.rows, again.result.summary) == (result.rows, result.summary)
    assert again.result.figures == result.figures
    again.compute(replace(desk.inputs, changes={"threshold": 0.5}))
    assert (Path(runner.option("out")) / "cases" / "finished.json").is_file(), "another rule measures nothing again"
    again.cancel()
    edit_volume(again.readings()[0].volume, -999)
    again.inputs_changed(desk.inputs)
    assert again.result is None


def test_a_damaged_result_in_a_scene_is_said_and_not_shown(desk: ReadingsDesk) -> None:
    desk.computed()
    desk.access.store('{"files": {}}')
    desk.controller.restore()
    assert desk.controller.result is None and "changed or damaged" in desk.controller.error


def test_a_feature_table_is_compared_drawn_and_saved_for_the_other_rooms(
    scene: Any, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = MeasuringRunner()
    controller = Reproducibility(SceneReadings(scene), runner, on_change=lambda: None, study=study_of)
    inputs = AgreementInputs(STUDY, table)
    controller.compute(inputs)
    runner.work(capsys)
    assert controller.result is not None, controller.error
    verdicts = {row.feature: row.verdict for row in controller.result.rows}
    assert verdicts == {**dict.fromkeys(FEATURES, "kept"), FEATURES[-1]: "dropped"}
    assert [title for title, _ in controller.result.figures] == ["ICC", "Images and classes"]
    assert controller.draw(FEATURES[-1]) == 2
    assert controller.result.figures[2][1].startswith(b"<?xml")
    assert controller.draw("no such feature") is None and "Did you mean" in controller.error
    assert controller.save(tmp_path / "saved")
    assert load_kept(tmp_path / "saved" / "kept.json").features == tuple(FEATURES[:-1])
    assert (tmp_path / "saved" / f"bland_altman_{FEATURES[-1]}.svg").is_file()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").touch()
    assert not controller.save(tmp_path / "full") and "holds other files" in controller.error

    Path(table).write_text("changed")
    controller.inputs_changed(inputs)
    assert controller.result is None
    Path(table).unlink()  # as on another computer: the scene still shows what came of it
    controller.inputs_changed(inputs)
    assert controller.result is not None


def test_warnings_name_segments_and_cts_and_not_the_files_they_were_written_to(desk: ReadingsDesk) -> None:
    desk.access.enter(desk.controller.readings()[0], reader="A")
    desk.segmentations["P1", "A"].SetName('P1 "é"\\ reader A')
    desk.controller.compute(desk.inputs)
    folder = desk.runner.folder
    said = [f"{folder / name} is odd." for name in ("image1.nrrd", "mask1.nrrd", "mask2.nrrd")]
    desk.runner.measure(warnings=said)
    result = desk.controller.result
    assert result is not None
    names = ("P1", "GTV of P1 'é'\\ reader A", "GTV of P1 reader B")
    assert result.summary["warnings"][-3:] == [f"“{name}” is odd." for name in names]
    desk.controller.compute(desk.inputs)
    desk.runner.on_line(f"esoradiomics: {desk.runner.folder / 'mask6.nrrd'} is empty.")
    desk.runner.on_finished(2, "")
    assert desk.controller.error == "“GTV of P3 reader B” is empty."


def test_what_the_command_refuses_is_said_in_its_words(
    scene: Any, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = MeasuringRunner()
    controller = Reproducibility(SceneReadings(scene), runner, on_change=lambda: None, study=study_of)
    readings_table([key for key in KEYS if key[0] != "P3"]).to_csv(table, index=False)
    controller.compute(AgreementInputs(STUDY, table))
    runner.work(capsys)
    assert "an ICC needs at least three" in controller.error and controller.result is None


def test_the_summary_names_counts_warnings_and_failures_and_escapes_them(desk: ReadingsDesk) -> None:
    result = desk.computed().result
    assert result is not None
    failure = {
        "case": "P<9",
        "reader": "A",
        "session": "1",
        "stage": "ROI",
        "reason": "It is empty.",
        "remedy": "Draw.",
    }
    summary = json.loads(json.dumps(result.summary)) | {"warnings": ["a & b"] * 9, "failures": [failure]}
    html = agreement_html(summary)
    assert "3 of 4 features kept" in html
    assert "inter-observer: readers A, B; 3 cases" in html
    assert "3&nbsp;of&nbsp;3" in html and "0&nbsp;of&nbsp;1" in html
    assert "P&lt;9, reader A, session 1: It is empty. Draw." in html
    assert html.count("a &amp; b") == 5 and "and 4 more" in html
