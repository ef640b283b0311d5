"""Nomogram geometry: R's rms on generated data, R's pretty, the reconstructed nomogram, and what must always hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patients import scored

from EsoRadiomicsLib.core.errors import StudyError
from EsoRadiomicsLib.scoring.nomogram import Nomogram, build_nomogram, horizon, patient_values, pretty
from EsoRadiomicsLib.studies.study import Study, load_study

POINTS = 1e-3  # rms stops fitting at 1e-4, so its own points are no better
Golden = Callable[[str], Any]


def number(value: Any, evidence: str = "published") -> dict[str, Any]:
    return {"value": value, "evidence": evidence}


def study(terms: list[dict[str, Any]], **changes: Any) -> Study:
    """A study with only what a nomogram is made of: N stage, CR, Rad-score and age are its variables."""
    group = {"id": "high", "label": "High risk", "outlook": "worse"}
    outcome = {"kind": "survival", "label": "survival", "unit": "months", "terms": terms} | changes
    card = {
        "id": "test",
        "title": "Test",
        "endpoint": {"name": "LPFS"},
        "covariates": [
            {"name": "N", "label": "N stage", "levels": [{"value": n, "label": f"N{n}"} for n in range(4)]},
            {"name": "CR", "label": "CR", "levels": [{"value": 0, "label": "no"}, {"value": 1, "label": "yes"}]},
            {"name": "age", "label": "Age", "unit": "years", "range": [31, 88]},
        ],
        "signature": {
            "name": "Rad-score",
            "link": "cox",
            "normalisation": "none",
            "intercept": number(0),
            "features": [],
            "cutoff": {
                "value": 0.1,
                "rule": ">=",
                "evidence": "published",
                "above": group,
                "below": {**group, "id": "low"},
            },
        },
        "outcome": outcome,
    }
    return Study(card, Path("test.json"))


def term(
    kind: str, name: str, coefficient: float, axis: list[float] | None = None, evidence: str = "published"
) -> dict:
    return {"kind": kind, "name": name, "coefficient": number(coefficient)} | (
        {"axis": number(axis, evidence)} if axis else {}
    )


def baseline(*survival: tuple[float, float], evidence: str = "published") -> list[dict[str, Any]]:
    return [{"time": time, "survival": number(value, evidence)} for time, value in survival]


def nomogram(*arguments: Any, **changes: Any) -> Nomogram:
    built = build_nomogram(study(*arguments, **changes))
    assert built is not None
    return built


@pytest.fixture(scope="module")
def rms(golden: Golden) -> dict[str, Any]:
    return golden("nomogram_rms.json")


@pytest.fixture(scope="module")
def as_in_rms(rms: dict[str, Any]) -> Nomogram:
    """The nomogram of R's fit; its S0 is at the centre, a card's at linear predictor 0."""
    coefficient, centre, s0 = rms["coef"], rms["center"], rms["S0_at_center"]
    return nomogram(
        [
            term("covariate", "N", coefficient["N"]),
            term("covariate", "CR", coefficient["CR"]),
            term("rad-score", "rad", coefficient["rad"], [-2.4, 1.9]),
        ],
        baseline=baseline(*((t, s ** math.exp(-centre)) for t, s in zip(s0["t"], s0["efron"], strict=True))),
    )


@pytest.mark.parametrize("n", [10, 5])
def test_pretty_gives_the_values_of_r(golden: Golden, n: int) -> None:
    for case in golden("r_pretty.json"):
        assert pretty(case["lo"], case["hi"], n) == case[f"n{n}"]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(3, 20))
@settings(derandomize=True, deadline=None)
def test_pretty_covers_its_range_with_about_as_many_intervals_as_asked(low: float, width: float, n: int) -> None:
    values = pretty(low, low + width, n)
    step = values[1] - values[0]
    assert values[0] <= low + 1e-9 * step
    assert values[-1] >= low + width - 1e-6 * step
    assert n / 2 <= len(values) - 1 <= 2 * n + 2


def test_every_axis_has_the_values_and_points_of_rms(rms: dict[str, Any], as_in_rms: Nomogram) -> None:
    for row, axis in zip(as_in_rms.rows, rms["axes"], strict=True):
        assert [tick.value for tick in row.ticks] == axis["values"]
        assert [tick.points for tick in row.ticks] == pytest.approx(axis["points"], abs=POINTS)
    assert as_in_rms.points_per_lp == pytest.approx(rms["sc_points_per_lp"], abs=POINTS)
    assert as_in_rms.intercept - rms["center"] == pytest.approx(rms["Intercept"], abs=1e-4)


def test_the_total_points_axis_is_that_of_rms(rms: dict[str, Any], as_in_rms: Nomogram) -> None:
    assert [tick.value for tick in as_in_rms.total] == rms["total_points"]["values"]
    assert [tick.points for tick in as_in_rms.total] == rms["total_points"]["values"]


def test_survival_ticks_lie_where_rms_puts_them(rms: dict[str, Any], as_in_rms: Nomogram) -> None:
    for axis, expected in zip(as_in_rms.outcomes, rms["survival_axes"], strict=True):
        points = {tick.value: tick.points for tick in axis.ticks}
        assert [points[q] for q in expected["fat"]] == pytest.approx(expected["x"], abs=POINTS)


def test_linear_predictor_ticks_lie_where_rms_puts_them(rms: dict[str, Any], as_in_rms: Nomogram) -> None:
    expected = {lp: points for lp, points in zip(rms["lp_axis"]["lp"], rms["lp_axis"]["points"], strict=True)}
    assert len(as_in_rms.linear_predictor) > 5
    for tick in as_in_rms.linear_predictor:
        centred = tick.value - rms["center"]
        slope = rms["sc_points_per_lp"]
        assert tick.points == pytest.approx(expected[0] + slope * centred, abs=POINTS)


def test_patients_of_the_validation_cohort_get_the_points_and_survival_of_rms(
    golden: Golden, rms: dict[str, Any], as_in_rms: Nomogram
) -> None:
    patients = golden("analysis_table.csv").set_index("id")
    predicted = rms["pred_valid"]
    for i, patient in enumerate(predicted["id"]):
        known = patients.loc[patient]
        place = as_in_rms.place({"N": known["N"], "CR": known["CR"], "rad": known["rad"]})
        assert place.total.low == place.total.high == pytest.approx(predicted["total_points"][i], abs=POINTS)
        survival = [outcome.low for outcome in place.outcomes]
        assert survival == pytest.approx([predicted[f"S{t}"][i] for t in (12, 24, 36)], abs=2e-5)


def test_the_nomogram_of_escc_lpfs_ccrt_is_the_reconstructed_one(golden: Golden) -> None:
    built = build_nomogram(load_study("escc-lpfs-ccrt"))
    assert built is not None
    expected = golden("nomogram_reconstruction_escc-lpfs-ccrt.json")
    axis = expected["axis_minus1_1"]
    stage, response, rad_score = built.rows
    assert built.reconstructed
    assert built.points_per_lp == pytest.approx(axis["sc"], abs=1e-3)
    assert [tick.points for tick in stage.ticks] == pytest.approx(axis["N"], abs=0.01)
    assert [tick.points for tick in response.ticks] == pytest.approx([axis["CR"]["0"], axis["CR"]["1"]], abs=0.01)
    assert [rad_score.points(x) for x in (-1, 0.1411, 1)] == pytest.approx([0, 50 * 1.1411, 100])
    place = built.place({stage.name: 0, response.name: 0, rad_score.name: 0})
    assert [bounds.low for bounds in place.outcomes] == pytest.approx(list(expected["S0_at_lp0"].values()), abs=1e-4)
    assert [axis.evidence for axis in built.outcomes] == ["reconstructed"] * 3
    assert [axis.label for axis in built.outcomes] == ["1-year LPFS", "2-year LPFS", "3-year LPFS"]


@pytest.mark.parametrize("covariates", [{"N stage": 2, "CR status": 0}, {"N stage": 1}, {}])
def test_a_scored_patients_place_has_the_scores_own_linear_predictor_and_survival(covariates: dict[str, int]) -> None:
    score = scored("escc-lpfs-ccrt", covariates).score
    built = build_nomogram(score.study)
    assert built is not None and score.linear_predictor is not None
    place = built.place(patient_values(score.study, score))
    assert place.linear_predictor.low == pytest.approx(score.linear_predictor.low)
    assert place.linear_predictor.high == pytest.approx(score.linear_predictor.high)
    for at, bounds in zip(score.survival, place.outcomes, strict=True):
        assert (bounds.low, bounds.high) == pytest.approx((at.bounds.low, at.bounds.high))


SURVIVAL = [
    term("covariate", "N", 0.64),
    term("covariate", "CR", -1.87),
    term("covariate", "age", 0.01),
    term("rad-score", "Rad-score", 1.49, [-1, 1]),
]


def test_a_missing_covariate_gives_the_range_over_its_possible_values() -> None:
    built = nomogram(SURVIVAL, baseline=baseline((12, 0.68), (36, 0.35)))
    known = {"N": 1.0, "age": 60.0, "Rad-score": 0.2}
    place = built.place(known)
    both = [built.place({**known, "CR": value}) for value in (0.0, 1.0)]
    assert place.points["CR"].low < place.points["CR"].high
    assert (place.total.low, place.total.high) == (both[1].total.low, both[0].total.high)
    for missing, without, with_cr in zip(place.outcomes, both[0].outcomes, both[1].outcomes, strict=True):
        assert (missing.low, missing.high) == (without.low, with_cr.low)


def test_a_missing_continuous_covariate_is_bounded_by_its_range_not_by_its_rounded_axis() -> None:
    built = nomogram(SURVIVAL, baseline=baseline((12, 0.68)))
    age = next(row for row in built.rows if row.name == "age")
    assert (age.ticks[0].value, age.ticks[-1].value) == (30, 90)
    missing = built.place({"N": 0.0, "CR": 0.0, "Rad-score": 0.0}).points["age"]
    assert (missing.low, missing.high) == pytest.approx((age.points(31), age.points(88)))


def test_without_a_published_baseline_there_are_points_but_no_survival_and_a_reason() -> None:
    built = nomogram([term("risk-group", "Rad-score group", 0.72), term("covariate", "CR", 1.01)])
    assert built.outcomes == ()
    assert "no baseline survival" in built.note
    assert [tick.points for tick in built.rows[1].ticks] == pytest.approx([0, 100])
    assert built.place({"Rad-score group": 1.0, "CR": 1.0}).total.low == pytest.approx(100 + 100 * 0.72 / 1.01)
    assert len(built.linear_predictor) > 3


def test_a_logistic_signature_without_an_outcome_model_is_one_itself() -> None:
    card = scored("ln-response-crt").score.study
    built = build_nomogram(card)
    assert built is not None and card.outcome is None
    assert [row.name for row in built.rows] == ["Rad-score"]
    assert built.outcomes[0].label == "probability: response of the lymph node (CR or PR)"
    for rad_score in (-2.0, 0.0, 0.961):
        place = built.place({"Rad-score": rad_score})
        assert place.total.low == pytest.approx(built.rows[0].points(rad_score))
        assert place.outcomes[0].low == pytest.approx(1 / (1 + math.exp(-rad_score)))


def test_a_signature_that_gives_no_probability_has_no_nomogram() -> None:
    without = study([])
    assert build_nomogram(Study({**without.card, "outcome": None}, without.path)) is None


def test_a_logistic_outcome_gets_a_probability_axis() -> None:
    terms = [term("covariate", "age", 0.05), term("rad-score", "Rad-score", 2.0, [-1, 1])]
    built = nomogram(terms, kind="logistic", label="Recurrence within 1 year", intercept=number(-3.0))
    (axis,) = built.outcomes
    assert axis.label == "Recurrence within 1 year"
    place = built.place({"age": 60.0, "Rad-score": 0.5})
    assert place.linear_predictor.low == pytest.approx(-3 + 0.05 * 60 + 2 * 0.5)
    assert place.outcomes[0].low == pytest.approx(1 / (1 + math.exp(-1)))
    half = next(tick for tick in axis.ticks if tick.value == 0.5)
    assert half.points == pytest.approx(-built.intercept * built.points_per_lp)


@given(st.sampled_from([0.0, 1.0, 2.0, 3.0]), st.sampled_from([0.0, 1.0]), st.floats(31, 88), st.floats(-1, 1))
@settings(derandomize=True, deadline=None)
def test_survival_read_from_the_points_is_that_of_the_cox_model(n: float, cr: float, age: float, rad: float) -> None:
    built = nomogram(SURVIVAL, baseline=baseline((12, 0.68), (36, 0.35)))
    place = built.place({"N": n, "CR": cr, "age": age, "Rad-score": rad})
    lp = 0.64 * n - 1.87 * cr + 0.01 * age + 1.49 * rad
    assert place.linear_predictor.low == pytest.approx(lp)
    assert [outcome.low for outcome in place.outcomes] == pytest.approx([0.68 ** math.exp(lp), 0.35 ** math.exp(lp)])
    assert all(-1e-9 <= points.low <= 100 + 1e-9 for points in place.points.values())


@given(st.floats(0, 100))
@settings(derandomize=True, deadline=None)
def test_a_dragged_variable_comes_back_at_the_place_it_was_dragged_to(points: float) -> None:
    built = nomogram(SURVIVAL, baseline=baseline((12, 0.68)))
    stage, *_, rad_score = built.rows
    assert rad_score.points(rad_score.nearest(points)) == pytest.approx(points)
    level = stage.nearest(points)
    assert level in (0, 1, 2, 3)
    assert all(abs(stage.points(level) - points) <= abs(tick.points - points) for tick in stage.ticks)


def test_a_value_beyond_the_axis_keeps_its_points_and_a_huge_one_does_not_overflow() -> None:
    built = nomogram(SURVIVAL, baseline=baseline((12, 0.68)))
    rest = {"N": 0.0, "CR": 0.0, "age": 60.0}
    assert built.place({**rest, "Rad-score": 1.5}).points["Rad-score"].low == pytest.approx(125)
    assert built.place({**rest, "Rad-score": 1e9}).outcomes[0].low == 0
    assert built.place({**rest, "Rad-score": -1e9}).outcomes[0].low == 1


def test_a_reconstructed_number_anywhere_marks_the_whole_nomogram() -> None:
    published = baseline((12, 0.68))
    assert not nomogram(SURVIVAL, baseline=published).reconstructed
    assert nomogram(SURVIVAL, baseline=baseline((12, 0.68), evidence="reconstructed")).reconstructed
    guessed_axis = [term("rad-score", "Rad-score", 1.49, [-1, 1], evidence="assumed")]
    assert nomogram(guessed_axis, baseline=published).reconstructed


def test_a_continuous_variable_without_a_range_is_named() -> None:
    with pytest.raises(StudyError, match=r"test: the term “Rad-score” .* needs an “axis”"):
        nomogram([term("rad-score", "Rad-score", 1.49)])


def test_a_model_in_which_nothing_counts_is_refused() -> None:
    with pytest.raises(StudyError, match="every coefficient"):
        nomogram([term("covariate", "N", 0.0)])


@pytest.mark.parametrize(
    ("time", "unit", "text"),
    [(12, "months", "1-year"), (36, "months", "3-year"), (18, "months", "18-month"), (2, "years", "2-year")],
)
def test_a_horizon_reads_as_clinicians_say_it(time: float, unit: str, text: str) -> None:
    assert horizon(time, unit) == text
