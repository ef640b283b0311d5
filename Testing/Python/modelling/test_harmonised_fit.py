"""ComBat inside a fit: who teaches it, that each fold learns its own, and how a new patient is harmonised."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_tables import generated_table, written

from EsoRadiomicsLib.core.errors import InputError, ScoreError, StudyError, UsageError
from EsoRadiomicsLib.evaluation.assessment import assess
from EsoRadiomicsLib.evaluation.internal_validation import internal_validation
from EsoRadiomicsLib.evaluation.validate import validate
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Columns, read_cohort
from EsoRadiomicsLib.modelling.predictions import predict
from EsoRadiomicsLib.modelling.protocol_plan import read_plan
from EsoRadiomicsLib.modelling.steps.lasso_step import LassoChoice
from EsoRadiomicsLib.scoring.score import score
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.statistics.combat import fit_combat
from EsoRadiomicsLib.statistics.gaussian_lasso import cross_validate_gaussian
from EsoRadiomicsLib.studies.study import check_card, load_study

PROTOCOL = "escc-pfs-dcrt"
COLUMNS = Columns(time="months", event="event", clinical=("HRR status", "stage"), split="cohort", batch="scanner")


def scanned(seed: int = 7, n: int = 240) -> pd.DataFrame:
    """Patients of three scanners, of which “B” shifts and stretches every feature, and “10” a little."""
    table = generated_table(n, seed=seed)
    rng = np.random.default_rng(seed + 1)
    table["scanner"] = rng.choice(["A", "B", "10"], n, p=[0.4, 0.4, 0.2])
    names = [name for name in table.columns if "_" in name and name != "original_shape_VoxelVolume"]
    for k, name in enumerate(names):
        b, c = (table["scanner"] == which for which in ("B", "10"))
        table.loc[b, name] = 1.8 * table.loc[b, name] + (-1) ** k * rng.normal(2.5, 0.5)
        table.loc[c, name] = table.loc[c, name] + rng.normal(-0.4, 0.2)
    return table


def fitted(table: pd.DataFrame, folder: Path, columns: Columns = COLUMNS, **options: object) -> Fit:
    options_ = Options(batch_covariates=("stage",), **options)  # type: ignore[arg-type]
    return fit_table(
        written(table, folder), columns, load_study(PROTOCOL), Identity("ours", "Ours", "generated"), options=options_
    )


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    return fitted(scanned(), tmp_path_factory.mktemp("harmonised"))


def test_rad_score_by_hand_table_and_single_patient_are_one(fit: Fit) -> None:
    """ComBat on the training rows (equal to sva, see its own test), then z-score, then the weights."""
    training, validation, signature = fit.training, fit.validation, fit.study.signature
    assert validation is not None and signature is not None and training.batches is not None
    assert validation.batches is not None
    names = list(training.features.columns)
    kept = {"stage": training.clinical["stage"].to_numpy()}
    combat, _ = fit_combat(training.features.to_numpy(), list(training.batches), names, "scanner", kept)
    inside, outside = (
        pd.DataFrame(
            combat.apply(each.features.to_numpy(), list(each.given["scanner"]), each.clinical[["stage"]].to_numpy()),
            columns=names,
        )[list(signature.names)]
        for each in (training, validation)
    )
    z = (outside - inside.mean()) / inside.std(ddof=1)
    by_hand = z.to_numpy() @ np.array([feature.coefficient.value for feature in signature.features])
    by_hand += signature.intercept
    assert fit.model.signature.rad_score(validation) == pytest.approx(by_hand, abs=1e-9)
    predicted = predict(fit.study, validation.features, validation.given)
    assert predicted.rad_score == pytest.approx(by_hand, abs=1e-9)
    for i in range(6):
        values = validation.features.iloc[i][list(signature.names)].to_dict()
        given = {name: validation.clinical[name].iloc[i] for name in fit.study.covariates if name != "scanner"}
        alone = score(
            fit.study,
            Features(values, {}, fit.study.settings, {}),
            covariates={**given, "scanner": validation.batches.iloc[i]},
        )
        assert alone.rad_score == pytest.approx(by_hand[i], abs=1e-9)
        assert alone.harmonised_from == validation.batches.iloc[i]


def test_patients_set_aside_teach_the_harmonisation_nothing(fit: Fit, tmp_path: Path) -> None:
    table = scanned()
    features = [name for name in table.columns if "_" in name]
    aside = table["cohort"] == "validation"
    rng = np.random.default_rng(0)
    table.loc[aside, features] = rng.normal(50, 20, (int(aside.sum()), len(features)))
    table.loc[aside, "months"] = rng.exponential(20, int(aside.sum())) + 0.1
    again = fitted(table, tmp_path)
    assert again.study.card["signature"] == fit.study.card["signature"]


def test_each_fold_of_the_cross_validation_has_a_harmonisation_of_its_own_patients(fit: Fit) -> None:
    model, training = fit.model, fit.training
    choice = model.detail(LassoChoice)
    assert choice is not None and training.survival is not None and training.batches is not None
    names, folds = model.features.columns, choice.folds[0]
    raw, batches = training.features[list(names)].to_numpy(), np.array(training.batches)
    stage = training.clinical[["stage"]].to_numpy()

    def harmonised(rows: np.ndarray) -> np.ndarray:
        combat, _ = fit_combat(raw[rows], list(batches[rows]), list(names), "scanner", {"stage": stage[rows, 0]})
        return combat.apply(raw, list(batches), stage)

    everybody = harmonised(np.arange(len(raw)))
    np.testing.assert_allclose(model.features.to_numpy(), everybody, rtol=1e-9)
    table = pd.DataFrame(everybody, columns=names)
    own = cross_validate_gaussian(table, training.survival.event, folds, seen=harmonised)
    np.testing.assert_allclose(choice.cv.curve.mean, own.curve.mean, rtol=1e-6)
    leaking = cross_validate_gaussian(table, training.survival.event, folds)
    assert np.abs(leaking.curve.mean - own.curve.mean).max() > 1e-4


def test_harmonised_scores_rank_patients_of_all_scanners_as_features_without_scanner_effects_do(fit: Fit) -> None:
    """The truth is known: the same patients, measured on one scanner."""
    clean = generated_table(240, seed=7)
    rows = clean.set_index("case").loc[list(fit.training.features.index)]
    first, second = (
        name for name in clean.columns if "_" in name and "Volume" not in name and name in clean.columns[7:9]
    )
    truth = rows[first] - 0.8 * rows[second]
    found = np.corrcoef(fit.model.signature.rad_score(fit.training), truth)[0, 1]
    raw = np.corrcoef(fit.training.features[first] - 0.8 * fit.training.features[second], truth)[0, 1]
    assert found > 0.93 > 0.75 > raw


def test_the_card_holds_the_harmonisation_with_its_priors_and_asks_for_the_scanner_by_name(fit: Fit) -> None:
    node = fit.study.card["signature"]["harmonisation"]
    assert node["features"] == [feature["name"] for feature in fit.study.card["signature"]["features"]]
    assert node["covariates"] == ["stage"] and len(node["effects"]) == 1
    assert set(node["batches"]) == {"A", "B", "10"}
    assert sum(batch["rows"] for batch in node["batches"].values()) == len(fit.training)
    assert all(batch["prior"]["shape"] > 2 for batch in node["batches"].values())
    step = next(step for step in fit.study.card["protocol"]["steps"] if step["step"] == "harmonise")
    assert (step["batch"], step["covariates"]) == ("scanner", ["stage"])
    scanner = fit.study.covariates["scanner"]
    assert scanner.check("10") == 1 and scanner.check("b") == 3  # by name, whatever the case
    for not_one in ("1", "C", "3", ""):
        with pytest.raises(UsageError, match="the study knows 10, A, B"):
            scanner.check(not_one)
    assert read_plan(fit.study).steps[0].name == "split"


def test_a_patient_of_an_unknown_or_unnamed_scanner_is_not_scored(fit: Fit, tmp_path: Path) -> None:
    assert fit.study.signature is not None
    features = Features(dict.fromkeys(fit.study.signature.names, 1.0), {}, fit.study.settings, {})
    with pytest.raises(ScoreError, match="scanner is needed; it knows 10, A, B"):
        score(fit.study, features, covariates={"stage": 2})
    with pytest.raises(ScoreError, match="stage is needed"):
        score(fit.study, features, covariates={"scanner": "A"})
    with pytest.raises(UsageError, match="the study knows 10, A, B"):
        score(fit.study, features, covariates={"scanner": "C", "stage": 2})
    table = scanned(seed=9, n=40)
    table.loc[3, "scanner"] = "C"
    columns = Columns(time="months", event="event", clinical=tuple(fit.study.covariates))
    with pytest.raises(InputError, match="'C'; the study knows 10, A, B"):
        read_cohort(written(table, tmp_path), columns, fit.study)


def test_validate_harmonises_each_row_by_its_scanner(fit: Fit, tmp_path: Path) -> None:
    columns = Columns(time="months", event="event", clinical=tuple(fit.study.covariates))
    cohort = read_cohort(written(scanned(), tmp_path), columns, fit.study).cohort
    found = validate(fit.study, cohort, "again").prediction.rad_score
    assert fit.validation is not None
    expected = pd.Series(fit.model.signature.rad_score(fit.validation), index=fit.validation.features.index)
    assert pd.Series(found, index=cohort.features.index)[expected.index].to_numpy() == pytest.approx(
        expected.to_numpy(), abs=1e-9
    )


def test_cohort_score_takes_the_scanner_from_the_table_and_names_rows_it_cannot_score(
    fit: Fit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.json").write_text(json.dumps(fit.study.card), encoding="utf-8")
    table = scanned().assign(settings=fit.study.settings.fingerprint)
    table.loc[0, "scanner"], table.loc[1, "scanner"] = "C", ""
    path = written(table, tmp_path)
    command = ["cohort", "score", str(path), "--study", str(tmp_path / "card.json"), "--out"]
    assert main([*command, str(tmp_path / "s.csv")]) == 0
    lines = pd.read_csv(tmp_path / "s.csv", dtype={"case": str, "harmonised_from": str}).set_index("case")
    assert "the study knows 10, A, B" in lines.loc["P000", "not_scored"]
    assert "scanner is needed" in lines.loc["P001", "not_scored"]
    assert lines["rad_score"].isna().sum() == 2
    assert lines.loc["P005", "harmonised_from"] == table.loc[5, "scanner"]
    assert fit.validation is not None
    expected = fit.model.signature.rad_score(fit.validation)
    assert lines.loc[list(fit.validation.features.index), "rad_score"].to_numpy() == pytest.approx(expected, abs=1e-9)
    without = written(table.drop(columns="scanner"), tmp_path, "without.csv")
    assert main(["cohort", "score", str(without), *command[3:], str(tmp_path / "t.csv")]) == 1
    assert "needs a column “scanner”" in capsys.readouterr().out


def test_features_are_never_harmonised_twice(fit: Fit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = scanned().assign(harmonised="0123456789ab", settings=fit.study.settings.fingerprint)
    with pytest.raises(InputError, match="were harmonised before"):
        fitted(done, tmp_path)
    columns = Columns(time="months", event="event", clinical=tuple(fit.study.covariates))
    with pytest.raises(InputError, match="were harmonised before"):
        read_cohort(written(done.drop(columns="settings"), tmp_path), columns, fit.study)
    (tmp_path / "card.json").write_text(json.dumps(fit.study.card), encoding="utf-8")
    command = ["cohort", "score", str(written(done, tmp_path)), "--study", str(tmp_path / "card.json")]
    assert main([*command, "--out", str(tmp_path / "s.csv")]) == 1
    assert "was harmonised before" in capsys.readouterr().out
    plain = replace(COLUMNS, batch=None)
    found = read_cohort(written(done, tmp_path), plain, load_study(PROTOCOL)).cohort
    assert any("harmonise every new patient with that same model" in warning for warning in found.warnings)
    assert "harmonised" not in found.features


def test_a_card_whose_harmonisation_does_not_fit_its_signature_is_refused(fit: Fit) -> None:
    def broken(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        card = deepcopy(dict(fit.study.card))
        change(card)
        return card

    def node(card: dict[str, Any]) -> dict[str, Any]:
        return card["signature"]["harmonisation"]

    for change, words in (
        (lambda card: node(card)["mean"].pop(), "do not fit its features"),
        (lambda card: node(card)["features"].reverse(), "not the signature's features"),
        (lambda card: node(card)["batches"].pop("A"), "must be these batches"),
        (lambda card: card["covariates"].pop(), "not among the card's covariates"),
        (lambda card: node(card)["sd"].__setitem__(0, 0), "0"),
    ):
        with pytest.raises(StudyError, match=words):
            check_card(broken(change), Path("card.json"))


def test_resamples_and_the_report_of_both_sides_harmonise_as_the_fit_does(fit: Fit) -> None:
    sides = assess(fit).sides
    assert [len(side.prediction.rad_score) for side in sides] == [len(fit.training), len(fit.validation or ())]
    internal = internal_validation(fit.plan, fit.model, n=6)
    assert internal.n_failed == 0
    found = internal.find("C-index")
    assert found is not None and 0.6 < found.value < 0.9


def test_small_batches_missing_columns_and_unlike_patients_are_said(tmp_path: Path) -> None:
    table = scanned()
    few = table.assign(scanner=np.where(np.arange(len(table)) < 7, "C", table["scanner"]))
    with pytest.raises(InputError, match="Only 7 training patients are from C"):
        fitted(few, tmp_path)
    with pytest.raises(UsageError, match="leave it out of --clinical"):
        fitted(table, tmp_path, replace(COLUMNS, clinical=("stage", "scanner")))
    with pytest.raises(UsageError, match="--batch"):
        fitted(table, tmp_path, replace(COLUMNS, batch=None))
    gaps = table.assign(stage=table["stage"].where(np.arange(len(table)) % 7 > 0))
    with pytest.raises(InputError, match="cannot keep “stage”, which 23 of 160 training patients lack"):
        fitted(gaps, tmp_path, replace(COLUMNS, missing="impute"))
    same = table.assign(**{"HRR status": (table["scanner"] == "B").astype(int)})
    assert any("differ in HRR status" in warning for warning in fitted(same, tmp_path).model.warnings)
