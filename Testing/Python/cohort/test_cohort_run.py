"""Running a cohort: what is kept whatever happens, and what a bad case takes with it (nothing)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import phantoms
import pytest
import SimpleITK as sitk
from cohort_factory import SIZE, write_cohort, write_manifest, write_patient

from EsoRadiomicsLib.cohort import child_process as child
from EsoRadiomicsLib.cohort.child_process import Limits
from EsoRadiomicsLib.cohort.cohort_run import CohortRun, local_workers, run_cohort
from EsoRadiomicsLib.cohort.cohort_table import write_results
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.studies.study import load_study

STUDY = load_study("ln-response-crt")
assert STUDY.signature is not None
NAMES = STUDY.signature.names


def measure(manifest: Path, out: Path, jobs: int = 1, limits: Limits = Limits()) -> CohortRun:  # noqa: B008 - frozen
    run = run_cohort(
        read_manifest(manifest), STUDY.settings, out, features=NAMES, workers=local_workers(jobs), limits=limits
    )
    write_results(run, out, study=STUDY.id)
    return run


def start(manifest: Path, out: Path) -> subprocess.Popen[str]:
    """The shell command with two processes, which tells its progress on standard error."""
    command = [sys.executable, "-m", "EsoRadiomicsLib", "cohort", "run", str(manifest), "--study", STUDY.id]
    command += ["--jobs", "2", "--out", str(out), "--progress", "json"]
    library = str(Path(child.__file__).parents[2])
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": library}
    )


def interrupt(process: subprocess.Popen[str], after_cases: int, delay: float, number: int) -> tuple[str, int]:
    """Send a signal some time after a number of cases; returns what the command still said, and its exit code."""
    assert process.stderr is not None
    for _ in range(1 + after_cases):  # one line says that it starts
        process.stderr.readline()
    time.sleep(delay)
    process.send_signal(number)
    output, _ = process.communicate()
    return output, process.returncode


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort(tmp_path_factory.mktemp("cohort"), 12)


@pytest.fixture(scope="module")
def whole(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a run that nobody interrupted."""
    out = tmp_path_factory.mktemp("whole")
    measure(cohort, out)
    return out


def test_the_table_holds_the_same_bits_as_measuring_each_case_alone(cohort: Path, whole: Path) -> None:
    table = pd.read_csv(whole / "features.csv", float_precision="round_trip", dtype={"age": str})
    assert list(table["case"]) == [f"P{i:03}" for i in range(12)]
    assert list(table["age"]) == [str(50 + i) for i in range(12)]
    for name in ("P000", "P011"):
        case = load_case(cohort.parent / name / "ct.nrrd", cohort.parent / name / "gtv.nrrd")
        alone = extract(prepare(case, STUDY.settings), STUDY.settings, NAMES)
        row = table.set_index("case").loc[name]
        assert {feature: row[feature] for feature in NAMES} == dict(alone.values)
        assert row["image_sha256"] == case.image_sha256
        assert row["settings"] == STUDY.settings.fingerprint


