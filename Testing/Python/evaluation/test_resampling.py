"""Resampling of a whole protocol: what it draws, and that noise is called noise."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.evaluation.added_value import added_value
from EsoRadiomicsLib.evaluation.evaluate_survival import evaluate_survival
from EsoRadiomicsLib.evaluation.internal_validation import internal_validation
from EsoRadiomicsLib.evaluation.markers import Marker
from EsoRadiomicsLib.evaluation.permutation_check import permutation_check
from EsoRadiomicsLib.evaluation.resampled_runs import bootstrap_sample
from EsoRadiomicsLib.evaluation.size_account import size_sentence
from EsoRadiomicsLib.evaluation.split_luck import SplitLuck
from EsoRadiomicsLib.modelling.draws import shuffled
from EsoRadiomicsLib.modelling.fitted_model import Choices, NothingSelectedError
from EsoRadiomicsLib.modelling.model_cohort import Cohort
from EsoRadiomicsLib.modelling.protocol_plan import Plan, read_plan
from EsoRadiomicsLib.modelling.protocol_run import fit_protocol
from EsoRadiomicsLib.statistics.cox import fit_cox
from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.statistics.kaplan_meier import kaplan_meier
from EsoRadiomicsLib.statistics.sample_size import development_survival
from EsoRadiomicsLib.studies.study import load_study


def noise(seed: int, n: int = 100, p: int = 150, rows: int = 1) -> Cohort:
    """``n`` patients with ``rows`` ROIs each; the features of a patient are alike, and nothing predicts anything."""
    rng = np.random.default_rng(seed)
    features = np.repeat(rng.normal(size=(n, p)), rows, axis=0) + 0.3 * rng.normal(size=(n * rows, p)) * (rows > 1)
    time, censored = rng.exponential(20, n), rng.uniform(5, 60, n)
    index = [f"P{i:03d}-{k}" for i in range(n) for k in range(rows)]
    table = pd.DataFrame(features, columns=[f"f{k}" for k in range(p)], index=index)
    table["original_shape_VoxelVolume"] = np.exp(rng.normal(size=n * rows))
    clinical = pd.DataFrame({"age": np.repeat(rng.normal(size=n), rows)}, index=index)
    outcome = Survival(np.repeat(np.minimum(time, censored) + 0.01, rows), np.repeat(time <= censored, rows))
    return Cohort(table, clinical, outcome, None, tuple(f"P{i:03d}" for i in range(n) for _ in range(rows)))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan(load_study("escc-lpfs-ccrt")).edited("lasso", folds=5)


def test_a_bootstrap_sample_takes_whole_patients_and_leaves_the_others_whole() -> None:
    cohort = noise(1, n=40, p=2, rows=3)
    sample, left_out = bootstrap_sample(cohort, 5)
    assert not set(sample.patients) & set(left_out.patients)
    assert set(sample.patients) | set(left_out.patients) == set(cohort.patients)
    assert len(sample) == 120 and (pd.Series(sample.patients).value_counts() % 3 == 0).all()
    assert (pd.Series(left_out.patients).value_counts() == 3).all()


def test_shuffling_gives_all_rois_of_a_patient_the_outcome_of_one_other_patient() -> None:
    cohort = noise(2, n=30, p=2, rows=3)
    assert cohort.survival is not None
    mixed = shuffled(cohort, np.random.default_rng(0))
    assert mixed.survival is not None
    times = pd.Series(mixed.survival.time).groupby(list(cohort.patients))
    assert (times.nunique() == 1).all() and sorted(times.first()) == sorted(cohort.survival.time[::3])
    assert not (mixed.survival.time == cohort.survival.time).all()


def test_outcomes_that_differ_within_a_patient_move_as_a_block_to_a_patient_with_as_many_rois() -> None:
    patients = ("A", "A", "B", "B", "C", "C", "D", "E", "E", "E")
    response = np.array([True, False, False, False, True, True, True, False, True, False])
    empty = pd.DataFrame(index=[str(k) for k in range(10)])
    cohort = Cohort(empty, empty, None, response, patients)
    pairs = {(True, False), (False, False), (True, True)}
    for seed in range(20):
        mixed = shuffled(cohort, np.random.default_rng(seed)).binary
        assert mixed is not None
        assert {tuple(mixed[start : start + 2].tolist()) for start in (0, 2, 4)} == pairs
        assert mixed[6] and mixed[7:].tolist() == [False, True, False]


def test_the_size_of_a_cohort_is_held_against_rileys_shrinkage_criterion() -> None:
    """As many variables as pmsampsize's first criterion allows for these patients, and one more would not be."""
    cohort = noise(4, n=150, p=150)
    sentence = size_sentence(cohort, replace(read_plan(load_study("escc-lpfs-ccrt")), horizons=(12.0, 24.0)))
    assert cohort.survival is not None
    assert f"{cohort.survival.n_events} events for 152 candidate variables" in sentence
    time = cohort.survival.time
    risk = 1 - float(kaplan_meier(cohort.survival).at(24.0)[0])

    def needed(variables: int) -> int:
        return development_survival(variables, risk, 24.0, float(time.mean()), c_index=0.7).criteria[0].n

    borne = int(re.findall(r"150 patients bear (\d+) variables", sentence)[0])
    assert needed(borne) <= 150 < needed(borne + 1)


