"""The panel's result: shown for its own inputs only, in a reopened scene again, and exported whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import SimpleITK as sitk
from mrml import (
    add_segmentation,
    add_volume,
    edit_segment,
    edit_volume,
    save_and_reopen,
    scene,
    segment_id,
    segment_voxels,
)
from panel_desk import COVARIATES, STUDY, Desk, FakeRunner, desk, reference, scored_desk
from patients import changed_card
from phantoms import ct, gtv

from EsoRadiomicsLib.in_slicer.panel.patient_panel import IN_SCENE, Inputs, Panel
from EsoRadiomicsLib.in_slicer.scene.scene_access import SceneAccess
from EsoRadiomicsLib.scoring.nomogram import build_nomogram
from EsoRadiomicsLib.shell.cli import main

__all__ = ["desk", "reference", "scene"]


def test_a_result_is_never_shown_for_other_inputs_and_comes_back_with_its_own(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = scored_desk(desk, capsys)
    other_ct = add_volume(desk.scene, ct(seed=1), "other CT")
    other_gtv = add_segmentation(desk.scene, {"GTV": gtv(ct())})
    volume, segmentation, chosen = desk.inputs.nodes
    for other in (
        Inputs(other_ct, segmentation, chosen, STUDY, desk.inputs.covariates),
        Inputs(volume, other_gtv, segment_id(other_gtv), STUDY, desk.inputs.covariates),
        Inputs(volume, segmentation, chosen, "ln-response-crt"),
        Inputs(volume, segmentation, chosen, STUDY, {"N stage": 2.0, "CR status": 0.0}),
        Inputs(volume, segmentation, chosen, STUDY, {}),
        Inputs(None, segmentation, chosen, STUDY, desk.inputs.covariates),
    ):
        panel.inputs_changed(other)
        assert panel.result is None and panel.result_nodes == {} and not panel.result_is_current(other)
        assert panel.result_study is None and panel.nomogram_values == {}
        panel.inputs_changed(desk.inputs)
        assert panel.result is not None


def test_a_result_goes_when_its_gtv_or_ct_is_edited_and_comes_back_when_that_is_undone(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = scored_desk(desk, capsys)
    drawn = segment_voxels(desk.segmentation, desk.inputs.segment_id).copy()
    desk.edit_gtv()
    panel.inputs_changed(desk.inputs)
    assert panel.result is None
    edit_segment(desk.segmentation, desk.inputs.segment_id, drawn)
    panel.inputs_changed(desk.inputs)
    assert panel.result is not None
    edit_volume(desk.volume, -999)
    panel.inputs_changed(desk.inputs)
    assert panel.result is None


def test_moving_one_voxel_of_the_gtv_is_noticed_though_its_volume_stays(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = scored_desk(desk, capsys)
    voxels = segment_voxels(desk.segmentation, desk.inputs.segment_id).copy()
    voxels[8, 20, 20], voxels[0, 0, 0] = 0, 1
    edit_segment(desk.segmentation, desk.inputs.segment_id, voxels)
    panel.inputs_changed(desk.inputs)
    assert panel.result is None


def test_a_result_that_comes_while_another_ct_is_shown_waits_for_its_own(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.panel.score(desk.inputs)
    other = Inputs(add_volume(desk.scene, ct(seed=1), "other"), *desk.inputs.nodes[1:], STUDY)
    desk.panel.inputs_changed(other)
    desk.runner.work(capsys)
    assert desk.panel.result is None and desk.panel.error == ""
    desk.panel.inputs_changed(desk.inputs)
    assert desk.panel.result is not None


def test_a_reopened_scene_shows_the_same_result_without_computing(
    desk: Desk, reference: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = scored_desk(desk, capsys)
    result, values = before.result, before.nomogram_values
    before.scene_closing()
    save_and_reopen(desk.scene, tmp_path / "patient.mrb")
    panel = Panel(SceneAccess(desk.scene), FakeRunner(), on_change=desk.count)
    restored = panel.restore()
    assert restored is not None
    assert (restored.volume.GetName(), restored.study, restored.covariates) == ("Mrs Doe's CT", STUDY, COVARIATES)
    assert panel.result == result
    assert panel.nomogram_values == values
    assert set(panel.result_nodes) >= {"table", "chart", "contributions"}
    edit_volume(restored.volume, 5)
    panel.inputs_changed(restored)
    assert panel.result is None


def test_a_result_by_a_card_that_is_not_here_is_shown_and_can_be_scored_again(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    own = folder / "own.json"
    own.write_text(json.dumps(changed_card(STUDY, {"id": "own", "title": "Our own study"}).card), encoding="utf-8")
    desk.inputs = Inputs(*desk.inputs.nodes, str(own), dict(COVARIATES), desk.inputs.reference)
    result = scored_desk(desk, capsys).result
    desk.panel.scene_closing()
    save_and_reopen(desk.scene, tmp_path / "patient.mrb")
    own.unlink()

    runner = FakeRunner()
    panel = Panel(SceneAccess(desk.scene), runner, on_change=desk.count)
    restored = panel.restore()
    assert restored is not None and restored.study == IN_SCENE
    assert panel.result == result
    assert [choice.title for choice in panel.studies() if choice.id_or_path == IN_SCENE] == ["Our own study"]
    panel.score(Inputs(*restored.nodes, IN_SCENE, restored.covariates, desk.inputs.reference))
    runner.work(capsys)
    assert panel.result is not None and result is not None, panel.error
    for part in ("study", "features", "score", "outcome"):
        assert panel.result[part] == result[part]


def test_a_damaged_result_in_a_scene_is_said_and_not_shown(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    panel = scored_desk(desk, capsys)
    panel.result_nodes["result"].SetText("{}")
    assert panel.restore() is None
    assert panel.result is None and "changed or damaged" in panel.error


def test_the_nomogram_of_a_stored_result_places_the_patient_where_the_result_says(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = scored_desk(desk, capsys)
    assert panel.result_study is not None and panel.result is not None
    nomogram = build_nomogram(panel.result_study)
    assert nomogram is not None
    place = nomogram.place(panel.nomogram_values)
    assert place.total.low == place.total.high == pytest.approx(panel.result["outcome"]["total_points"]["low"])


def test_the_report_is_exported_whole_and_only_into_an_empty_folder(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not desk.panel.export(tmp_path / "none") and "no result to export" in desk.panel.error
    panel = scored_desk(desk, capsys)
    assert panel.export(tmp_path / "report")
    assert {"result.json", "report.html", "features.csv"} <= {path.name for path in (tmp_path / "report").iterdir()}
    assert json.loads((tmp_path / "report" / "result.json").read_text(encoding="utf-8")) == panel.result
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").touch()
    assert not panel.export(tmp_path / "full") and "holds other files" in panel.error


def test_a_reopened_scene_gives_the_report_that_the_shell_command_writes(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = scored_desk(desk, capsys).result
    arguments = desk.runner.arguments[2:]
    for image, name in ((ct(), "ct.nrrd"), (gtv(ct()), "gtv.nrrd")):
        sitk.WriteImage(image, str(tmp_path / name))
    files = [str(tmp_path / "ct.nrrd"), str(tmp_path / "gtv.nrrd")]
    options = [text for text in arguments[3:] if text != "--json" and not text.startswith("--progress")]
    assert main(["score", *files, *options, f"--out={tmp_path / 'shell'}"]) == 0
    desk.panel.scene_closing()
    save_and_reopen(desk.scene, tmp_path / "patient.mrb")
    panel = Panel(SceneAccess(desk.scene), FakeRunner(), on_change=desk.count)
    assert panel.restore() is not None and panel.export(tmp_path / "report"), panel.error
    written = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    shell = {path.name: path.read_bytes() for path in (tmp_path / "shell").iterdir()}
    assert set(written) == set(shell)
    for name in ("features.csv", "nomogram.svg", "contributions.svg", "roi.png"):
        assert written[name] == shell[name], name
    assert json.loads(written["result.json"]) == result


def test_a_labelmap_volume_is_scored_by_its_label(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    labels = sitk.Cast(gtv(ct()), sitk.sitkInt16) * 300
    labelmap = add_volume(desk.scene, labels, "Labels", "vtkMRMLLabelMapVolumeNode")
    desk.inputs = Inputs(desk.volume, labelmap, "300", STUDY, {}, desk.inputs.reference)
    result = scored_desk(desk, capsys).result
    assert result is not None and result["case"]["sources"]["mask"]["label"] == 300


@pytest.mark.parametrize("name", ["-5 HU “é” = ü", "a\nb\\n;:=", " "])
def test_odd_names_of_nodes_and_segments_do_no_harm(desk: Desk, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    desk.volume.SetName(name)
    desk.segmentation.GetSegmentation().GetSegment(desk.inputs.segment_id).SetName(name)
    result = scored_desk(desk, capsys).result
    assert result is not None
    assert result["case"]["name"] == (name if name.strip() else result["case"]["name"])
    assert result["case"]["sources"]["mask"]["segment"].split() == name.split() or not name.strip()
