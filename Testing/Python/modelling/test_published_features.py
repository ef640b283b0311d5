"""A study's published features as a fixed signature: weights from one's own patients, nothing chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_tables import written
from sklearn.linear_model import LogisticRegression

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.evaluation.size_account import size_sentence
from EsoRadiomicsLib.modelling.fit import Fit, Options, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import Columns
from EsoRadiomicsLib.modelling.protocol_plan import read_plan
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import Study, load_study

STUDY = "escc-early-recurrence"
COLUMNS = Columns(outcome="recurred", clinical=("age", "pN stage"), split="cohort")
FEATURES = [item["name"] for item in load_study(STUDY).card["signature"]["features"]]


def table(n: int = 150, seed: int = 3) -> pd.DataFrame:
    """Generated patients with the study's features and two others, of which the first alone carries the outcome."""
    rng = np.random.default_rng(seed)
    names = ["ibex_shape_Volume", "ibex_histogram_Range", *FEATURES]
    features = pd.DataFrame(rng.normal(size=(n, len(names))), columns=names)
    age, stage = rng.integers(40, 80, n), rng.integers(0, 3, n)
    odds = 1 / (1 + np.exp(-(features["ibex_shape_Volume"] + 0.5 * features[FEATURES[0]] + 0.4 * (stage - 1))))
    facts = pd.DataFrame(
        {
            "case": [f"P{i:03d}" for i in range(n)],
            "recurred": (rng.uniform(size=n) < odds).astype(int),
            "age": age,
            "pN stage": stage,
            "cohort": np.where(np.arange(n) < 100, "training", "validation"),
        }
    )
    return pd.concat([facts, features], axis=1)


def fitted(frame: pd.DataFrame, folder: Path) -> Fit:
    options = Options(published_features=True)
    identity = Identity("ours", "Ours", "generated")
    return fit_table(written(frame, folder), COLUMNS, load_study(STUDY), identity, options=options)


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    return fitted(table(), tmp_path_factory.mktemp("published"))


def test_the_report_says_weighed_where_nothing_was_selected(
    fit: Fit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(table(), tmp_path)
    command = [
        "fit",
        str(path),
        "--protocol",
        STUDY,
        "--outcome",
        "recurred",
        "--split",
        "cohort",
        "--progress",
        "none",
    ]
    more = ["--signature", "published", "--bootstrap", "4", "--permutations", "4", "--jobs", "1"]
    assert main([*command, *more, "--out", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert "11 published features weighed" in text and "the same features do as well" in text
    assert "select" not in text.split("training:")[0]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "how stable the selection is" not in page and "How often a feature is selected" not in page
    assert not (tmp_path / "out" / "tables" / "selection-frequency.csv").exists()


def test_all_and_only_the_published_features_are_in_the_card_with_weights_by_maximum_likelihood(fit: Fit) -> None:
    assert fit.study.signature is not None
    assert list(fit.study.signature.names) == FEATURES
    training = fit.training.features[FEATURES]
    z = (training - training.mean()) / training.std()
    x = pd.concat([z, fit.training.clinical], axis=1)
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(x, fit.training.binary)
    found = {feature.name: feature.coefficient.value for feature in fit.study.signature.features}
    assert list(found.values()) == pytest.approx(expected.coef_[0][: len(FEATURES)], abs=1e-4)
    assert set(fit.model.logistic) == {"radiomics", "clinical", "combined"}


def test_the_card_tells_that_nothing_was_chosen_and_can_be_repeated(fit: Fit) -> None:
    steps = [step["step"] for step in fit.study.card["protocol"]["steps"]]
    assert "published-features" in steps and not {"icc", "univariate", "lasso"} & set(steps)
    assert ("published by escc-early-recurrence: 11 features.") in fit.study.card["notes"]
    assert read_plan(fit.study).steps
    assert not fit.study.table_only


def test_only_the_published_features_and_the_clinical_variables_count_as_candidates(fit: Fit) -> None:
    assert fit.plan.n_published_features == 11
    sentence = size_sentence(fit.training, fit.plan)
    assert "for 13 candidate variables" in sentence
    assert read_plan(load_study(STUDY)).n_published_features is None


def test_a_missing_and_a_constant_feature_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lacks 1 of the 11 features .* ibex_shape_Mass"):
        fitted(table().drop(columns="ibex_shape_Mass"), tmp_path)
    with pytest.raises(InputError, match="ibex_shape_Mass is the same in all training patients"):
        fitted(table().assign(ibex_shape_Mass=1.0), tmp_path)


def test_too_few_patients_for_the_features_are_refused(tmp_path: Path) -> None:
    frame = table(40)
    frame["cohort"] = ["training"] * 12 + ["validation"] * 28
    with pytest.raises(InputError, match="The 11 features of escc-early-recurrence cannot be weighed"):
        fitted(frame, tmp_path)


def test_a_study_that_names_no_features_has_none_to_weigh() -> None:
    card = {**load_study(STUDY).card, "signature": {"absent": "none", "features": []}}
    with pytest.raises(UsageError, match="publishes no features of a signature"):
        read_plan(Study(card, Path("card.json")), published_features=True)


def test_a_survival_study_gives_its_features_weights_of_a_cox_model() -> None:
    plan = read_plan(load_study("escc-lpfs-ccrt"), published_features=True)
    (step,) = (step for step in plan.steps if step.name == "published-features")
    assert step.spec["family"] == "cox" and len(step.spec["features"]) == 17


def test_the_shell_fits_reports_and_scores_with_the_published_features(tmp_path: Path) -> None:
    path, out = written(table(), tmp_path), tmp_path / "model"
    call = ["fit", str(path), "--protocol", STUDY, "--signature", "published", "--outcome", "recurred"]
    call += ["--clinical", "age,pN stage", "--split", "cohort", "--permutations", "0", "--bootstrap", "0"]
    assert main([*call, "--jobs", "1", "--progress", "none", "--out", str(out)]) == 0
    assert (out / "report.html").is_file()
    assert load_study(out / "card.json").outcome is not None
