"""Each study's protocol on a generated cohort, against the libraries that do one step of it, and its card in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_tables import generated_table, written
from scipy import stats
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.metrics import roc_auc_score

from EsoRadiomicsLib.agreement.kept_features import KeptFeatures, Rule
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.evaluation.assessment import Assessment, assess
from EsoRadiomicsLib.evaluation.card_rivals import rival_markers
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Cohort, Columns
from EsoRadiomicsLib.modelling.predictions import predict
from EsoRadiomicsLib.modelling.steps.lasso_step import LassoChoice
from EsoRadiomicsLib.scoring.score import Score, score
from EsoRadiomicsLib.statistics.gaussian_lasso import cross_validate_gaussian
from EsoRadiomicsLib.studies.study import Study, check_card, load_study

CLINICAL = ("stage", "HRR status")
SURVIVAL = Columns(time="months", event="event", clinical=CLINICAL, split="cohort")
BINARY = Columns(outcome="outcome", clinical=CLINICAL, split="cohort")
BOTH = Columns(time="months", event="event", outcome="outcome", clinical=CLINICAL, split="cohort")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(generated_table(), tmp_path_factory.mktemp("cohort"))


def fitted(path: Path, protocol: str, columns: Columns, **options: Any) -> Fit:
    more = Options(**{"n_folds": 5, "lambda_rule": "min", **options})
    return fit_table(path, columns, load_study(protocol), Identity("our-model", "Ours", "generated"), options=more)


@pytest.fixture(scope="module")
def pfs(path: Path) -> Fit:
    return fitted(path, "escc-pfs-dcrt", SURVIVAL)


@pytest.fixture(scope="module")
def recurrence(path: Path) -> Fit:
    return fitted(path, "escc-early-recurrence", BINARY)


@pytest.fixture(scope="module")
def recurrence_assessed(recurrence: Fit) -> Assessment:
    return assess(recurrence)


def as_measured_for(protocol: str, path: Path) -> Path:
    """The table with the names of features that this protocol's engine measures."""
    table = pd.read_csv(path, float_precision="round_trip")
    features, names = table.columns[7:], load_study(protocol).settings.names
    if set(features) <= set(names):
        return path
    renamed = table.rename(columns=dict(zip(features, names, strict=False)))
    return written(renamed, path.parent, f"{protocol}.csv")


def scored(study: Study, cohort: Cohort, row: int) -> Score:
    values = cohort.features.iloc[row].to_dict()
    covariates = {name: cohort.clinical[name].iloc[row] for name in study.covariates}
    return score(study, Features(values, {}, study.settings, {}), covariates=covariates)


@pytest.mark.parametrize(
    ("protocol", "columns"),
    [
        ("escc-lpfs-ccrt", SURVIVAL),
        ("escc-pfs-dcrt", SURVIVAL),
        ("ln-response-crt", BINARY),
        ("ln-control-2y", BOTH),
        ("escc-early-recurrence", BINARY),
    ],
)
def test_every_protocol_ends_in_a_card_that_scores_patients_one_by_one_as_the_table_at_once(
    protocol: str, columns: Columns, path: Path
) -> None:
    fit = fitted(as_measured_for(protocol, path), protocol, columns)
    study = check_card(fit.study.card, Path("card.json"))
    assert fit.validation is not None
    predicted = predict(study, fit.validation.features, fit.validation.clinical)
    for row in (0, 11, 39):
        found = scored(study, fit.validation, row)
        assert found.rad_score == pytest.approx(predicted.rad_score[row], abs=1e-12)
        if predicted.above is not None:
            assert study.signature is not None and study.signature.cutoff is not None
            assert (found.group == study.signature.cutoff.above) == predicted.above[row]
        if found.event_probability is not None:
            assert predicted.probability is not None
            assert found.event_probability.low == pytest.approx(predicted.probability[row], abs=1e-12)
        if found.strata:
            assert predicted.strata is not None
            assert found.strata[0].adverse_factors == predicted.strata[row]
        assert not found.reference_label


def test_every_number_of_a_card_is_refit_and_says_of_whom(pfs: Fit) -> None:
    card = pfs.study.card
    numbers = [feature[key] for feature in card["signature"]["features"] for key in ("coefficient", "mean", "sd")]
    numbers += [term["coefficient"] for term in card["outcome"]["terms"]]
    numbers += [at["survival"] for at in card["outcome"]["baseline"]]
    assert {number["evidence"] for number in numbers} == {"refit"}
    assert {number["source"] for number in numbers} == {"generated: 80 patients for training, 56 events"}
    assert card["parent"] == "escc-pfs-dcrt"


