"""The panel's model section: what is missing, a fit, its validation and update, and the next patient scored with it."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cohort_tables import generated_table, written
from panel_desk import FakeRunner, RealRunner

from EsoRadiomicsLib.in_slicer.panel.choices import study_choices, study_of
from EsoRadiomicsLib.in_slicer.panel.model_inputs import (
    PUBLISHED,
    ModelInputs,
    Needs,
    fit_options,
    outcome_options,
    selections,
)
from EsoRadiomicsLib.in_slicer.panel.model_panel import ModelSection
from EsoRadiomicsLib.in_slicer.panel.model_result import ModelResult
from EsoRadiomicsLib.scoring.score import check_scorable
from EsoRadiomicsLib.studies.study import load_study

STUDY = "escc-pfs-dcrt"


class Sheet:
    """The section with a generated cohort's table, as the panel shows it."""

    def __init__(self, folder: Path, runner: Any = None, study: str = STUDY) -> None:
        self.runner = runner or FakeRunner()
        self.changes = 0
        self.section = ModelSection(self.runner, self.count)
        self.table = generated_table()
        path = written(self.table, folder)
        self.inputs = self.section.proposed(ModelInputs(str(path), study, permutations=0, bootstrap=0))

    def count(self) -> None:
        self.changes += 1

    def done(self, capsys: pytest.CaptureFixture[str]) -> ModelResult:
        """The result of what was started."""
        assert self.section.running, self.section.error
        self.runner.work(capsys)
        assert self.section.result is not None and not self.section.error, self.section.error
        return self.section.result


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sheet]:
    """A fit that several tests look at."""
    pytest.importorskip("threadpoolctl")
    sheet = Sheet(tmp_path_factory.mktemp("cohort"))
    with _captured() as capsys:
        sheet.section.fit(sheet.inputs)
        sheet.done(capsys)
    yield sheet


@contextmanager
def _captured() -> Iterator[Any]:
    """What ``FakeRunner.work`` needs, for a fixture of a whole module."""
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO
    from types import SimpleNamespace

    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        yield SimpleNamespace(readouterr=lambda: SimpleNamespace(out=out.getvalue(), err=err.getvalue()))


def test_a_fit_is_shown_with_the_numbers_of_its_tables(fitted: Sheet) -> None:
    result, folder = fitted.section.result, Path(fitted.inputs.folder) / f"{STUDY}-model"
    assert result is not None and result.folder == folder and result.fitted
    assert result.study is not None and result.study.signature is not None
    assert fitted.section.message.startswith("Done.") and "escc-pfs-dcrt-model" in fitted.section.message
    with (folder / "tables" / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "C-index"]
    wanted = {row["cohort"]: f"{float(row['value']):.2f} (" for row in rows if row["model"] == rows[0]["model"]}
    name, cells = result.measures.rows[0]
    assert name == f"C-index, {rows[0]['model']}"
    assert result.measures.cohorts == ("training", "validation") == tuple(wanted)
    assert all(cell.startswith(wanted[cohort]) for cohort, cell in zip(wanted, cells, strict=True))
    names = [name for name, _ in result.measures.rows]
    assert {"C-index, clinical only", "C-index, volume only", "calibration slope"} <= set(names)
    assert result.signature_line.startswith(f"{len(result.study.signature.names)} features; cut-off > ")
    assert "HRR status" in result.model_line
    assert result.warnings == tuple(result.study.card["limitations"]) != ()


def test_figures_come_in_the_order_of_interest(fitted: Sheet) -> None:
    assert fitted.section.result is not None
    titles = [title for title, _ in fitted.section.result.figures]
    assert titles[:5] == [
        "Kaplan–Meier, training",
        "Kaplan–Meier, validation",
        "Calibration, training",
        "Calibration, validation",
        "Nomogram",
    ]
    files = {path.name for _, path in fitted.section.result.figures}
    assert files == {path.name for path in (fitted.section.result.folder / "figures").iterdir()}


def test_a_fitted_card_scores_the_next_patients_without_a_reference_cohort(fitted: Sheet, tmp_path: Path) -> None:
    card = fitted.section.install(tmp_path / "mine")
    assert card is None and "mine" in fitted.section.error  # the folder is the user's to make
    (tmp_path / "mine").mkdir()
    card = fitted.section.install(tmp_path / "mine")
    assert card is not None and card.name == "escc-pfs-dcrt-model.json", fitted.section.error
    assert str(card) in [choice.id_or_path for choice in study_choices(card.parent) if choice.scorable]
    study = study_of(str(card))
    check_scorable(study, study.settings, None)
    assert fitted.section.install(card.parent) == card
    other = json.loads(card.read_text(encoding="utf-8")) | {"title": "another"}
    card.write_text(json.dumps(other), encoding="utf-8")
    second = fitted.section.install(card.parent)
    assert second is not None and second.name == "escc-pfs-dcrt-model-2.json"
    assert json.loads(card.read_text(encoding="utf-8"))["title"] == "another"


