"""The panel's controller against a real MRML scene: what is missing, scoring, cancelling, closing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from mrml import (
    add_volume,
    edit_segment,
    edit_volume,
    node_ids,
    put_under_transform,
    scene,
    segment_id,
    segment_voxels,
    to_vtk,
)
from panel_desk import COVARIATES, STUDY, Desk, FakeExtractor, FakeRunner, RealRunner, desk, reference
from patients import changed_card, measured
from phantoms import ct, gtv

from EsoRadiomicsLib.in_slicer.panel.patient_panel import Inputs, Panel
from EsoRadiomicsLib.in_slicer.scene.scene_access import SceneAccess
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

__all__ = ["desk", "reference", "scene"]


def test_a_card_that_harmonises_asks_for_the_scanner_and_scores_as_the_shell_command_does(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scanners' names are numbers here, and none of them is the number of its place in the list."""
    card = deepcopy(dict(load_study("ln-control-2y").card))
    names = [feature["name"] for feature in card["signature"]["features"]]
    numbers = [1.0 + k for k in range(len(names))]
    batches = {
        name: {"rows": 20, "shift": [shift] * len(names), "variance": [1.5] * len(names)}
        for name, shift in (("2", 0.5), ("1", -0.25))
    }
    card["signature"]["harmonisation"] = {
        "evidence": "refit", "source": "", "column": "scanner", "features": names, "mean": numbers, "sd": numbers,
        "covariates": [], "effects": [], "batches": batches,
    }  # fmt: skip
    levels = [{"value": 1, "label": "2"}, {"value": 2, "label": "1"}]
    card["covariates"].append({"name": "scanner", "label": "scanner", "levels": levels, "by_name": True})
    card |= {"id": "harmonised"}
    path = tmp_path / "harmonised.json"
    path.write_text(json.dumps(card), encoding="utf-8")
    inputs = replace(desk.inputs, study=str(path), covariates={"scanner": None}, reference="")
    assert any("scanner is needed; it knows 2, 1" in reason for reason in desk.panel.missing(inputs))
    inputs = replace(inputs, covariates={"scanner": 2.0})
    assert desk.panel.missing(inputs) == []
    desk.panel.score(inputs)
    assert "--covariate=scanner=1" in desk.runner.arguments
    desk.runner.work(capsys)
    assert desk.panel.error == "" and desk.panel.result is not None
    assert ["Harmonised", "from 1 by the training cohort's ComBat"] in desk.panel.result["summary"]
    assert desk.panel.result_is_current(inputs)
    found = desk.panel.result["score"]["contributions"]
    raw = desk.panel.result["features"]
    for k, item in enumerate(found):
        expected = ((raw[item["feature"]] - numbers[k]) / numbers[k] + 0.25) / 1.5**0.5 * numbers[k] + numbers[k]
        assert item["value"] == pytest.approx(expected, rel=1e-9)


def test_a_patient_is_scored_as_the_shell_command_scores_the_files(
    desk: Desk, reference: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.panel.score(desk.inputs)
    assert desk.panel.running and desk.panel.error == ""
    desk.runner.work(capsys)
    assert not desk.panel.running and desk.panel.error == ""

    for image, name in ((ct(), "ct.nrrd"), (gtv(ct()), "gtv.nrrd")):
        sitk.WriteImage(image, str(tmp_path / name))
    given = [f"--covariate={name}={value}" for name, value in COVARIATES.items()]
    files = [str(tmp_path / "ct.nrrd"), str(tmp_path / "gtv.nrrd")]
    assert main(["score", *files, "--study", STUDY, "--reference", reference, "--json", *given]) == 0
    expected, result = json.loads(capsys.readouterr().out), desk.panel.result
    assert result is not None
    assert result["features"] == expected["features"]
    assert result["score"] == expected["score"]
    assert result["outcome"] == expected["outcome"]
    assert (result["case"]["name"], result["road"]) == ("Mrs Doe's CT", "library")
    assert result["case"]["sources"]["mask"]["segment"] == "GTV"
    assert desk.panel.result_nodes["table"].GetNumberOfRows() == len(result["features"])


def test_progress_lines_are_shown_and_other_lines_are_not(desk: Desk) -> None:
    desk.panel.score(desk.inputs)
    before = desk.changes
    desk.runner.on_line('{"progress": 0.25, "message": "features of original"}')
    assert (desk.panel.progress, desk.panel.message) == (0.25, "features of original")
    for line in ("a warning of some library", "{}", "[1]", '"text"', "{"):
        desk.runner.on_line(line)
    assert (desk.panel.progress, desk.changes) == (0.25, before + 1)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["noise", "esoradiomics: The ROI is empty. Draw it."], "The ROI is empty. Draw it."),
        (["Traceback", "KeyError: 'x'"], "exit code 3 and without a result (its last words: KeyError: 'x')"),
        ([], "without a result (its last words: it said nothing)"),
    ],
)
def test_a_failed_process_leaves_its_sentence_and_no_nodes(desk: Desk, lines: list[str], said: str) -> None:
    before = node_ids(desk.scene)
    desk.panel.score(desk.inputs)
    for line in lines:
        desk.runner.on_line(line)
    desk.runner.on_finished(3, "")
    assert said in desk.panel.error
    assert not desk.panel.running and desk.panel.result is None
    assert node_ids(desk.scene) == before


