"""The shell command as a person runs it: a process, its exit code, what it prints and what it leaves behind."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import phantoms
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.extraction.pyradiomics.feature_names import ALL
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import builtin_studies, load_study

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-m", "EsoRadiomicsLib"]


@pytest.fixture
def esoradiomics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a process, in a folder with ``ct.nrrd`` and ``gtv.nrrd``."""
    phantoms.write_phantom(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3] / "EsoRadiomics"))

    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, **options)  # type: ignore[call-overload]

    return run


def left_behind(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"ct.nrrd", "gtv.nrrd"}


SCORE = ("score", "ct.nrrd", "gtv.nrrd", "--study", "ln-response-crt")


def test_scoring_prints_a_summary_and_leaves_the_report(esoradiomics: Run, tmp_path: Path) -> None:
    done = esoradiomics(*SCORE, "--out", "report")
    assert done.returncode == 0, done.stderr
    assert "Rad-score" in done.stdout and "cut-off 0.961" in done.stdout
    assert str(Path("report", "report.html")) in done.stdout
    assert left_behind(tmp_path) == {"report"}
    assert {path.name for path in Path("report").iterdir()} == {
        "contributions.svg",
        "features.csv",
        "nomogram.svg",
        "report.html",
        "result.json",
        "roi.png",
    }


def test_json_output_is_result_json_and_the_same_input_gives_the_same_bits(esoradiomics: Run) -> None:
    first = esoradiomics(*SCORE, "--json", "--out", "first")
    again = esoradiomics(*SCORE, "--json", "--out", "second", "--jobs", "2")
    assert first.stdout == again.stdout == Path("first", "result.json").read_text()
    for file in Path("first").iterdir():
        assert file.read_bytes() == Path("second", file.name).read_bytes(), file.name
    document = json.loads(first.stdout)
    assert ["Risk group", document["score"]["group"]["label"]] in document["summary"]


def test_progress_as_json_lines_goes_to_standard_error(esoradiomics: Run) -> None:
    done = esoradiomics(*SCORE, "--progress", "json")
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert told[0]["progress"] == 0 and told[-1]["progress"] == 1
    assert all(item["message"] for item in told)


