"""What a cohort's run left in its folder, in short: numbers, failures, and how the scores are distributed."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from ...cohort.cohort_table import FAILURES_CSV, FEATURES_CSV, PROVENANCE_JSON, REMARKS_CSV, REPORT_HTML, SCORES_CSV
from ...cohort.problems import Problem, read_problems
from ...core.errors import InputError
from ...core.formatting import number
from ...core.translation import tr as library_tr
from ...studies.study import builtin_studies, load_study
from ..language import tr as _

UNREADABLE = (OSError, ValueError, LookupError, TypeError, csv.Error)
"""What reading a folder may raise that holds nothing of ours, or files of other programs under the same names."""


@dataclass(frozen=True)
class CohortResult:
    """``problems`` are failures and remarks; ``scores`` are sentences, one a study that could be scored."""

    folder: Path
    finished: int
    failed: int
    problems: tuple[Problem, ...]
    scores: tuple[str, ...]


def read_result(folder: Path) -> CohortResult:
    """The result of the last run into a folder.

    Raises:
        UNREADABLE: there is none, or it is not whole.
    """
    cases = json.loads((folder / PROVENANCE_JSON).read_text(encoding="utf-8"))["cases"]
    for name in (FEATURES_CSV, REPORT_HTML):
        (folder / name).stat()
    problems = *problems_of(folder / FAILURES_CSV), *problems_of(folder / REMARKS_CSV)
    scores = tuple(_distributions(folder / SCORES_CSV))
    return CohortResult(folder, int(cases["finished"]), int(cases["failed"]), problems, scores)


def problems_of(path: Path) -> tuple[Problem, ...]:
    """The problems that a command wrote.

    Raises:
        ValueError: they are not there, or not whole.
    """
    try:
        return tuple(read_problems(path))
    except InputError as error:
        raise ValueError(str(error)) from error


def _distributions(path: Path) -> Iterator[str]:
    """A sentence for each study that scored cases."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("rad_score")]
    for study in dict.fromkeys(row["study"] for row in rows):
        own = [row for row in rows if row["study"] == study]
        values = [float(row["rad_score"]) for row in own]
        groups = Counter(row["group"] for row in own if row["group"])
        listed = "".join(f", {n} {group}" for group, n in sorted(groups.items()))
        yield _("{title}: score {spread} in {n} cases{groups}.").format(
            title=_title(study), spread=_spread(values), n=len(values), groups=listed
        )


def _title(study: str) -> str:
    """A built-in study's title; the identifier of another one."""
    return library_tr(load_study(study).title) if study in builtin_studies() else study


def _spread(values: list[float]) -> str:
    """Median and quartiles, or the only value."""
    if len(values) < 2:
        return number(values[0])
    low, middle, high = quantiles(values, method="inclusive")
    return _("{middle} (quartiles {low} to {high})").format(middle=number(middle), low=number(low), high=number(high))
