"""A protocol where death can come before the event: the risks of card, table and patient are incidences."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_tables import generated_table, written

from EsoRadiomicsLib.core.errors import InputError, StudyError, UsageError
from EsoRadiomicsLib.evaluation.assessment import assess
from EsoRadiomicsLib.evaluation.card_update import update
from EsoRadiomicsLib.evaluation.internal_validation import internal_validation
from EsoRadiomicsLib.evaluation.validate import validate
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Columns, read_cohort
from EsoRadiomicsLib.modelling.predictions import predict
from EsoRadiomicsLib.scoring.nomogram import build_nomogram, patient_values
from EsoRadiomicsLib.scoring.score import score
from EsoRadiomicsLib.statistics.competing import causes, cumulative_incidence, incidence_of_causes
from EsoRadiomicsLib.statistics.cox import fit_cox
from EsoRadiomicsLib.statistics.fine_gray import fit_fine_gray
from EsoRadiomicsLib.statistics.kaplan_meier import kaplan_meier
from EsoRadiomicsLib.studies.study import check_card, load_study

COLUMNS = Columns(time="months", event="cause", competing="death", clinical=("stage", "HRR status"))
IDENTITY = Identity("failure", "Failure", "generated", "local failure")
AT = [12.0, 24.0, 36.0]


def table_of_causes() -> pd.DataFrame:
    """The generated patients, of whom some die of something else before they fail or are lost."""
    table, rng = generated_table(n=200), np.random.default_rng(11)
    death = np.round(rng.exponential(25 * np.exp(-0.4 * (table.stage - 2))), 1) + 0.1
    first = death < table.months
    table["cause"] = np.where(first, 2, table.event)
    table["months"] = np.minimum(table.months, death)
    return table.assign(died=first.astype(int))


@pytest.fixture(scope="module", params=["cause-specific", "fine-gray"])
def fit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    folder = tmp_path_factory.mktemp("competing")
    card = deepcopy(dict(load_study("escc-lpfs-ccrt").card))
    for step in card["protocol"]["steps"]:
        if step["step"] in ("clinical", "cox"):
            step["threshold"] = None
    study = check_card(card, folder / "card.json")
    options = Options(n_folds=5, validation=False, competing_model=request.param)
    return fit_table(written(table_of_causes(), folder), COLUMNS, study, IDENTITY, options=options)


def expected(fit: Fit) -> np.ndarray:
    """The incidences (n, 3) by the models that R has checked, fitted to score and clinical variables by hand."""
    cohort, prediction = fit.training, predict(fit.study, fit.training.features, fit.training.clinical)
    assert cohort.survival is not None
    x = cohort.clinical.assign(score=prediction.rad_score)
    outcome = causes(cohort.survival)
    if fit.options.competing_model == "fine-gray":
        return fit_fine_gray(x, outcome).incidence(x, AT)
    return incidence_of_causes({cause: fit_cox(x, outcome.cause_specific(cause)) for cause in (1, 2)}, x, AT)


def test_the_cards_risks_are_the_incidences_of_both_hazards_or_of_the_subdistribution(fit: Fit) -> None:
    prediction = predict(fit.study, fit.training.features, fit.training.clinical)
    found = np.column_stack([1 - prediction.survival[time] for time in AT])
    np.testing.assert_allclose(found, expected(fit), atol=1e-9)
    np.testing.assert_allclose(found, 1 - np.column_stack([*fit.model.event_free(fit.training).values()]), atol=1e-9)
    assert fit.study.endpoint == "local failure" and fit.study.outcome is not None
    assert fit.study.outcome.competing is not None and fit.study.outcome.competing.event == "death"
    # On average they are what Aalen and Johansen see, and not what 1 − Kaplan–Meier makes of it.
    assert fit.training.survival is not None
    observed = cumulative_incidence(causes(fit.training.survival)).at(AT)
    assert found.mean(axis=0) == pytest.approx(observed, abs=0.02)
    assert (1 - kaplan_meier(fit.training.survival).at(AT) > observed + 0.05).all()


def test_one_patient_gets_the_same_risk_and_a_missing_variable_gives_a_range(fit: Fit) -> None:
    row, clinical = fit.training.features.iloc[3], fit.training.clinical.iloc[3]
    features = Features({**row}, {}, fit.study.settings, {})
    given = {name: float(value) for name, value in clinical.items()}
    found = score(fit.study, features, covariates=given)
    assert [at.bounds.low for at in found.incidence] == pytest.approx(list(expected(fit)[3]), abs=1e-9)
    assert found.survival == () and not any("baseline" in sentence for sentence in found.not_computed)
    part = score(fit.study, features, covariates={"stage": given["stage"]})
    for known, between in zip(found.incidence, part.incidence, strict=True):
        assert between.bounds.low < between.bounds.high
        assert between.bounds.low - 1e-12 <= known.bounds.low <= between.bounds.high + 1e-12


def test_the_nomogram_shows_the_risk_where_one_predictor_decides_it_and_says_so_where_not(fit: Fit) -> None:
    nomogram = build_nomogram(fit.study)
    assert nomogram is not None
    if fit.options.competing_model == "cause-specific":
        assert nomogram.outcomes == () and "hazard of death" in nomogram.note
        return
    assert nomogram.outcomes[1].label == "2-year risk of local failure"
    row, clinical = fit.training.features.iloc[3], fit.training.clinical.iloc[3]
    features = Features({**row}, {}, fit.study.settings, {})
    found = score(fit.study, features, covariates={name: float(value) for name, value in clinical.items()})
    place = nomogram.place(patient_values(fit.study, found))
    assert [bounds.low for bounds in place.outcomes] == pytest.approx(list(expected(fit)[3]), abs=1e-9)
    for axis in nomogram.outcomes:
        for tick in axis.ticks:
            predictor = tick.points / nomogram.points_per_lp + nomogram.intercept
            assert axis.probability(predictor) == pytest.approx(tick.value, abs=1e-9)


def test_in_its_own_patients_observed_over_expected_is_near_one_and_the_card_says_what_it_estimates(fit: Fit) -> None:
    assessment = assess(fit)
    evaluation = assessment.sides[0].evaluations[0]
    assert evaluation.n_competing == int((table_of_causes().cause == 2).sum()) and evaluation.competes == "death"
    for time in AT:
        ratio = evaluation.find("observed/expected", time)
        assert ratio is not None and ratio.value == pytest.approx(1, abs=0.05)
    assert {measure.metric for measure in evaluation.measures} >= {"incidence", "IPA", "AUC", "Uno C", "ICI"}
    assert not any(measure.metric == "median" for measure in evaluation.measures)
    kind = "cause-specific" if fit.options.competing_model == "cause-specific" else "Fine and Gray's"
    assert any(sentence.startswith(f"Hazard ratios are {kind}") for sentence in assessment.study.card["limitations"])
    assert not any("medians" in assessment.study.card["signature"]["cutoff"][side] for side in ("above", "below"))


def test_resampling_carries_the_causes_along(fit: Fit) -> None:
    internal = internal_validation(fit.plan, fit.model, n=4)
    found = {corrected.metric for corrected in internal.corrected if corrected.model == "nomogram"}
    assert internal.n_failed == 0 and found == {"C-index", "calibration slope", "Brier"}


def test_a_column_of_its_own_and_code_2_of_the_event_say_the_same(tmp_path: Path) -> None:
    path, study = written(table_of_causes(), tmp_path), load_study("escc-lpfs-ccrt")
    coded = read_cohort(path, Columns(time="months", event="cause", competing="death"), study).cohort
    table = table_of_causes().assign(event=lambda t: (t.cause == 1).astype(int))
    apart = written(table, tmp_path, "apart.csv")
    named = read_cohort(apart, Columns(time="months", event="event", competing="died"), study).cohort
    assert coded.survival is not None and named.survival is not None and named.competes == "died"
    assert (coded.survival.event == named.survival.event).all()
    assert coded.survival.competed is not None and named.survival.competed is not None
    assert coded.survival.competed.tolist() == named.survival.competed.tolist()
    with pytest.raises(InputError, match="Nobody had deth before the event"):
        read_cohort(apart, Columns(time="months", event="event", competing="deth"), study)
    with pytest.raises(InputError, match="--competing death"):
        read_cohort(path, Columns(time="months", event="cause"), study)
    with pytest.raises(UsageError, match="no longer LPFS"):
        fit_table(path, COLUMNS, study, Identity("a", "A", "b"))


def test_a_card_is_only_held_against_what_it_predicts(fit: Fit, tmp_path: Path) -> None:
    path = written(table_of_causes(), tmp_path)
    with_event = written(table_of_causes().assign(cause=lambda t: (t.cause == 1).astype(int)), tmp_path, "censored.csv")
    naive = read_cohort(with_event, Columns(time="months", event="cause", clinical=COLUMNS.clinical), fit.study).cohort
    with pytest.raises(UsageError, match="say with --competing who had that"):
        validate(fit.study, naive, "validation")
    cohort = read_cohort(path, COLUMNS, fit.study).cohort
    validation = validate(fit.study, cohort, "validation")
    assert validation.evaluations[0].find("Gray's p", None, "risk groups") is not None
    with pytest.raises(UsageError, match="without a competing event"):
        plain = fit_table(with_event, Columns(time="months", event="cause"), load_study("escc-lpfs-ccrt"), IDENTITY)
        validate(plain.study, cohort, "validation")
    identity = Identity("updated", "Updated", "here")
    if fit.options.competing_model == "cause-specific":
        with pytest.raises(UsageError, match="rests on the hazards of two events"):
            update(validation, "slope", identity)
        return
    for how in ("intercept", "slope", "refit"):
        card = check_card(update(validation, how, identity), tmp_path / "card.json")
        again = validate(card, cohort, "validation").evaluations[0]
        for time in AT:
            ratio = again.find("observed/expected", time)
            assert ratio is not None and ratio.value == pytest.approx(1, abs=1e-6)


def test_a_card_whose_hazards_make_no_sense_is_refused(fit: Fit, tmp_path: Path) -> None:
    if fit.options.competing_model == "fine-gray":
        pytest.skip("it has no hazards of two events")
    card = deepcopy(dict(fit.study.card))
    card["outcome"]["competing"]["hazards"]["event"].reverse()
    with pytest.raises(StudyError, match=r"\$\.outcome\.competing\.hazards\.event: it must not fall"):
        check_card(card, tmp_path / "card.json")
    card["outcome"]["competing"]["terms"][0]["name"] = "weight"
    with pytest.raises(StudyError, match="“weight” is not among the outcome's terms"):
        check_card(card, tmp_path / "card.json")
