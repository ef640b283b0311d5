"""The shell command ``esoradiomics``: one subcommand a task, each in its own file of this folder."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from .. import __version__
from ..core.errors import EsoRadiomicsError, UsageError
from ..core.safe_start import spare_threads
from ..core.terminal import safe_terminal
from ..core.translation import ENGLISH, language
from .fault_report import FAULT, fault_sentence

COMMANDS = (
    "score",
    "robustness",
    "readings",
    "extract",
    "cohort",
    "icc",
    "fit",
    "validate",
    "plan",
    "studies",
    "reference",
    "selftest",
)

_LONGEST = 2000  # characters of an error

EPILOG = """\
exit codes:
  0  done
  1  this case failed (unreadable image, empty ROI, missing reference cohort, interrupted …)
  2  the call itself is wrong (unknown study, covariate out of range, output folder not writable …)
  70 a fault in EsoRadiomics itself; a file says more

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
    with safe_terminal(), warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")  # libraries' remarks are for developers; what matters is said in sentences
        try:
            _stop_cleanly()
            code = _run(sys.argv[1:] if arguments is None else list(arguments))
            sys.stdout.flush()  # what cannot be written is told here, not when Python ends
            return code
        except EsoRadiomicsError as error:
            return _failed(str(error), error.exit_code)
        except KeyboardInterrupt:
            return _failed("interrupted; nothing was written.", 1)
        except BrokenPipeError:
            _close_output()
            return 1
        except MemoryError:
            return _failed("The computer has not enough memory for this. Close other programs, or use fewer jobs.", 1)
        except OSError as error:
            place = f"{str(error.filename)[:300]}: " if error.filename else ""
            return _failed(f"{place}{error.strerror or error}. Check the path, its permissions and the space left.", 1)
        except Exception as error:
            return _failed(fault_sentence(error), FAULT)


def run_process(arguments: Sequence[str] | None = None) -> NoReturn:
    """The process is the command: it ends at once, as taking its libraries apart takes as long as a small signature."""
    spare_threads()
    code = main(arguments)
    atexit._run_exitfuncs()
    os._exit(code)


def _run(arguments: Sequence[str]) -> int:
    if any("\0" in argument for argument in arguments):
        raise UsageError("An argument holds a null character, which no path and no name can. Check the call.")
    asked: Sequence[str] = [arguments[0]] if arguments and arguments[0] in COMMANDS else COMMANDS
    if list(arguments) == ["--version"]:
        asked = ()  # which no command need be imported for
    options = build_parser(asked).parse_args(arguments)
    options.call = shlex.join(["esoradiomics", *arguments])
    with language(getattr(options, "language", ENGLISH)):
        return options.run(options)


def _failed(sentence: str, code: int) -> int:
    if len(sentence) > _LONGEST:  # what it quotes of a file may be of any length
        sentence = f"{sentence[: _LONGEST // 2]} … {sentence[-_LONGEST // 2 :]}"
    with contextlib.suppress(OSError, ValueError):  # what was said before the error, which may be that it can't be
        sys.stdout.flush()
    with contextlib.suppress(OSError):  # standard error may be closed too
        print(f"esoradiomics: {sentence}", file=sys.stderr)
    return code


def _close_output() -> None:
    """Whoever read our output is gone: Python would complain of it when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop_cleanly() -> None:
    """A polite kill, and a terminal that is closed, unwind like Ctrl-C: temporary files and worker processes go too."""

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    with contextlib.suppress(ValueError):  # not the main thread: whoever started us handles signals
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
                signal.signal(number, interrupt)


if __name__ == "__main__":
    run_process()
