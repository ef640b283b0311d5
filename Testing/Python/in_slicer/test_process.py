"""Work out of process as the panel sees it, against a QProcess that behaves as Slicer's was observed to."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import qt_shim

qt_shim.install()

from EsoRadiomicsLib.in_slicer.widgets import slicer_process as process  # noqa: E402


class FakeQProcess:
    """Signals are emitted by the test; output is what the test wrote."""

    made: list[FakeQProcess] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.slots: dict[str, Callable[..., None]] = {}
        self.output, self.errors = b"", b""
        self.killed = False
        self.made.append(self)

    def connect(self, signal: str, slot: Callable[..., None]) -> None:
        self.slots[signal.partition("(")[0]] = slot

    def start(self, program: str, arguments: list[str]) -> None:
        self.command = [program, *arguments]

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
        self.killed = True
        self.slots["errorOccurred"](1)  # Crashed, then finished(9, CrashExit): so Slicer's did
        self.slots["finished"](9, 1)

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
    monkeypatch.setattr(process, "qt", SimpleNamespace(QProcess=FakeQProcess, QProcessEnvironment=system))
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
