"""Splines and factors in the Cox step: R's fits and tests, and the same curve in table, card, patient and nomogram."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_tables import generated_table, written

from EsoRadiomicsLib.core.errors import InputError, StudyError, UsageError
from EsoRadiomicsLib.evaluation.assessment import assess
from EsoRadiomicsLib.evaluation.card_update import update
from EsoRadiomicsLib.evaluation.internal_validation import internal_validation
from EsoRadiomicsLib.evaluation.size_account import size_sentence
from EsoRadiomicsLib.evaluation.validate import validate
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.modelling.curved_terms import CurvedTerms, TermTests
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.fitted_model import fitted_terms
from EsoRadiomicsLib.modelling.model_cohort import Columns, read_cohort
from EsoRadiomicsLib.modelling.predictions import predict
from EsoRadiomicsLib.reporting.model.model_tables import term_rows
from EsoRadiomicsLib.reporting.nomogram_text import labelled
from EsoRadiomicsLib.scoring.nomogram import build_nomogram, patient_values
from EsoRadiomicsLib.scoring.patient_curve import patient_curve
from EsoRadiomicsLib.scoring.score import score
from EsoRadiomicsLib.statistics.chunk_tests import likelihood_ratio
from EsoRadiomicsLib.statistics.cox import fit_cox
from EsoRadiomicsLib.statistics.inputs import survival
from EsoRadiomicsLib.statistics.splines import restricted_cubic
from EsoRadiomicsLib.studies.study import check_card, load_study

Golden = Callable[[str], Any]
CLINICAL = ("age", "stage")


def table_with_age() -> pd.DataFrame:
    """The generated patients, the young and the old of whom do worse."""
    table, rng = generated_table(n=220), np.random.default_rng(2)
    age = np.round(rng.normal(63, 9, len(table)))
    time = np.round(np.maximum(table.months * np.exp(-0.006 * (age - 63) ** 2 + 0.5), 0.1), 1)
    return table.assign(age=age, months=time)


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    folder = tmp_path_factory.mktemp("curved")
    card = deepcopy(dict(load_study("escc-lpfs-ccrt").card))
    for step in card["protocol"]["steps"]:
        if step["step"] in ("clinical", "cox"):
            step["threshold"] = None
    study = check_card(card, folder / "card.json")
    options = Options(n_folds=5, splines={"age": 4}, factors=("stage",))
    columns = Columns(time="months", event="event", clinical=CLINICAL, split="cohort")
    path = written(table_with_age(), folder)
    return fit_table(path, columns, study, Identity("curved", "Curved", "generated"), options=options)


def test_fit_tests_and_ratios_are_those_of_r(golden: Golden) -> None:
    table, r = golden("competing.csv"), golden("splines.json")
    outcome = survival(table.time, table.cause == 1)
    x = table[["age", "stage", "rad"]]
    curved = CurvedTerms.learned(x, {"age": 4}, ["stage"])
    assert curved.knots["age"] == pytest.approx(r["knots"], abs=1e-9)
    model = fit_cox(curved.expanded(x), outcome)
    assert model.names == ("age", "age'", "age''", "stage = 2", "stage = 3", "rad")
    assert model.log_likelihoods == pytest.approx(r["loglik"], abs=1e-6)
    assert model.coefficients[3:] == pytest.approx([*r["coef_stage"], *r["coef_rad"]], abs=1e-6)
    age, stage = curved.tests(model, x)
    for test, name in ((age, "wald_age"), (stage, "wald_stage")):
        assert (test.whole.chi2, test.whole.df, test.whole.p) == pytest.approx(r[name], abs=1e-5)
    assert age.quartiles == pytest.approx(r["quartiles"]) and age.ratio == pytest.approx(r["ratio_quartiles"], abs=1e-5)
    straight = fit_cox(curved.expanded(x).drop(columns=["age'", "age''"]), outcome)
    bend = likelihood_ratio(straight, model)
    assert (bend.chi2, bend.df) == pytest.approx(tuple(r["lr_bend"]), abs=1e-5)
    assert age.bend is not None and age.bend.df == 2 and age.bend.chi2 == pytest.approx(bend.chi2, abs=0.1)
    new = pd.DataFrame({"age": [45, 64, 80], "stage": [1, 2, 3], "rad": [0, 1, -0.5]})
    predicted = model.survival(model.linear_predictor(curved.expanded(new)), [24])[:, 0]
    assert predicted == pytest.approx(r["survival_24"], abs=1e-6)
    # The card's own arithmetic gives the same curve, straight beyond the outer knots.
    terms = {term.name: term for term in fitted_terms(model, model.se, curved)}
    assert set(terms) == {"age", "stage", "rad"} and terms["age"].p == age.whole.p
    curve = terms["age"].curve
    assert curve is not None
    ages = np.array([20.0, 30, 49.3, 55, 61, 70, 77.7, 90, 100])
    basis = restricted_cubic(ages, curved.knots["age"])
    np.testing.assert_allclose(
        [curve.at(age) + curve.offset for age in ages], basis @ model.coefficients[:3], atol=1e-10
    )
    assert curve.at(curve.knots[2]) == pytest.approx(0, abs=1e-12)
    assert curve.at(30) - curve.at(20) == pytest.approx(curve.at(40) - curve.at(30))


def test_card_model_and_patient_agree_and_a_missing_age_spans_the_whole_curve(fit: Fit) -> None:
    training = fit.training
    prediction = predict(fit.study, training.features, training.clinical)
    np.testing.assert_allclose(prediction.linear_predictor, fit.model.predictor(training), atol=1e-9)
    curved = CurvedTerms.learned(training.clinical, {"age": 4}, ["stage"])
    table = curved.expanded(training.clinical).assign(score=prediction.rad_score)
    assert training.survival is not None
    by_hand = fit_cox(table, training.survival)
    expected = by_hand.survival(by_hand.linear_predictor(table), [24.0])[:, 0]
    np.testing.assert_allclose(prediction.survival[24.0], expected, atol=1e-9)
    np.testing.assert_allclose(fit.model.event_free(training)[24.0], expected, atol=1e-9)
    row = training.features.iloc[3]
    features = Features({**row}, {}, fit.study.settings, {})
    given = {name: float(training.clinical[name].iloc[3]) for name in CLINICAL}
    found = score(fit.study, features, covariates=given)
    assert found.linear_predictor is not None
    assert found.linear_predictor.low == pytest.approx(prediction.linear_predictor[3], abs=1e-9)
    nomogram = build_nomogram(fit.study)
    assert nomogram is not None
    place = nomogram.place(patient_values(fit.study, found))
    assert place.linear_predictor.low == pytest.approx(prediction.linear_predictor[3], abs=1e-9)
    for missing in CLINICAL:
        rest = {name: value for name, value in given.items() if name != missing}
        part = score(fit.study, features, covariates=rest)
        assert part.linear_predictor is not None
        spanned = nomogram.place(patient_values(fit.study, part)).linear_predictor
        assert (spanned.low, spanned.high) == pytest.approx((part.linear_predictor.low, part.linear_predictor.high))
    over_time = patient_curve(fit.study, patient_values(fit.study, found))
    assert over_time is not None and over_time.at(24.0)[0] == pytest.approx(expected[3], abs=1e-9)
    step = over_time.best.time.searchsorted(24.0, side="right") - 1
    assert over_time.best.lower[step] < expected[3] < over_time.best.upper[step]
    # The best age lies between the extremes, where a straight line would have its bounds.
    part = score(fit.study, features, covariates={"stage": given["stage"]})
    assert part.linear_predictor is not None
    low, high = fit.study.covariates["age"].range or (0, 0)
    at_ends = [score(fit.study, features, covariates={**given, "age": age}) for age in (low, high)]
    ends = [end.linear_predictor.low for end in at_ends if end.linear_predictor is not None]
    assert part.linear_predictor.low < min(ends) - 0.5 and part.linear_predictor.high == pytest.approx(max(ends))


def test_the_nomograms_axis_is_rms_s_of_a_spline_and_of_a_factor(fit: Fit) -> None:
    """points = 100·(effect − least on the axis) / widest span, at pretty values of age and at each stage."""
    nomogram = build_nomogram(fit.study)
    assert nomogram is not None and fit.study.outcome is not None
    rows, terms = {row.name: row for row in nomogram.rows}, {term.name: term for term in fit.study.outcome.terms}
    age, stage = rows["age"], rows["stage"]
    effects = np.array([terms["age"].effect(tick.value) for tick in age.ticks])
    spans = [np.ptp([term.effect(tick.value) for tick in rows[name].ticks]) for name, term in terms.items()]
    assert [tick.points for tick in age.ticks] == pytest.approx(100 * (effects - effects.min()) / max(spans))
    assert age.folded and not stage.folded and [tick.value for tick in stage.ticks] == [1, 2, 3]
    best = int(effects.argmin())
    assert all(age.sides(tick) == (-1,) for tick in age.ticks[:best])
    assert all(age.sides(tick) == (1,) for tick in age.ticks[best:])
    shown = labelled(sorted(age.ticks, key=lambda t: t.points), float, len, gap=0.1, sides=age.sides)
    assert {side for _, side in shown} >= {1, -1}
    assert age.points(age.nearest(30.0)) == pytest.approx(30.0, abs=3)


def test_simple_models_have_the_same_curves_and_so_have_resamples_and_other_patients(fit: Fit) -> None:
    assessment = assess(fit)
    card = assessment.study.card
    clinical = next(model for model in card["rivals"]["models"] if model["name"] == "clinical only")
    assert [("knots" in variable["curve"]) for variable in clinical["variables"]] == [True, False]
    training = assessment.sides[0].evaluations[0].find("C-index", None, "clinical only")
    curved = CurvedTerms.learned(fit.training.clinical, {"age": 4}, ["stage"])
    assert fit.training.survival is not None and training is not None
    by_hand = fit_cox(curved.expanded(fit.training.clinical), fit.training.survival)
    table = curved.expanded(fit.training.clinical)
    validation = validate(assessment.study, fit.training, "again")
    again = validation.evaluations[0].find("C-index", None, "clinical only")
    assert again is not None and again.value == pytest.approx(training.value)
    assert np.ptp(by_hand.linear_predictor(table)) > 0.5 and training.value > 0.55
    found = internal_validation(fit.plan, fit.model, n=3)
    assert found.n_failed == 0 and found.find("C-index", "clinical only") is not None
    # age has three coefficients, stage two: 13 features + 5.
    assert "for 18 candidate variables" in size_sentence(fit.training, fit.plan)
    tests = fit.model.detail(TermTests)
    assert tests is not None and [test.term for test in tests.tests] == ["age", "stage"]
    for how in ("intercept", "slope", "refit"):
        updated = check_card(update(validation, how, Identity("new", "New", "here")), Path("card.json"))
        predictor = predict(updated, fit.training.features, fit.training.clinical).linear_predictor
        assert np.corrcoef(predictor, validation.prediction.linear_predictor)[0, 1] > 0.99


def test_what_cannot_be_a_curve_is_a_sentence(fit: Fit, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="“weight” is no clinical variable"):
        CurvedTerms.learned(fit.training.clinical, {"weight": 4}, [])
    with pytest.raises(UsageError, match="either a spline or a factor"):
        CurvedTerms.learned(fit.training.clinical, {"age": 4}, ["age"])
    with pytest.raises(UsageError, match="a factor is not imputed"):
        CurvedTerms.learned(fit.training.clinical.assign(stage=np.nan), {}, ["stage"])
    card = deepcopy(dict(fit.study.card))
    age = next(term for term in card["outcome"]["terms"] if term["name"] == "age")
    age["curve"]["coefficients"].append(0.1)
    with pytest.raises(StudyError, match="there must be 3 of them, not 4"):
        check_card(card, tmp_path / "card.json")
    age["curve"]["knots"].reverse()
    with pytest.raises(StudyError, match="its knots or levels must rise"):
        check_card(card, tmp_path / "card.json")


def test_terms_that_were_chosen_by_their_p_are_shown_without_one(fit: Fit) -> None:
    rows = {row["term"]: row for row in term_rows(fit.model)}
    assert rows["age"]["p"] < 0.001 and rows["age"]["df of the bend"] == 2 and "from" not in rows["stage"]
    done = tuple({**step, "kept": ["age", "Rad-score"]} if step["step"] == "cox" else step for step in fit.model.done)
    chosen = {row["term"]: row for row in term_rows(replace(fit.model, done=done))}
    assert np.isnan(chosen["age"]["p"]) and np.isnan(chosen["age"]["p of the bend"])
    assert chosen["age"]["hazard ratio"] == rows["age"]["hazard ratio"]


def test_a_factor_may_be_text_of_any_number_of_values(fit: Fit, tmp_path: Path) -> None:
    names = {1: "upper", 2: "middle", 3: "lower"}
    table = table_with_age().assign(site=lambda t: t.stage.map(names))
    path = written(table, tmp_path)
    columns = Columns(time="months", event="event", clinical=("site",), split="cohort")
    with pytest.raises(InputError, match=r"an effect of its own \(--factor 'site'\)"):
        fit_table(path, columns, fit.plan.study, Identity("a", "A", "b"))
    options = Options(n_folds=5, factors=("site",))
    named = fit_table(
        path, replace(columns, factors=("site",)), fit.plan.study, Identity("a", "A", "b"), options=options
    )
    assert named.model.multivariable is not None
    assert named.model.multivariable.names[:2] == ("site = middle", "site = upper")
    nomogram = build_nomogram(named.study)
    assert nomogram is not None
    assert [tick.label for tick in nomogram.rows[0].ticks] == ["lower", "middle", "upper"]
    validation = validate(named.study, read_cohort(path, replace(columns, split=None), named.study).cohort, "again")
    assert validation.prediction.linear_predictor.shape == (len(table),)