def test_parquet_holds_the_same_table(whole: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    csv = pd.read_csv(whole / "features.csv", float_precision="round_trip", dtype={"age": str})
    parquet = pd.read_parquet(whole / "features.parquet")
    assert list(csv.columns) == list(parquet.columns)
    assert (csv[list(NAMES)] == parquet[list(NAMES)]).all(axis=None)


def test_a_run_killed_three_times_gives_the_same_table_byte_for_byte(cohort: Path, whole: Path, tmp_path: Path) -> None:
    killed_and_resumed(cohort, whole, tmp_path, kills=3)


@pytest.mark.slow
def test_200_cases_killed_20_times_give_the_same_table_byte_for_byte(tmp_path: Path) -> None:
    cohort = write_cohort(tmp_path / "cohort", 200)
    measure(cohort, tmp_path / "whole", jobs=2)
    killed_and_resumed(cohort, tmp_path / "whole", tmp_path, kills=20)


def killed_and_resumed(cohort: Path, whole: Path, tmp_path: Path, kills: int) -> None:
    chance = random.Random(5)
    cases = len(read_manifest(cohort).entries)
    out = tmp_path / "out"
    kept = 0
    for kill in range(kills):
        # Counted from the cases that are finished already, so that every kill meets a run at work.
        after = kept + chance.randint(0, max(0, (cases - 2 - kept) // (kills - kill)))
        interrupt(start(cohort, out), after, chance.uniform(0, 0.2), signal.SIGKILL)
        kept = len(list((out / "cases").glob("[!.]*.json")))
        assert not (out / "features.csv").exists() or kept == cases
    run = measure(cohort, out, jobs=2)
    assert run.measured == cases - kept
    assert (out / "features.csv").read_bytes() == (whole / "features.csv").read_bytes()
    assert (out / "provenance.json").read_bytes() == (whole / "provenance.json").read_bytes()
    assert not list(out.rglob("*.partial"))


def test_ctrl_c_keeps_finished_cases_and_says_how_to_go_on(cohort: Path, tmp_path: Path) -> None:
    output, code = interrupt(start(cohort, tmp_path), 2, 0, signal.SIGINT)
    assert code == 1
    assert "the same command goes on" in output
    assert len(list((tmp_path / "cases").glob("[!.]*.json"))) >= 2


def test_a_second_run_measures_only_what_is_new_changed_or_failed(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path / "cohort", 3)
    broken = manifest.parent / "P001" / "ct.nrrd"
    good = broken.read_bytes()
    broken.write_bytes(good[: len(good) // 2])
    first = measure(manifest, tmp_path / "out")
    assert (first.measured, [problem.case for problem in first.failures]) == (2, ["P001"])
    broken.write_bytes(good)
    assert measure(manifest, tmp_path / "out").measured == 1
    os.utime(broken)  # a new date is no new content
    assert measure(manifest, tmp_path / "out").measured == 0
    sitk.WriteImage(phantoms.ct(SIZE, seed=99), str(broken))
    assert measure(manifest, tmp_path / "out").measured == 1


def test_a_record_that_the_disk_damaged_is_measured_again(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path / "cohort", 1)
    measure(manifest, tmp_path / "out")
    table = (tmp_path / "out" / "features.csv").read_bytes()
    record = next((tmp_path / "out" / "cases").iterdir())
    record.write_bytes(record.read_bytes()[:100])
    assert measure(manifest, tmp_path / "out").measured == 1
    assert (tmp_path / "out" / "features.csv").read_bytes() == table


STUCK = """
import functools, io, os, time

def wait_for_ever(path, *arguments, open=io.open, **options):
    if str(path).endswith(os.path.join("B", "ct.nrrd")):
        open({marker!r}, "w").close()
        time.sleep(600)
    return open(path, *arguments, **options)

io.open = functools.partial(wait_for_ever)  # Python 3.10 makes it a class attribute: no method is wanted
"""


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two patients, and between them one whose image never comes, as from a network drive that is gone."""
    folder = tmp_path / "cohort"
    for i, name in enumerate(("A", "B", "C")):
        write_patient(folder / name, seed=i)
    (tmp_path / "sitecustomize.py").write_text(STUCK.format(marker=str(tmp_path / "opened")))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    rows = [{"case": name, "image": f"{name}/ct.nrrd", "mask": f"{name}/gtv.nrrd"} for name in "ABC"]
    return write_manifest(folder / "manifest.csv", rows)


def test_a_case_over_its_time_takes_only_itself(stuck: Path, tmp_path: Path) -> None:
    run = measure(stuck, tmp_path / "out", limits=Limits(minutes=5 / 60))
    assert_only_b_failed(run, tmp_path / "out", "more than 0.0833333 min")


def test_a_case_whose_process_is_killed_takes_only_itself(stuck: Path, tmp_path: Path) -> None:
    def kill() -> None:
        while not (tmp_path / "opened").exists():
            time.sleep(0.05)
        for process in [item.process for item in child._all if item.process.poll() is None]:
            process.kill()
            process.wait()

    killer = threading.Thread(target=kill)
    killer.start()
    run = measure(stuck, tmp_path / "out")
    killer.join()
    assert_only_b_failed(run, tmp_path / "out", "killed by signal 9")


def test_a_case_over_its_memory_is_given_up(stuck: Path, tmp_path: Path) -> None:
    pytest.importorskip("psutil", reason="a memory limit needs psutil")
    run = measure(stuck, tmp_path / "out", limits=Limits(memory_gib=0.001))
    assert "more than 0.001 GiB" in next(p.reason for p in run.failures if p.case == "B")


def assert_only_b_failed(run: CohortRun, out: Path, reason: str) -> None:
    failures = pd.read_csv(out / "failures.csv")
    assert list(failures["case"]) == ["B"]
    assert reason in failures["reason"][0]
    assert failures["stage"][0] == "process"
    assert failures["remedy"][0]
    assert [key[0] for key in run.finished] == ["A", "C"]


def test_no_child_outlives_its_parent(cohort: Path, tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil", reason="finding child processes needs psutil")
    process = start(cohort, tmp_path)
    assert process.stderr is not None
    for _ in range(2):  # the start and a case
        process.stderr.readline()
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive


def test_records_name_no_patient_and_no_place(whole: Path, cohort: Path) -> None:
    for path in (whole / "cases").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "P00" not in text
        assert str(cohort.parent) not in text
        json.loads(text)


@pytest.mark.parametrize("limits", [lambda: Limits(minutes=0), lambda: Limits(memory_gib=-1)])
def test_limits_that_no_case_can_keep_are_refused(limits: Callable[[], Limits]) -> None:
    with pytest.raises(UsageError, match="above 0"):
        limits()
