"""The shell command ``esoradiomics``: one subcommand a task, each in its own file of this folder."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from .. import __version__
from ..core.errors import EsoRadiomicsError

COMMANDS = (
    "score",
    "robustness",
    "readings",
    "extract",
    "cohort",
    "icc",
    "fit",
    "validate",
    "studies",
    "reference",
    "selftest",
)

EPILOG = """\
exit codes:
  0  done
  1  this case failed (unreadable image, empty ROI, missing reference cohort, interrupted …)
  2  the call itself is wrong (unknown study, covariate out of range, output folder not writable …)

Research use only: not a medical device.
"""


def build_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser with these subcommands; only their modules are imported: scoring need not wait for model building."""
    parser = argparse.ArgumentParser(
        prog="esoradiomics",
        description="Published CT-radiomics studies of esophageal squamous-cell carcinoma as working software.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"esoradiomics {__version__}")
    subparsers = parser.add_subparsers(metavar="command", required=True)
    for command in commands:
        import_module(f".{command}_command", __package__).add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; errors of the user's are printed as one sentence."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    asked = [arguments[0]] if arguments and arguments[0] in COMMANDS else COMMANDS
    options = build_parser(asked).parse_args(arguments)
    _stop_cleanly_on_terminate()
    try:
        return options.run(options)
    except EsoRadiomicsError as error:
        print(f"esoradiomics: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("esoradiomics: interrupted; nothing was written.", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1


def _stop_cleanly_on_terminate() -> None:
    """A polite kill unwinds like Ctrl-C, so that temporary files and worker processes go too."""

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    with contextlib.suppress(ValueError):  # not the main thread: whoever started us handles signals
        signal.signal(signal.SIGTERM, interrupt)


if __name__ == "__main__":
    sys.exit(main())
