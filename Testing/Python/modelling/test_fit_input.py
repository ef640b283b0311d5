"""Tables that cannot be fitted: each is refused with a sentence that names what was found, where, and what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_tables import generated_table, written

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Columns
from EsoRadiomicsLib.studies.study import load_study

SURVIVAL = Columns(time="months", event="event", clinical=("stage",), split="cohort")
BINARY = Columns(outcome="outcome", split="cohort")


def fitted(
    table: pd.DataFrame,
    folder: Path,
    columns: Columns = SURVIVAL,
    protocol: str = "escc-lpfs-ccrt",
    **options: Any,
) -> Fit:
    path = written(table, folder)
    chosen = Options(**{"n_folds": 5, "lambda_rule": "min", **options})
    return fit_table(path, columns, load_study(protocol), Identity("a", "A", "b"), options=chosen)


def refused(table: pd.DataFrame, folder: Path, match: str, columns: Columns = SURVIVAL, **more: Any) -> None:
    with pytest.raises(InputError, match=match):
        fitted(table, folder, columns, **more)


def test_too_few_events_for_the_folds(tmp_path: Path) -> None:
    table = generated_table()
    table["event"] = (np.arange(len(table)) % 20 == 0).astype(int)
    refused(table, tmp_path, r"4 events are too few for 5 folds: each fold needs one. Use fewer folds \(--n-folds\)")


def test_a_fold_of_the_tables_own_without_an_event(tmp_path: Path) -> None:
    table = generated_table().assign(fold=lambda t: np.where(t.event == 0, 1, 2 + np.arange(len(t)) % 4))
    columns = Columns(time="months", event="event", split="cohort", folds="fold")
    refused(table, tmp_path, "fold 1 has no event and cannot be evaluated", columns)


def test_constant_and_copied_features_are_left_out_and_counted(tmp_path: Path) -> None:
    table = generated_table()
    first = table.columns[7]
    table["wavelet-LLH_glcm_Idn"] = 1.5
    table["wavelet-LLH_glcm_Id"] = table[first]
    model = fitted(table, tmp_path).model
    signature, account = model.signature, dict(model.account)
    assert account["features in the table"] == 15
    assert account["not constant in the training patients"] == 14
    assert account["not a copy of another feature"] == 13
    assert first in signature.names and "wavelet-LLH_glcm_Id" not in signature.names


def test_a_column_given_twice(tmp_path: Path) -> None:
    path = written(generated_table(), tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(f"{line},{'stage' if i == 0 else 1}" for i, line in enumerate(lines)))
    with pytest.raises(InputError, match="names stage more than once"):
        fit_table(path, SURVIVAL, load_study("escc-lpfs-ccrt"), Identity("a", "A", "b"))


def test_a_case_given_twice(tmp_path: Path) -> None:
    table = generated_table()
    table.loc[3, "case"] = "P007"
    refused(table, tmp_path, "has P007 more than once")


@pytest.mark.parametrize("column", ["months", "event"])
def test_a_missing_outcome(column: str, tmp_path: Path) -> None:
    table = generated_table()
    table.loc[[4, 90], column] = np.nan
    refused(table, tmp_path, f"“{column}” is empty for P004, P090. Fill in the outcome")


def test_a_missing_feature_value(tmp_path: Path) -> None:
    table = generated_table()
    table.loc[5, table.columns[9]] = np.nan
    refused(table, tmp_path, f"'{table.columns[9]}' in row P005")


def test_a_variable_that_most_patients_lack(tmp_path: Path) -> None:
    table = generated_table()
    table.loc[table.index % 3 > 0, "stage"] = np.nan
    refused(table, tmp_path, r"“stage” is empty for 80 of 120 patients \(P001")


def test_patients_without_a_clinical_value_are_left_out_and_counted(tmp_path: Path) -> None:
    table = generated_table()
    complete = fitted(table.drop(index=[5, 90]), tmp_path)
    table.loc[[5, 90], "stage"] = np.nan
    fit = fitted(table, tmp_path)
    assert "P005" not in fit.everybody.features.index and len(fit.everybody) == 118
    assert fit.study.card["signature"]["features"] == complete.study.card["signature"]["features"]
    sentence = "2 of 120 patients have no “stage” and were left out (complete cases): P005, P090."
    assert any(text.startswith(sentence) for text in fit.study.card["limitations"])


def test_a_landmark_starts_the_clock_later_for_those_still_followed(tmp_path: Path) -> None:
    table = generated_table()
    fit = fitted(table, tmp_path, replace(SURVIVAL, landmark=3.0))
    followed = table[table.months > 3]
    assert list(fit.everybody.features.index) == list(followed["case"])
    assert fit.everybody.survival is not None
    assert fit.everybody.survival.time == pytest.approx(followed.months - 3)
    days = fitted(table.assign(months=table.months * 365.25 / 12), tmp_path,
                  replace(SURVIVAL, landmark=3.0, time_unit="days"))  # fmt: skip
    assert days.everybody.survival is not None
    assert days.everybody.survival.time == pytest.approx(followed.months - 3)
    n = len(table) - len(followed)
    assert any("clock starts 3 months after the table's" in text and f"{n} of 120" in text
               for text in fit.study.card["limitations"])  # fmt: skip


def test_a_variable_known_only_after_treatment_is_warned_of_unless_the_clock_starts_then(tmp_path: Path) -> None:
    table = generated_table().rename(columns={"HRR status": "CR status"})
    columns = Columns(time="months", event="event", clinical=("CR status",), split="cohort")
    early, late = (fitted(table, tmp_path, replace(columns, landmark=time)) for time in (0.0, 3.0))
    sentence = "CR status is known only one month after chemoradiotherapy"
    assert [any(text.startswith(sentence) for text in fit.model.warnings) for fit in (early, late)] == [True, False]


@pytest.mark.parametrize("time", [0.0, -3.0])
def test_a_follow_up_of_nothing(time: float, tmp_path: Path) -> None:
    table = generated_table()
    table.loc[8, "months"] = time
    refused(table, tmp_path, "must be greater than 0, but is not in row P008")


def test_days_among_months(tmp_path: Path) -> None:
    table = generated_table()
    table.loc[:5, "months"] = [840.0, 1204.0, 733.0, 912.0, 655.0, 1400.0]
    refused(table, tmp_path, r"A follow-up of 1400 months \(P005; 6 patients above 50 years\) cannot be")


def test_days_in_the_validation_and_months_in_the_training_patients(tmp_path: Path) -> None:
    table = generated_table()
    held_out = table.cohort == "validation"
    table.loc[held_out, "months"] = (table.months[held_out] * 30).clip(upper=590)
    refused(table, tmp_path, "give both in the same unit")


def test_times_in_days_are_converted_to_the_studys_months(tmp_path: Path) -> None:
    table = generated_table()
    months = fitted(table, tmp_path)
    table["months"] = table["months"] * 365.25 / 12
    columns = Columns(time="months", event="event", clinical=("stage",), split="cohort", time_unit="days")
    days = fitted(table, tmp_path, columns)
    assert days.model.signature.coefficients == pytest.approx(months.model.signature.coefficients, abs=1e-9)
    assert days.training.survival is not None and months.training.survival is not None
    assert days.training.survival.time == pytest.approx(months.training.survival.time)


def test_an_event_coded_1_and_2(tmp_path: Path) -> None:
    refused(generated_table().assign(event=lambda t: t.event + 1), tmp_path, "coding 1 = censored, 2 = event: subtract")


def test_a_covariate_level_that_only_validation_patients_have(tmp_path: Path) -> None:
    table = generated_table()
    table.loc[119, "stage"] = 4
    refused(table, tmp_path, r"“stage” is 4 only in validation patients \(P119\)")


def test_a_text_covariate_of_three_values(tmp_path: Path) -> None:
    table = generated_table().assign(stage=lambda t: t.stage.map({1: "I", 2: "II", 3: "III"}))
    refused(table, tmp_path, r"“stage” is text of 3 values \(I, II, III")


def test_a_text_covariate_of_two_values_becomes_levels(tmp_path: Path) -> None:
    table = generated_table().assign(sex=lambda t: np.where(np.arange(len(t)) % 2, "male", "female"))
    columns = Columns(time="months", event="event", clinical=("sex",), split="cohort")
    (node,) = fitted(table, tmp_path, columns).training.covariates
    assert node["levels"] == [{"value": 0, "label": "female"}, {"value": 1, "label": "male"}]


def test_a_value_that_the_studys_own_covariate_does_not_have(tmp_path: Path) -> None:
    columns = Columns(time="months", event="event", clinical=("N stage",), split="cohort")
    refused(generated_table().rename(columns={"stage": "N stage"}).replace({"N stage": {3: 7}}), tmp_path,
            "N stage is 7; the study knows 0", columns)  # fmt: skip


def test_a_lasso_that_does_not_converge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("EsoRadiomicsLib.statistics.lasso._MAX_STEPS", 0)
    refused(generated_table(), tmp_path, "does not converge even at its largest penalty")


def test_a_clinical_variable_that_separates_the_events(tmp_path: Path) -> None:
    table = generated_table().assign(stage=lambda t: t.event)
    refused(table, tmp_path, "no finite hazard ratio for 'stage'")


def test_a_logistic_model_with_separation(tmp_path: Path) -> None:
    table = generated_table().assign(stage=lambda t: t.outcome)
    columns = Columns(outcome="outcome", clinical=("stage",), split="cohort")
    refused(table, tmp_path, "separate the patients with the outcome", columns, protocol="escc-early-recurrence")


def test_no_feature_selected_says_so_and_what_chance_gives(tmp_path: Path) -> None:
    table = generated_table()
    rng = np.random.default_rng(3)
    for name in table.columns[7:]:
        table[name] = rng.normal(size=len(table))
    match = r"selects no feature at λ 1se: .* with shuffled outcomes λ min selects .* features. A model"
    refused(table, tmp_path, match, lambda_rule="1se")


def test_no_feature_left_by_the_univariate_filter(tmp_path: Path) -> None:
    table = generated_table()
    for name in table.columns[7:]:
        table[name] = np.arange(len(table)) // 2 + np.random.default_rng(1).normal(size=len(table))
    table["outcome"] = np.arange(len(table)) % 2
    refused(table, tmp_path, "No feature is left", BINARY, protocol="escc-early-recurrence")


def test_no_patient_followed_to_a_horizon(tmp_path: Path) -> None:
    table = generated_table().assign(months=lambda t: t.months / 30)
    refused(table, tmp_path, r"No patient was followed to 12, 24, 36, .*--time-unit")


def test_an_unknown_word_in_the_split_column(tmp_path: Path) -> None:
    table = generated_table().replace({"cohort": {"validation": "centre B"}})
    refused(table, tmp_path, "The split column “cohort” holds “centre b”; write “training” or “validation”")


def test_a_table_without_features(tmp_path: Path) -> None:
    table = generated_table()
    refused(table[table.columns[:7]], tmp_path, r"no column with the name of a feature .* --first-feature")


def test_features_of_other_settings(tmp_path: Path) -> None:
    table = generated_table().assign(settings="0123456789ab")
    refused(table, tmp_path, "were measured with other settings .0123456789ab. than escc-lpfs-ccrt asks for")


@pytest.mark.parametrize(
    ("columns", "protocol", "match"),
    [
        (
            Columns(time="month", event="event"),
            "escc-lpfs-ccrt",
            "has no column “month”. Its columns are: case, months",
        ),
        (Columns(time="months"), "escc-lpfs-ccrt", "needs both --time and --event"),
        (Columns(outcome="outcome"), "escc-lpfs-ccrt", "models survival: name the columns with --time and --event"),
        (Columns(time="months", event="event"), "ln-response-crt", "name its column, coded 1 = yes and 0 = no"),
        (Columns(time="months", event="event"), "escc-lnm-deep", "name its column, coded 1 = yes and 0 = no"),
    ],
)
def test_a_call_that_does_not_fit_the_protocol(columns: Columns, protocol: str, match: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=match):
        fitted(generated_table(), tmp_path, columns, protocol)


@pytest.mark.parametrize("options", [{"seed": -1}, {"n_folds": 2}, {"n_folds": -3}, {"repeats": 0}])
def test_a_seed_folds_or_repeats_that_cannot_be(options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="or more"):
        Options(**options)  # type: ignore[arg-type]


def test_a_landmark_before_the_tables_start(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="after the table's start"):
        fitted(generated_table(), tmp_path, replace(SURVIVAL, landmark=-1.0))


@pytest.mark.parametrize("fold", ["1.5", "1e9", "-1e9"])
def test_folds_that_are_no_small_whole_numbers(fold: str, tmp_path: Path) -> None:
    table = generated_table().assign(fold=lambda t: [fold, *(1 + np.arange(len(t) - 1) % 5)])
    refused(table, tmp_path, "numbers folds, but holds", Columns(time="months", event="event", folds="fold"))
