"""``esoradiomics icc``: which features survive re-segmentation."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from ..agreement import Agreement, agreement
from ..agreement_table import read_table
from ..errors import UsageError
from ..figures import to_svg
from ..kept_features import OBSERVERS, Rule, kept_text
from ..output import check_output_folder, write_folder
from ..study import Study, load_study
from .common import add_command, existing_file

EXAMPLES = """\
  esoradiomics icc readings.csv --study escc-lpfs-ccrt --out icc        # the rule of the study: ICC >= 0.9
  esoradiomics icc readings.csv --threshold 0.75 --strict --observers both --out icc
  esoradiomics icc readings.csv --threshold 0.9 --form 3,1 --lower-bound --bland-altman original_glcm_Idn --out icc

readings.csv has one row a case, reader and (optionally) session, with the features as columns. The cohort
command measures one from images: “esoradiomics cohort run” on a manifest with the columns reader and session.
"""
TABLE, KEPT, CURVE, MAP = "icc.csv", "kept.json", "icc.svg", "icc_map.svg"


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    text = "ICC of every feature over readers and sessions, and the list of those that are reproducible enough."
    parser = add_command(subparsers, "icc", text, EXAMPLES)
    parser.add_argument("table", type=existing_file, help="feature table: case, reader, session, features")
    parser.add_argument("--study", help="take the rule from this study's protocol")
    parser.add_argument("--threshold", type=float, help="least ICC of a feature that is kept")
    parser.add_argument("--form", help="ICC form: 1,1  2,1  3,1  1,k  2,k  3,k (default 2,1)")
    parser.add_argument("--strict", action="store_true", help="above the threshold, not at it")
    parser.add_argument("--lower-bound", action="store_true", help="hold the lower 95 %% limit against the threshold")
    parser.add_argument(
        "--observers", choices=OBSERVERS, help="comparisons a feature must pass (default: all there are)"
    )
    parser.add_argument("--bland-altman", action="append", default=[], metavar="FEATURE", help="also draw this feature")
    parser.add_argument("--out", type=Path, required=True, help="folder for table, list of kept features and figures")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compute, write the folder, print what was kept."""
    rule = _rule(options, load_study(options.study) if options.study else None)
    pictures = [f"bland_altman_{feature}.svg" for feature in options.bland_altman]
    names = {TABLE, KEPT, CURVE, MAP, *pictures}
    check_output_folder(options.out, names)
    result = agreement(read_table(options.table), rule)
    write_folder(options.out, _files(result, options.bland_altman))
    for comparison in result.comparisons:
        print(f"{comparison.name}: {comparison.cases} cases")
    for warning in result.warnings:
        print(f"warning: {warning}")
    print(f"{len(result.kept.features)} of {len(result.table)} features kept ({rule}); list: {options.out / KEPT}")
    return 0


def _rule(options: argparse.Namespace, study: Study | None) -> Rule:
    """The study's rule, with what is given on the command line in its place."""
    steps = study.card["protocol"]["steps"] if study else []
    step: dict[str, Any] = next((step for step in steps if step["step"] == "icc"), {})
    threshold = options.threshold if options.threshold is not None else step.get("threshold")
    if threshold is None:
        where = f"The protocol of {study.id} states no ICC rule" if study else "No ICC threshold is given"
        raise UsageError(f"{where}. Give --threshold, for example --threshold 0.75.")
    form = options.form or step.get("form") or "2,1"
    strict = options.strict or (options.threshold is None and step.get("rule") == ">")
    return Rule(threshold, form, strict, options.lower_bound, options.observers or "any")


def _files(result: Agreement, bland_altman: list[str]) -> dict[str, bytes]:
    from ..figures.bland_altman import bland_altman_figure
    from ..figures.icc import icc_figure
    from ..figures.icc_map import icc_map_figure

    table = io.StringIO()
    result.table.to_csv(table, index=False, lineterminator="\n")
    files = {
        TABLE: table.getvalue().encode(),
        KEPT: kept_text(result.kept).encode(),
        CURVE: to_svg(icc_figure(result)),
        MAP: to_svg(icc_map_figure(result)),
    }
    for feature in bland_altman:
        files[f"bland_altman_{feature}.svg"] = to_svg(bland_altman_figure(result.comparisons[0], feature))
    return files
