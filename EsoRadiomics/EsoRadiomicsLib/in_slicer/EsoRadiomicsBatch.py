"""The shell command ``esoradiomics`` inside Slicer, without a window.

    Slicer --no-splash --no-main-window --python-script EsoRadiomicsBatch.py -- score ct.nrrd gtv.seg.nrrd --study …

Subcommands, options and exit codes are those of ``esoradiomics`` (``-- --help`` lists them); the ``--`` keeps Slicer
from taking them for its own. ``--log FILE`` writes what would be printed to a file: Slicer shows nothing on Windows.
Slicer ends with the exit code whatever happens, a bug included (then 1, with its traceback).
"""

import contextlib
import multiprocessing
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # Slicer takes any .py beside the module for a module


def main() -> None:
    """Run the command line and end Slicer with its exit code."""
    import slicer

    code = 1
    try:
        code = run(sys.argv[1:])
    finally:
        slicer.util.exit(code)  # without it Slicer would stay open


def run(arguments: list[str]) -> int:
    """The exit code for these arguments; nothing escapes."""
    with contextlib.ExitStack() as stack:
        try:
            arguments, log = split_log(arguments)
            if log is not None:
                stream = stack.enter_context(open(log, "w", encoding="utf-8", buffering=1))
                stack.enter_context(contextlib.redirect_stdout(stream))
                stack.enter_context(contextlib.redirect_stderr(stream))
        except (OSError, ValueError) as error:
            print(f"esoradiomics: --log needs a file that can be written: {error}.", file=sys.stderr)
            return 2
        return _run(arguments)


def split_log(arguments: list[str]) -> tuple[list[str], str | None]:
    """``--log FILE`` or ``--log=FILE`` taken out of the arguments.

    Raises:
        ValueError: no file follows.
    """
    rest, log = [], None
    words = iter(arguments)
    for word in words:
        option, equals, value = word.partition("=")
        if option != "--log":
            rest.append(word)
            continue
        log = value if equals else next(words, "")
        if not log:
            raise ValueError("none was given")
    return rest, log


def _run(arguments: list[str]) -> int:
    try:
        from EsoRadiomicsLib.core.slicer_python import slicer_python
        from EsoRadiomicsLib.shell.cli import main as esoradiomics

        multiprocessing.set_executable(slicer_python())  # for --jobs: workers are to be Python, not another Slicer
        return esoradiomics(arguments)
    except SystemExit as end:  # argparse
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    except BaseException:  # a bug, or Ctrl-C before the command line listens
        traceback.print_exc()
        return 1


if __name__ == "__main__":  # a worker process imports this file under another name
    main()