def test_extraction_gives_the_851_columns_and_a_reference_cohort_is_built_from_them(esoradiomics: Run) -> None:
    for name in ("a", "b", "c"):
        phantom = phantoms.ct(seed=ord(name))
        sitk.WriteImage(phantom, "ct.nrrd")
        done = esoradiomics(
            "extract", "ct.nrrd", "gtv.nrrd", "--study", "escc-lpfs-ccrt", "--out", f"{name}.csv", "--name", name
        )
        assert done.returncode == 0, done.stderr
        assert "at or above −50 HU" in done.stdout
    table = pd.read_csv("a.csv", float_precision="round_trip")
    assert [column for column in table.columns if column in set(ALL)] == list(ALL)
    build = ("reference", "build", "a.csv", "b.csv", "c.csv", "--study", "escc-lpfs-ccrt", "--label", "phantoms")
    done = esoradiomics(*build, "--out", "cohort.json")
    assert done.returncode == 0, done.stderr
    assert "cannot serve as a reference: 3 cases" in done.stdout
    scored = ("score", "ct.nrrd", "gtv.nrrd", "--study", "escc-lpfs-ccrt", "--covariate", "N stage=N1", "--json")
    done = esoradiomics(*scored, "--reference", "cohort.json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["reference"]["label"], result["reference"]["demonstration"]) == ("phantoms", False)
    assert result["reference"]["against"]["cases"] == 3
    assert any("CR status not given" in sentence for sentence in result["not_computed"])
    assert esoradiomics(*build, "--out", "cohort.json").returncode == 2  # it exists
    done = esoradiomics(*scored, "--reference", "cohort.json", "--set", "bin_width=10")
    assert done.returncode == 1 and "bin_width: here 10.0, reference 25.0" in done.stderr


def test_robustness_is_reported_with_the_score_and_is_the_same_every_time(esoradiomics: Run) -> None:
    command = ("robustness", "ct.nrrd", "gtv.nrrd", "--study", "ln-response-crt", "--count", "5")
    done = esoradiomics(*command, "--out", "report", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert "Firmness" in done.stdout and "of 5 perturbations" in done.stdout
    assert Path("report", "robustness.svg").exists()
    assert "Firmness" in Path("report", "report.html").read_text()
    assert esoradiomics(*command, "--json").stdout == Path("report", "result.json").read_text()


def test_a_changed_setting_is_recorded_and_warned_about(esoradiomics: Run) -> None:
    result = json.loads(esoradiomics(*SCORE, "--set", "bin_width=10", "--json").stdout)
    assert result["settings"]["changed"] == {"bin_width": {"study": 25.0, "used": 10.0}}
    assert any("bin_width" in sentence for sentence in result["warnings"])


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("score", "none.nrrd", "gtv.nrrd", "--study", "ln-response-crt"), 1, "none.nrrd"),
        (("score", "ct.nrrd", "gtv.nrrd", "--study", "nobody"), 2, "no study “nobody”"),
        (("score", "ct.nrrd", "gtv.nrrd", "--study", "escc-lpfs-ccrt"), 1, "reference cohort"),
        (("score", "ct.nrrd", "gtv.nrrd", "--study", "escc-early-recurrence"), 1, "Fit the card's protocol"),
        ((*SCORE, "--covariate", "Age=60"), 2, "no covariate “Age”"),
        ((*SCORE, "--covariate", "Age"), 2, "NAME=VALUE"),
        ((*SCORE, "--set", "bins=3"), 2, "bins is no extraction setting"),
        ((*SCORE, "--set", "bin_width=-1"), 2, "bin_width is -1"),
        ((*SCORE, "--set", "bin_width=wide"), 2, "bin_width is wide"),
        ((*SCORE, "--label", "7"), 1, "7"),
        ((*SCORE, "--jobs", "0"), 2, "jobs is 0"),
        ((*SCORE, "--out", "ct.nrrd"), 2, "ct.nrrd"),
        (("reference", "build", "ct.nrrd", "--study", "escc-lpfs-ccrt", "--label", "x", "--out", "c.json"), 1, "CSV"),
        (("extract", "ct.nrrd", "gtv.nrrd", "--study", "ln-control-2y", "--out", "no/folder/x.csv"), 2, "no/folder"),
    ],
)  # fmt: skip
def test_bad_calls_are_one_sentence_an_exit_code_and_nothing_written(
    esoradiomics: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    done = esoradiomics(*arguments, "--progress", "none") if arguments[0] != "reference" else esoradiomics(*arguments)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.count("esoradiomics:") == 1
    assert left_behind(tmp_path) == set()


def test_a_folder_with_another_case_is_refused_and_kept(esoradiomics: Run) -> None:
    assert esoradiomics(*SCORE, "--out", "report").returncode == 0
    before = Path("report", "result.json").read_bytes()
    sitk.WriteImage(phantoms.ct(seed=5), "ct.nrrd")
    done = esoradiomics(*SCORE, "--out", "report")
    assert done.returncode == 2 and "report" in done.stderr
    assert Path("report", "result.json").read_bytes() == before


def test_a_disk_that_is_full_leaves_nothing(esoradiomics: Run, tmp_path: Path) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = esoradiomics(*SCORE, "--out", "report", preexec_fn=small_files)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert left_behind(tmp_path) == set()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_leaves_neither_files_nor_processes(
    esoradiomics: Run, tmp_path: Path, stop: signal.Signals
) -> None:
    command = [*COMMAND, *SCORE, "--out", "report", "--jobs", "2", "--progress", "json"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        process.stderr.readline()  # the first progress: the workers are at it
        process.send_signal(stop)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert "interrupted" in errors and "Traceback" not in errors
    assert left_behind(tmp_path) == set()
    assert group_is_gone(process.pid)


def test_workers_end_when_their_parent_is_killed(esoradiomics: Run) -> None:
    command = [*COMMAND, *SCORE, "--jobs", "2", "--progress", "json"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.kill()
    assert group_is_gone(process.pid)


def group_is_gone(group: int) -> bool:
    """Whether no process of the group is left within some seconds."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_icc_takes_the_rule_of_a_study_and_writes_table_list_and_figures(
    tmp_path: Path, golden: Callable[[str], pd.DataFrame], capsys: pytest.CaptureFixture[str]
) -> None:
    readers = [golden(f"icc_reader{reader}.csv.gz").assign(reader=reader) for reader in "AB"]
    pd.concat(readers).rename(columns={"id": "case"}).to_csv(tmp_path / "readings.csv", index=False)
    command = ["icc", str(tmp_path / "readings.csv"), "--out", str(tmp_path / "icc")]
    names = [name for name in readers[0].columns if name.count("_") == 2][:1]
    assert main([*command, "--study", "ln-response-crt", "--bland-altman", names[0]]) == 0
    assert "ICC(2,1) > 0.75" in capsys.readouterr().out
    kept = json.loads((tmp_path / "icc" / "kept.json").read_text())
    examined = pd.read_csv(tmp_path / "icc" / "icc.csv")["feature"]
    psych = golden("icc_psych.csv.gz").set_index("feature").loc[examined, "ICC2"]
    assert kept["features"] == list(psych.index[psych > 0.75])
    pictures = {path.name for path in (tmp_path / "icc").glob("*.svg")}
    assert pictures == {"icc.svg", "icc_map.svg", f"bland_altman_{names[0]}.svg"}
    assert main([*command[:3], str(tmp_path / "other")]) == 2
    assert "--threshold" in capsys.readouterr().err


def test_every_study_can_be_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studies"]) == 0
    listed = capsys.readouterr().out
    for study in builtin_studies():
        assert study in listed
        assert main(["studies", study]) == 0
        shown = capsys.readouterr().out
        assert load_study(study).title in shown and all(name in shown for name in load_study(study).settings_evidence)


@pytest.mark.parametrize("command", ["score", "robustness", "extract", "icc", "studies", "reference", "selftest"])
def test_help_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"esoradiomics {command}" in capsys.readouterr().out.partition("examples:")[2]


def test_the_main_help_documents_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "exit codes" in capsys.readouterr().out


def test_a_score_in_another_language_says_it_in_that_language(esoradiomics: Run) -> None:
    done = esoradiomics(*SCORE, "--language", "zh")
    assert done.returncode == 0, done.stderr
    assert "（> 截断值 0.961）" in done.stdout or "（≤ 截断值 0.961）" in done.stdout
    assert "风险组" in done.stdout


def test_an_unknown_language_is_a_sentence_with_those_there_are(esoradiomics: Run, tmp_path: Path) -> None:
    done = esoradiomics(*SCORE, "--language", "xx", "--out", "report")
    assert done.returncode == 2
    assert done.stderr == "esoradiomics: There is no language “xx”. There are: en, zh.\n"
    assert left_behind(tmp_path) == set()