def test_a_card_carries_on_what_is_weak_in_the_protocol_that_built_it(pfs: Fit) -> None:
    study = load_study("escc-pfs-dcrt")
    weak = study.card["protocol"]["limitations"]
    assert len(weak) == 2
    assert pfs.study.card["protocol"]["limitations"] == weak
    assert all(f"The protocol of escc-pfs-dcrt: {text}" in pfs.study.card["limitations"] for text in weak)


def test_the_gaussian_lasso_of_escc_pfs_dcrt_is_scikit_learns(pfs: Fit) -> None:
    """Coefficients at λ min; and the cross-validated error on a shared grid, by a plain loop."""
    training, signature, lasso_choice = pfs.training, pfs.model.signature, pfs.model.detail(LassoChoice)
    assert lasso_choice is not None
    (folds,) = lasso_choice.folds
    x = (training.features - training.features.mean()) / training.features.std(ddof=0)
    y = training.event.astype(float)
    lasso = Lasso(alpha=lasso_choice.cv.curve.lambda_min, tol=1e-12, max_iter=100_000).fit(x, y)
    # The penalty falls on SDs with 1/n, the card's z-scores have 1/(n − 1).
    of_z_score = np.sqrt(len(y) / (len(y) - 1))
    expected = {name: beta * of_z_score for name, beta in zip(x.columns, lasso.coef_, strict=True) if beta != 0}
    assert dict(zip(signature.names, signature.coefficients, strict=True)) == pytest.approx(expected, abs=1e-6)
    assert signature.intercept == pytest.approx(float(lasso.intercept_), abs=1e-6)

    lambdas = np.array([0.1, 0.05, 0.02])
    curve = cross_validate_gaussian(x, y, folds, lambdas=lambdas, standardize=False).curve
    errors = []
    for alpha in lambdas:
        squares = 0.0
        for fold in np.unique(folds):
            rest = folds != fold
            model = Lasso(alpha=alpha, tol=1e-12, max_iter=100_000).fit(x[rest], y[rest])
            squares += float(np.sum((y[~rest] - model.predict(x[~rest])) ** 2))
        errors.append(squares / len(y))
    assert curve.mean == pytest.approx(errors, abs=1e-8)


def test_youdens_cut_off_maximises_sensitivity_plus_specificity(pfs: Fit) -> None:
    scores, event = pfs.model.signature.rad_score(pfs.training), pfs.training.event
    assert pfs.model.cutoff is not None

    def youden(cut: float) -> float:
        return float((scores[event] > cut).mean() + (scores[~event] <= cut).mean())

    assert youden(pfs.model.cutoff.value) == pytest.approx(max(youden(cut) for cut in scores))
    assert pfs.model.cutoff.value not in scores


def test_the_strata_of_escc_pfs_dcrt_count_the_risk_group_and_hrr(pfs: Fit) -> None:
    predicted = predict(pfs.study, pfs.training.features, pfs.training.clinical)
    assert predicted.above is not None and predicted.strata is not None
    expected = predicted.above.astype(int) + pfs.training.clinical["HRR status"].to_numpy().astype(int)
    assert (predicted.strata == expected).all()


def test_without_hrr_there_are_no_strata(path: Path) -> None:
    columns = Columns(time="months", event="event", clinical=("stage",), split="cohort")
    assert fitted(path, "escc-pfs-dcrt", columns).study.strata is None


def test_the_univariate_filter_of_early_recurrence_is_scipys(recurrence: Fit) -> None:
    training = recurrence.training
    passed = []
    for name in training.features.columns:
        groups = [training.features[name][member] for member in (training.event, ~training.event)]
        normal = all(stats.shapiro(group).pvalue > 0.05 for group in groups)
        test = stats.ttest_ind(*groups) if normal else stats.mannwhitneyu(*groups, method="asymptotic")
        if test.pvalue <= 0.05:
            passed.append(name)
    assert dict(recurrence.model.account)["different between the outcomes"] == len(passed)
    assert set(recurrence.model.signature.names) <= set(passed)


