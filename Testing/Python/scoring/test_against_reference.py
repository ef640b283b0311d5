"""How sure a z-score is: intervals that hold what they promise, and a verdict on cohorts that cannot serve."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.core.errors import StudyError
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.scoring.against_reference import AgainstReference, against_reference
from EsoRadiomicsLib.scoring.reference_worth import CaseFacts, pooled_worth, reference_warnings, reference_worth
from EsoRadiomicsLib.scoring.score import score
from EsoRadiomicsLib.studies.reference_building import build_reference, cohort_scores, with_signature
from EsoRadiomicsLib.studies.reference_cohort import ReferenceCohort, load_reference
from EsoRadiomicsLib.studies.reference_pooling import pool_references
from EsoRadiomicsLib.studies.study import load_study

STUDY = load_study("escc-pfs-dcrt")
assert STUDY.signature is not None and STUDY.signature.cutoff is not None
NAMES = list(STUDY.signature.names)
MIXING = np.random.default_rng(7).normal(size=(len(NAMES), len(NAMES)))
COEFFICIENTS = np.array([feature.coefficient.value for feature in STUDY.signature.features])


def table(n: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(50 + rng.normal(size=(n, len(NAMES))) @ MIXING, columns=NAMES)


def reference(rows: pd.DataFrame, keep: bool = False) -> ReferenceCohort:
    made = build_reference(rows, STUDY.settings, label="centre")
    return with_signature(made, rows, STUDY, keep_patients=keep)


def place(patient: np.ndarray, cohort: ReferenceCohort) -> AgainstReference:
    features = Features(dict(zip(NAMES, patient.tolist(), strict=True)), {}, STUDY.settings, {})
    found = against_reference(score(STUDY, features, reference=cohort), cohort)
    assert found is not None
    return found


@pytest.mark.parametrize(("keep", "method"), [(False, "normal theory"), (True, "bootstrap")])
def test_the_interval_holds_the_score_against_an_endless_cohort_about_as_often_as_it_says(
    keep: bool, method: str
) -> None:
    rng = np.random.default_rng(3)
    sds = np.sqrt((MIXING**2).sum(axis=0))
    hits, runs = 0, 60
    for _ in range(runs):
        patient = 50 + rng.normal(size=len(NAMES)) @ MIXING
        found = place(patient, reference(table(60, rng), keep))
        assert found.method == method
        truth = COEFFICIENTS @ ((patient - 50) / sds)
        hits += found.low <= truth <= found.high
    assert 51 <= hits <= 60  # 95 % of 60 is 57; below 51 has a probability under 1 %


def test_without_correlations_the_interval_is_an_upper_bound() -> None:
    rng = np.random.default_rng(5)
    cohort, patient = reference(table(40, rng)), 50 + rng.normal(size=len(NAMES)) @ MIXING
    known, bound = place(patient, cohort), place(patient, replace(cohort, signatures={}))
    assert bound.method == "upper bound" and bound.percentile is None
    assert bound.low < known.low < known.high < bound.high


def test_the_percentile_counts_the_cohorts_own_scores() -> None:
    rng = np.random.default_rng(11)
    rows = table(99, rng)
    cohort = reference(rows)
    scores = cohort_scores(cohort, rows, STUDY)
    middle = int(np.argsort(scores)[49])
    assert place(rows.iloc[middle].to_numpy(), cohort).percentile == pytest.approx(50.0, abs=0.6)
    assert scores.mean() == pytest.approx(0.0, abs=1e-12)  # by construction


def test_half_of_the_interval_of_a_score_at_the_cut_off_lies_on_the_other_side() -> None:
    assert STUDY.signature is not None and STUDY.signature.cutoff is not None
    cohort = reference(table(80, np.random.default_rng(2)))
    means = np.array([cohort.features[name].mean for name in NAMES])
    sds = np.array([cohort.features[name].sd for name in NAMES])
    step = STUDY.signature.cutoff.value / (COEFFICIENTS @ np.sign(COEFFICIENTS))
    found = place(means + sds * np.sign(COEFFICIENTS) * step, cohort)
    assert found.other_side == pytest.approx(0.5, abs=1e-6)


def test_a_cohort_like_the_studys_is_usable_and_a_small_or_odd_one_says_why_not() -> None:
    study = load_study("escc-lpfs-ccrt")
    assert study.signature is not None
    names = list(study.signature.names)
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.normal(size=(80, len(names))), columns=names)
    cohort = build_reference(rows, study.settings, label="x")
    like = rng.normal(0, 0.35, 80).tolist()
    assert reference_worth(study, cohort, like).verdict == "usable"
    wide = reference_worth(study, cohort, [9 * each for each in like])
    assert wide.verdict == "with reservations" and "varies by" in wide.sentence
    few = reference_worth(study, build_reference(rows[:8], study.settings, label="x"), like[:8])
    assert few.verdict == "not usable" and "8 cases" in few.sentence
    again = reference_worth(study, cohort, like, twins=3)
    assert again.verdict == "with reservations" and "In 3 of 80 cases" in again.sentence
    lacking = build_reference(rows.drop(columns=names[:2]).assign(**{names[2]: 1.0}), study.settings, label="x")
    none = reference_worth(study, lacking, ())
    assert none.verdict == "not usable" and "lacks 2 features" in none.sentence and names[2] in none.sentence


def test_mixed_scanners_and_a_score_that_is_volume_are_reservations() -> None:
    study = load_study("escc-lpfs-ccrt")
    assert study.signature is not None
    names = list(study.signature.names)
    rows = pd.DataFrame(np.random.default_rng(1).normal(size=(40, len(names))), columns=names)
    scores = np.random.default_rng(2).normal(0, 0.35, 40)
    facts = [CaseFacts(100 + 10 * each, {"scanner": "A" if i else "B"}) for i, each in enumerate(scores.tolist())]
    worth = reference_worth(study, build_reference(rows, study.settings, label="x"), scores.tolist(), facts)
    assert worth.volume_correlation == pytest.approx(1.0)
    assert "nearly the GTV's volume" in worth.sentence and "differ in scanner" in worth.sentence
    assert worth.acquisitions["scanner"] == {"A": 39, "B": 1}


def test_a_pooled_cohort_is_judged_by_normal_theory_and_tells_how_its_centres_differ() -> None:
    rng = np.random.default_rng(4)
    one, other = reference(table(40, rng)), replace(reference(table(30, rng) + 9), label="elsewhere")
    facts = {"acquisitions": {"scanner": {"A": 40}}}
    parts = [replace(one, worth={STUDY.id: facts}), replace(other, worth={STUDY.id: {"acquisitions": {}}})]
    pooled = pool_references(parts, "both")
    worth = pooled_worth(STUDY, pooled, parts)
    correlations = np.array(pooled.signatures[STUDY.id].correlations)
    assert worth.score_sd == pytest.approx(np.sqrt(COEFFICIENTS @ correlations @ COEFFICIENTS))
    assert worth.verdict == "with reservations" and "“elsewhere”" in worth.sentence and worth.acquisitions == {}


def test_a_patient_is_warned_of_a_cohort_that_cannot_serve_or_was_measured_by_another_version() -> None:
    rows = table(8, np.random.default_rng(6))
    cohort = replace(reference(rows), software={"pyradiomics": "2.2.0"})
    worth = reference_worth(STUDY, cohort, cohort_scores(cohort, rows, STUDY).tolist())
    told = list(
        reference_warnings(STUDY, replace(cohort, worth={STUDY.id: worth.to_dict()}), {"pyradiomics": "v3.0.1"})
    )
    assert ["cannot serve" in told[0], "pyradiomics 2.2.0" in told[1], len(told)] == [True, True, 2]
    assert (
        list(reference_warnings(STUDY, replace(cohort, software={"pyradiomics": "3.1.0"}), {"pyradiomics": "v3.0.1"}))
        == []
    )


@pytest.mark.parametrize(
    ("path", "value", "wrong"),
    [
        (("features", NAMES[0], "n"), 1, "minimum of 3"),
        (("features", NAMES[0], "n"), 41, "41 values of 40 cases"),
        (("signatures", STUDY.id, "correlations", 0, 1), 5.0, "correlations"),
        (("signatures", STUDY.id, "correlations", 1, 0), 0.1234, "correlations"),
        (("signatures", STUDY.id, "scores"), [9.0, 8.0, 7.0], "do not rise"),
        (("signatures", STUDY.id, "scores"), [9.0], "another number of cases"),
        (("signatures", STUDY.id, "patients", 3, 0), 1e4, "not those of its patients"),
        (("signatures", STUDY.id, "patients"), [[1.0] * len(NAMES)] * 9, "not those of its patients"),
        (("signatures", STUDY.id, "features", 0), "original_glcm_Imc2", "no mean and SD"),
        (("worth", STUDY.id), {"verdict": "usable", "reasons": []}, "required"),
    ],
)
def test_a_file_changed_by_hand_is_refused_where_it_contradicts_itself(
    path: tuple[str | int, ...], value: object, wrong: str, tmp_path: Path
) -> None:
    rows = table(40, np.random.default_rng(8))
    cohort = reference(rows, keep=True)
    worth = reference_worth(STUDY, cohort, cohort_scores(cohort, rows, STUDY).tolist())
    document = replace(cohort, worth={STUDY.id: worth.to_dict()}).to_dict()
    node = document = json.loads(json.dumps(document))
    (tmp_path / "good.json").write_text(json.dumps(document))
    load_reference(tmp_path / "good.json")
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    (tmp_path / "bad.json").write_text(json.dumps(document))
    with pytest.raises(StudyError, match=wrong):
        load_reference(tmp_path / "bad.json")
