"""Sample sizes against published examples: pmsampsize 1.1.3, pmvalsampsize 0.1.0 and Riley's papers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.statistics.calibration import survival_calibration
from EsoRadiomicsLib.statistics.discrimination import harrell
from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.statistics.logistic import fit_logistic
from EsoRadiomicsLib.statistics.roc import auc
from EsoRadiomicsLib.statistics.sample_size import (
    SampleSize,
    binormal,
    development_binary,
    development_survival,
    events_per_parameter,
    expected_shrinkage,
    r_squared_of_c,
)
from EsoRadiomicsLib.statistics.validation_size import validation_binary, validation_survival


def sizes(found: SampleSize) -> list[int]:
    return [criterion.n for criterion in found.criteria]


@pytest.mark.parametrize(
    ("r_squared", "parameters", "rate", "horizon", "follow_up", "shrinkage", "per_parameter"),
    [
        (0.051, 30, 0.065, 2, 2.07, 5143, 23.07),
        (0.051, 25, 0.065, 2, 2.07, 4286, 23.07),
        (0.065, 25, 0.065, 2, 2.07, 3335, 17.95),
        (0.051, 25, 0.1, 2, 2.07, 4286, 35.49),
        (0.06, 40, 0.08, 3, 5, 5798, 57.98),
        (0.03, 10, 0.09, 3, 3, 2950, 79.65),
    ],
)
def test_a_cox_model_needs_what_pmsampsize_says(
    r_squared: float,
    parameters: int,
    rate: float,
    horizon: float,
    follow_up: float,
    shrinkage: int,
    per_parameter: float,
) -> None:
    """The first is the recurrence of venous thromboembolism of Riley et al. (2019)."""
    risk = 1 - math.exp(-rate * horizon)
    found = development_survival(parameters, risk, horizon, follow_up, r_squared=r_squared)
    assert found.n == sizes(found)[0] == shrinkage
    assert events_per_parameter(found.n_events, parameters) == pytest.approx(per_parameter, abs=0.01)


def test_the_optimism_of_r_squared_needs_what_pmsampsize_says() -> None:
    found = development_survival(30, 1 - math.exp(-0.13), 2, 2.07, r_squared=0.051)
    assert sizes(found)[1] == 1039


@pytest.mark.parametrize(
    ("r_squared", "parameters", "prevalence", "expected"),
    [
        (0.288, 24, 0.174, [623, 662, 221]),
        (0.55, 24, 0.174, [255, 532, 221]),
        (0.288, 24, 0.25, [623, 590, 289]),
    ],
)
def test_a_logistic_model_needs_what_pmsampsize_says(
    r_squared: float, parameters: int, prevalence: float, expected: list[int]
) -> None:
    found = development_binary(parameters, prevalence, r_squared=r_squared)
    assert sizes(found) == expected and found.n == max(expected)


def test_the_overall_risk_is_known_to_five_points() -> None:
    risk, horizon, follow_up = 0.6, 24.0, 18.0
    found = development_survival(5, risk, horizon, follow_up)
    rate = -math.log(1 - risk) / horizon
    upper = rate + 1.96 * math.sqrt(rate / (sizes(found)[2] * follow_up))
    assert 1 - math.exp(-upper * horizon) == pytest.approx(risk + 0.05, abs=1e-4)


def test_r_squared_of_a_c_index_is_that_of_simulated_patients() -> None:
    """The published pair is 0.288 and 0.89 (foot and ankle trauma, Riley et al., BMJ 2020)."""
    assert r_squared_of_c(0.89, 0.174) == pytest.approx(0.288, abs=0.005)
    rng = np.random.default_rng(1)
    outcome = rng.random(200_000) < 0.3
    means, variance = binormal(0.75, 0.3)
    log_odds = means[outcome.astype(int)] + math.sqrt(variance) * rng.standard_normal(len(outcome))
    fit = fit_logistic(pd.DataFrame({"x": log_odds}), outcome)
    assert auc(outcome, log_odds).value == pytest.approx(0.75, abs=0.003)
    assert fit.coefficients[0] == pytest.approx(1, abs=0.02) and fit.intercept == pytest.approx(0, abs=0.02)
    simulated = 1 - math.exp(-(fit.deviances[0] - fit.deviances[1]) / len(outcome))
    assert r_squared_of_c(0.75, 0.3) == pytest.approx(simulated, abs=0.003)


def test_shrinkage_of_the_size_that_was_asked_for_is_what_was_asked_for() -> None:
    assert expected_shrinkage(4286, 25, 0.051) == pytest.approx(0.9, abs=1e-4)
    assert expected_shrinkage(155, 851, 0.2) < 0.21
    assert expected_shrinkage(10**7, 3, 0.2) > 0.9999


def test_knowing_nothing_takes_fifteen_percent_of_the_largest_r_squared() -> None:
    assert "15 % of the largest possible" in development_binary(10, 0.5).assumed[0]
    assert development_binary(10, 0.5, r_squared=0.15 * 0.75).n == development_binary(10, 0.5).n


def test_checking_a_logistic_model_needs_what_pmvalsampsize_says() -> None:
    """Mechanical heart valves: prevalence 0.018, C 0.8, log odds N(−5, 2.5²), observed/expected within a width of 1.

    R steps its error by 1e-4 and draws 1,000 log odds, which leaves 1 patient and 3 percent.
    """
    ratio, slope, c_index = sizes(validation_binary(0.018, 0.8, (-5, 2.5), ratio_width=1))
    assert ratio == pytest.approx(905, abs=1)
    assert slope == pytest.approx(4501, rel=0.03)
    assert c_index == 4252
    # From C-index and prevalence; R draws 10,000 log odds, 180 of them of patients with the outcome.
    assert sizes(validation_binary(0.018, 0.8, ratio_width=1))[1] == pytest.approx(16175, rel=0.1)


def test_a_logistic_model_checked_in_so_many_patients_is_known_as_well_as_promised() -> None:
    n, rng = sizes(validation_binary(0.3, 0.75))[1], np.random.default_rng(2)
    means, variance = binormal(0.75, 0.3)
    slopes = []
    for _ in range(30):
        outcome = rng.random(n) < 0.3
        log_odds = means[outcome.astype(int)] + math.sqrt(variance) * rng.standard_normal(n)
        slopes.append(fit_logistic(pd.DataFrame({"x": log_odds}), rng.random(n) < expit(log_odds)).se[1])
    assert 2 * 1.96 * np.mean(slopes) == pytest.approx(0.2, rel=0.03)


def test_a_cox_model_checked_in_so_many_patients_is_known_as_well_as_promised() -> None:
    rng = np.random.default_rng(9)
    n, sd, rate = 6000, 0.8365, 0.45
    predictor = sd * rng.standard_normal(n)
    time = rng.exponential(1 / (rate * np.exp(predictor)))
    outcome = Survival(np.minimum(time, 1), time <= 1)
    predicted = np.exp(-rate * np.exp(predictor))
    ratio, slope, c_index = sizes(validation_survival(1 - predicted.mean(), 0.7))
    checked, found = survival_calibration(outcome, predictor, predicted, 1.0), harrell(outcome, predictor)
    assert found.value == pytest.approx(0.7, abs=0.02)
    assert (checked.slope.upper - checked.slope.lower) * math.sqrt(n / slope) == pytest.approx(0.2, rel=0.05)
    assert 2 * 1.96 * found.se * math.sqrt(n / c_index) == pytest.approx(0.1, rel=0.05)
    log_ratio = math.log(checked.observed_expected.upper / checked.observed_expected.lower) * math.sqrt(n / ratio)
    assert 2 * math.sinh(log_ratio / 2) == pytest.approx(0.2, rel=0.07)


def test_losing_patients_takes_more_of_them() -> None:
    complete, lossy = validation_survival(0.5, 0.7), validation_survival(0.5, 0.7, followed=0.5)
    assert lossy.n > 1.1 * complete.n
    assert sizes(validation_survival(0.5, 0.7)) == sizes(complete)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: development_binary(0, 0.3), "at least one candidate"),
        (lambda: development_binary(5, 1.0), "prevalence lies between 0.0001 and 0.9999"),
        (lambda: development_binary(5, 1e-300), "prevalence lies between"),
        (lambda: validation_binary(1e-300, 0.7), "prevalence lies between"),
        (lambda: validation_survival(1e-300, 0.7), "risk by the horizon lies between"),
        (lambda: development_binary(5, 0.3, r_squared=0.9), "between 0 and 0.705"),
        (lambda: development_binary(5, 0.3, r_squared=0.1, c_index=0.7), "not both"),
        (lambda: development_survival(5, 0.6, 24, 60), "it ends with the event"),
        (lambda: validation_survival(0.6, 0.4), "C-index lies between 0.5 and 1"),
    ],
)
def test_what_cannot_be_is_a_sentence(call: object, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        call()  # type: ignore[operator]


def test_the_command_prints_the_criteria_and_what_they_rest_on(capsys: pytest.CaptureFixture[str]) -> None:
    call = ["plan", "development", "--parameters", "24", "--prevalence", "0.174", "--r-squared", "0.288"]
    assert main(call) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[-2:] == ["623", "109"] and lines[4].split()[-2:] == ["662", "116"]
    assert "4.8 events for each of 24 candidate parameters" in lines[6]
    assert main(["plan", "validation", "--risk", "0.6", "--c-index", "0.7", "--followed", "0.8"]) == 0
    assert "calibration slope ± 0.1" in capsys.readouterr().out
    assert main(["plan", "development", "--prevalence", "0.3"]) == 2
    assert "needs --parameters" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["nan", "inf", "1e400", "1_0"])
@pytest.mark.parametrize("option", ["--risk", "--horizon", "--follow-up", "--c-index", "--r-squared"])
def test_the_command_takes_no_number_that_is_none(option: str, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["plan", "development", "--parameters", "5", f"{option}={number}"])
    assert end.value.code == 2
    assert "is no finite number" in capsys.readouterr().err
