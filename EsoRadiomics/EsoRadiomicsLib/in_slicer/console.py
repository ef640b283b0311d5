"""What the module's logic offers to Slicer's Python console: nodes of the scene in, the library's results out."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..agreement.comparison import Agreement
from ..agreement.icc_protocol import protocol_rule
from ..agreement.readings import Reading, compare, measure_readings
from ..core.progress import Progress
from ..core.slicer_python import slicer_python
from ..extraction.shared_tasks import Helpers
from ..extraction.workers import helpers
from ..scoring.patient import PatientResult, score_patient
from ..scoring.perturbed_scores import COUNT, assess
from ..studies.reference_cohort import load_reference
from ..studies.study import load_study
from .scene.scene_access import node_case


def score(
    volume: Any,
    segmentation: Any,
    segment: str | None = None,
    *,
    study: str | Path,
    covariates: Mapping[str, Any] | None = None,
    reference: str | Path | None = None,
    full: bool = False,
) -> PatientResult:
    """One patient of the scene scored by one study: see ``EsoRadiomicsLogic.score``."""
    card = load_study(study)
    cohort = load_reference(reference) if reference else None
    case = node_case(volume, segmentation, segment, pixel_type=card.settings.pixel_type)
    return score_patient(case, card, covariates=covariates, reference=cohort, full=full)


def robustness(
    volume: Any,
    segmentation: Any,
    segment: str | None = None,
    *,
    study: str | Path,
    covariates: Mapping[str, Any] | None = None,
    reference: str | Path | None = None,
    count: int = COUNT,
    jobs: int = 1,
    progress: Progress | None = None,
) -> PatientResult:
    """One patient scored, and again under perturbations of contour and image.

    Args:
        volume, segmentation, segment, study, covariates, reference: as in ``EsoRadiomicsLogic.score``.
        count: perturbations, at least 5.
        jobs: processes.
        progress: called with the share done and what is being done, for example ``print``.

    Returns:
        What ``EsoRadiomicsLogic.score`` does, with ``robustness``.

    Raises:
        EsoRadiomicsError: as :func:`score`; fewer than 5 perturbations could be scored.
    """
    result = score(volume, segmentation, segment, study=study, covariates=covariates, reference=reference)
    cohort = load_reference(reference) if reference else None
    with _helpers(jobs) as helping:
        firmness = assess(result, reference=cohort, count=count, helpers=helping, progress=progress)
    return replace(result, robustness=firmness)


def icc(
    readings: Sequence[tuple[str, Any, Any, str | None, str, str]],
    *,
    study: str | Path,
    jobs: int = 1,
    progress: Progress | None = None,
    **rule: Any,
) -> Agreement:
    """ICC of all features of a study over readings in the scene, and which features its rule keeps.

    Args:
        readings: (case, volume node, segmentation node, segment, reader, session) each; at least three cases with two
            readings. A session may be empty where each reader has one.
        study: identifier or path of a study card; gives the settings and the rule.
        jobs: processes, over which the images of a reading are spread.
        progress: called with the share done and what is being done, for example ``print``.
        rule: fields of :class:`agreement.kept_features.Rule` instead of the study's: ``threshold``, ``form``,
            ``strict``, ``lower_bound``, ``observers``.

    Returns:
        The result, which :func:`agreement.files.write_agreement` writes as files.

    Raises:
        EsoRadiomicsError: readings that cannot be compared, a node that cannot be measured at all, or a rule that makes
            no sense.
    """
    card = load_study(study)
    asked = protocol_rule(card, **rule)
    rows = [
        Reading(
            str(case),
            str(reader),
            str(session),
            partial(node_case, volume, segmentation, segment, pixel_type=card.settings.pixel_type),
        )
        for case, volume, segmentation, segment, reader, session in readings
    ]
    with _helpers(jobs) as helping:
        measured = measure_readings(rows, card.settings, observers=asked.observers, helpers=helping, progress=progress)
    return compare(measured, asked, card)


@contextmanager
def _helpers(jobs: int) -> Iterator[Helpers | None]:
    """Worker processes of Slicer: Python, not another Slicer, and not running the script that Slicer runs again."""
    multiprocessing.set_executable(slicer_python())
    main = vars(sys.modules["__main__"])
    script = main.pop("__file__", None)  # which a new process would import: Slicer's own start, or the user's script
    try:
        with helpers(jobs) as helping:
            yield helping
    finally:
        if script is not None:
            main["__file__"] = script
