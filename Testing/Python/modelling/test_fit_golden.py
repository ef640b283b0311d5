"""The protocol engine against R on the golden cohort: selection, Rad-score, cut-off, Cox model, nomogram."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from cohort_tables import Golden, generated_table, golden_names, golden_table, written

from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Columns
from EsoRadiomicsLib.modelling.predictions import predict
from EsoRadiomicsLib.modelling.steps.lasso_step import LassoChoice
from EsoRadiomicsLib.scoring.nomogram import build_nomogram
from EsoRadiomicsLib.scoring.patient_curve import patient_curve
from EsoRadiomicsLib.scoring.score import score
from EsoRadiomicsLib.statistics.gaussian_lasso import cross_validate_gaussian
from EsoRadiomicsLib.studies.study import check_card, load_study

COLUMNS = Columns(time="lpfs_months", event="lpfs", clinical=("N stage", "CR status"), split="cohort", folds="foldid")


@pytest.fixture(scope="module")
def fit(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """The protocol of escc-lpfs-ccrt without its p limits: R's golden Cox model has all three variables."""
    folder = tmp_path_factory.mktemp("golden")
    card = deepcopy(dict(load_study("escc-lpfs-ccrt").card))
    for step in card["protocol"]["steps"]:
        if step["step"] in ("clinical", "cox"):
            step["threshold"] = None
    study = check_card(card, folder / "card.json")
    # R's run left the z-scores as they were.
    options = Options(standardise="once")
    path = written(golden_table(golden), folder)
    return fit_table(path, COLUMNS, study, Identity("golden", "Golden", "generated"), options=options)


def test_the_engine_selects_the_features_that_glmnet_selects_at_lambda_min(fit: Fit, golden: Golden) -> None:
    summary, names = golden("cox_lasso_summary.json"), golden_names(golden)
    expected = {names[name]: value for name, value in summary["coef_lambda_min"].items()}
    signature, choice = fit.model.signature, fit.model.detail(LassoChoice)
    assert choice is not None
    assert set(signature.names) == set(expected)
    found = dict(zip(signature.names, signature.coefficients, strict=True))
    assert found == pytest.approx(expected, abs=1e-4)
    assert choice.cv.curve.lambda_min == pytest.approx(summary["default"]["lambda_min"], rel=1e-6)
    assert choice.cv.curve.lambda_1se == pytest.approx(summary["default"]["lambda_1se"], rel=1e-6)


def test_the_rad_score_of_training_and_validation_is_rs(fit: Fit, golden: Golden) -> None:
    table = golden("analysis_table.csv")
    assert fit.validation is not None
    for side, cohort in (("train", fit.training), ("valid", fit.validation)):
        expected = table.rad[table.cohort == side].to_numpy()
        assert fit.model.signature.rad_score(cohort) == pytest.approx(expected, abs=5e-4)


def test_the_cut_off_separates_the_patients_that_maxstat_separates(fit: Fit, golden: Golden) -> None:
    expected = golden("maxstat.json")["tests"][0]
    table = golden("analysis_table.csv")
    training = table[table.cohort == "train"]
    cutoff = fit.model.cutoff
    assert cutoff is not None and cutoff.scan is not None
    above = cutoff.above(fit.model.signature.rad_score(fit.training))
    assert (above == (training.rad > expected["cut"]).to_numpy()).all()
    assert cutoff.scan.statistic == pytest.approx(expected["stat"], abs=1e-9)
    assert cutoff.scan.p_lau92 == pytest.approx(expected["p"], rel=1e-6)


def test_the_cox_models_are_coxphs(fit: Fit, golden: Golden) -> None:
    r = golden("coxph.json")
    univariable = {model.names[0]: model for model in fit.model.univariable}
    for name, column in (("N stage", "N"), ("CR status", "CR")):
        assert univariable[name].coefficients[0] == pytest.approx(r["uni"][column]["coef"][column], abs=1e-6)
        assert univariable[name].p[0] == pytest.approx(r["uni"][column]["p"][column], abs=1e-6)
    multivariable = fit.model.multivariable
    assert multivariable is not None
    # The Rad-score is R's to 1e-5 only: glmnet stops its coefficients there.
    expected = [r["multi_efron"]["coef"][column] for column in ("N", "CR", "rad")]
    assert multivariable.names == ("N stage", "CR status", "Rad-score")
    assert multivariable.coefficients == pytest.approx(expected, abs=2e-4)
    assert multivariable.se == pytest.approx(
        [r["multi_efron"]["se"][column] for column in ("N", "CR", "rad")], abs=2e-4
    )


def test_the_card_is_valid_and_scores_a_patient_as_the_table_does(fit: Fit) -> None:
    study = check_card(fit.study.card, Path("card.json"))
    predicted = predict(study, fit.training.features, fit.training.clinical)
    for row in (0, 7, 154):
        values = fit.training.features.iloc[row].to_dict()
        covariates = {name: fit.training.clinical[name].iloc[row] for name in study.covariates}
        found = score(study, Features(values, {}, study.settings, {}), covariates=covariates)
        assert found.rad_score == pytest.approx(predicted.rad_score[row], rel=1e-12)
        assert found.linear_predictor is not None and found.group is not None and study.signature is not None
        assert found.linear_predictor.low == pytest.approx(predicted.linear_predictor[row], rel=1e-12)
        assert predicted.above is not None and study.signature.cutoff is not None
        assert (found.group == study.signature.cutoff.above) == predicted.above[row]
        for at in found.survival:
            assert at.bounds.low == pytest.approx(predicted.survival[at.time][row], rel=1e-12)
            assert at.evidence == "refit"