def test_the_three_models_of_early_recurrence_are_maximum_likelihood(recurrence: Fit) -> None:
    training = recurrence.training
    z = recurrence.model.signature.inputs(training)
    tables = {"radiomics": z, "clinical": training.clinical, "combined": pd.concat([z, training.clinical], axis=1)}
    assert set(recurrence.model.logistic) == set(tables)
    for name, table in tables.items():
        expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(table, training.binary)
        found = recurrence.model.logistic[name]
        assert found.coefficients == pytest.approx(expected.coef_[0], abs=1e-4)
        assert found.intercept == pytest.approx(expected.intercept_[0], abs=1e-4)


def test_the_card_of_early_recurrence_gives_the_combined_models_probability(recurrence: Fit) -> None:
    model = recurrence.model.logistic["combined"]
    assert recurrence.validation is not None
    cohort = recurrence.validation
    table = pd.concat([recurrence.model.signature.inputs(cohort), cohort.clinical], axis=1)
    predicted = predict(recurrence.study, cohort.features, cohort.clinical)
    assert predicted.probability == pytest.approx(model.probability(table), abs=1e-12)


def test_a_logistic_model_predicts_the_event_where_it_is_as_likely_as_not(recurrence: Fit, path: Path) -> None:
    clinical = {name: recurrence.training.clinical[name] for name in recurrence.study.covariates}
    for row in (0, 5, 17):
        values = recurrence.training.features.iloc[row].to_dict()
        features = Features(values, {}, recurrence.study.settings, {})
        found = score(_measurable(recurrence.study), features, covariates={n: c.iloc[row] for n, c in clinical.items()})
        assert found.event_probability is not None and found.group is not None
        assert (found.group.id == "predicted") == (found.event_probability.low >= 0.5)
        unknown = score(_measurable(recurrence.study), features)
        assert unknown.event_probability is not None
        straddles = unknown.event_probability.low < 0.5 <= unknown.event_probability.high
        assert (unknown.group is None) == straddles
    alone = fitted(path, "escc-early-recurrence", Columns(outcome="outcome", split="cohort"))
    signature = alone.study.signature
    assert alone.study.outcome is None and signature is not None and signature.cutoff is not None
    assert (signature.link, signature.cutoff.value, signature.cutoff.evidence) == ("logistic", 0.0, "assumed")


def _measurable(study: Study) -> Study:
    """The study as if its features could be measured on a CT."""
    signature = {key: value for key, value in study.card["signature"].items() if key != "table_only"}
    return Study({**study.card, "signature": signature}, study.path)


def test_early_recurrence_reports_the_papers_measures_with_delong(recurrence_assessed: Assessment) -> None:
    side = recurrence_assessed.sides[1]
    (evaluation,) = side.evaluations
    for metric in ("AUC", "accuracy", "F1", "sensitivity", "specificity", "PPV", "NPV"):
        assert {m.model for m in evaluation.measures if m.metric == metric} >= {"nomogram", "radiomics model"}
    area = evaluation.find("AUC")
    assert area is not None
    assert area.value == pytest.approx(roc_auc_score(side.cohort.binary, side.prediction.probability))
    pairs = {(contrast.model, contrast.rival) for contrast in evaluation.contrasts if contrast.metric == "AUC"}
    rivals = ("radiomics model", "clinical model", "volume only", "clinical + volume")
    assert pairs == {*(("nomogram", rival) for rival in rivals), rivals[:2]}
    (between,) = [c for c in evaluation.contrasts if (c.model, c.rival) == rivals[:2]]
    areas = [evaluation.find("AUC", None, model) for model in rivals[:2]]
    assert between.value == pytest.approx(areas[0].value - areas[1].value)  # type: ignore[union-attr]


def test_the_card_carries_the_protocols_model_of_features_alone(recurrence_assessed: Assessment) -> None:
    side = recurrence_assessed.sides[1]
    markers, missing = rival_markers(recurrence_assessed.study, side.cohort)
    assert not missing and "radiomics model" in {marker.name for marker in markers}
    (carried,) = [marker for marker in markers if marker.name == "radiomics model"]
    area = side.evaluations[0].find("AUC", None, "radiomics model")
    assert area is not None and carried.probability is not None
    assert area.value == pytest.approx(roc_auc_score(side.cohort.binary, carried.probability))
    brier = side.evaluations[0].find("Brier", None, "radiomics model")
    assert brier is not None and side.cohort.binary is not None
    assert brier.value == pytest.approx(np.mean((carried.probability - side.cohort.binary) ** 2))


