"""Work out of process as the panel sees it, against a QProcess that behaves as Slicer's was observed to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import qt_shim
import SimpleITK as sitk
from phantoms import ct, gtv

from EsoRadiomicsLib.core.safe_start import safe_environment
from EsoRadiomicsLib.shell.expected_case import expected_case, forget_case, read_ahead

qt_shim.install()

from EsoRadiomicsLib.in_slicer.widgets import slicer_process as process  # noqa: E402


class FakeQProcess:
    """Signals are emitted by the test; output is what the test wrote."""

    made: list[FakeQProcess] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.slots: dict[str, Callable[..., None]] = {}
        self.output, self.errors = b"", b""
        self.written = b""
        self.killed = False
        self.running = 0
        self.made.append(self)

    def connect(self, signal: str, slot: Callable[..., None]) -> None:
        self.slots[signal.partition("(")[0]] = slot

    def start(self, program: str, arguments: list[str]) -> None:
        self.command = [program, *arguments]
        self.running = 2

    def state(self) -> int:
        return self.running

    def write(self, data: bytes) -> None:
        self.written += data

    def setProcessEnvironment(self, environment: Any) -> None:  # noqa: N802
        self.environment = environment

    def setWorkingDirectory(self, folder: str) -> None:  # noqa: N802
        self.folder = folder

    def readAllStandardOutput(self) -> Any:  # noqa: N802
        data, self.output = self.output, b""
        return SimpleNamespace(data=lambda: data)

    def readAllStandardError(self) -> Any:  # noqa: N802
        data, self.errors = self.errors, b""
        return SimpleNamespace(data=lambda: data)

    def errorString(self) -> str:  # noqa: N802
        return "no such file"

    def kill(self) -> None:
        self.killed, self.running = True, 0
        self.slots.get("errorOccurred", int)(1)  # Crashed, then finished(9, CrashExit): so Slicer's did
        self.slots.get("finished", complex)(9, 1)

    def waitForFinished(self, milliseconds: int) -> bool:  # noqa: N802
        return True

    def deleteLater(self) -> None:  # noqa: N802
        """Nothing to delete."""

    def say(self, errors: bytes = b"", output: bytes = b"") -> None:
        self.errors += errors
        self.output += output
        self.slots["readyReadStandardError"]()
        self.slots["readyReadStandardOutput"]()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A runner with its process started, and what it told: ``lines`` and ``ends``."""
    environment = {"PYTHONPATH": "elsewhere"}
    fake = SimpleNamespace(value=environment.get, insert=environment.__setitem__)
    system = SimpleNamespace(systemEnvironment=lambda: fake)
    at_once = SimpleNamespace(singleShot=lambda milliseconds, function: function())
    fakes = SimpleNamespace(QProcess=FakeQProcess, QProcessEnvironment=system, QTimer=at_once)
    monkeypatch.setattr(process, "qt", fakes)
    lines: list[str] = []
    ends: list[tuple[int, str]] = []
    runner = process.PythonProcess()
    runner.start(["-m", "EsoRadiomicsLib"], lines.append, lambda code, output: ends.append((code, output)))
    return SimpleNamespace(
        runner=runner, qprocess=FakeQProcess.made[-1], lines=lines, ends=ends, environment=environment
    )


def test_the_library_can_be_imported_in_the_process(heard: SimpleNamespace) -> None:
    assert heard.qprocess.command[1:] == ["-u", "-m", "EsoRadiomicsLib"]
    first, _, rest = heard.environment["PYTHONPATH"].partition(process.os.pathsep)
    assert (process.Path(first) / "EsoRadiomicsLib" / "__main__.py").is_file()
    assert rest == "elsewhere"


def test_lines_arrive_whole_however_they_are_cut(heard: SimpleNamespace) -> None:
    heard.qprocess.say('{"progress": 0.5}\r\n≥'.encode()[:-1])
    assert heard.lines == ['{"progress": 0.5}']
    heard.qprocess.say("≥".encode()[-1:] + b" 1\nlast words")
    heard.qprocess.slots["finished"](1, 0)
    assert heard.lines == ['{"progress": 0.5}', "≥ 1", "last words"]


def test_the_end_comes_once_with_exit_code_and_all_output(heard: SimpleNamespace) -> None:
    heard.qprocess.say(output='{"a": "µ'.encode())
    heard.qprocess.output = b'"}'
    heard.qprocess.slots["finished"](0, 0)
    heard.qprocess.slots["finished"](0, 0)
    assert heard.ends == [(0, '{"a": "µ"}')]


def test_a_crash_is_not_a_success(heard: SimpleNamespace) -> None:
    heard.qprocess.slots["errorOccurred"](1)
    heard.qprocess.slots["finished"](0, 1)
    assert [code for code, _ in heard.ends] == [1]


def test_a_python_that_cannot_be_started_ends_with_a_sentence(heard: SimpleNamespace) -> None:
    heard.qprocess.slots["errorOccurred"](0)
    assert [code for code, _ in heard.ends] == [1]
    assert "could not be started: no such file" in heard.lines[0]


def test_after_stop_nothing_is_heard(heard: SimpleNamespace) -> None:
    heard.runner.stop()
    heard.qprocess.say(b"too late\n", b"{}")
    heard.qprocess.slots["finished"](0, 0)
    assert heard.qprocess.killed
    assert (heard.lines, heard.ends) == ([], [])


def test_a_second_start_ends_the_first(heard: SimpleNamespace) -> None:
    heard.runner.start(["-m", "EsoRadiomicsLib"], heard.lines.append, lambda code, output: None)
    assert heard.qprocess.killed
    assert not FakeQProcess.made[-1].killed
    assert heard.ends == []


