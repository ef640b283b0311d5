"""Nomogram and survival curve in the viewer, off-screen: what is dragged in one moves the other."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
import qt_shim

qt_shim.install()

from cohort_tables import Golden, study_with_a_curve  # noqa: E402
from patients import scored  # noqa: E402

from EsoRadiomicsLib.in_slicer.widgets.patient.outcome_view import OutcomeView  # noqa: E402
from EsoRadiomicsLib.reporting.patient.patient_result import result_dict, to_json  # noqa: E402
from EsoRadiomicsLib.scoring.nomogram import build_nomogram  # noqa: E402
from EsoRadiomicsLib.studies.study import check_card, load_study  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*QMouseEvent.pos")  # Qt 5, in Slicer, knows no other
OWN = {"N stage": 1.0, "CR status": 0.0, "Rad-score": 0.3}


def shown(golden: Golden, values: dict[str, float]) -> OutcomeView:
    study = study_with_a_curve(golden)
    nomogram = build_nomogram(study)
    assert nomogram is not None
    view = OutcomeView()
    view.resize(900, 800)
    view.show()
    view.show_patient(study, nomogram, values, demonstration=False)
    view.grab()
    return view


def test_dragging_in_the_nomogram_moves_the_curve_and_a_double_click_brings_it_back(golden: Golden) -> None:
    view = shown(golden, OWN)
    before = view.curve.grab().toImage()
    sheet, nomogram = view.nomogram.sheet(), build_nomogram(study_with_a_curve(golden))
    assert nomogram is not None
    row = next(row for row in nomogram.rows if row.name == "N stage")

    def at(value: float) -> tuple[float, float]:
        return sheet.on_points(row.points(value)), sheet.y_rows["N stage"]

    qt_shim.drag(view.nomogram, at(1), at(3))
    assert view.curve.grab().toImage() != before
    qt_shim.double_click(view.nomogram, at(3))
    assert view.curve.grab().toImage() == before


def test_the_curve_is_drawn_at_any_size_with_or_without_all_values(golden: Golden) -> None:
    for values in (OWN, {"Rad-score": 0.3}):
        view = shown(golden, values)
        for size in ((320, 400), (1400, 1000)):
            view.resize(*size)
            assert not view.curve.grab().isNull()


def test_a_published_study_leaves_the_whole_room_to_its_nomogram(golden: Golden) -> None:
    view = shown(golden, OWN)
    assert view.curve.isVisible()
    published = load_study("escc-lpfs-ccrt")
    nomogram = build_nomogram(published)
    assert nomogram is not None
    view.show_patient(published, nomogram, OWN, demonstration=False)
    assert not view.curve.isVisible()


def test_without_an_outcome_model_the_score_stands_on_its_scale(golden: Golden) -> None:
    card = deepcopy(dict(load_study("escc-lpfs-ccrt").card))
    card |= {"outcome": None, "strata": None, "covariates": []}
    study = check_card(card, Path("alone.json"))
    view = shown(golden, OWN)
    view.show_score(study, json.loads(to_json(result_dict(scored(study)))))
    assert view.scale.isVisible() and not view.nomogram.isVisible() and not view.curve.isVisible()
    before = view.scale.grab().toImage()
    view.show_score(study, json.loads(to_json(result_dict(scored(study, z=0.2)))))
    assert view.scale.grab().toImage() != before
