"""Readings of the paper: values are those of runs with each reading's settings alone, and none is counted twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from patients import case, changed_card, cohort
from pyradiomics_data import LungCase

from EsoRadiomicsLib.core.errors import ScoreError, StudyError
from EsoRadiomicsLib.core.schemas import check_schema
from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.extraction.many_settings import extract_each
from EsoRadiomicsLib.imaging.case import Case, load_case
from EsoRadiomicsLib.reporting.figures import readings_figure, to_svg
from EsoRadiomicsLib.reporting.patient.patient_page import report_page
from EsoRadiomicsLib.reporting.patient.patient_result import result_dict
from EsoRadiomicsLib.scoring.patient import score_patient
from EsoRadiomicsLib.scoring.reading_scores import ReadingScores, score_readings
from EsoRadiomicsLib.studies.paper_readings import MOST, paper_readings
from EsoRadiomicsLib.studies.reference_cohort import load_reference
from EsoRadiomicsLib.studies.study import builtin_studies, check_card, load_study
from EsoRadiomicsLib.studies.study_checks import settings_of_card

RAW, Z_SCORED = "ln-control-2y", "escc-lpfs-ccrt"


def of_phantom(pixel_type: str) -> Case:
    return case()


@pytest.fixture(scope="module")
def readings() -> ReadingScores:
    return score_readings(of_phantom, load_study(RAW))


@pytest.mark.parametrize("study", [RAW, "ln-response-crt"])
def test_every_reading_has_the_bits_of_a_run_with_its_settings_alone(study: str, lung1: LungCase) -> None:
    def load(pixel_type: str) -> Case:
        return load_case(lung1.image, lung1.mask, label=1, pixel_type=pixel_type)

    card = load_study(study)
    found = paper_readings(card)
    scores = score_readings(load, card)
    for reading, scored in zip(found.readings, scores.scores, strict=True):
        alone = score_patient(load(reading.settings.pixel_type), card, settings=reading.settings)
        assert scored.rad_score == alone.score.rad_score
        assert scored.group == (alone.score.group.id if alone.score.group else None)


@pytest.mark.slow
def test_all_readings_of_the_main_study_have_the_bits_of_runs_of_their_own(lung2: LungCase) -> None:
    def load(pixel_type: str) -> Case:
        return load_case(lung2.image, lung2.mask, label=1, pixel_type=pixel_type)

    card = load_study(Z_SCORED)
    assert card.signature is not None
    variants = [reading.settings for reading in paper_readings(card).readings]
    assert len(variants) == 32
    for i, features in extract_each(load, variants, card.signature.names):
        alone = extract(prepare(load(variants[i].pixel_type), variants[i]), variants[i], card.signature.names)
        assert not isinstance(features, str)
        assert dict(features.values) == dict(alone.values)


def test_the_first_reading_is_the_cards_own(readings: ReadingScores) -> None:
    own = score_patient(case(), load_study(RAW)).score
    assert readings.scores[0].rad_score == own.rad_score
    assert readings.scores[0].values == {choice.setting: choice.values[0] for choice in readings.choices}


def test_a_change_without_effect_beside_the_others_is_no_reading_of_its_own(readings: ReadingScores) -> None:
    not_resampled = [item for item in readings.scores if item.values["voxel_mm"] is None]
    assert {item.values["interpolator"] for item in not_resampled} == {"sitkBSpline"}
    assert len(readings.scores) == 3 + 6
    assert paper_readings(load_study(Z_SCORED)).without_effect == ("shape_mask",)


def test_the_effect_of_a_choice_is_the_difference_between_readings_that_differ_in_it_alone(
    readings: ReadingScores,
) -> None:
    interpolator = next(effect for effect in readings.effects if effect.setting == "interpolator")
    by = {
        (repr(item.values["voxel_mm"]), item.values["bin_width"], item.values["interpolator"]): item.rad_score or 0.0
        for item in readings.scores
    }
    shifts = [
        abs(by[("[1, 1, 1]", width, "sitkLinear")] - by[("[1, 1, 1]", width, "sitkBSpline")]) for width in (25, 10, 5)
    ]
    assert interpolator.pairs == 3
    assert interpolator.mean_shift == pytest.approx(sum(shifts) / 3, rel=1e-12)
    assert interpolator.largest_shift == max(shifts)


def test_beyond_the_limit_the_last_settings_stay_and_are_named() -> None:
    widths = [{"value": width, "reason": "finer"} for width in range(30, 29 + MOST // 2)]
    block = [
        {"setting": "bin_width", "alternatives": widths},
        {"setting": "voxel_mm", "alternatives": [{"value": [1, 1, 1], "reason": "resampled"}]},
        {"setting": "interpolator", "alternatives": [{"value": "sitkLinear", "reason": "another"}]},
    ]
    found = paper_readings(changed_card(RAW, {"readings": block}))
    assert len(found.readings) == MOST
    assert found.left_out == ("interpolator",)


def test_a_z_scored_study_needs_its_reference_in_the_other_readings_too(tmp_path: Path) -> None:
    study = load_study(Z_SCORED)
    assert study.signature is not None
    variants = [reading.settings for reading in paper_readings(study).readings]
    features = dict(extract_each(of_phantom, variants, study.signature.names))
    parts = [cohort(study, features[i], 0.0, False) for i in range(len(variants))]  # type: ignore[arg-type]
    with pytest.raises(ScoreError, match="--all-readings"):
        score_readings(of_phantom, study, reference=parts[0])
    parts = [replace(part, settings=settings) for part, settings in zip(parts, variants, strict=True)]
    replace(parts[0], readings=tuple(parts[1:-1])).save(tmp_path / "reference.json")
    readings = score_readings(of_phantom, study, reference=load_reference(tmp_path / "reference.json"))
    assert [item.rad_score for item in readings.scored] == pytest.approx([0.0] * 31, abs=1e-9)
    assert "other settings" in readings.scores[-1].failed  # the one that the reference lacks is a row with its reason


def test_the_result_says_it_in_one_line_and_fulfils_its_schema(readings: ReadingScores) -> None:
    result = replace(score_patient(case(), load_study(RAW)), paper_readings=readings)
    document = json.loads(json.dumps(result_dict(result), allow_nan=False))
    check_schema(document, "result.schema.json", "The result")
    row = dict(document["summary"])["Readings of the paper"]
    assert f"in {readings.same_group} of {len(readings.scored)} readings of the paper" in row
    picture = to_svg(readings_figure(result.score, readings, result.features.settings.labels))
    page = report_page(result, {"readings.svg": picture})
    assert "in every reading of what the paper leaves open" in page and "Finer still" in page


@pytest.mark.parametrize(
    ("readings", "wrong"),
    [
        ([{"setting": "colour", "alternatives": [{"value": 1, "reason": "x"}]}], "no extraction setting"),
        (
            [{"setting": "image_types", "alternatives": [{"value": ["wavelet"], "reason": "x"}]}],
            "only what was assumed",
        ),
        ([{"setting": "bin_width", "alternatives": [{"value": 25, "reason": "x"}]}], "listed twice"),
        ([{"setting": "bin_width", "alternatives": [{"value": -3, "reason": "x"}]}], "bin_width is -3"),
    ],
)
def test_alternatives_that_make_no_sense_are_refused_with_their_place(readings: Any, wrong: str) -> None:
    card = {**load_study(RAW).card, "readings": readings}
    with pytest.raises(StudyError, match=rf"\$\.readings\[0\].*({wrong})"):
        check_card(card, Path("card.json"))


def test_a_study_without_alternatives_says_so() -> None:
    with pytest.raises(ScoreError, match="one way only"):
        paper_readings(changed_card(RAW, {"readings": []}))


@pytest.mark.parametrize("study", [name for name in builtin_studies() if not load_study(name).absent])
def test_each_setting_that_a_paper_leaves_open_is_varied_or_has_a_reason_why_not(study: str) -> None:
    card = load_study(study).card
    left_open = {name for name, each in settings_of_card(card).items() if each["evidence"] in ("assumed", "absent")}
    varied = [each["setting"] for each in (*card["readings"], *card["not_varied"])]
    assert sorted(varied) == sorted(left_open)


@pytest.mark.parametrize("study", [name for name in builtin_studies() if not load_study(name).absent])
def test_the_published_signatures_have_readings(study: str) -> None:
    assert 2 <= len(paper_readings(load_study(study)).readings) <= MOST
