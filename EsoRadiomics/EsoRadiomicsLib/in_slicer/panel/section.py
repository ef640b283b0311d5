"""What the panel's sections have in common: one thing at a time, out of process, with progress, words and Cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ...core.errors import EsoRadiomicsError
from ..language import tr as _
from .command_run import ProcessRunner


class Run(Protocol):
    """What a section started; ``over`` once it has told its result or its failure."""

    over: bool

    def stop(self) -> None: ...


class Section:
    """A section's controller. Errors are sentences in :attr:`error`; nothing a user can cause is raised into Qt.

    Args:
        runner: starts Python in another process.
        on_change: called when ``running``, ``progress``, ``message``, ``error`` or a result changed by itself.

    Attributes:
        progress: share done, 0 to 1; 0 while nothing is known of it.
        message: what is being done, or came of it.
        error: why there is no result.
    """

    def __init__(self, runner: ProcessRunner, on_change: Callable[[], None]) -> None:
        self._runner, self._on_change = runner, on_change
        self._run: Run | None = None
        self.progress = 0.0
        self.message = ""
        self.error = ""

    @property
    def running(self) -> bool:
        """Whether something is at work."""
        return self._run is not None

    def cancel(self) -> None:
        """End what runs; nothing of it is left behind but what it says it keeps."""
        if self._run is not None:
            self._stop()
            self.message = _("Cancelled")
            self._on_change()

    def _begin(self, start: Callable[[], Run], message: str) -> None:
        """Start something, or say in ``error`` why it cannot be started."""
        self.progress, self.message, self.error = 0.0, message, ""
        try:
            run = start()
            self._run = None if run.over else run  # a program that is not there ends before it has begun
        except EsoRadiomicsError as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(
                _("The temporary folder cannot be written: {error}. Free some space on its disk.").format(error=error)
            )

    def _tell(self, progress: float, message: str) -> None:
        self.progress, self.message = progress, message
        self._on_change()

    def _succeed(self, message: str) -> None:
        """Nothing runs any more, and there is a result."""
        self._run = None
        self.progress, self.message = 1.0, message

    def _fail(self, sentence: str) -> None:
        """Nothing runs any more, and there is no result."""
        self._run = None
        self.progress, self.message, self.error = 0.0, "", sentence

    def _failed(self, sentence: str) -> None:
        self._fail(sentence)
        self._on_change()

    def _stop(self) -> None:
        run, self._run = self._run, None
        self.progress, self.message, self.error = 0.0, "", ""
        if run is not None:
            run.stop()

    def _problem(self, check: Callable[[], Any]) -> list[str]:
        """What a check says against going on; empty if nothing."""
        try:
            check()
        except EsoRadiomicsError as error:
            return [str(error)]
        return []