def test_without_a_z_score_step_the_card_weighs_raw_features(path: Path) -> None:
    fit = fitted(path, "ln-response-crt", BINARY)
    signature = fit.model.signature
    assert fit.study.signature is not None and fit.study.signature.normalisation == "none"
    # glmnet standardises inside: λ and the linear predictor are those of features scaled by their SD (n).
    scaled = (fit.training.features - fit.training.features.mean()) / fit.training.features.std(ddof=0)
    choice = fit.model.detail(LassoChoice)
    assert choice is not None
    lasso_path = choice.cv.path
    on_scale = lasso_path.coefficients[choice.index]
    expected = scaled.to_numpy() @ on_scale + lasso_path.intercepts[choice.index]
    assert signature.rad_score(fit.training) == pytest.approx(expected, abs=1e-10)


def test_the_groups_keep_the_meaning_of_the_study(path: Path) -> None:
    cutoff = fitted(path, "ln-response-crt", BINARY).study.signature
    assert cutoff is not None and cutoff.cutoff is not None
    assert cutoff.cutoff.above.outlook == "better" and cutoff.probability_of == "response of the lymph node (CR or PR)"


def test_ln_control_leaves_its_cox_model_out_where_there_is_no_follow_up(path: Path) -> None:
    fit = fitted(path, "ln-control-2y", BINARY)
    assert fit.model.final is None and fit.study.outcome is None
    assert any("needs the columns --time and --event" in sentence for sentence in fit.model.warnings)


def test_the_published_cut_off_can_be_kept(path: Path) -> None:
    fit = fitted(path, "escc-lpfs-ccrt", SURVIVAL, published_cutoff=True)
    assert fit.study.signature is not None and fit.study.signature.cutoff is not None
    assert fit.study.signature.cutoff.value == 0.1411
    assert fit.study.signature.cutoff.evidence == "published"


def test_only_the_features_of_an_agreement_study_are_used(path: Path) -> None:
    free = fitted(path, "escc-lpfs-ccrt", SURVIVAL).model
    rule = Rule(0.75, strict=True)
    others = {"settings": "0123456789ab"}
    kept = KeptFeatures(features=free.signature.names[1:], rule=rule, n_features=13, comparisons=(), settings=others)
    options = Options(n_folds=5, lambda_rule="min")
    study, identity = load_study("escc-lpfs-ccrt"), Identity("a", "A", "b")
    fit = fit_table(path, SURVIVAL, study, identity, kept=kept, options=options)
    assert set(fit.model.signature.names) <= set(kept.features)
    assert not any("agreement filter" in sentence for sentence in fit.model.warnings)
    assert (
        "The features were kept by ICC(2,1) > 0.75, where the protocol asks for ICC(2,1) ≥ 0.9." in fit.model.warnings
    )
    assert any("measured with other settings (0123456789ab)" in sentence for sentence in fit.model.warnings)
    assert any("agreement filter" in sentence for sentence in free.warnings)
    elsewhere = KeptFeatures(features=("deep_0001",), rule=rule, n_features=13, comparisons=())
    with pytest.raises(InputError, match=r"agreement study kept \(deep_0001\) is a candidate here \(.* and .* more\)"):
        fit_table(path, SURVIVAL, study, identity, kept=elsewhere, options=options)


def test_a_stratified_split_has_the_papers_ratio_and_equal_event_rates(path: Path) -> None:
    columns = Columns(time="months", event="event")
    fit = fitted(path, "escc-lpfs-ccrt", columns)
    assert fit.validation is not None
    assert len(fit.training) / len(fit.validation) == pytest.approx(155 / 66, rel=0.05)
    assert fit.training.event.mean() == pytest.approx(fit.validation.event.mean(), abs=0.03)


def test_screening_leaves_out_clinical_variables_by_the_papers_p_limits(path: Path) -> None:
    fit = fitted(path, "escc-lpfs-ccrt", SURVIVAL)
    p = {model.names[0]: model.p[0] for model in fit.model.univariable}
    assert fit.model.multivariable is not None and fit.model.final is not None
    entered = [name for name in CLINICAL if p[name] < 0.05]
    assert fit.model.multivariable.names == (*entered, "Rad-score")
    multivariable = dict(zip(fit.model.multivariable.names, fit.model.multivariable.p, strict=True))
    stayed = [name for name in entered if multivariable[name] < 0.05]
    assert [term.name for term in fit.model.final.terms] == [*stayed, "Rad-score"]
