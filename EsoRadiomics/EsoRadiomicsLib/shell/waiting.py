"""``esoradiomics`` started beforehand: it imports what scoring needs, waits for a command, runs it and ends.

The command comes as one line on standard input, a JSON list of its arguments; progress, output and exit code are those
of the shell. Lines before it, ``{"expect": arguments}``, name one that is likely to come: its case is read. Whoever
started it keeps that input open: when it closes, this process ends, whatever it is doing.
"""

from ..core.safe_start import forget_current_folder, spare_threads

forget_current_folder()  # before more is imported, as it may be the data's
spare_threads()

import contextlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402

from ..core.errors import EsoRadiomicsError  # noqa: E402
from ..core.schemas import validator  # noqa: E402
from ..core.translation import language  # noqa: E402
from ..extraction.engines import engine  # noqa: E402
from ..studies.study import load_study  # noqa: E402
from . import robustness_command, score_command  # noqa: E402, F401 - what they import
from .arguments import case_of, settings_of  # noqa: E402
from .cli import build_parser, run_process  # noqa: E402
from .expected_case import forget_case, read_ahead  # noqa: E402


def main() -> int:
    """Wait for a command and run it; 0 if none came."""
    with contextlib.suppress(EsoRadiomicsError):  # the command will say so
        engine().warm_up()
        engine().software()
        validator("reference-cohort.schema.json")
    while line := sys.stdin.readline():
        told = json.loads(line)
        if isinstance(told, list):
            threading.Thread(target=_end_with_input, daemon=True).start()
            run_process(told)
        _expect(told["expect"])
    return 0


def _expect(arguments: list[str]) -> None:
    """Read the case of a command that is likely to come; what hinders it, the command will say."""
    forget_case()
    with contextlib.suppress(Exception, SystemExit), contextlib.redirect_stderr(io.StringIO()):
        if arguments:
            options = build_parser(arguments[:1]).parse_args(arguments)
            with language(options.language):
                read_ahead(**case_of(options, settings_of(options, load_study(options.study))))


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
