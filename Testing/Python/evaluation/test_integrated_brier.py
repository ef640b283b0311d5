"""The Brier score integrated over time, beside the null model's: R's and scikit-survival's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from EsoRadiomicsLib.evaluation.evaluate_survival import evaluate_survival
from EsoRadiomicsLib.evaluation.markers import Marker
from EsoRadiomicsLib.statistics.cox import fit_cox, hazard_curve
from EsoRadiomicsLib.statistics.inputs import Survival, survival

Golden = Callable[[str], Any]


def test_it_is_integrated_from_0_to_the_last_horizon_as_r_does(golden: Golden) -> None:
    table, r = golden("lung_cc.csv"), golden("integrated_brier.json")
    outcome = survival(table.time, table.event)
    model = fit_cox(table[["age", "sex"]], outcome)
    risk = model.linear_predictor(table)
    at = {time: model.survival(risk, time)[:, 0] for time in (250.0, 500.0)}

    def found(marker: Marker, metric: str, name: str = "model") -> float:
        measure = evaluate_survival("lung", outcome, [marker], [250.0, 500.0]).find(metric, 500.0, name)
        assert measure is not None
        return measure.value

    whole = Marker("model", "survival", risk, at, over_time=lambda times: model.survival(risk, times))
    assert found(whole, "Brier") == pytest.approx(r["at_500"], abs=1e-9)
    assert found(whole, "integrated Brier") == pytest.approx(r["integrated_brier"], abs=1e-9)
    assert found(whole, "integrated Brier", "null model") == pytest.approx(r["null"], abs=1e-9)
    assert found(whole, "integrated IPA") == pytest.approx(r["ipa"], abs=1e-8)
    # A card's baseline is the model's, so that its score is the same.
    curve = hazard_curve(table[["age", "sex"]].to_numpy(float), outcome, model.coefficients, model.covariance)
    card = Marker("model", "survival", risk, at, over_time=lambda times: curve.survival(risk, times))
    assert found(card, "integrated Brier") == pytest.approx(r["integrated_brier"], abs=1e-9)
    # Who knows two horizons only has the mean over them, under its own name.
    known = Marker("model", "survival", risk, at)
    measures = evaluate_survival("lung", outcome, [known], [250.0, 500.0]).measures
    assert {m.metric for m in measures if "Brier" in m.metric} == {"Brier", "mean Brier"}
    assert found(known, "mean Brier") == pytest.approx((found(known, "Brier") + _brier(known, outcome, 250.0)) / 2)


def _brier(marker: Marker, outcome: Survival, time: float) -> float:
    measure = evaluate_survival("lung", outcome, [marker], [time]).find("Brier", time)
    assert measure is not None
    return measure.value


def test_it_is_scikit_survivals_on_its_grid(golden: Golden) -> None:
    metrics = pytest.importorskip("sksurv.metrics", reason="scikit-survival (GPL) is not installed")
    table = golden("analysis_table.csv")
    rng = np.random.default_rng(1)
    # scikit-survival breaks ties of events and censorings otherwise.
    outcome = survival(table.time + rng.uniform(0, 0.01, len(table)), table.event)
    model = fit_cox(table[["N", "CR", "rad"]], outcome)
    risk = model.linear_predictor(table)
    at = {36.0: model.survival(risk, 36.0)[:, 0]}
    marker = Marker("model", "survival", risk, at, over_time=lambda times: model.survival(risk, times))
    found = evaluate_survival("all", outcome, [marker], [36.0]).find("integrated Brier", 36.0)
    times = np.unique([*outcome.time[outcome.event & (outcome.time <= 36)], 36.0])
    y = np.array(list(zip(outcome.event, outcome.time, strict=True)), dtype=[("event", bool), ("time", float)])
    _, scores = metrics.brier_score(y, y, model.survival(risk, times), times)
    area = np.trapezoid(np.append(0.0, scores), np.append(0.0, times)) / 36
    assert found is not None and found.value == pytest.approx(area, abs=1e-6)