def test_the_nomogram_of_the_card_is_rms(fit: Fit, golden: Golden) -> None:
    r = golden("nomogram_rms.json")
    nomogram = build_nomogram(fit.study)
    assert nomogram is not None and fit.study.outcome is not None
    rows = {row.name: row for row in nomogram.rows}
    for axis in r["axes"]:
        row = rows[{"N": "N stage", "CR": "CR status"}.get(axis["variable"], "Rad-score")]
        assert [tick.value for tick in row.ticks] == pytest.approx(axis["values"])
        assert [tick.points for tick in row.ticks] == pytest.approx(axis["points"], abs=1e-3)
    # S0 at the centre: exp(−H0·e^center), and the card's S0 is exp(−H0).
    at_center = [s0.value ** np.exp(r["center"]) for _, s0 in fit.study.outcome.baseline]
    assert at_center == pytest.approx(r["S0_at_center"]["efron"], abs=1e-4)


def test_the_card_draws_the_survival_curves_of_survfit(fit: Fit, golden: Golden) -> None:
    study, patient = fit.study, {"N stage": 3.0, "CR status": 0.0, "Rad-score": 1.1}
    found = patient_curve(study, patient)
    assert found is not None and not found.missing and found.marks == (12, 24, 36)
    expected = golden("survfit_coxph.csv").query("set == 'train' and patient == 2")
    # The Rad-score's coefficient is R's to 1e-4 only.
    assert found.best.survival[1:-1] == pytest.approx(expected.survival.to_numpy(), abs=2e-4)
    assert found.best.lower[1:-1] == pytest.approx(expected.lower.to_numpy(), abs=2e-4)
    assert found.best.upper[1:-1] == pytest.approx(expected.upper.to_numpy(), abs=2e-4)


def test_the_binomial_lasso_is_glmnets(golden: Golden, tmp_path: Path) -> None:
    """The protocol of ln-response-crt with z-scores, the deviance and λ min, as the golden run was made."""
    summary, names = golden("binom_lasso_summary.json"), golden_names(golden)
    card = deepcopy(dict(load_study("ln-response-crt").card))
    card["protocol"]["steps"] = [
        {"step": "z-score", "rows": "training", "evidence": "assumed"},
        {**next(step for step in card["protocol"]["steps"] if step["step"] == "lasso"), "measure": "deviance"},
    ]
    path = written(golden_table(golden), tmp_path)
    columns = Columns(outcome="resp", split="cohort", folds="foldid")
    study = check_card(card, tmp_path / "card.json")
    fit = fit_table(
        path, columns, study, Identity("a", "A", "b"), options=Options(lambda_rule="min", standardise="once")
    )
    expected = {names[name]: value for name, value in summary["coef_lambda_min"].items() if name in names}
    found = dict(zip(fit.model.signature.names, fit.model.signature.coefficients, strict=True))
    assert found == pytest.approx(expected, abs=1e-4)
    assert fit.model.signature.intercept == pytest.approx(summary["coef_lambda_min"]["(Intercept)"], abs=1e-4)
    choice = fit.model.detail(LassoChoice)
    assert choice is not None
    assert choice.cv.curve.lambda_1se == pytest.approx(summary["default"]["lambda_1se"], rel=1e-6)


def test_the_gaussian_lasso_is_glmnets(golden: Golden) -> None:
    """The event regressed on the golden cohort's z-scores, as escc-pfs-dcrt does it."""
    r, clinical = golden("gaussian_lasso_summary.json"), golden("cohort_clinical.csv")
    training = clinical.cohort == "train"
    x = golden("cohort_features.csv.gz").drop(columns="id")[training]
    x = (x - x.mean()) / x.std(ddof=1)
    cv = cross_validate_gaussian(x, clinical.event[training], clinical.foldid[training], standardize=False)
    assert cv.curve.index_min == r["index_min"]
    assert cv.curve.lambda_1se == pytest.approx(r["lambda_1se"], rel=1e-9)
    expected = dict(r["coef_lambda_min"])
    assert cv.path.intercepts[cv.curve.index_min] == pytest.approx(expected.pop("(Intercept)"), abs=1e-9)
    assert cv.path.selected(cv.curve.index_min) == pytest.approx(expected, abs=1e-5)
    assert cv.curve.mean[cv.curve.index_min] == pytest.approx(r["cvm_min"], abs=1e-5)
    assert cv.curve.se[cv.curve.index_min] == pytest.approx(r["cvsd_min"], abs=1e-5)


def test_fitting_twice_gives_the_same_card(tmp_path: Path) -> None:
    path = written(generated_table(), tmp_path)
    columns = Columns(time="months", event="event", clinical=("stage", "HRR status"))
    study, identity = load_study("escc-lpfs-ccrt"), Identity("a", "A", "b")
    first, second = (fit_table(path, columns, study, identity, options=Options(seed=3)).study.card for _ in range(2))
    assert first == second
