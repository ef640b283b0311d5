"""What is wrong with a case of a cohort: what was found, at which stage, and what to do."""

from __future__ import annotations

import csv
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import InputError
from ..core.output import csv_line, plain_cell, write_text

COLUMNS = ("case", "reader", "session", "stage", "reason", "remedy")
BLOCKING = "blocking"


@dataclass(frozen=True)
class Problem:
    """One line of ``failures.csv``, or (not ``blocking``) of ``remarks.csv``: to look at although it is measured.

    ``case`` is empty where the problem is the whole cohort's. ``told`` is what whoever runs the cohort sees of it, with
    paths and names that ``reason`` and ``remedy``, which are handed on, leave out.
    """

    case: str
    stage: str
    reason: str
    remedy: str
    reader: str = ""
    session: str = ""
    blocking: bool = True
    told: str = field(default="", compare=False)

    def __str__(self) -> str:
        where = ", ".join(
            [self.case or "cohort", *(f"{n} {v}" for n, v in (("reader", self.reader), ("session", self.session)) if v)]
        )
        return f"{where} [{self.stage}]: {self.sentence}"

    @property
    def sentence(self) -> str:
        """Reason and remedy, for whoever runs the cohort."""
        return self.told or f"{self.reason} {self.remedy}".rstrip()


def split_message(message: str) -> tuple[str, str]:
    """(reason, remedy): the library's messages end with the sentence that says what to do."""
    reason, stop, remedy = message.rpartition(". ")
    return (f"{reason}.", remedy) if stop else (message, "")


def fault(error: Exception) -> str:
    """What is told of a case that an error of the software's own stopped; the last sentence is the remedy."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"Unexpected {type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno}). This is a "
        "fault in EsoRadiomics: please report it with this line."
    )


def write_problems(path: Path, problems: Iterable[Problem]) -> None:
    """Write a CSV: who, at which stage, why, what to do, and whether the case could not be measured (yes or no).

    Raises:
        OutputError: it cannot be written.
    """
    lines = [csv_line((*COLUMNS, BLOCKING))]
    for problem in problems:
        cells = [getattr(problem, name) for name in COLUMNS]
        lines.append(csv_line([*cells, "yes" if problem.blocking else "no"]))
    write_text(path, "".join(lines))


def read_problems(path: Path) -> list[Problem]:
    """Read what :func:`write_problems` wrote.

    Raises:
        InputError: it cannot be read, or is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{name: plain_cell(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
        return [Problem(**{name: row[name] for name in COLUMNS}, blocking=row[BLOCKING] == "yes") for row in rows]
    except (OSError, ValueError, KeyError, AttributeError, csv.Error) as error:
        raise InputError(f"{path} is no table of problems ({error}). Give failures.csv of a cohort run.") from error
