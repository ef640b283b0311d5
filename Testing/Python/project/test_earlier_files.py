"""Scenes, cards, references, lists and results that an earlier version wrote are read as before, with its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cohort_tables import generated_table, written
from mrml import scene
from panel_desk import FakeRunner
from patients import case
from phantoms import ct, gtv

from EsoRadiomicsLib.agreement.kept_features import load_kept
from EsoRadiomicsLib.evaluation.validate import validate
from EsoRadiomicsLib.imaging.case import make_case
from EsoRadiomicsLib.in_slicer.panel.patient_panel import Panel
from EsoRadiomicsLib.in_slicer.scene.scene_access import SceneAccess
from EsoRadiomicsLib.modelling.model_cohort import Columns, read_cohort
from EsoRadiomicsLib.reporting.patient.kept_result import whole_result
from EsoRadiomicsLib.scoring.patient import score_patient
from EsoRadiomicsLib.studies.reference_cohort import load_reference
from EsoRadiomicsLib.studies.study import load_study

__all__ = ["scene"]

EARLIER = Path(__file__).resolve().parents[2] / "Data" / "earlier"


def test_an_earlier_scene_shows_its_result_exports_it_and_would_score_the_same_today(
    scene: Any, tmp_path: Path
) -> None:
    assert scene.ReadFromMRB(str(EARLIER / "patient.mrb"))
    panel = Panel(SceneAccess(scene), FakeRunner(), on_change=lambda: None)
    inputs = panel.restore()
    assert inputs is not None and inputs.covariates == {"N stage": 1} and panel.error == ""
    assert panel.export(tmp_path / "report"), panel.error
    then = json.loads((tmp_path / "report" / "result.json").read_text(encoding="utf-8"))["score"]
    small = ct((24, 20, 10))
    reference = load_reference(EARLIER / "reference.json")
    study = load_study("escc-lpfs-ccrt")
    today = score_patient(make_case(small, gtv(small)), study, covariates={"N stage": 1}, reference=reference)
    assert then["rad_score"] == 0.5579982702878764
    assert today.score.rad_score == pytest.approx(then["rad_score"], rel=1e-9)


def test_an_earlier_result_has_its_robustness() -> None:
    document = json.loads((EARLIER / "result.json").read_text(encoding="utf-8"))
    result = whole_result(document, load_study("ln-response-crt"), case())
    assert result.robustness is not None and len(result.robustness.replicates) == 30
    assert list(result.robustness.interval) == document["robustness"]["interval_95"]


def test_an_earlier_card_scores_patients_as_it_did(tmp_path: Path) -> None:
    study = load_study(EARLIER / "card.json")
    assert study.signature is not None
    columns = Columns(outcome="outcome", features=study.signature.names)
    cohort = read_cohort(written(generated_table(140), tmp_path), columns, study).cohort
    scores = pd.Series(validate(study, cohort, "again").prediction.rad_score, cohort.patients)
    then = pd.read_csv(EARLIER / "predictions.csv", float_precision="round_trip").set_index("case")
    assert scores[then.index].to_numpy() == pytest.approx(then["Rad-score"].to_numpy(), rel=1e-9)


def test_an_earlier_list_of_kept_features_is_read() -> None:
    assert len(load_kept(EARLIER / "kept.json").features) == 34
