"""What is wrong with a case of a cohort: what was found, at which stage, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One line of ``failures.csv``, or (not ``blocking``) something to look at although the case is measured.

    ``case`` is empty where the problem is the whole cohort's.
    """

    case: str
    stage: str
    reason: str
    remedy: str
    reader: str = ""
    session: str = ""
    blocking: bool = True

    def __str__(self) -> str:
        where = ", ".join(
            [self.case or "cohort", *(f"{n} {v}" for n, v in (("reader", self.reader), ("session", self.session)) if v)]
        )
        return f"{where} [{self.stage}]: {self.reason} {self.remedy}".rstrip()


def split_message(message: str) -> tuple[str, str]:
    """(reason, remedy): the library's messages end with the sentence that says what to do."""
    reason, stop, remedy = message.rpartition(". ")
    return (f"{reason}.", remedy) if stop else (message, "")
