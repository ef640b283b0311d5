"""``esoradiomics`` started beforehand: it imports what scoring needs, waits for a command, runs it and ends.

The command comes as one line on standard input, a JSON list of its arguments; progress, output and exit code are those
of the shell. Whoever started it keeps that input open: when it closes, this process ends, whatever it is doing.
"""

from ..core.safe_start import forget_current_folder, spare_threads

forget_current_folder()  # before more is imported, as it may be the data's
spare_threads()

import contextlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402

from ..core.errors import EsoRadiomicsError  # noqa: E402
from ..core.schemas import validator  # noqa: E402
from ..extraction.engines import engine  # noqa: E402
from . import robustness_command, score_command  # noqa: E402, F401 - what they import
from .cli import run_process  # noqa: E402


def main() -> int:
    """Wait for a command and run it; 0 if none came."""
    with contextlib.suppress(EsoRadiomicsError):  # the command will say so
        engine().warm_up()
        engine().software()
        validator("reference-cohort.schema.json")
    line = sys.stdin.readline()
    if not line:
        return 0
    threading.Thread(target=_end_with_input, daemon=True).start()
    run_process(json.loads(line))


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
