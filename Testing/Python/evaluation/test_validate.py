"""A card on other patients, and its updates: what they change, what they leave, and what they cannot mend."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_tables import generated_table, written

from EsoRadiomicsLib.core.errors import EsoRadiomicsError, InputError, ScoreError, UsageError
from EsoRadiomicsLib.evaluation.assessment import assess
from EsoRadiomicsLib.evaluation.card_update import UPDATES, update
from EsoRadiomicsLib.evaluation.validate import Validation, validate
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Cohort, Columns, read_cohort
from EsoRadiomicsLib.statistics.discrimination import brier
from EsoRadiomicsLib.statistics.kaplan_meier import kaplan_meier
from EsoRadiomicsLib.studies.study import Study, check_card, load_study

SURVIVAL = Columns(time="months", event="event", clinical=("stage", "HRR status"))
BINARY = Columns(outcome="outcome", clinical=("stage", "HRR status"))
NEW = Identity("updated", "Updated", "centre B")


def fitted(folder: Path, protocol: str, columns: Columns) -> Fit:
    path = written(generated_table(160), folder)
    options = Options(n_folds=5, lambda_rule="min", validation=False)
    return fit_table(path, columns, load_study(protocol), Identity("ours", "Ours", "centre A"), options=options)


@pytest.fixture(scope="module")
def cox(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return fitted(tmp_path_factory.mktemp("cox"), "escc-lpfs-ccrt", SURVIVAL).study


@pytest.fixture(scope="module")
def response(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return fitted(tmp_path_factory.mktemp("response"), "ln-response-crt", BINARY).study


@pytest.fixture(scope="module")
def combined(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return fitted(tmp_path_factory.mktemp("combined"), "escc-early-recurrence", BINARY).study


def others(folder: Path, study: Study, columns: Columns, seed: int = 11) -> Cohort:
    """Patients of another centre, who have their events later and more often."""
    table = generated_table(200, seed=seed)
    table["months"] = (table.months * 1.8).round(1)
    table.loc[np.random.default_rng(0).uniform(size=200) < 0.35, "outcome"] = 1
    return read_cohort(written(table, folder, "others.csv"), columns, study).cohort


def updated(validation: Validation, how: str) -> Validation:
    study = check_card(update(validation, how, NEW), Path("card.json"))
    return validate(study, validation.cohort, "after")


def test_a_card_measures_the_same_on_its_own_patients_as_the_fit(tmp_path: Path) -> None:
    fit = fitted(tmp_path, "escc-lpfs-ccrt", SURVIVAL)
    (side,) = assess(fit).sides
    cohort = read_cohort(tmp_path / "cohort.csv", SURVIVAL, fit.study).cohort
    (again,) = validate(fit.study, cohort, "training").evaluations
    own = side.evaluations[0].measures[0].model
    for measure in side.evaluations[0].measures:
        if measure.model == own:
            assert again.find(measure.metric, measure.time) == pytest.approx(measure)
    slope = again.find("calibration slope")
    assert slope is not None and slope.value == pytest.approx(1, abs=1e-6)


def test_calibration_in_the_large_is_what_the_baseline_has_to_be_moved_by(cox: Study, tmp_path: Path) -> None:
    """The intercept is the shift of every linear predictor at which predicted and Kaplan–Meier survival agree."""
    validation = validate(cox, others(tmp_path, cox, SURVIVAL), "validation")
    (evaluation,), outcome = validation.evaluations, validation.cohort.survival
    assert outcome is not None
    for time, survival in validation.prediction.survival.items():
        found, ratio = evaluation.find("calibration intercept", time), evaluation.find("observed/expected", time)
        assert found is not None and ratio is not None
        assert np.mean(survival ** np.exp(found.value)) == pytest.approx(kaplan_meier(outcome).at(time)[0], abs=1e-9)
        assert (found.value < 0) == (ratio.value < 1) and found.upper is not None and found.upper < 0


def test_a_card_of_both_kinds_of_outcome_is_evaluated_on_each_under_its_own_name(tmp_path: Path) -> None:
    both = Columns(time="months", event="event", outcome="outcome", clinical=("stage", "HRR status"))
    study = fitted(tmp_path, "ln-control-2y", both).study
    cohort = read_cohort(tmp_path / "cohort.csv", both, study).cohort
    evaluations = validate(study, cohort, "validation").evaluations
    assert [evaluation.cohort for evaluation in evaluations] == ["validation", "validation, follow-up"]
    assert len({evaluation.stem for evaluation in evaluations}) == 2


def test_the_auc_over_time_is_scikit_survivals(cox: Study, tmp_path: Path) -> None:
    metrics = pytest.importorskip("sksurv.metrics", reason="scikit-survival (GPL) is not installed")
    validation = validate(cox, others(tmp_path, cox, SURVIVAL), "validation")
    outcome = validation.cohort.survival
    assert outcome is not None
    curve = next(iter(validation.evaluations[0].auc_over_time.values()))
    y = np.array(list(zip(outcome.event, outcome.time, strict=True)), dtype=[("event", "?"), ("time", "f8")])
    expected, _ = metrics.cumulative_dynamic_auc(y, y, validation.prediction.linear_predictor, curve.times)
    # scikit-survival weighs an event by the censoring curve at its time, R's timeROC and this by that just before.
    assert curve.value == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("how", UPDATES)
def test_an_update_is_a_valid_card_that_names_its_parent(cox: Study, how: str, tmp_path: Path) -> None:
    validation = validate(cox, others(tmp_path, cox, SURVIVAL), "validation")
    before = dict(cox.card)
    study = check_card(update(validation, how, NEW), Path("card.json"))
    assert (study.id, study.card["parent"]) == ("updated", "ours")
    assert study.card["signature"]["features"] == cox.card["signature"]["features"]
    medians = {row["cohort"] for row in study.card["signature"]["cutoff"]["above"]["medians"]}
    assert medians == {"centre B"}
    assert cox.card == before and cox.id == "ours"


def test_recalibration_in_the_large_keeps_the_coefficients_and_meets_the_observed_survival(
    cox: Study, tmp_path: Path
) -> None:
    cohort = others(tmp_path, cox, SURVIVAL)
    before = validate(cox, cohort, "validation")
    after = updated(before, "intercept")
    assert after.prediction.linear_predictor == pytest.approx(before.prediction.linear_predictor)
    assert cohort.survival is not None
    for time, survival in after.prediction.survival.items():
        observed = kaplan_meier(cohort.survival).at(time)[0]
        assert survival.mean() == pytest.approx(observed, abs=1e-9)
        assert abs(before.prediction.survival[time].mean() - observed) > 0.05
        ratio = after.evaluations[0].find("observed/expected", time)
        assert ratio is not None and ratio.value == pytest.approx(1, abs=1e-6)


def test_an_intercept_update_says_that_the_slope_stays_wrong(cox: Study, tmp_path: Path) -> None:
    before = validate(cox, others(tmp_path, cox, SURVIVAL), "validation")
    slope = before.evaluations[0].find("calibration slope")
    assert slope is not None and slope.upper is not None and slope.upper < 1
    sentence = f"The calibration slope in these patients is {slope.value:.2f}"
    assert any(text.startswith(sentence) for text in update(before, "intercept", NEW)["limitations"])
    assert not any(text.startswith(sentence) for text in update(before, "slope", NEW)["limitations"])


def test_the_clinical_only_model_of_a_card_is_the_one_fitted_to_its_own_patients(tmp_path: Path) -> None:
    lifelines = pytest.importorskip("lifelines")
    study = assess(fitted(tmp_path, "escc-lpfs-ccrt", SURVIVAL)).study
    table = pd.read_csv(tmp_path / "cohort.csv")[["months", "event", "stage", "HRR status"]]
    model = lifelines.CoxPHFitter().fit(table, "months", "event")
    found = validate(study, others(tmp_path, study, SURVIVAL), "validation")
    new = pd.read_csv(tmp_path / "others.csv")
    evaluation = found.evaluations[0]
    measured = evaluation.find("C-index", None, "clinical only")
    risk = model.predict_log_partial_hazard(new)
    expected = lifelines.utils.concordance_index(new.months, -risk, new.event)
    assert measured is not None and measured.value == pytest.approx(expected, abs=1e-6)
    predicted = model.predict_survival_function(new, times=[24]).to_numpy()[0]
    error = evaluation.find("Brier", 24, "clinical only")
    assert error is not None and found.cohort.survival is not None
    # lifelines' baseline is Breslow's, R's and ours Efron's.
    assert error.value == pytest.approx(brier(found.cohort.survival, predicted, 24).value, abs=2e-3)
    assert {c.rival for c in evaluation.contrasts} >= {"clinical only", "volume only", "clinical + volume"}


def test_a_card_without_simple_models_is_not_compared_with_a_piece_of_its_own_nomogram(
    cox: Study, tmp_path: Path
) -> None:
    evaluation = validate(cox, others(tmp_path, cox, SURVIVAL), "validation").evaluations[0]
    assert "rivals" not in cox.card
    assert {c.rival for c in evaluation.contrasts if c.metric == "C-index"} == {"Rad-score", "volume only"}


def test_patients_beyond_the_training_range_are_named_with_what_they_do_to_the_slope(
    cox: Study, tmp_path: Path
) -> None:
    cohort = others(tmp_path, cox, SURVIVAL)
    assert cox.signature is not None
    features = cohort.features.copy()
    name = cox.signature.names[0]
    features.loc["P007", name] = features[name].mean() + 40 * features[name].std()
    found = validate(cox, replace(cohort, features=features), "validation")
    assert found.beyond is not None and "P007" in found.beyond.cases
    low, high = cox.card["signature"]["range"]["value"]
    outside = (found.prediction.rad_score < low) | (found.prediction.rad_score > high)
    assert set(found.beyond.cases) == set(cohort.features.index[outside])
    slope = found.evaluations[0].find("calibration slope")
    assert slope is not None and found.beyond.slope == pytest.approx(slope.value)
    assert found.beyond.slope_without is not None and found.beyond.slope_without > 2 * slope.value


def test_the_slope_update_has_slope_1_and_ranks_as_before(cox: Study, tmp_path: Path) -> None:
    before = validate(cox, others(tmp_path, cox, SURVIVAL), "validation")
    after = updated(before, "slope")
    slope, old = after.evaluations[0].find("calibration slope"), before.evaluations[0].find("calibration slope")
    assert slope is not None and old is not None
    assert slope.value == pytest.approx(1, abs=1e-6) and old.value != pytest.approx(1, abs=1e-3)
    first, second = after.evaluations[0].find("C-index"), before.evaluations[0].find("C-index")
    assert first is not None and second is not None and first.value == pytest.approx(second.value)


def test_a_refit_has_the_cox_models_own_coefficients(cox: Study, tmp_path: Path) -> None:
    from EsoRadiomicsLib.statistics.cox import fit_cox

    cohort = others(tmp_path, cox, SURVIVAL)
    before = validate(cox, cohort, "validation")
    assert cox.outcome is not None and cohort.survival is not None
    columns = {
        term.name: before.prediction.rad_score if term.kind == "rad-score" else cohort.clinical[term.name].to_numpy()
        for term in cox.outcome.terms
    }
    expected = fit_cox(pd.DataFrame(columns), cohort.survival).coefficients
    outcome = updated(before, "refit").study.outcome
    assert outcome is not None
    assert [term.coefficient.value for term in outcome.terms] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["response", "combined"])
@pytest.mark.parametrize("how", ["intercept", "slope"])
def test_a_recalibrated_logistic_card_predicts_as_many_events_as_there_are(
    name: str, how: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    study: Study = request.getfixturevalue(name)
    cohort = others(tmp_path, study, BINARY)
    before = validate(study, cohort, "validation")
    after = updated(before, how)
    assert cohort.binary is not None and after.prediction.probability is not None
    assert before.prediction.probability is not None
    assert after.prediction.probability.sum() == pytest.approx(cohort.binary.sum(), abs=1e-6)
    assert before.prediction.probability.sum() != pytest.approx(cohort.binary.sum(), abs=1)
    assert (np.argsort(after.prediction.linear_predictor) == np.argsort(before.prediction.linear_predictor)).all()
    if before.prediction.above is not None:
        assert after.prediction.above is not None and (after.prediction.above == before.prediction.above).all()


def test_a_card_that_ranks_the_wrong_way_round_is_not_recalibrated(cox: Study, tmp_path: Path) -> None:
    cohort = others(tmp_path, cox, SURVIVAL)
    turned = Cohort(-cohort.features, 1 - cohort.clinical, cohort.survival, None, cohort.patients)
    with pytest.raises(InputError, match="ranks these patients the wrong way round"):
        update(validate(cox, turned, "validation"), "slope", NEW)


def test_a_rad_score_alone_has_nothing_to_refit(response: Study, tmp_path: Path) -> None:
    validation = validate(response, others(tmp_path, response, BINARY), "validation")
    with pytest.raises(UsageError, match="has no outcome model to refit"):
        update(validation, "refit", NEW)


def test_a_published_card_without_means_needs_a_reference_cohort(tmp_path: Path) -> None:
    study = load_study("escc-pfs-dcrt")
    table = generated_table().drop(columns=generated_table().columns[7:])
    assert study.signature is not None
    rng = np.random.default_rng(0)
    features = pd.DataFrame(rng.normal(size=(len(table), 6)), columns=list(study.signature.names))
    path = written(pd.concat([table, features], axis=1), tmp_path)
    columns = Columns(time="months", event="event", clinical=("HRR status",))
    cohort = read_cohort(path, columns, study).cohort
    with pytest.raises(ScoreError, match="Give a reference cohort"):
        validate(study, cohort, "validation")

    from EsoRadiomicsLib.studies.reference_building import build_reference

    reference = build_reference(pd.read_csv(path), study.settings, label="generated")
    validation = validate(study, cohort, "validation", reference)
    assert validation.prediction.rad_score.mean() == pytest.approx(0, abs=1e-9)
    # The published card has no baseline survival; every update gives it one, and the means and SDs that it rests on.
    card = check_card(update(validation, "refit", NEW), Path("card.json"))
    assert card.outcome is not None and len(card.outcome.baseline) == 3
    assert card.signature is not None
    assert all(feature.mean is not None and feature.sd is not None for feature in card.signature.features)


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        (Columns(time="months", event="event"), "needs the clinical variable"),
        (Columns(outcome="outcome", clinical=("stage", "HRR status")), "predicts LPFS: name the outcome's column"),
    ],
)
def test_a_cohort_without_what_the_card_needs(cox: Study, columns: Columns, match: str, tmp_path: Path) -> None:
    cohort = others(tmp_path, cox, columns)
    with pytest.raises(EsoRadiomicsError, match=match):
        validate(cox, cohort, "validation")


def test_a_cohort_without_one_of_the_features(cox: Study, tmp_path: Path) -> None:
    cohort = others(tmp_path, cox, SURVIVAL)
    assert cox.signature is not None
    missing = cox.signature.names[0]
    less = Cohort(cohort.features.drop(columns=missing), cohort.clinical, cohort.survival, None, cohort.patients)
    with pytest.raises(InputError, match=f"no column {missing}, which the model needs"):
        validate(cox, less, "validation")
