"""The corridor as one call: case → ROI → features → score, with everything that was done on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.progress import Progress
from ..core.translation import tr
from ..extraction.engines import extract, prepare
from ..extraction.features import Features
from ..extraction.roi import Roi
from ..extraction.settings import ExtractionSettings
from ..extraction.shared_tasks import Helpers
from ..imaging.case import Case
from ..studies.conformity import conformity_warnings
from ..studies.reference_cohort import ReferenceCohort
from ..studies.study import Study
from .against_reference import AgainstReference, against_reference
from .plausibility import Plausibility, plausibility
from .reading_scores import ReadingScores
from .reference_worth import reference_warnings
from .robustness import Robustness
from .score import Score, check_covariates, check_scorable, score


@dataclass(frozen=True)
class PatientResult:
    """One patient scored by one study, with the case, the ROI's account and the features it rests on.

    ``robustness`` is there once the outcome of :func:`EsoRadiomicsLib.scoring.perturbed_scores.assess` was put here,
    ``paper_readings`` once that of :func:`EsoRadiomicsLib.scoring.reading_scores.score_readings` was.
    """

    case: Case
    roi: Roi
    features: Features
    score: Score
    warnings: tuple[str, ...]
    robustness: Robustness | None = None
    paper_readings: ReadingScores | None = None
    against: AgainstReference | None = None
    plausibility: Plausibility | None = None


def score_patient(
    case: Case,
    study: Study,
    *,
    covariates: Mapping[str, Any] | None = None,
    reference: ReferenceCohort | None = None,
    settings: ExtractionSettings | None = None,
    full: bool = False,
    helpers: Helpers | None = None,
    progress: Progress | None = None,
) -> PatientResult:
    """Measure and score one patient.

    Args:
        case: image and GTV, loaded with the settings' pixel type.
        study: the study.
        covariates: clinical inputs by the card's names; what is left out gives bounds.
        reference: reference cohort for z-scored signatures.
        settings: other extraction settings than the study's; each change is warned about.
        full: compute all features of the settings, not only the signature's.
        helpers: from :func:`EsoRadiomicsLib.extraction.workers.helpers`.
        progress: told what is being done.

    Returns:
        Rad-score (no unit) as the sum of its ``contributions``, risk group, and survival or probability (0 to 1) at the
        card's horizons, by the formulas of the study that the card cites.

    Raises:
        ScoreError, UsageError: before any image work, what is missing or wrong.
        RoiError, ExtractionError: the ROI cannot be measured.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> case = eso.load_case("ct.nrrd", "gtv.nrrd")
        >>> result = eso.score_patient(case, eso.load_study("ln-control-2y"))
        >>> result.score.group.label
        'higher risk of local recurrence within two years'
    """
    settings = settings or study.settings
    check_scorable(study, settings, reference)
    check_covariates(study, covariates or {})
    assert study.signature is not None
    if progress is not None:
        progress(0.0, tr("resampling and HU exclusion"))
    roi = prepare(case, settings)
    features = extract(roi, settings, None if full else study.signature.names, helpers, progress)
    return score_features(case, roi, features, study, covariates=covariates, reference=reference)


def score_features(
    case: Case,
    roi: Roi,
    features: Features,
    study: Study,
    *,
    covariates: Mapping[str, Any] | None = None,
    reference: ReferenceCohort | None = None,
) -> PatientResult:
    """Score a patient whose features were measured, by whichever road, with the settings they carry.

    Raises:
        ScoreError, UsageError: what is missing or wrong.
        ExtractionError: a feature of the signature has no value.
    """
    result = score(study, features, covariates=covariates, reference=reference)
    input_ = plausibility(case, roi, features.settings)
    warnings = (
        *case.warnings,
        *roi.warnings,
        *input_.warnings,
        *conformity_warnings(study, features.settings, case),
        *result.warnings,
        *reference_warnings(study, reference if result.reference_label else None, features.software),
    )
    against = against_reference(result, reference)
    return PatientResult(case, roi, features, result, warnings, against=against, plausibility=input_)
