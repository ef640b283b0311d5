"""One command of ``esoradiomics`` in another process: its progress, its words, its files; ends once, leaves nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from ..language import tr as _

SPOKEN = "esoradiomics: "
"""What the shell command writes before the sentence that says why it failed."""
SOME_CASES_FAILED = 1
"""Exit code of a command over many cases that says nothing of its own: its results name those that failed."""

Tell = Callable[[float, str], None]
T = TypeVar("T")


class ProcessRunner(Protocol):
    """Runs Python in another process, one at a time; callbacks come on the main thread."""

    def start(
        self, arguments: list[str], on_line: Callable[[str], None], on_finished: Callable[[int, str], None]
    ) -> None:
        """Start ``python arguments…``; lines of standard error, then exit code and standard output."""

    def stop(self) -> None:
        """Kill it and wait until it is gone; ``on_finished`` is then not called."""

    def expect(self, command: list[str]) -> None:
        """This command of ``esoradiomics`` is likely to come: its case may be read. Empty: none is, any more."""


class CommandRun(Generic[T]):
    """A command at work.

    Args:
        runner: starts the process.
        prepare: gets a temporary folder, may write into it, returns the command's arguments from its name on.
        read: gets the temporary folder and standard output, returns the result. An OSError, ValueError or KeyError
            says that there is none.
        names: what the user calls the files, by their path or their name in the temporary folder.
        tell: gets progress.
        done: gets the result.
        failed: gets the sentence that says why there is none.
        silent: the command is quick and tells no progress.

    Raises:
        InputError, OSError: ``prepare`` failed. Then nothing was started.
    """

    def __init__(
        self,
        runner: ProcessRunner,
        prepare: Callable[[Path], list[str]],
        read: Callable[[Path, str], T],
        names: Mapping[str, str],
        tell: Tell,
        done: Callable[[T], None],
        failed: Callable[[str], None],
        *,
        silent: bool = False,
    ) -> None:
        self._runner, self._read, self._tell, self._done, self._failed = runner, read, tell, done, failed
        self._names, self._lines = names, list[str]()
        self.over = False
        self._folder = tempfile.TemporaryDirectory(prefix="EsoRadiomics-", ignore_cleanup_errors=True)
        try:
            arguments = [*prepare(Path(self._folder.name)), *([] if silent else ["--progress=json"])]
            runner.start(["-m", "EsoRadiomicsLib", *arguments], self._on_line, self._on_finished)
        except BaseException:
            self._folder.cleanup()
            raise

    def stop(self) -> None:
        """End the process and remove its temporary files."""
        self.over = True
        self._runner.stop()
        self._folder.cleanup()

    def _on_line(self, line: str) -> None:
        if self.over:
            return
        try:
            told = json.loads(line)
            progress, message = float(told["progress"]), str(told["message"])
        except (ValueError, TypeError, KeyError):
            self._lines.append(line)
        else:
            self._tell(progress, message)

    def _on_finished(self, exit_code: int, output: str) -> None:
        if self.over:
            return
        self.over = True
        spoken = [line.removeprefix(SPOKEN) for line in self._lines if line.startswith(SPOKEN)]
        try:
            if exit_code not in (0, SOME_CASES_FAILED) or spoken:
                raise ValueError
            found = self._read(Path(self._folder.name), output)
        except (OSError, ValueError, KeyError):
            self._failed(self._named(spoken[-1]) if spoken else self._last_words(exit_code))
        else:
            self._done(found)
        finally:
            self._folder.cleanup()

    def _named(self, sentence: str) -> str:
        for file, name in self._names.items():
            sentence = sentence.replace(str(Path(self._folder.name) / file), f"“{name}”")
        return sentence

    def _last_words(self, exit_code: int) -> str:
        last = next((line.strip() for line in reversed(self._lines) if line.strip()), _("it said nothing"))
        return _("The process ended with exit code {exit_code} and without a result (its last words: {last}).").format(
            exit_code=exit_code, last=last
        )