def test_a_fitted_card_is_validated_and_updated_on_other_patients(
    fitted: Sheet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = Sheet(tmp_path)
    others = written(generated_table(seed=8), tmp_path, "others.csv")
    assert fitted.section.result is not None
    card = str(fitted.section.result.folder / "card.json")
    inputs = replace(sheet.inputs, table=str(others), card=card)
    assert sheet.section.missing_to_validate(inputs) == []
    sheet.section.validate(inputs)
    plain = sheet.done(capsys)
    assert plain.study is None and not plain.fitted and plain.signature_line == plain.model_line == ""
    assert plain.measures.cohorts == ("validation",)
    assert any("does not say with which settings" in warning for warning in plain.warnings)
    assert sheet.section.install(tmp_path) is None and "no fitted or updated card" in sheet.section.error

    sheet.section.validate(replace(inputs, update="slope"))
    updated = sheet.done(capsys)
    assert updated.folder.name == "escc-pfs-dcrt-model-validation-2" and plain.folder.exists()
    assert updated.measures.cohorts == ("validation", "after the slope update")
    assert updated.study is not None and updated.study.card["parent"] == "escc-pfs-dcrt-model"


def test_validating_a_card_in_the_patients_it_was_fitted_to_is_warned_of(
    fitted: Sheet, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = fitted.section.result
    assert fit is not None
    fitted.section.validate(replace(fitted.inputs, card=str(fit.folder / "card.json")))
    assert fitted.done(capsys).warnings[0].startswith("These are the patients that the card was fitted to")
    fitted.section.restore(str(fit.folder))


def test_a_result_is_shown_again_from_its_folder(fitted: Sheet) -> None:
    assert fitted.section.result is not None
    again = ModelSection(FakeRunner(), lambda: None)
    again.restore(str(fitted.section.result.folder))
    assert again.result is not None and again.result.measures == fitted.section.result.measures
    again.restore(str(fitted.section.result.folder.parent))
    assert again.result is None and again.error == ""


def test_of_the_table_chosen_before_what_was_chosen_stays(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path)
    chosen = replace(sheet.inputs, event="HRR status", clinical=("stage",), time="", study="escc-lpfs-ccrt")
    again = sheet.section.proposed(chosen, new_table=False)
    assert (again.event, again.clinical, again.time) == ("HRR status", ("stage",), "months")
    assert sheet.section.proposed(replace(chosen, study=STUDY)) == sheet.inputs
    assert sheet.section.proposed(replace(chosen, table="nowhere.csv")) == replace(chosen, table="nowhere.csv")


def test_what_is_missing_is_said_in_sentences(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path)
    section, inputs = sheet.section, sheet.inputs
    assert inputs.folder == str(tmp_path)
    assert section.missing_to_fit(inputs) == []
    empty = ModelInputs()
    assert len(section.missing_to_fit(empty)) == 2 and "Choose the cohort's table" in section.missing_to_fit(empty)[0]
    for change, said in (
        ({"time": ""}, "column of the follow-up time"),
        ({"event": ""}, "column of the event"),
        ({"folder": ""}, "folder for the results"),
        ({"study": "escc-lnm-deep", "outcome": ""}, "column of the outcome"),
        ({"study": "ln-response-crt", "outcome": ""}, "column of the outcome"),
        ({"table": "nowhere.csv"}, "cannot be read"),
        ({"clinical": ("a, b",)}, "has a comma in its name"),
        ({"clinical": ("event",)}, "“event” cannot be a clinical variable too"),
    ):
        (reason,) = section.missing_to_fit(replace(inputs, **change))
        assert said in reason
    foreign = written(pd.DataFrame({"case": ["a"], "months": [1]}), tmp_path, "foreign.csv")
    (reason,) = section.missing_to_fit(replace(inputs, table=str(foreign)))
    assert "no column with the name of a feature" in reason
    (reason,) = section.missing_to_validate(replace(inputs, card="nowhere.json"))
    assert "nowhere.json" in reason
    (reason,) = section.missing_to_validate(replace(inputs, study="escc-early-recurrence"))
    assert "publishes no coefficient" in reason
    section.fit(empty)
    assert "Choose the cohort's table" in section.error and not section.running


def test_only_the_outcome_columns_that_are_used_are_asked_for_and_passed_on(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path)
    assert sheet.section.needs(sheet.inputs) == Needs(survival=True, binary=False)
    sheet.section.fit(sheet.inputs)
    assert not any(argument.startswith("--outcome") for argument in sheet.runner.arguments)
    assert "--split=cohort" in sheet.runner.arguments and "--clinical=HRR status" in sheet.runner.arguments
    sheet.section.cancel()
    binary = replace(sheet.inputs, study="ln-response-crt", time_unit="days")
    assert sheet.section.needs(binary) == Needs(survival=False, binary=True)
    sheet.section.fit(binary)
    assert "--outcome=outcome" in sheet.runner.arguments
    assert not any(argument.startswith("--time") for argument in sheet.runner.arguments)
    sheet.section.scene_closing()
    both = replace(sheet.inputs, study="ln-control-2y")
    assert sheet.section.needs(both) == Needs(survival=True, binary=True)


def test_several_rois_another_step_and_another_endpoint_are_passed_on(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path, study="escc-lnm-deep")
    assert not any(
        argument.startswith(("--rois", "--alternative", "--endpoint")) for argument in fit_options(sheet.inputs)
    )
    chosen = replace(sheet.inputs, patient="case", rois="mean", alternative="random-forest", endpoint=" OS ")
    options = [*outcome_options(chosen, Needs(survival=False, binary=True)), *fit_options(chosen)]
    assert {"--patient=case", "--rois=mean", "--alternative=random-forest", "--endpoint=OS"} <= set(options)
    other = sheet.section.proposed(replace(chosen, study=STUDY), new_table=False)
    assert (other.alternative, other.patient) == ("", "case")  # that protocol has no other step
    assert sheet.section.proposed(chosen, new_table=True).patient == ""


def test_the_papers_own_features_can_be_weighed_anew_where_it_names_them(tmp_path: Path) -> None:
    assert list(selections(load_study("escc-early-recurrence"))) == [PUBLISHED]
    assert list(selections(load_study("escc-lnm-deep"))) == ["random-forest"]
    sheet = Sheet(tmp_path, study="escc-early-recurrence")
    chosen = replace(sheet.inputs, alternative=PUBLISHED, outcome="outcome")
    assert sheet.section.missing_to_fit(chosen) == []
    options = fit_options(chosen)
    assert "--signature=published" in options and not any(option.startswith("--alternative") for option in options)


def test_a_table_that_cannot_be_fitted_is_the_commands_sentence_and_leaves_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("threadpoolctl")
    sheet = Sheet(tmp_path)
    sheet.table["event"] += 4
    written(sheet.table, tmp_path)
    os.utime(sheet.inputs.table, (1, 1))  # another time than when it was first read
    sheet.section.fit(sheet.inputs)
    sheet.runner.work(capsys)
    assert "4" in sheet.section.error and sheet.section.error.endswith(".")
    assert sheet.section.result is None
    assert [path.name for path in tmp_path.iterdir()] == ["cohort.csv"]


def test_closing_the_scene_ends_a_fit(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path)
    sheet.section.fit(sheet.inputs)
    sheet.section.scene_closing()
    assert sheet.runner.stopped == 1 and not sheet.section.running
    sheet.runner.on_finished(0, "")
    assert sheet.section.result is None and sheet.section.error == ""


def test_a_real_process_fits_and_is_cancelled(tmp_path: Path) -> None:
    pytest.importorskip("threadpoolctl")
    runner = RealRunner()
    sheet = Sheet(tmp_path, runner)
    sheet.section.fit(sheet.inputs)
    runner.first_line()
    assert sheet.section.message == "the protocol on the training patients"
    sheet.section.cancel()
    assert runner.process.poll() is not None and sheet.section.message == "Cancelled"
    assert [path.name for path in tmp_path.iterdir()] == ["cohort.csv"]
    sheet.section.fit(replace(sheet.inputs, permutations=1, bootstrap=1))
    runner.wait()
    assert sheet.section.result is not None, sheet.section.error
    assert "In those set aside" in sheet.section.result.notes[0]
    assert any(note.startswith("Chance: with shuffled outcomes") for note in sheet.section.result.notes)


def test_a_result_is_shown_with_its_numbers_and_nothing_unescaped(fitted: Sheet) -> None:
    from EsoRadiomicsLib.in_slicer.widgets.model.model_html import model_html

    result = fitted.section.result
    assert result is not None
    html = model_html(replace(result, warnings=("p < 0.05",)))
    assert html.count("<tr>") == 1 + len(result.measures.rows)
    assert "p &lt; 0.05" in html and result.signature_line.replace(">", "&gt;") in html
    assert "<b>Validation</b>" in model_html(replace(result, study=None, fitted=False))