def test_a_process_that_ends_well_without_a_result_is_an_error(desk: Desk) -> None:
    desk.panel.score(desk.inputs)
    desk.runner.on_finished(0, "{}")
    assert "without a result" in desk.panel.error


def test_a_program_that_is_not_there_is_an_error_at_once(scene: Any, reference: str) -> None:
    class Broken(FakeRunner):
        def start(self, arguments: list[str], on_line: Any, on_finished: Any) -> None:
            super().start(arguments, on_line, on_finished)
            on_line("Slicer's Python could not be started.")
            on_finished(1, "")

    desk = Desk(scene, reference, Broken())
    desk.panel.score(desk.inputs)
    assert not desk.panel.running
    assert "Slicer's Python could not be started." in desk.panel.error


def test_cancel_leaves_nothing_behind_and_late_words_are_ignored(desk: Desk) -> None:
    before = node_ids(desk.scene)
    desk.panel.score(desk.inputs)
    desk.panel.cancel()
    assert desk.runner.stopped == 1
    desk.runner.on_line('{"progress": 0.9, "message": "too late"}')
    desk.runner.on_finished(0, "{}")
    assert (desk.panel.running, desk.panel.progress, desk.panel.message) == (False, 0.0, "Cancelled")
    assert desk.panel.error == "" and desk.panel.result is None
    assert node_ids(desk.scene) == before


def test_a_second_press_while_running_does_nothing(desk: Desk) -> None:
    desk.panel.score(desk.inputs)
    arguments = desk.runner.arguments
    desk.panel.score(desk.inputs)
    assert desk.runner.arguments is arguments


