"""Work out of process with Slicer's own Python, so that the window stays alive."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt

from ...core.slicer_python import slicer_python
from ..language import tr as _

COMMAND, WAITING = ["-m", "EsoRadiomicsLib"], ["-m", "EsoRadiomicsLib.shell.waiting"]
MODULE_FOLDER = Path(__file__).resolve().parents[3]
NEXT_MS = 1000
"""After a command its result is drawn before the next Python starts, which takes a processor for a second."""
RUNNING = 2  # QProcess::Running
FAILED_TO_START = 0  # QProcess::FailedToStart, which comes without finished()


class WaitingPython:
    """A Python that has imported the library before it is needed, shared by all that run commands in one Slicer.

    It serves one command and ends, so a command in it behaves as one in a process of its own; then the next is started.
    It ends with Slicer, as its input is then closed.
    """

    def __init__(self) -> None:
        self._process: Any = None
        self._wanted = False
        self._expected: list[str] = []

    def open(self) -> None:
        """Let one wait, unless one does."""
        self._wanted = True
        if self._process is None or int(self._process.state()) != RUNNING:
            self._process = qt.QProcess()
            _start(self._process, WAITING)
            _write(self._process, {"expect": self._expected})

    def expect(self, command: list[str]) -> None:
        """See :class:`ProcessRunner`; each Python that waits is told."""
        if command != self._expected:
            self._expected = command
            if self._process is not None and int(self._process.state()) == RUNNING:
                _write(self._process, {"expect": command})

    def take(self, arguments: list[str]) -> Any | None:
        """The QProcess that waited, at work on ``python arguments…``; None if none waits, or it is no such command."""
        if arguments[:2] != COMMAND:
            return None
        process, self._process = self._process, None
        if process is None or int(process.state()) != RUNNING:  # not opened, not started yet, or killed
            return None
        _write(process, arguments[2:])
        return process

    def renew(self) -> None:
        """A command is done: soon let the next Python wait, if any is to."""
        qt.QTimer.singleShot(NEXT_MS, lambda: self.open() if self._wanted else None)

    def close(self) -> None:
        """The module goes."""
        process, self._process, self._wanted = self._process, None, False
        if process is not None:
            _end(process)


class PythonProcess:
    """Runs Python with the library importable; one run at a time, told of on the main thread."""

    def __init__(self, waiting: WaitingPython | None = None) -> None:
        self._waiting = waiting or WaitingPython()
        self._process: Any = None

    def start(
        self, arguments: list[str], on_line: Callable[[str], None], on_finished: Callable[[int, str], None]
    ) -> None:
        """Start ``python arguments…``.

        Args:
            arguments: after the interpreter, for example ``["-m", "EsoRadiomicsLib", "score", …]``.
            on_line: gets each line of standard error.
            on_finished: gets the exit code and standard output; not called after :meth:`stop`.
        """
        self.stop()
        waited = process = self._waiting.take(arguments)
        if process is None:
            process = qt.QProcess()
        self._process = process  # a QProcess that nobody keeps is killed
        output, pending = bytearray(), bytearray()

        def read_output() -> None:
            output.extend(process.readAllStandardOutput().data())

        def read_lines() -> None:
            pending.extend(process.readAllStandardError().data())
            while b"\n" in pending and self._process is process:
                line, _, rest = bytes(pending).partition(b"\n")
                pending[:] = rest
                on_line(line.decode("utf-8", "replace").rstrip("\r"))

        def finish(code: int) -> None:
            if self._process is not process:  # stopped, or another run took its place
                return
            read_output()
            read_lines()
            if pending:
                on_line(pending.decode("utf-8", "replace"))
            self._process = None
            process.deleteLater()  # its slots keep it alive otherwise
            self._waiting.renew()
            on_finished(code, output.decode("utf-8", "replace"))

        def fail(error: int) -> None:
            if int(error) == FAILED_TO_START and self._process is process:
                on_line(_("Slicer's Python could not be started: {error}.").format(error=process.errorString()))
                finish(1)

        process.connect("readyReadStandardOutput()", read_output)
        process.connect("readyReadStandardError()", read_lines)
        process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: finish(code if status == 0 else 1))
        process.connect("errorOccurred(QProcess::ProcessError)", fail)
        if waited is None:
            _start(process, arguments)

    def stop(self) -> None:
        """Kill what runs and wait until it is gone, so that its files can be removed."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
            self._waiting.renew()

    def expect(self, command: list[str]) -> None:
        """See :class:`ProcessRunner`."""
        self._waiting.expect(command)


def _start(process: qt.QProcess, arguments: list[str]) -> None:
    process.setProcessEnvironment(_environment())
    process.setWorkingDirectory(str(MODULE_FOLDER))
    process.start(slicer_python(), ["-u", *arguments])


def _write(process: qt.QProcess, message: Any) -> None:
    process.write((json.dumps(message) + "\n").encode())


def _end(process: qt.QProcess) -> None:
    process.kill()
    process.waitForFinished(2000)
    process.deleteLater()


def _environment() -> qt.QProcessEnvironment:
    """Slicer's environment, with the library importable and UTF-8 in the pipes."""
    environment = qt.QProcessEnvironment.systemEnvironment()
    paths = [str(MODULE_FOLDER), environment.value("PYTHONPATH")]
    environment.insert("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    environment.insert("PYTHONSAFEPATH", "1")  # what lies in the current folder is not to be imported
    environment.insert("PYTHONIOENCODING", "utf-8")
    return environment
