"""Nothing of the validation patients may reach a model: changed, hidden or planted, they leave the card as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_tables import generated_table, written

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.modelling.draws import draw_folds
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Columns
from EsoRadiomicsLib.modelling.protocol_plan import read_plan
from EsoRadiomicsLib.studies.study import Study, load_study

PROTOCOLS = {
    "escc-lpfs-ccrt": Columns(time="months", event="event", clinical=("stage", "HRR status"), split="cohort"),
    "escc-pfs-dcrt": Columns(time="months", event="event", clinical=("stage", "HRR status"), split="cohort"),
    "ln-response-crt": Columns(outcome="outcome", split="cohort"),
    "ln-control-2y": Columns(
        time="months", event="event", outcome="outcome", clinical=("stage", "HRR status"), split="cohort"
    ),
    "escc-early-recurrence": Columns(outcome="outcome", clinical=("stage", "HRR status"), split="cohort"),
}


def fitted(table: pd.DataFrame, folder: Path, protocol: str, columns: Columns | None = None) -> Fit:
    path = written(table, folder)
    options = Options(n_folds=5, lambda_rule="min")
    columns = columns or PROTOCOLS[protocol]
    return fit_table(path, columns, load_study(protocol), Identity("a", "A", "b"), options=options)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_changing_every_validation_patient_leaves_the_card_as_it_is(protocol: str, tmp_path: Path) -> None:
    table = generated_table()
    card = fitted(table, tmp_path, protocol).study.card
    held_out = (table.cohort == "validation").to_numpy()
    rng = np.random.default_rng(0)
    for name in table.columns[7:]:
        table.loc[held_out, name] = rng.normal(5, 9, held_out.sum())
    table.loc[held_out, "months"] = rng.uniform(1, 60, held_out.sum()).round(1)
    table.loc[held_out, "event"] = rng.integers(0, 2, held_out.sum())
    table.loc[held_out, "outcome"] = rng.integers(0, 2, held_out.sum())
    assert fitted(table, tmp_path, protocol).study.card == card


def test_a_signal_that_only_validation_patients_have_is_not_found(tmp_path: Path) -> None:
    table = generated_table()
    held_out = (table.cohort == "validation").to_numpy()
    planted = table.columns[-2]
    signal = np.random.default_rng(0).normal(size=len(table)) - 2 * np.log(table.months)
    table.loc[held_out, planted] = signal[held_out]
    names = fitted(table, tmp_path, "escc-lpfs-ccrt").model.signature.names
    everywhere = table.assign(**{planted: signal})
    assert planted not in names
    assert planted in fitted(everywhere, tmp_path, "escc-lpfs-ccrt").model.signature.names


def test_a_patient_on_both_sides_of_the_split_is_an_error(tmp_path: Path) -> None:
    table = generated_table()
    table["patient"] = table["case"].where(table["case"] != "P119", "P000")
    columns = Columns(time="months", event="event", split="cohort", patient="patient")
    with pytest.raises(InputError, match="P000 has rows in training and in validation"):
        fitted(table, tmp_path, "escc-lpfs-ccrt", columns)


def test_the_same_image_under_two_names_is_an_error(tmp_path: Path) -> None:
    table = generated_table()
    table.loc[119, table.columns[7:]] = table.loc[0, table.columns[7:]].to_numpy()
    with pytest.raises(InputError, match=r"P119 .*same value in every feature as P000"):
        fitted(table, tmp_path, "escc-lpfs-ccrt")


def test_all_rois_of_a_patient_go_to_one_side_and_one_fold(tmp_path: Path) -> None:
    table = generated_table()
    table["patient"] = [f"H{i // 3}" for i in range(len(table))]
    columns = Columns(outcome="outcome", patient="patient")
    fit = fitted(table, tmp_path, "ln-response-crt", columns)
    assert fit.validation is not None
    assert not set(fit.training.patients) & set(fit.validation.patients)
    folds = pd.Series(draw_folds(fit.training, 5, 1)).groupby(list(fit.training.patients)).nunique()
    assert (folds == 1).all()


def test_clinical_variables_are_screened_in_training_patients_even_where_the_study_used_all(tmp_path: Path) -> None:
    fit = fitted(generated_table(), tmp_path, "escc-lpfs-ccrt")
    assert {model.n for model in fit.model.univariable} == {len(fit.training)}
    assert any("screened clinical variables in training and validation" in text for text in fit.model.warnings)


def test_means_of_all_patients_in_the_z_scores_are_refused() -> None:
    card = dict(load_study("escc-lpfs-ccrt").card)
    steps = [{**step, "rows": "all"} if step["step"] == "z-score" else step for step in card["protocol"]["steps"]]
    leaky = Study({**card, "protocol": {**card["protocol"], "steps": steps}}, Path("card.json"))
    with pytest.raises(UsageError, match="lets the validation patients into the model"):
        read_plan(leaky)
