"""One patient measured out of process, by the library in a worker or by SlicerRadiomics; ends once, leaves nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .case import Case
from .errors import EsoRadiomicsError, OutputError
from .patient import score_features
from .reference import ReferenceCohort
from .report import check_folder, write_report
from .result import result_dict
from .roi import prepare
from .slicer_radiomics import FullExtractor, features_of_table
from .study import Study

SPOKEN = "esoradiomics: "
"""What the shell command writes before the sentence that says why it failed."""


class ProcessRunner(Protocol):
    """Runs Python in another process, one at a time; callbacks come on the main thread."""

    def start(
        self, arguments: list[str], on_line: Callable[[str], None], on_finished: Callable[[int, str], None]
    ) -> None:
        """Start ``python arguments…``; lines of standard error, then exit code and standard output."""

    def stop(self) -> None:
        """Kill it and wait until it is gone; ``on_finished`` is then not called."""


@dataclass(frozen=True)
class Done:
    """What a run gives: ``result.json``, and how to write the report's files into a folder."""

    document: dict[str, Any]
    write: Callable[[Path], None]


Tell = Callable[[float, str], None]


class LibraryRun:
    """``esoradiomics score`` in a worker process.

    Args:
        runner: starts the process.
        prepare: writes CT and GTV into a folder and returns the command's arguments.
        names: what the user calls the files written, by file name.
        tell: gets progress.
        done: gets the result.
        failed: gets the sentence that says why there is none.

    Raises:
        InputError, OSError: the images cannot be written. Then nothing was started.
    """

    def __init__(
        self,
        runner: ProcessRunner,
        prepare: Callable[[Path], list[str]],
        names: Mapping[str, str],
        tell: Tell,
        done: Callable[[Done], None],
        failed: Callable[[str], None],
    ) -> None:
        self._runner, self._tell, self._done, self._failed = runner, tell, done, failed
        self._names, self._lines = names, list[str]()
        self.over = False
        self._folder = tempfile.TemporaryDirectory(prefix="EsoRadiomics-", ignore_cleanup_errors=True)
        try:
            folder = Path(self._folder.name)
            self._report = folder / "report"
            options = [*prepare(folder), f"--out={self._report}", "--progress=json", "--json"]
            runner.start(["-m", "EsoRadiomicsLib", "score", *options], self._on_line, self._on_finished)
        except BaseException:
            self._folder.cleanup()
            raise

    def stop(self) -> None:
        """End the process and remove its files."""
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
        try:
            found = self._read() if exit_code == 0 else None
        finally:
            self._folder.cleanup()
        if found is None:
            self._failed(self._why(exit_code))
        else:
            self._done(found)

    def _read(self) -> Done | None:
        try:
            files = {path.name: path.read_bytes() for path in self._report.iterdir()}
            return Done(json.loads(files["result.json"]), lambda folder: _write_files(files, folder))
        except (OSError, ValueError, KeyError):
            return None

    def _why(self, exit_code: int) -> str:
        spoken = [line for line in self._lines if line.startswith(SPOKEN)]
        if spoken:
            sentence = spoken[-1].removeprefix(SPOKEN)
            for file, name in self._names.items():
                sentence = sentence.replace(str(Path(self._folder.name) / file), f"“{name}”")
            return sentence
        last = next((line.strip() for line in reversed(self._lines) if line.strip()), "it said nothing")
        return f"The measuring process ended with exit code {exit_code} and without a result (its last words: {last})."


class SlicerRadiomicsRun:
    """All features by SlicerRadiomics, then scored here, which takes no time.

    Args:
        extractor: SlicerRadiomics' CLI module.
        case: CT and GTV.
        study: the study.
        covariates: clinical inputs.
        reference: reference cohort.
        tell: gets progress.
        done: gets the result.
        failed: gets the sentence that says why there is none.

    Raises:
        RoiError, ExtractionError: the ROI cannot be measured. Then nothing was started.
    """

    def __init__(
        self,
        extractor: FullExtractor,
        case: Case,
        study: Study,
        covariates: Mapping[str, Any],
        reference: ReferenceCohort | None,
        tell: Tell,
        done: Callable[[Done], None],
        failed: Callable[[str], None],
    ) -> None:
        self._extractor = extractor
        self.over = False
        roi = prepare(case, study.settings)

        def finished(row: Mapping[str, str], log: str) -> None:
            self.over = True
            try:
                features = features_of_table(row, study.settings, log)
                result = score_features(case, roi, features, study, covariates=covariates, reference=reference)
            except EsoRadiomicsError as error:
                failed(str(error))
            else:
                done(Done(result_dict(result), lambda folder: write_report(result, folder)))

        tell(0.0, "SlicerRadiomics computes all features")
        extractor.start(case, study.settings, finished)

    def stop(self) -> None:
        """End the CLI module."""
        self._extractor.cancel()


def _write_files(files: Mapping[str, bytes], folder: Path) -> None:
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        problem = f"The report cannot be written to {folder}: {error.strerror}."
        raise OutputError(f"{problem} Choose another folder.") from error
