"""Code that lies in the current folder, which may be the data's, is run by no process that the command starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cohort_factory
import pytest

from EsoRadiomicsLib.cohort.cohort_run import local_workers
from EsoRadiomicsLib.core import safe_start
from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.core.safe_start import LIBRARY, safe_environment, safe_spawning
from EsoRadiomicsLib.extraction.workers import worker_pool

TRAPS = ("SimpleITK", "numpy", "radiomics", "json", "multiprocessing", "random", "sitecustomize", "EsoRadiomicsLib")


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """A cohort's folder in which somebody has put modules under the names of those that are imported."""
    cohort_factory.write_cohort(tmp_path / "data", 1)
    for name in TRAPS:
        (tmp_path / "data" / f"{name}.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'a').write({name!r})\n")
    return tmp_path / "data"


@pytest.mark.parametrize(
    "arguments",
    [
        ["cohort", "run", "manifest.csv", "--study", "ln-response-crt", "--out", "out"],
        ["score", "P000/ct.nrrd", "P000/gtv.nrrd", "--study", "ln-response-crt", "--jobs", "2"],
    ],
)
def test_modules_in_the_data_folder_are_never_run(arguments: list[str], trapped: Path) -> None:
    start = trapped.parent / "start.py"
    start.write_text(
        "import sys\nfrom EsoRadiomicsLib.shell.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, str(start), *arguments],
        cwd=trapped,
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (trapped.parent / "PWNED").exists()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
def test_ctrl_c_is_never_the_workers() -> None:
    code = "import os, signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    with safe_spawning():
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert told == "True\n"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_where_python_knows_no_safe_path_what_is_spawned_starts_in_the_librarys_folder(
    trapped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.10: the folder alone keeps the traps out, and is the data's again afterwards."""
    monkeypatch.chdir(trapped)
    monkeypatch.setattr(safe_start, "sys", SimpleNamespace(version_info=(3, 10), path=sys.path))
    with safe_spawning():
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}  # not heeded
        subprocess.run([sys.executable, "-c", "import json, multiprocessing"], check=True, env=environment)
        assert Path.cwd() == LIBRARY
    assert Path.cwd() == trapped
    assert not (trapped.parent / "PWNED").exists()


@pytest.mark.parametrize("jobs", [0, 257, 999_999])
def test_no_more_processes_are_started_than_can_be_meant(jobs: int) -> None:
    with pytest.raises(UsageError, match=f"jobs is {jobs}"), worker_pool(jobs):
        pass
    with pytest.raises(UsageError, match=f"jobs is {jobs}"), local_workers(jobs):
        pass


def test_only_absolute_parts_of_the_path_are_passed_on() -> None:
    passed = safe_environment({"PYTHONPATH": os.pathsep.join(["", ".", "lib", "/opt/lib"]), "HOME": "/h"})
    assert passed["PYTHONPATH"].split(os.pathsep) == [str(LIBRARY), "/opt/lib"]
    assert passed["PYTHONSAFEPATH"] == "1"
    assert passed["HOME"] == "/h"
