"""The files of an agreement study, each for one use: tables, the list of kept features, figures, and all in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...agreement.comparison import DROPPED, KEPT, NOT_COMPUTED, Agreement
from ...agreement.icc import parse_form
from ...agreement.kept_features import kept_text
from ...agreement.readings import Measured
from ...cohort.cohort_table import FAILURES_CSV
from ...cohort.problems import COLUMNS, Problem, write_problems
from ...core.errors import OutputError
from ...core.output import PARTIAL, check_output_folder, safe_cell, write_text, writing

FORMAT = "esoradiomics-agreement/1"
TABLE_CSV, KEPT_JSON, SUMMARY_JSON, READINGS_CSV = "icc.csv", "kept.json", "agreement.json", "readings.csv"
CURVE_SVG, MAP_SVG = "icc.svg", "icc_map.svg"
BLAND_ALTMAN_SVG = "bland_altman_{}.svg"
FINISHED = "cases"
"""Subfolder of finished readings, with which an interrupted run goes on."""


def check_agreement_folder(folder: Path) -> None:
    """Check, before any work, that the files may be written into ``folder``; an earlier run's are replaced.

    Raises:
        OutputError: it is a file, holds files of other names, or cannot be written.
    """
    ours = (TABLE_CSV, KEPT_JSON, SUMMARY_JSON, READINGS_CSV, CURVE_SVG, MAP_SVG, FAILURES_CSV, FINISHED)
    patterns = (BLAND_ALTMAN_SVG.format("*"), f".*{PARTIAL}")
    earlier = {path.name for pattern in patterns for path in (folder.glob(pattern) if folder.is_dir() else ())}
    check_output_folder(folder, {*ours, *earlier})


def write_readings(folder: Path, measured: Measured) -> None:
    """Write the table of the readings and, where some failed, their list; results of an earlier run go.

    Raises:
        OutputError: the folder cannot be written.
    """
    _remove_earlier(folder, (TABLE_CSV, KEPT_JSON, SUMMARY_JSON, CURVE_SVG, MAP_SVG, FAILURES_CSV))
    write_text(folder / READINGS_CSV, table_text(measured.table))
    if measured.failures:
        write_problems(folder / FAILURES_CSV, measured.failures)


def write_agreement(
    folder: Path,
    result: Agreement,
    *,
    bland_altman: Sequence[str] = (),
    failures: Sequence[Problem] = (),
    study: str | None = None,
) -> None:
    """Write result, list and figures into ``folder``, each file whole or not at all.

    Args:
        folder: made if it is not there.
        result: the agreement study.
        bland_altman: features whose first two readings are drawn against each other.
        failures: readings that could not be measured, for ``agreement.json``.
        study: whose rule it was, for ``agreement.json``.

    Raises:
        UsageError: a feature to draw is not in the result.
        OutputError: the folder cannot be written.
    """
    from ..figures.bland_altman_plot import bland_altman_figure
    from ..figures.icc_map_plot import icc_map_figure
    from ..figures.icc_plot import icc_figure
    from ..figures.style import to_svg

    files = {
        TABLE_CSV: table_text(result.table).encode(),
        KEPT_JSON: kept_text(result.kept).encode(),
        CURVE_SVG: to_svg(icc_figure(result)),
        MAP_SVG: to_svg(icc_map_figure(result)),
    }
    for feature in bland_altman:
        drawn = bland_altman_figure(result.comparisons[0], feature)
        files[BLAND_ALTMAN_SVG.format(feature)] = to_svg(drawn)
    document = summary(result, failures, study) | {"files": [*files, SUMMARY_JSON]}
    files[SUMMARY_JSON] = (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    _remove_earlier(folder, ())
    for name, content in files.items():
        with writing(folder / name) as file:
            file.write(content)


def summary(result: Agreement, failures: Sequence[Problem] = (), study: str | None = None) -> dict[str, Any]:
    """What ``agreement.json`` holds: all that a program needs to show the result without computing it again.

    ``counts`` has a row per image and class; ``icc.csv`` beside it has one per feature. Unlike ``kept.json``, the
    warnings and failures name cases.
    """
    verdicts = result.table["verdict"].value_counts()
    kept = result.kept
    return {
        "format": FORMAT,
        "software": kept.software,
        "study": study,
        "rule": asdict(result.rule),
        "rule_in_words": str(result.rule),
        "form_in_words": parse_form(result.rule.form).meaning,
        "n_features": kept.n_features,
        "n_kept": int(verdicts.get(KEPT, 0)),
        "n_dropped": int(verdicts.get(DROPPED, 0)),
        "n_not_computed": int(verdicts.get(NOT_COMPUTED, 0)),
        "comparisons": [dict(comparison) for comparison in kept.comparisons],
        "counts": _without_nan(result.counts),
        "warnings": list(result.warnings),
        "failures": [_failure(problem) for problem in failures],
        "settings": dict(kept.settings),
        "versions": {name: list(found) for name, found in kept.versions.items()},
    }


def table_text(table: pd.DataFrame) -> str:
    """A table as CSV, numbers with all their digits, in which no text can be run as a formula."""
    texts = {name: table[name].map(safe_cell) for name in table.select_dtypes(exclude="number").columns}
    return table.assign(**texts).to_csv(index=False, lineterminator="\n")


def _remove_earlier(folder: Path, names: Iterable[str]) -> None:
    """Make the folder, or remove these files from it, and figures of features that may not be asked for any more."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in (*map(folder.joinpath, names), *folder.glob(BLAND_ALTMAN_SVG.format("*"))):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}. Choose another folder.") from error


def _failure(problem: Problem) -> Mapping[str, str]:
    return {name: getattr(problem, name) for name in COLUMNS}


def _without_nan(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.astype(object).replace({np.nan: None}).to_dict("records")
