"""A cohort's scores in every reading of the paper: which patients change their group with what it leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import EsoRadiomicsError
from ..extraction.features import Features
from ..scoring.score import check_scorable, score
from ..studies.paper_readings import PaperReadings, Reading, paper_readings
from ..studies.reference_cohort import ReferenceCohort
from ..studies.study import Study
from .cohort_run import CohortRun
from .cohort_table import finished_cases


@dataclass(frozen=True)
class CaseInReadings:
    """A case's Rad-score and group in each reading, the card's own first; None where there is none."""

    case: str
    scores: tuple[float | None, ...]
    groups: tuple[str | None, ...]

    @property
    def known(self) -> tuple[float, ...]:
        """The scores that there are."""
        return tuple(each for each in self.scores if each is not None)

    @property
    def same_group(self) -> int:
        """In how many readings with a score the group is that of the card's own."""
        scored = [group for group, each in zip(self.groups, self.scores, strict=True) if each is not None]
        return scored.count(self.groups[0])


def cohort_in_readings(
    run: CohortRun, study: Study, reference: ReferenceCohort | None
) -> tuple[PaperReadings, tuple[CaseInReadings, ...]]:
    """Score every case that a run with readings has finished.

    Raises:
        ScoreError: the study cannot be scored, for example without a reference cohort.
    """
    check_scorable(study, study.settings, reference)
    found = paper_readings(study)
    cases = []
    for entry, record in finished_cases(run):
        rows = {study.settings.fingerprint: record} | {each["settings"]: each for each in record["readings"]}
        results = [_scored(study, reading, rows, reference) for reading in found.readings]
        cases.append(CaseInReadings(entry.case, *map(tuple, zip(*results, strict=True))))
    return found, tuple(cases)


def _scored(
    study: Study, reading: Reading, rows: dict[str, dict[str, dict[str, float]]], reference: ReferenceCohort | None
) -> tuple[float | None, str | None]:
    row = rows.get(reading.settings.fingerprint)
    if row is None:
        return None, None
    features = Features(row["features"], {}, reading.settings, {})
    try:
        result = score(study, features, reference=reference and reference.at(reading.settings))
    except EsoRadiomicsError:  # a feature without a value, or a reference without this reading
        return None, None
    return result.rad_score, result.group.id if result.group else None