@pytest.mark.parametrize("which", ["volume", "segmentation"])
def test_a_node_deleted_while_measuring_drops_the_result(
    desk: Desk, which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.panel.score(desk.inputs)
    desk.scene.RemoveNode(getattr(desk, which))
    desk.panel.inputs_changed(Inputs(study=STUDY))
    before = node_ids(desk.scene)
    desk.runner.work(capsys)
    assert "was deleted while it was measured" in desk.panel.error
    assert desk.panel.result is None and node_ids(desk.scene) == before


def test_a_gtv_edited_while_measuring_drops_the_result(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.panel.score(desk.inputs)
    desk.edit_gtv()
    desk.runner.work(capsys)
    assert "was changed while it was measured" in desk.panel.error
    assert desk.panel.result is None and desk.panel.result_nodes == {}


def files(desk: Desk) -> Iterator[Path]:
    """CT and GTV for the process that works or waits, as far as they are there."""
    return (path for path in map(Path, (desk.runner.arguments or [""] * 2)[3:5]) if path.parent.exists())


def test_ct_and_gtv_are_written_again_only_when_they_change(desk: Desk) -> None:
    desk.panel.score(desk.inputs)
    image, mask = files(desk)
    read = mask.read_bytes()
    desk.panel.cancel()
    desk.panel.score(replace(desk.inputs, covariates={}))
    assert list(files(desk)) == [image, mask]
    desk.panel.cancel()
    desk.edit_gtv()
    desk.panel.score(desk.inputs)
    same, other = files(desk)
    assert same == image and other != mask and not mask.parent.exists()
    assert other.read_bytes() != read


def test_once_nothing_changes_the_case_of_the_score_to_come_is_read(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.panel.make_ready(replace(desk.inputs, volume=None))
    assert desk.runner.expected == []
    desk.panel.make_ready(desk.inputs)
    expected = desk.runner.expected
    desk.panel.score(desk.inputs)
    assert desk.runner.arguments[2:] == [*expected, "--json", "--progress=json"]
    desk.edit_gtv()
    desk.panel.make_ready(desk.inputs)
    assert desk.runner.expected == expected, "what is being measured is not written over"
    desk.panel.scene_closing()
    assert desk.runner.expected == []


def test_closing_the_scene_while_measuring_ends_the_process(desk: Desk) -> None:
    desk.panel.score(desk.inputs)
    desk.panel.scene_closing()
    desk.scene.Clear(False)
    assert desk.runner.stopped == 1 and not list(files(desk))
    desk.runner.on_finished(0, "{}")
    assert not desk.panel.running and desk.panel.result is None and desk.panel.error == ""
    assert desk.panel.missing(Inputs()) == [
        "Choose the CT.",
        "Choose the segmentation with the GTV, or draw it.",
        "Choose a study.",
    ]


def test_the_histograms_beside_the_line_are_those_of_the_voxels(desk: Desk) -> None:
    shares = desk.panel.hu_shares(desk.inputs)
    assert shares is not None and shares.hu_min == -50
    voxels = sitk.GetArrayFromImage(ct())
    for found, values in ((shares.image, voxels), (shares.gtv, voxels[sitk.GetArrayFromImage(gtv(ct())) == 1])):
        expected = np.histogram(np.clip(values, -1100, 1000), np.arange(-1100, 1001, 20))[0]
        assert found == pytest.approx(expected / expected.max())
    assert desk.panel.hu_shares(desk.inputs) is shares  # counted once
    assert desk.panel.hu_shares(Inputs()) is None
    edit_volume(desk.volume, 50)
    brighter = desk.panel.hu_shares(desk.inputs)
    assert brighter is not None and brighter.image.tolist() != shares.image.tolist()


def test_the_gtv_line_says_volume_share_and_geometry(desk: Desk) -> None:
    voxels = sitk.GetArrayFromImage(gtv(ct())) == 1
    hu = sitk.GetArrayFromImage(ct())[voxels]
    cm3 = voxels.sum() * np.prod(ct().GetSpacing()) / 1000
    outside = f"{100 * np.mean((hu < -200) | (hu > 300)):.0f} % outside −200 … 300 HU"
    below = f"{100 * np.mean(hu < -50):.1f} % below −50 HU"
    assert desk.panel.gtv_line(desk.inputs) == f"{cm3:.2f} cm³, {below}, {outside}."
    assert desk.panel.gtv_line(Inputs(*desk.inputs.nodes)) == f"{cm3:.2f} cm³, {outside}."
    assert desk.panel.gtv_line(Inputs(study=STUDY)) == ""
    shift = np.eye(4)
    shift[2, 3] = 3.0
    put_under_transform(desk.scene, shift, desk.segmentation)
    assert "mm" in desk.panel.gtv_line(desk.inputs)
    shift[2, 3] = 500.0
    desk.segmentation.GetParentTransformNode().SetMatrixTransformToParent(to_vtk(shift))
    assert "does not overlap the image “Mrs Doe's CT”" in desk.panel.gtv_line(desk.inputs)
    assert desk.panel.missing(desk.inputs) == [desk.panel.gtv_line(desk.inputs)]


def test_what_is_missing_is_said_in_sentences(desk: Desk) -> None:
    nodes = desk.inputs.nodes
    assert desk.panel.missing(desk.inputs) == []
    (reason,) = desk.panel.missing(Inputs(*nodes, STUDY))
    assert "Choose a reference cohort in section 2" in reason
    (reason,) = desk.panel.missing(Inputs(*nodes[:2], "", STUDY, {}, desk.inputs.reference))
    assert reason == "The segmentation “Segmentation” needs a segment to be chosen. Its segments are: “GTV”."
    (reason,) = desk.panel.missing(Inputs(*nodes, STUDY, {"N stage": 9.0}, desk.inputs.reference))
    assert "N stage is 9.0" in reason
    (reason,) = desk.panel.missing(Inputs(*nodes, "no-such-study"))
    assert "There is no study “no-such-study”" in reason
    (reason,) = desk.panel.missing(Inputs(*nodes, STUDY, {}, "nowhere.json"))
    assert "nowhere.json" in reason
    desk.panel.score(Inputs(*nodes, STUDY))
    assert "Choose a reference cohort in section 2" in desk.panel.error and not desk.panel.running


def test_an_image_that_is_no_ct_fails_with_its_reason(
    scene: Any, reference: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(scene, reference)
    mr = add_volume(scene, ct() + 1100, "MR")
    desk.panel.score(Inputs(mr, *desk.inputs.nodes[1:], STUDY, {}, reference))
    desk.runner.work(capsys)
    assert desk.panel.error.startswith("The image “MR” has no value below 0")


def test_broken_and_unscorable_cards_are_listed_with_their_reason(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    panel = Panel(SceneAccess(desk.scene), FakeRunner(), on_change=desk.count, user_studies=tmp_path)
    choices = {Path(choice.id_or_path).name: choice for choice in panel.studies()}
    assert choices[STUDY].scorable and choices[STUDY].endpoint == load_study(STUDY).endpoint
    assert not choices["broken.json"].scorable and "broken.json" in choices["broken.json"].why_not
    assert all(choice.scorable != bool(choice.why_not) for choice in choices.values())


def test_a_card_that_was_edited_is_read_again(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    for n, title in enumerate(("First", "Second")):
        path.write_text(json.dumps(changed_card(STUDY, {"title": title}).card), encoding="utf-8")
        os.utime(path, (n, n))
        assert desk.panel.study(str(path)).title == title


def test_the_preview_goes_with_the_gtv_it_was_made_of(desk: Desk) -> None:
    before = node_ids(desk.scene)
    assert desk.panel.show_removed(desk.inputs) is not None
    desk.panel.inputs_changed(desk.inputs)
    assert node_ids(desk.scene) != before
    desk.edit_gtv()
    desk.panel.inputs_changed(desk.inputs)
    assert node_ids(desk.scene) == before
    assert desk.panel.show_removed(Inputs(*desk.inputs.nodes, "ln-response-crt")) is None
    assert desk.panel.show_removed(Inputs(*desk.inputs.nodes[:2], "gone", STUDY)) is None
    assert "no longer has the segment" in desk.panel.error


def test_rois_that_cannot_be_read_are_an_error(desk: Desk, tmp_path: Path) -> None:
    assert desk.panel.rois(tmp_path / "nothing") == [] and "There is no file or folder" in desk.panel.error
    sitk.WriteImage(gtv(ct()), str(tmp_path / "gtv.nrrd"))
    assert desk.panel.rois(tmp_path / "gtv.nrrd") == ["1"] and desk.panel.error == ""
    assert desk.panel.import_rois(tmp_path / "gtv.nrrd", ["7"], desk.volume) is None
    assert "has no label 7" in desk.panel.error
    node = desk.panel.import_rois(tmp_path / "gtv.nrrd", ["1"], desk.volume)
    assert node is not None
    assert desk.panel.gtv_line(Inputs(desk.volume, node, segment_id(node, "1"), STUDY)) == desk.panel.gtv_line(
        desk.inputs
    )


def test_all_features_go_through_slicer_radiomics_where_it_is(
    scene: Any, reference: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extractor = FakeExtractor()
    desk = Desk(scene, reference, extractor=extractor)
    inputs = Inputs(*desk.inputs.nodes, STUDY, dict(COVARIATES), reference, all_features=True)
    desk.panel.score(inputs)
    assert desk.panel.running and desk.runner.arguments == []
    values = measured(extractor.settings, extractor.settings.names, 0)[1].values
    extractor.finish({name: repr(value) for name, value in values.items()}, "INFO: done")
    result = desk.panel.result
    assert result is not None, desk.panel.error
    assert result["road"] == "SlicerRadiomicsCLI"
    assert result["features"] == dict(values) and len(values) == 851
    assert desk.panel.export(tmp_path / "report")

    desk.panel.score(inputs)
    desk.panel.cancel()
    assert extractor.cancelled == 1 and desk.panel.result == result
    desk.panel.score(inputs)
    extractor.finish({"Image": "a", "Mask": "b"}, "INFO\nValueError: Label (1) not present in mask\n")
    assert "0 of 851 features" in desk.panel.error and "ValueError: Label (1) not present" in desk.panel.error

    desk.panel.score(desk.inputs)  # the signature alone stays with the library
    desk.runner.work(capsys)
    library = desk.panel.result
    assert library is not None and library["road"] == "library"
    assert library["score"] == result["score"]


def test_a_roi_that_cannot_be_measured_fails_before_slicer_radiomics_starts(scene: Any, reference: str) -> None:
    desk = Desk(scene, reference, extractor=FakeExtractor())
    voxels = np.zeros_like(segment_voxels(desk.segmentation, desk.inputs.segment_id))
    voxels[8, 20, 20] = 1
    edit_segment(desk.segmentation, desk.inputs.segment_id, voxels)
    desk.panel.score(Inputs(*desk.inputs.nodes, STUDY, {}, reference, all_features=True))
    assert desk.panel.error and not desk.panel.running


def test_a_real_process_scores_and_is_cancelled(scene: Any, reference: str) -> None:
    before = set(threading.enumerate())
    runner = RealRunner()
    desk = Desk(scene, reference, runner)
    desk.panel.score(desk.inputs)
    runner.first_line()
    assert desk.panel.message != "Preparing the CT and the GTV"
    desk.panel.cancel()
    assert runner.process.poll() is not None
    assert set(threading.enumerate()) <= before

    desk.panel.score(desk.inputs)
    runner.wait()
    result = desk.panel.result
    assert result is not None, desk.panel.error
    study = load_study(STUDY)
    assert study.signature is not None
    assert result["features"] == dict(measured(study.settings, study.signature.names, 0)[1].values)
