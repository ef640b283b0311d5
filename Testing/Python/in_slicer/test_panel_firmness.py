"""How firm the patient's score is, in the panel: the same inputs, scored again under perturbations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mrml import save_and_reopen, scene
from panel_desk import Desk, FakeExtractor, FakeRunner, desk, reference, scored_desk

from EsoRadiomicsLib.in_slicer.panel.patient_panel import READINGS, ROBUSTNESS, Inputs, Panel
from EsoRadiomicsLib.in_slicer.scene.scene_access import SceneAccess
from EsoRadiomicsLib.in_slicer.widgets.patient.firmness_html import firmness_html, readings_html

__all__ = ["desk", "reference", "scene"]

FEW = "--count=5"


def assessed(desk: Desk, capsys: pytest.CaptureFixture[str], command: str = ROBUSTNESS) -> Panel:
    """The desk's panel after “How firm is this score?”, with fewer perturbations and in one process."""
    desk.panel.score(desk.inputs, command)
    arguments = [text for text in desk.runner.arguments if not text.startswith("--jobs")]
    desk.runner.arguments = [*arguments, FEW] if command == ROBUSTNESS else arguments
    desk.runner.work(capsys)
    assert desk.panel.result is not None, desk.panel.error
    return desk.panel


def test_the_result_of_score_gets_its_robustness_and_stays_the_same_otherwise(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    before = scored_desk(desk, capsys).result
    after = assessed(desk, capsys).result
    assert before is not None and after is not None
    assert desk.runner.arguments[2] == "robustness"
    assert before["robustness"] is None and after["robustness"]["scored"] == 5
    for part in ("case", "study", "features", "score", "covariates", "outcome"):
        assert after[part] == before[part]
    assert "Firmness" in dict(after["summary"])


def test_its_figure_is_shown_exported_and_comes_back_with_the_scene(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = assessed(desk, capsys)
    figure, result = panel.figure("robustness"), panel.result
    assert figure.startswith(b"<?xml") and panel.figure("paper_readings") == b""
    panel.inputs_changed(replace(desk.inputs, covariates={}))
    assert panel.figure("robustness") == b""
    save_and_reopen(desk.scene, tmp_path / "patient.mrb")
    again = Panel(SceneAccess(desk.scene), FakeRunner(), on_change=desk.count)
    assert again.restore() is not None
    assert (again.figure("robustness"), again.result) == (figure, result)
    assert again.export(tmp_path / "report"), again.error
    assert (tmp_path / "report" / "robustness.svg").read_bytes() == figure


def test_the_readings_of_the_paper_join_the_result_that_is_there(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.inputs = Inputs(*desk.inputs.nodes, "ln-response-crt", all_features=True)
    full = scored_desk(desk, capsys).result
    assert full is not None
    panel = assessed(desk, capsys, READINGS)
    assert desk.runner.arguments[2] == "readings"
    result = assessed(desk, capsys).result
    assert result is not None and len(result["features"]) == len(full["features"]) > 100
    assert result["robustness"] and result["paper_readings"]
    labels = [row[0] for row in result["summary"]]
    assert labels.count("Firmness") == labels.count("Readings of the paper") == 1
    assert panel.figure("paper_readings").startswith(b"<?xml")
    html = readings_html(result)
    assert f"in {result['paper_readings']['scored']} readings" in html


def test_readings_need_a_reference_cohort_of_all_readings(desk: Desk) -> None:
    (reason,) = desk.panel.missing_readings(desk.inputs)
    assert "card's own reading only" in reason and "section 5" in reason
    desk.panel.score(desk.inputs, READINGS)
    assert desk.panel.error == reason and not desk.panel.running


def test_only_the_signature_is_measured_again_also_where_all_features_are_wanted(desk: Desk, reference: str) -> None:
    desk.panel = Panel(SceneAccess(desk.scene), desk.runner, on_change=desk.count, extractor=FakeExtractor())
    desk.panel.score(replace(desk.inputs, all_features=True), ROBUSTNESS)
    assert desk.runner.arguments[2] == "robustness" and "--full" not in desk.runner.arguments


def test_the_words_give_interval_flips_by_kind_and_spread_of_each_feature(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    result = json.loads(json.dumps(assessed(desk, capsys).result))
    robustness = result["robustness"]
    robustness["flip_share"] = 0.2
    robustness["flips"] = {kind: {"flipped": int(kind == "noise"), "scored": 1} for kind in robustness["flips"]}
    html = firmness_html(result)
    assert "▲&nbsp;another risk group in 20 % of them" in html
    assert html.count("0 of 1") == 4 and "▲ 1 of 1" in html
    assert all(item["feature"].replace("_", "_&#8203;") in html for item in robustness["features"])
    robustness["flip_share"] = 0.0
    assert "●&nbsp;the risk group never changes" in firmness_html(result)
    result["score"]["group"] = None
    assert "risk group" not in firmness_html(result)
