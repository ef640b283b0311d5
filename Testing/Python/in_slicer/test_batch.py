"""``EsoRadiomicsBatch.py`` outside Slicer: a stand-in for ``slicer`` that, like Slicer, goes on until told to exit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from phantoms import write_phantom

LIBRARY = Path(__file__).resolve().parents[3] / "EsoRadiomics" / "EsoRadiomicsLib"
SCRIPT = LIBRARY / "in_slicer" / "EsoRadiomicsBatch.py"
STUDY = "ln-response-crt"
Batch = Callable[..., "subprocess.CompletedProcess[str]"]

# Slicer runs the script, and then its event loop: only slicer.util.exit ends it.
HOST = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__'); sys.exit('HUNG')"
FAKE_SLICER = """
import os, sys
class util:
    @staticmethod
    def exit(code):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
"""


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """``batch(*arguments, script=…)``: run the script as Slicer would."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "slicer.py").write_text(FAKE_SLICER, encoding="utf-8")

    def run(
        *arguments: object, script: Path = LIBRARY / "in_slicer" / "EsoRadiomicsBatch.py"
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", HOST, str(script), *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "fake"), "PYTHONIOENCODING": "utf-8"}
        return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, timeout=300)

    return run


@pytest.fixture
def patient(tmp_path: Path) -> tuple[Path, Path]:
    """Files of a generated CT and its GTV."""
    return write_phantom(tmp_path)


def test_a_patient_is_scored_with_the_shell_commands_arguments(
    batch: Batch, patient: tuple[Path, Path], tmp_path: Path
) -> None:
    done = batch("score", *patient, "--study", STUDY, "--out", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report" / "result.json").is_file()
    assert "Rad-score" in done.stdout


def test_worker_processes_do_not_run_the_script_again(batch: Batch, patient: tuple[Path, Path]) -> None:
    done = batch("score", *patient, "--study", STUDY, "--jobs", 2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Signature score") + done.stdout.count("Rad-score") == 1, done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        ([], 2),
        (["no-such-command"], 2),
        (["studies", "show", "no-such-study"], 2),
        (["score", "no-such-ct.nrrd", "no-such-gtv.nrrd", "--study", STUDY], 1),
        (["studies", "--log"], 2),
        (["studies", "--log=no/such/folder/run.log"], 2),
    ],
)
def test_slicer_ends_with_the_shell_commands_exit_code(batch: Batch, arguments: list[str], code: int) -> None:
    done = batch(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("library", "code"),
    [
        ("def main(arguments): raise RuntimeError('a bug')", 1),
        ("raise ImportError('a package is missing')", 1),
        ("def main(arguments): raise KeyboardInterrupt", 1),
        ("import sys\ndef main(arguments): sys.exit('a sentence')", 1),
        ("import sys\ndef main(arguments): sys.exit()", 0),
        ("def main(arguments): return 0", 0),
    ],
)
def test_slicer_ends_whatever_happens(batch: Batch, tmp_path: Path, library: str, code: int) -> None:
    other = tmp_path / "EsoRadiomicsLib"
    for room in ("core", "in_slicer", "shell"):
        (other / room).mkdir(parents=True)
    (other / "__init__.py").touch()  # else an installed EsoRadiomicsLib would come first
    (other / "shell" / "cli.py").write_text(library, encoding="utf-8")
    shutil.copy(LIBRARY / "core" / "slicer_python.py", other / "core")
    script = Path(shutil.copy(SCRIPT, other / "in_slicer"))
    done = batch("studies", script=script)
    assert done.returncode == code, done.stderr
    assert "HUNG" not in done.stderr


def test_a_log_file_gets_what_would_be_printed(batch: Batch, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    done = batch("studies", "--log", log)
    assert (done.returncode, done.stdout) == (0, "")
    assert STUDY in log.read_text(encoding="utf-8")
    assert batch("score", "x.nrrd", "y.nrrd", "--study", "no-such-study", f"--log={log}").returncode == 2
    assert "no-such-study" in log.read_text(encoding="utf-8")
