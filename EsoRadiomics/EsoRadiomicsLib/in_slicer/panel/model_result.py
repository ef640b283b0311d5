"""What a fit or a validation left in its folder: the card, the main numbers, the figures in the order of interest."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ...core.errors import StudyError
from ...core.formatting import decimals
from ...evaluation.measures import file_stem
from ...scoring.nomogram import outcome_model
from ...scoring.score_text import rule
from ...studies.study import Study, check_card
from ..language import tr as _

CARD, REPORT = "card.json", "report.html"
_FIGURES, _TABLES = Path("figures"), Path("tables")
_METRICS, _PREDICTIONS, _SIGNATURE = (_TABLES / f"{name}.csv" for name in ("metrics", "predictions", "signature"))
_OF_ALL_MODELS, _OF_THE_CARD = ("C-index", "AUC"), ("calibration slope", "hazard ratio")
NOMOGRAM = _("Nomogram")
_TITLES = {
    "kaplan-meier": "Kaplan–Meier",
    "calibration": _("Calibration"),
    "nomogram": NOMOGRAM,
    "strata": _("Strata"),
    "roc": "ROC",
    "auc": _("AUC over time"),
    "decision-curve": _("Decision curve"),
    "cut-off": _("Cut-off"),
    "lasso-path": _("LASSO paths"),
    "lasso-cv": _("Cross-validation"),
    "chance": _("Chance"),
}
"""Beginning of a figure's file name → title, the most interesting first."""


@dataclass(frozen=True)
class MeasureTable:
    """``rows``: (measure, its cell in each of the ``cohorts``), with 95 % limits; empty where it was not computed."""

    cohorts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class ModelResult:
    """A fit or a validation.

    Attributes:
        folder: with card, report, figures and tables.
        study: of the card that it wrote; None for a validation without an update.
        fitted: whether it is a fit.
        measures: the main ones, of the card's model and of simpler ones.
        figures: (title, file), the most interesting first; ``nomogram`` is among them where there is one.
        notes: what the process said of optimism and chance; none for a result that is shown again.
        warnings: what the card says of its limits, or the process said.
    """

    folder: Path
    study: Study | None
    fitted: bool
    measures: MeasureTable
    figures: tuple[tuple[str, Path], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def signature_line(self) -> str:
        """``"19 features; cut-off ≥ 0.0005"``; empty for a validation."""
        signature = self.study.signature if self.study is not None and self.fitted else None
        if signature is None:
            return ""
        cutoff = _("; cut-off {rule}").format(rule=rule(signature.cutoff)) if signature.cutoff is not None else ""
        return _("{n} features{cutoff}").format(n=len(signature.names), cutoff=cutoff)

    @property
    def model_line(self) -> str:
        """``"CR status −1.56, Rad-score +1.46"``: the outcome model's terms; empty without one, or for a validation."""
        outcome = self.study.outcome if self.study is not None and self.fitted else None
        if outcome is None:
            return ""
        return ", ".join(
            f"{term.name} ({term.curve.kind})" if term.curve else f"{term.name} {decimals(term.coefficient.value, 2)}"
            for term in outcome.terms
        )

    @property
    def typical(self) -> dict[str, float]:
        """The training patients' median Rad-score, by its name on the nomogram."""
        signature = self.study.signature if self.study is not None and self.fitted else None
        outcome = outcome_model(self.study) if self.study is not None else None
        if signature is None or outcome is None:
            return {}
        with (self.folder / _PREDICTIONS).open(newline="", encoding="utf-8") as file:
            scores = [float(row[signature.name]) for row in csv.DictReader(file) if row["cohort"] == "training"]
        return {term.name: median(scores) for term in outcome.terms if term.kind == "rad-score"}


def read_model_result(folder: Path, output: str = "") -> ModelResult:
    """What a command wrote into ``folder``; ``output`` is what it printed, for notes and a validation's warnings.

    Raises:
        OSError, ValueError, KeyError: it is not there, or not whole.
    """
    study = None
    if (folder / CARD).exists():
        try:
            study = check_card(json.loads((folder / CARD).read_text(encoding="utf-8")), folder / CARD)
        except StudyError as error:
            raise ValueError(str(error)) from error
    fitted = (folder / _SIGNATURE).exists()
    (folder / REPORT).stat()
    warnings = study.card["limitations"] if study is not None and fitted else _printed_warnings(output)
    measures = _measures(folder)
    figures = tuple(_figures(folder, measures.cohorts))
    notes = tuple(re.findall(r"^  • (.*)$", output, re.MULTILINE))
    return ModelResult(folder, study, fitted, measures, figures, notes, tuple(warnings))


def _measures(folder: Path) -> MeasureTable:
    """C-index, or AUC where there is none, of every model; calibration slope and hazard ratio of the card's."""
    with (folder / _METRICS).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["metric"] not in _OF_ALL_MODELS + _OF_THE_CARD or row["time"]:
            continue
        name = f"{row['metric']}, {row['model']}" if row["metric"] in _OF_ALL_MODELS else row["metric"]
        cells.setdefault(name, {})[row["cohort"]] = _limits(row)
    cohorts = tuple(dict.fromkeys(row["cohort"] for row in rows))
    return MeasureTable(
        cohorts, tuple((name, tuple(found.get(cohort, "") for cohort in cohorts)) for name, found in cells.items())
    )


def _limits(row: dict[str, str]) -> str:
    limits = f" ({float(row['lower']):.2f}–{float(row['upper']):.2f})" if row["lower"] else ""
    return f"{float(row['value']):.2f}{limits}"


def _figures(folder: Path, cohorts: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Those of each kind in the order of the cohorts, then what else there is."""
    files = {path.stem: path for path in sorted((folder / _FIGURES).glob("*.svg"))}
    sides = {"": "", **{f"-{file_stem(cohort)}": f", {cohort}" for cohort in cohorts}}
    for stem, title in _TITLES.items():
        for ending, side in sides.items():
            if stem + ending in files:
                yield title + side, files.pop(stem + ending)
    yield from ((stem.replace("-", " "), path) for stem, path in files.items())


def _printed_warnings(output: str) -> list[str]:
    """The “warning: …” of a command, which wraps them."""
    found = re.findall(r"^warning: (.*(?:\n  .*)*)", output, re.MULTILINE)
    return [re.sub(r"\s+", " ", text) for text in found]
