"""EsoRadiomics: published CT-radiomics studies of esophageal squamous-cell carcinoma as working software.

    >>> import EsoRadiomicsLib as eso
    >>> case = eso.load_case("ct.nrrd", "gtv.nrrd", label=1)
    >>> result = eso.score_patient(case, eso.load_study("ln-response-crt"))
    >>> result.score.group.label
    'response more likely (CR or PR)'
    >>> eso.write_report(result, "patient1")

The names below are the library's public ones, imported when they are first used; everything else is private by
convention and may move.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "load_case": "imaging.case",
    "load_study": "studies.study",
    "load_reference": "studies.reference_cohort",
    "extract": "front_door",
    "score_patient": "scoring.patient",
    "score_readings": "scoring.reading_scores",
    "write_report": "reporting.patient.patient_report",
    "language": "core.translation",
    "icc": "front_door",
    "run_cohort": "front_door",
    "fit": "front_door",
    "validate": "front_door",
    # What they take and give, and the family of errors.
    "Case": "imaging.case",
    "Study": "studies.study",
    "ReferenceCohort": "studies.reference_cohort",
    "Features": "extraction.features",
    "PatientResult": "scoring.patient",
    "ReadingScores": "scoring.reading_scores",
    "Agreement": "agreement.comparison",
    "CohortRun": "cohort.cohort_run",
    "Assessment": "evaluation.assessment",
    "Validation": "evaluation.validate",
    "EsoRadiomicsError": "core.errors",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """A public name, from its room (PEP 562): importing the library costs nothing."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
