"""One patient's result from another process: the report that the library wrote, or SlicerRadiomics' features scored."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import EsoRadiomicsError, OutputError
from ...extraction.engines import prepare
from ...extraction.pyradiomics.slicer_radiomics import FullExtractor, features_of_table
from ...imaging.case import Case
from ...reporting.patient.patient_report import check_folder, write_report
from ...reporting.patient.patient_result import result_dict
from ...scoring.patient import score_features
from ...studies.reference_cohort import ReferenceCohort
from ...studies.study import Study
from .command_run import Tell

ROBUSTNESS_SVG = "robustness.svg"


@dataclass(frozen=True)
class Done:
    """What a run gives: ``result.json``, how to write the report's files into a folder, and the robustness figure."""

    document: dict[str, Any]
    write: Callable[[Path], None]
    figure: str = ""


def read_report(folder: Path) -> Done:
    """The report that a command wrote into a folder that will go.

    Raises:
        OSError, ValueError, KeyError: it is not there, or not whole.
    """
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    figure = files.get(ROBUSTNESS_SVG, b"").decode()
    return Done(json.loads(files["result.json"]), lambda where: _write_files(files, where), figure)


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
