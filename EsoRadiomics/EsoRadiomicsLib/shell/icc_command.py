"""``esoradiomics icc``: which features survive re-segmentation, from a feature table or from images and masks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..agreement.comparison import Agreement, agreement
from ..agreement.icc_protocol import against_design, protocol_rule
from ..agreement.kept_features import OBSERVERS, Rule
from ..agreement.readings import Measured, compare, measure_manifest
from ..cohort.manifest import read_manifest
from ..core.claims import check_apart, only_run
from ..core.errors import UsageError
from ..core.progress import MODES, reporter
from ..core.sheet import read_sheet
from ..extraction.feature_table import is_result_file, read_table
from ..reporting.agreement.agreement_files import (
    KEPT_JSON,
    READINGS_CSV,
    SUMMARY_JSON,
    check_agreement_folder,
    write_agreement,
    write_readings,
)
from ..studies.study import Study, load_study
from .arguments import add_command, existing_file, finite_number, whole_number

EXAMPLES = """\
  esoradiomics icc manifest.csv --study escc-lpfs-ccrt --jobs 4 --out icc     # from images and masks
  esoradiomics icc readings.csv --study escc-lpfs-ccrt --out icc              # from features: ICC >= 0.9
  esoradiomics icc readings.csv --threshold 0.75 --strict --observers both --out icc
  esoradiomics icc readings.csv --threshold 0.9 --form 3,1 --lower-bound --bland-altman original_glcm_Idn --out icc

manifest.csv (or .xlsx) has one line a reading: case, image, mask or rtstruct, roi, reader, session. All features of
the study are measured, with its settings; readings that are finished are kept in the output folder, so that the same
command goes on after an interruption. readings.csv has the features as columns; a run from images writes one.
"""
SHOWN = 20


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    text = "ICC of every feature over readers and sessions, and the list of those that are reproducible enough."
    parser = add_command(subparsers, "icc", text, EXAMPLES)
    parser.add_argument("table", type=existing_file, help="manifest of images and masks, or table of features")
    parser.add_argument("--study", help="take rule and settings from this study's protocol")
    parser.add_argument("--threshold", type=finite_number, help="least ICC of a feature that is kept")
    parser.add_argument("--form", help="ICC form: 1,1  2,1  3,1  1,k  2,k  3,k (default 2,1)")
    parser.add_argument("--strict", action="store_true", help="above the threshold, not at it")
    parser.add_argument("--lower-bound", action="store_true", help="hold the lower 95 %% limit against the threshold")
    parser.add_argument(
        "--observers",
        choices=OBSERVERS,
        help="comparisons a feature must pass (default: the study's, or all)",
    )
    parser.add_argument("--bland-altman", action="append", default=[], metavar="FEATURE", help="also draw this feature")
    parser.add_argument("--allow-outside", action="store_true", help="accept paths outside the manifest's folder")
    parser.add_argument("--jobs", type=whole_number, default=1, help="readings measured at a time (default 1)")
    parser.add_argument("--out", type=Path, required=True, help="folder for tables, list of kept features and figures")
    parser.add_argument("--progress", choices=MODES, default="auto", help="how progress is shown (default: auto)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure if need be, compare, write the folder, print what was kept; exit code 1 where a reading failed."""
    with only_run(options.out):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    study = load_study(options.study) if options.study else None
    rule = protocol_rule(study, **_changes(options))
    check_agreement_folder(options.out)
    check_apart(options.out, [options.table], kept=() if _is_manifest(options.table) else (READINGS_CSV,))
    if _is_manifest(options.table):
        try:
            measured = _measure(options, study, rule)
        except KeyboardInterrupt:
            print(f"Interrupted. Finished readings are kept in {options.out}; the same command goes on from there.")
            return 1
        for problem in measured.failures[:SHOWN]:
            print(f"  failed: {problem}")
        result, failures = compare(measured, rule, study), measured.failures
    else:
        result, failures = against_design(agreement(read_table(options.table), rule), study), ()
    write_agreement(
        options.out, result, bland_altman=options.bland_altman, failures=failures, study=study.id if study else None
    )
    _print(result, options.out)
    return 1 if failures else 0


def _is_manifest(path: Path) -> bool:
    """Whether a table names images rather than features, as its header line tells."""
    return not is_result_file(path) and "image" in {name.lower() for name in read_sheet(path).columns}


def _measure(options: argparse.Namespace, study: Study | None, rule: Rule) -> Measured:
    if study is None:
        raise UsageError("Give --study: its settings say how the readings are measured.")
    unknown = [feature for feature in options.bland_altman if feature not in study.settings.names]
    if unknown:
        raise UsageError(f"{study.id} has no feature “{unknown[0]}” to draw. Check the spelling of --bland-altman.")
    measured = measure_manifest(
        read_manifest(options.table, allow_outside=options.allow_outside),
        study.settings,
        options.out,
        observers=rule.observers,
        jobs=options.jobs,
        progress=reporter(options.progress),
    )
    write_readings(options.out, measured)
    return measured


def _print(result: Agreement, out: Path) -> None:
    for comparison in result.comparisons:
        print(f"{comparison.name}: {len(comparison.cases)} cases")
    for warning in result.warnings[:SHOWN]:
        print(f"warning: {warning}")
    if len(result.warnings) > SHOWN:
        print(f"  … and {len(result.warnings) - SHOWN} more in {out / SUMMARY_JSON}")
    kept = result.kept
    print(f"{len(kept.features)} of {kept.n_features} features kept ({result.rule}); list: {out / KEPT_JSON}")


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """What was given on the command line instead of the study's rule."""
    given = {"threshold": options.threshold, "form": options.form, "observers": options.observers}
    changes = {name: value for name, value in given.items() if value is not None}
    return changes | {name: True for name in ("strict", "lower_bound") if getattr(options, name)}
