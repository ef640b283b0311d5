"""One patient's features from SlicerRadiomics, scored here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ...core.errors import EsoRadiomicsError
from ...extraction.engines import prepare
from ...extraction.features import Features
from ...extraction.settings import ExtractionSettings
from ...imaging.case import Case
from ...reporting.patient.patient_result import result_dict, to_json
from ...scoring.patient import score_features
from ...studies.reference_cohort import ReferenceCohort
from ...studies.study import Study
from ..language import tr as _
from .command_run import Tell


class FullExtractor(Protocol):
    """Computes all features of a case out of process, as :class:`in_slicer.scene.cli_extractor.CliExtractor`."""

    def can_measure(self, settings: ExtractionSettings) -> bool:
        """Whether it does what the settings say."""

    def start(
        self, case: Case, settings: ExtractionSettings, on_finished: Callable[[Callable[[], Features]], None]
    ) -> None:
        """Start; ``on_finished`` is called once, unless cancelled, with what gives the features or raises."""

    def cancel(self) -> None:
        """End the run and remove what it made."""


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
        done: Callable[[dict[str, Any]], None],
        failed: Callable[[str], None],
    ) -> None:
        self._extractor = extractor
        self.over = False
        # Not while the module is started: Slicer forks in another thread, which ends OpenBLAS's threads in mid-work.
        roi = prepare(case, study.settings)

        def finished(features: Callable[[], Features]) -> None:
            self.over = True
            try:
                result = score_features(case, roi, features(), study, covariates=covariates, reference=reference)
            except EsoRadiomicsError as error:
                failed(str(error))
            else:
                done(json.loads(to_json(result_dict(result))))

        tell(0.0, _("SlicerRadiomics computes all features"))
        extractor.start(case, study.settings, finished)

    def stop(self) -> None:
        """End the CLI module."""
        self._extractor.cancel()