def test_doubled_rows_of_the_same_patients_do_not_narrow_an_interval() -> None:
    """Every ROI twice under its patient's name: the errors stay those of the patients."""
    once = noise(3, n=80, p=2)
    twice = once.rows(np.repeat(np.arange(80), 2))
    assert once.survival is not None and twice.survival is not None and twice.clusters is not None
    score, table = once.features["f0"].to_numpy(), once.features[["f0"]]
    markers = [[Marker("m", "survival", values)] for values in (score, np.repeat(score, 2))]
    alone = evaluate_survival("validation", once.survival, markers[0], [20.0])
    found = evaluate_survival("validation", twice.survival, markers[1], [20.0], clusters=twice.clusters)
    assert (found.n_patients, found.n, alone.n_patients) == (80, 160, None)
    for metric, time in (("C-index", None), ("AUC", 20.0)):
        first, second = alone.find(metric, time), found.find(metric, time)
        assert first is not None and first.lower is not None and second is not None and second.lower is not None
        assert second.value - second.lower == pytest.approx(first.value - first.lower, rel=0.03)
    robust = fit_cox(twice.features[["f0"]], twice.survival, twice.clusters)
    assert robust.se[0] == pytest.approx(fit_cox(table, once.survival, once.patients).se[0], rel=0.03)


@pytest.mark.slow
def test_on_noise_the_corrected_c_index_is_one_half_and_no_p_is_small_too_often(plan: Plan) -> None:
    """50 sets of 100 patients × 150 features; p ≤ 0.05 in at most 6 of 50 (binomial, 98 %)."""
    corrected, chance, added = [], [], []
    for seed in range(50):
        cohort = noise(1000 + seed)
        try:
            model = fit_protocol(plan, cohort, Choices(seed + 1, explain=False))
        except NothingSelectedError:
            corrected.append(0.5)
            continue
        row = internal_validation(plan, model, n=40).find("C-index", "Rad-score")
        assert row is not None
        corrected.append(row.value)
        chance.append(permutation_check(plan, model, None, n=19).p)
        added += [test.p for test in added_value(plan, model) if test.base == "clinical only"]
    assert np.mean(corrected) == pytest.approx(0.5, abs=0.02)
    assert sum(p <= 0.05 for p in chance) <= 6 and sum(p <= 0.05 for p in added) <= 6


@pytest.mark.slow
def test_several_rois_a_patient_do_not_make_noise_significant(plan: Plan) -> None:
    """30 sets of 60 patients with 3 alike ROIs each; p ≤ 0.05 in at most 4 (binomial, 98 %)."""
    small = []
    for seed in range(30):
        cohort = noise(2000 + seed, n=60, p=40, rows=3)
        try:
            model = fit_protocol(plan, cohort, Choices(seed + 1, explain=False))
        except NothingSelectedError:
            continue
        small.append(permutation_check(plan, model, None, n=19).p <= 0.05)
    assert sum(small) <= 4


def test_a_split_is_called_lucky_only_beside_enough_others() -> None:
    others = np.linspace(0.5, 0.6, 10, dtype=float)
    assert SplitLuck(0.7, others).lucky and not SplitLuck(0.55, others).lucky
    assert not SplitLuck(0.7, others[:9]).lucky
