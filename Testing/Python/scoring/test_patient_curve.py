"""A patient's predicted survival curve: at the horizons it says what the score says; a card that lies is refused."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cohort_tables import Golden, study_with_a_curve
from patients import scored

from EsoRadiomicsLib.core.errors import StudyError
from EsoRadiomicsLib.reporting.patient.patient_pdf import report_pdf
from EsoRadiomicsLib.reporting.patient.patient_report import write_report
from EsoRadiomicsLib.reporting.patient.patient_result import result_dict, to_json
from EsoRadiomicsLib.scoring.nomogram import build_nomogram, patient_values
from EsoRadiomicsLib.scoring.patient_curve import patient_curve
from EsoRadiomicsLib.studies.study import check_card, load_study


def test_at_the_horizons_the_curve_says_what_the_score_says(golden: Golden) -> None:
    study = study_with_a_curve(golden)
    score = scored(study, {"N stage": 1, "CR status": "CR"}, demonstration=False).score
    curve = patient_curve(study, patient_values(study, score))
    assert curve is not None and not curve.missing
    for at in score.survival:
        assert curve.at(at.time) == pytest.approx((at.bounds.low, at.bounds.high))
    assert curve.words(12).startswith(f"{100 * score.survival[0].bounds.low:.0f} % (")


def test_a_missing_covariate_gives_both_ends_of_what_is_possible_and_no_band(golden: Golden) -> None:
    study = study_with_a_curve(golden)
    score = scored(study, {"N stage": 1}, demonstration=False).score
    curve = patient_curve(study, patient_values(study, score))
    assert curve is not None and curve.missing == ("CR status",) and "CR status" in curve.note
    for at in score.survival:
        assert curve.at(at.time) == pytest.approx((at.bounds.low, at.bounds.high))
    document = json.loads(to_json(result_dict(scored(study, {"N stage": 1}))))
    assert "lower_95" not in document["outcome"]["curve"]


def test_a_published_card_has_no_curve_and_its_nomogram_says_so(golden: Golden) -> None:
    published = load_study("escc-lpfs-ccrt")
    assert patient_curve(published, {}) is None
    for study, says in ((published, True), (study_with_a_curve(golden), False)):
        nomogram = build_nomogram(study)
        assert nomogram is not None and ("No survival curve" in nomogram.note) is says


def test_report_and_pdf_draw_the_curve(golden: Golden, tmp_path: Path) -> None:
    study = study_with_a_curve(golden)
    result = scored(study, {"N stage": 1, "CR status": 0})
    write_report(result, tmp_path / "report")
    assert (tmp_path / "report" / "survival.svg").stat().st_size > 5000
    assert 'class="survival"' in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert report_pdf(result)
    document = json.loads((tmp_path / "report" / "result.json").read_text(encoding="utf-8"))
    curve = document["outcome"]["curve"]
    assert len(curve["time"]) == len(curve["low"]) == len(curve["upper_95"]) and curve["low"] == curve["high"]


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("hazard", lambda values: values[:-1], "rows for"),
        ("hazard", lambda values: [2 * value for value in values], "the curve says"),
        ("variance", lambda values: values[::-1], "must not fall"),
        ("time", lambda values: [values[1], values[0], *values[2:]], "must rise"),
        ("drift", lambda rows: [row[:2] for row in rows], "3 coefficients"),
        ("covariance", lambda rows: [[-value for value in row] for row in rows], "no covariance"),
        ("last_follow_up", lambda value: value / 2, "before the last event"),
    ],
)
def test_a_curve_that_does_not_fit_its_card_is_refused(golden: Golden, part: str, change: Any, said: str) -> None:
    card = deepcopy(dict(study_with_a_curve(golden).card))
    card["outcome"]["curve"][part] = change(card["outcome"]["curve"][part])
    with pytest.raises(StudyError, match=said):
        check_card(card, Path("broken.json"))
