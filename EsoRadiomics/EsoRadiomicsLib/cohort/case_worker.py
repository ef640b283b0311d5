"""The child process that measures cases: tasks come as JSON lines on standard input, outcomes go out the same way."""

from __future__ import annotations

import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; said before anything slow is imported

import contextlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from dataclasses import asdict  # noqa: E402
from queue import SimpleQueue  # noqa: E402

import SimpleITK as sitk  # noqa: E402

from ..core.errors import EsoRadiomicsError  # noqa: E402
from ..extraction.engines import engine  # noqa: E402
from .case_task import Task, measure  # noqa: E402

READY = "ready\n"


def main() -> None:
    """Say that all is imported, then measure until the input ends; an argument limits the threads of SimpleITK."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what libraries print must not get among the answers
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(int(sys.argv[1]))
        lines: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=_listen, args=[lines], daemon=True).start()
        with contextlib.suppress(EsoRadiomicsError):  # each case will say so
            engine().warm_up()
        answers.write(READY)
        answers.flush()
        while True:
            task = Task(**json.loads(lines.get()))
            answers.write(json.dumps(asdict(measure(task))) + "\n")
            answers.flush()


def _listen(lines: SimpleQueue[str]) -> None:
    """Pass lines on; a parent that is gone takes its children with it, in the middle of a case too."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