@pytest.fixture
def waiting(heard: SimpleNamespace) -> process.WaitingPython:
    """One that waits."""
    FakeQProcess.made.clear()
    waiting = process.WaitingPython()
    waiting.open()
    waiting.open()
    assert len(FakeQProcess.made) == 1
    return waiting


def start(waiting: process.WaitingPython, ends: list[tuple[int, str]], *command: str) -> process.PythonProcess:
    runner = process.PythonProcess(waiting)
    runner.start(["-m", "EsoRadiomicsLib", *command], lambda line: None, lambda *end: ends.append(end))
    return runner


def test_a_command_goes_to_the_python_that_waits_and_the_next_one_waits_when_it_is_done(
    waiting: process.WaitingPython,
) -> None:
    ends: list[tuple[int, str]] = []
    start(waiting, ends, "score", "--json")
    (at_work,) = FakeQProcess.made
    assert at_work.command[1:] == ["-u", "-m", "EsoRadiomicsLib.shell.waiting"]
    assert at_work.written == b'{"expect": []}\n["score", "--json"]\n'
    at_work.output = b"{}"
    at_work.slots["finished"](0, 0)
    assert ends == [(0, "{}")]
    assert [made.command[-1] for made in FakeQProcess.made[1:]] == ["EsoRadiomicsLib.shell.waiting"]


def test_two_commands_at_once_each_have_a_process(waiting: process.WaitingPython) -> None:
    ends: list[tuple[int, str]] = []
    start(waiting, ends, "score")
    start(waiting, ends, "icc")
    first, second = FakeQProcess.made
    assert first.written and second.command[1:] == ["-u", "-m", "EsoRadiomicsLib", "icc"]
    first.slots["finished"](0, 0)
    second.slots["finished"](0, 0)
    assert len(ends) == 2 and len(FakeQProcess.made) == 3


def test_one_that_was_killed_while_it_waited_costs_no_command(waiting: process.WaitingPython) -> None:
    FakeQProcess.made[0].running = 0
    ends: list[tuple[int, str]] = []
    start(waiting, ends, "score")
    assert FakeQProcess.made[1].command[1:] == ["-u", "-m", "EsoRadiomicsLib", "score"]
    FakeQProcess.made[1].slots["finished"](0, 0)
    assert len(ends) == 1


def test_each_python_that_waits_is_told_which_command_to_expect(waiting: process.WaitingPython) -> None:
    runner = start(waiting, [], "score")
    first = FakeQProcess.made[0].written
    runner.expect(["score", "ct.nrrd"])
    assert FakeQProcess.made[0].written == first, "it is at work"
    runner.stop()
    runner.expect(["score", "ct.nrrd"])
    runner.expect(["score", "other.nrrd"])
    told = b'{"expect": ["score", "ct.nrrd"]}\n{"expect": ["score", "other.nrrd"]}\n'
    assert FakeQProcess.made[1].written == told


def test_cancel_ends_the_command_and_lets_the_next_python_wait(waiting: process.WaitingPython) -> None:
    ends: list[tuple[int, str]] = []
    start(waiting, ends, "score").stop()
    first, second = FakeQProcess.made
    assert first.killed and not second.killed and ends == []


def test_when_the_module_goes_none_is_left_waiting(waiting: process.WaitingPython) -> None:
    ends: list[tuple[int, str]] = []
    runner = start(waiting, ends, "score")
    runner.stop()
    waiting.close()
    runner.stop()
    assert all(made.killed for made in FakeQProcess.made)


def begun() -> subprocess.Popen[str]:
    """A real one, as Slicer starts it."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "EsoRadiomicsLib.shell.waiting"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=safe_environment(),
        encoding="utf-8",
    )


def test_it_runs_a_command_as_the_shell_does() -> None:
    with begun() as python:
        assert python.stdin is not None and python.stdout is not None and python.stderr is not None
        python.stdin.write('["score", "--study", "none", "a", "b"]\n')
        python.stdin.flush()
        assert python.wait(60) == 2
        assert "esoradiomics: There is no study “none”" in python.stderr.read()


def test_a_case_that_was_read_before_gives_the_same_result(tmp_path: Path) -> None:
    image = ct()
    files = [str(tmp_path / "ct.nrrd"), str(tmp_path / "gtv.nrrd")]
    for each, path in zip((image, gtv(image)), files, strict=True):
        sitk.WriteImage(each, path)
    command = ["score", *files, "--study=ln-response-crt"]
    outputs = []
    for expected in ([], command, ["score", *files[::-1], "--study=none"]):
        with begun() as python:
            assert python.stdin is not None and python.stdout is not None and python.stderr is not None
            python.stdin.write(f"{json.dumps({'expect': expected})}\n{json.dumps([*command, '--json'])}\n")
            python.stdin.flush()
            outputs.append(python.stdout.read())
            assert python.stderr.read() == "" and python.wait(60) == 0
    assert outputs[0] == outputs[1] == outputs[2] and json.loads(outputs[0])["features"]


def test_the_case_that_was_read_before_is_the_one_that_is_measured(tmp_path: Path) -> None:
    image = ct()
    files = {"image": str(tmp_path / "ct.nrrd"), "mask": str(tmp_path / "gtv.nrrd"), "pixel_type": "int16"}
    for each, name in ((image, "image"), (gtv(image), "mask")):
        sitk.WriteImage(each, files[name])
    read_ahead(**files)
    case = expected_case(**files)
    assert expected_case(**files) is case
    assert expected_case(**{**files, "pixel_type": "float32"}) is not case
    forget_case()
    assert expected_case(**files) is not case


def test_it_ends_when_whoever_started_it_is_gone() -> None:
    with begun() as python:
        assert python.stdin is not None
        python.stdin.close()
        assert python.wait(60) == 0
