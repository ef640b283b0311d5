"""``esoradiomics cohort``: many patients from one manifest."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..cohort.child_process import LEAST_GIB, MEMORY_SHARE, MINUTES, MOST_GIB, Limits, default_memory_gib
from ..cohort.cohort_check import check_cohort
from ..cohort.cohort_in_readings import CaseInReadings, cohort_in_readings
from ..cohort.cohort_run import CohortRun, local_workers, run_cohort, threads_per_case
from ..cohort.cohort_scores import score_table
from ..cohort.cohort_table import (
    FAILURES_CSV,
    FEATURES_CSV,
    PROVENANCE_JSON,
    REMARKS_CSV,
    REPORT_HTML,
    RESULTS,
    SCORES_CSV,
    check_run_folder,
    write_results,
)
from ..cohort.dask_cluster import cluster_workers
from ..cohort.folder_scan import MASK_NAME, manifest_text, scan_folder
from ..cohort.manifest import Manifest, read_manifest
from ..cohort.paper_readings_table import write_readings
from ..cohort.problems import BLOCKING, COLUMNS, Problem, write_problems
from ..core.claims import check_new_file, columns_of, only_run
from ..core.errors import ScoreError, UsageError
from ..core.output import write_text
from ..core.progress import MODES, reporter
from ..extraction.engines import is_feature, settings_from
from ..extraction.feature_table import HARMONISED, feature_sheet, unused_columns, write_rows
from ..extraction.settings import ExtractionSettings
from ..reporting.cohort.cohort_report import write_cohort_report
from ..reporting.cohort.harmonisation import fit_table, page_of, read_features, write_harmonised
from ..statistics.combat import load_combat
from ..studies.conformity import settings_warnings
from ..studies.paper_readings import paper_readings
from ..studies.reference_cohort import ReferenceCohort, load_reference
from ..studies.study import Study, builtin_studies, load_study
from .arguments import add_command, existing_file, finite_number, settings_of, split_assignment, whole_number

RUN_EXAMPLES = """\
  esoradiomics cohort run manifest.csv --study ln-response-crt --jobs 4 --out results
  esoradiomics cohort run manifest.xlsx --study escc-lpfs-ccrt --full --jobs 8 --time-limit 20 --out results
"""
SCAN_EXAMPLES = """\
  esoradiomics cohort scan patients
  esoradiomics cohort scan patients --mask-name 'gtv|tumor' --out patients/manifest.csv
"""
CHECK_EXAMPLES = """\
  esoradiomics cohort check manifest.csv
  esoradiomics cohort check manifest.csv --out problems.csv
"""
SCORE_EXAMPLES = """\
  esoradiomics cohort score results/features.csv --out scores.csv
  esoradiomics cohort score results/features.csv --study escc-lpfs-ccrt --reference cohort.json --out scores.csv
"""
HARMONISE_EXAMPLES = """\
  esoradiomics cohort harmonise features.csv --batch scanner --train set=train --model combat.json --out harmonised.csv
  esoradiomics cohort harmonise new-patients.csv --model combat.json --out new-harmonised.csv
"""
SHOWN = 20


def add_parser(subparsers: Any) -> None:
    """Add the subcommand and its actions."""
    parser = add_command(subparsers, "cohort", "Measure, check, score and harmonise many patients.", RUN_EXAMPLES)
    actions = parser.add_subparsers(metavar="action", required=True)
    _add_scan(actions)
    _add_check(actions)
    _add_run(actions)
    _add_score(actions)
    _add_harmonise(actions)


def _add_scan(actions: Any) -> None:
    scan = add_command(actions, "scan", "Write a manifest of a folder of patients, for you to correct.", SCAN_EXAMPLES)
    scan.add_argument("folder", type=Path, help="folder with one subfolder a patient, or with their volume files")
    scan.add_argument("--mask-name", default=MASK_NAME, metavar="REGEX", help=f"names of mask files ({MASK_NAME})")
    scan.add_argument("--out", type=Path, help="manifest to write (default: manifest.csv in the folder)")
    scan.add_argument("--progress", choices=MODES, default="auto", help="how progress is shown (default: auto)")
    scan.set_defaults(run=_scan)


def _add_check(actions: Any) -> None:
    check = add_command(
        actions, "check", "Read all headers and list every problem, before hours of work.", CHECK_EXAMPLES
    )
    _add_manifest(check)
    check.add_argument("--out", type=Path, help="CSV file for the problems")
    check.add_argument("--progress", choices=MODES, default="auto", help="how progress is shown (default: auto)")
    check.set_defaults(run=_check)


def _add_score(actions: Any) -> None:
    scoring = add_command(actions, "score", "Score a cohort from its table; nothing is measured again.", SCORE_EXAMPLES)
    scoring.add_argument("table", type=existing_file, help="features.csv of a cohort run")
    scoring.add_argument("--study", action="append", help="study to score by; repeat for several (default: all)")
    scoring.add_argument("--reference", help="reference cohort file, for studies with z-scored features")
    scoring.add_argument("--out", type=Path, required=True, help="CSV file to write: one line a case and study")
    scoring.set_defaults(run=_score)


def _add_harmonise(actions: Any) -> None:
    harmonise = add_command(
        actions, "harmonise", "Remove the effect of scanners or centres from a table (ComBat).", HARMONISE_EXAMPLES
    )
    harmonise.add_argument("table", type=existing_file, help="features.csv of a cohort run")
    harmonise.add_argument("--batch", metavar="COLUMN", help="fit over this column; without it the model is applied")
    harmonise.add_argument("--train", metavar="COLUMN=VALUE", help="rows to learn from (default: all)")
    harmonise.add_argument("--model", type=Path, required=True, help="JSON file to write, or to apply")
    harmonise.add_argument("--out", type=Path, required=True, help="CSV file to write; a page goes with it")
    harmonise.set_defaults(run=_harmonise)


def _add_run(actions: Any) -> None:
    run = add_command(
        actions, "run", "Measure all cases of a manifest; run it again to go on where it stopped.", RUN_EXAMPLES
    )
    _add_manifest(run)
    run.add_argument("--study", help="study whose settings are used, and whose signature is measured")
    run.add_argument("--reference", help="reference cohort file, for the report's scores of z-scored signatures")
    run.add_argument("--full", action="store_true", help="measure all features, not only the signature's")
    text = "measure the signature in every reading of the study's paper, too: for “reference build” and the report"
    run.add_argument("--all-readings", action="store_true", help=text)
    run.add_argument(
        "--set", action="append", default=[], metavar="SETTING=VALUE", dest="changes", help="change one of the settings"
    )
    jobs = "cases at a time, each in a process of its own (default 1)"
    run.add_argument("--jobs", type=whole_number, default=1, help=jobs)
    dask = (
        "measure on this Dask cluster (tcp://scheduler:8786) instead; a scheduler runs what it likes here and on its "
        "workers: name only one that you trust"
    )
    run.add_argument("--dask", metavar="ADDRESS", help=dask)
    minutes = f"give a case up after this time (default {MINUTES:g}; 0: never)"
    run.add_argument("--time-limit", type=finite_number, default=MINUTES, metavar="MINUTES", help=minutes)
    memory = (
        f"give a case up when it takes more memory (default: its share of {100 * MEMORY_SHARE:.0f} %% of this "
        f"computer's, from {LEAST_GIB:g} to {MOST_GIB:g} GiB; 0: no limit)"
    )
    run.add_argument("--memory-limit", type=finite_number, metavar="GIB", help=memory)
    run.add_argument("--out", type=Path, required=True, help="folder for the results and the finished cases")
    run.add_argument("--progress", choices=MODES, default="auto", help="how progress is shown (default: auto)")
    run.set_defaults(run=_run)


def _add_manifest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifest", type=existing_file, help="CSV or XLSX: case, image, mask or rtstruct, roi, …")
    parser.add_argument("--allow-outside", action="store_true", help="accept paths outside the manifest's folder")


def _scan(options: argparse.Namespace) -> int:
    """Write the manifest; it must be above its data, because its paths are relative to it."""
    if not options.folder.is_dir():
        raise UsageError(f"{options.folder} is no folder. Give the folder of the patients.")
    out = options.out or options.folder / "manifest.csv"
    check_new_file(out)
    lines = scan_folder(options.folder, out.parent, options.mask_name, reporter(options.progress))
    write_text(out, manifest_text(lines))
    unclear = [line for line in lines if line["remark"]]
    for line in unclear[:SHOWN]:
        print(f"  look at: {line['case']}: {line['remark']}")
    print(f"{len(lines)} cases written to {out}, {len(unclear)} with a remark. Correct it, then: cohort check {out}")
    return 0


def _check(options: argparse.Namespace) -> int:
    """List the problems; exit code 1 where a case cannot be measured."""
    if options.out is not None:
        check_new_file(options.out, own=_earlier({*COLUMNS, BLOCKING}))
    manifest = read_manifest(options.manifest, allow_outside=options.allow_outside)
    check = check_cohort(manifest, reporter(options.progress))
    for problem in sorted(check.problems, key=lambda problem: not problem.blocking):
        print(_line(problem))
    if options.out is not None:
        write_problems(options.out, check.problems)
    blocked = sum(problem.blocking for problem in check.problems)
    remarks = len(check.problems) - blocked
    print(f"Cases that can be measured: {len(check.headers)}, that cannot: {blocked}; remarks: {remarks}.")
    return 1 if blocked else 0


def _score(options: argparse.Namespace) -> int:
    """Score; exit code 1 where no case could be scored."""
    check_new_file(options.out, own=_earlier({"case", "study", "not_scored"}))
    reference = load_reference(options.reference) if options.reference else None
    studies = [load_study(study) for study in options.study or builtin_studies()]
    lines, reasons = score_table(options.table, studies, reference)
    sheet = feature_sheet(options.table)
    for remark in (*sheet.remarks, *unused_columns(sheet.columns)):
        print(f"warning: {remark}")
    for study, reason in reasons.items():
        print(f"not scored by {study}: {reason}")
    write_rows(options.out, lines)
    scored = sum("rad_score" in line for line in lines)
    print(f"{scored} scores of {len({line['case'] for line in lines})} cases written to {options.out}")
    return 0 if scored else 1


def _harmonise(options: argparse.Namespace) -> int:
    """Fit and save, or load, and apply."""
    again = options.batch is None and HARMONISED in columns_of(options.out)
    for path in (options.out, page_of(options.out), *([options.model] if options.batch is not None else [])):
        check_new_file(path, own=lambda path: again)
    features = read_features(options.table)
    left_out: list[str] = []
    if options.batch is None:
        if options.train:
            raise UsageError("--train needs --batch, the column to fit over.")
        model = load_combat(options.model)
    else:
        train = split_assignment(options.train, "--train") if options.train else None
        model, left_out = fit_table(features, options.batch, train)
    write_harmonised(features, model, options.out, left_out)
    if options.batch is not None:
        model.save(options.model)
        print(f"Model {model.fingerprint} written to {options.model}; {len(left_out)} features left out")
    print(f"{len(model.features)} features of {len(features.rows)} cases written to {options.out}")
    return 0


def _earlier(columns: set[str]) -> Callable[[Path], bool]:
    """Whether a file is a table with these columns that is not one of a run's results."""

    def is_own(path: Path) -> bool:
        of_run = path.name in RESULTS and (path.parent / PROVENANCE_JSON).exists()
        return columns <= set(columns_of(path)) and not any(map(is_feature, columns_of(path))) and not of_run

    return is_own


def _line(problem: Problem) -> str:
    return f"  {'failed' if problem.blocking else 'look at'}: {problem}"


def _run(options: argparse.Namespace) -> int:
    """Measure; exit code 1 where a case failed."""
    study, settings = _study_and_settings(options)
    reference = load_reference(options.reference) if options.reference else None
    readings = _readings(options, study)
    manifest = read_manifest(options.manifest, allow_outside=options.allow_outside)
    check_run_folder(options.out, manifest)
    with only_run(options.out):
        return _measure(options, study, settings, readings, reference, manifest)


def _measure(
    options: argparse.Namespace,
    study: Study | None,
    settings: ExtractionSettings,
    readings: tuple[ExtractionSettings, ...],
    reference: ReferenceCohort | None,
    manifest: Manifest,
) -> int:
    signature = study.signature if study is not None else None
    try:
        run = run_cohort(
            manifest,
            settings,
            options.out,
            features=None if options.full or signature is None else signature.names,
            readings=readings,
            workers=cluster_workers(options.dask) if options.dask else local_workers(options.jobs),
            limits=_limits(options),
            progress=reporter(options.progress),
        )
    except KeyboardInterrupt:
        print(f"\nInterrupted. Finished cases are kept in {options.out}; the same command goes on from there.")
        return 1
    write_results(run, options.out, study=study.id if study else None)
    if readings:
        write_readings(run, options.out)
    known = len(run.finished) - run.measured
    print(f"{len(run.finished)} cases finished ({known} of them before), {len(run.failures)} failed.")
    for what, problems, file in (("failures", run.failures, FAILURES_CSV), ("remarks", run.remarks, REMARKS_CSV)):
        for problem in problems[:SHOWN]:
            print(_line(problem))
        if len(problems) > SHOWN:
            print(f"  … and {len(problems) - SHOWN} more {what} in {options.out / file}")
    for warning in settings_warnings(study, settings) if study else ():
        print(f"warning: {warning}")
    candidates = {study.id: study} if study else {name: load_study(name) for name in builtin_studies()}
    lines, reasons = score_table(options.out / FEATURES_CSV, list(candidates.values()), reference)
    write_rows(options.out / SCORES_CSV, lines)
    in_readings = _in_readings(run, study, reference) if readings and study is not None else None
    write_cohort_report(run, options.out / REPORT_HTML, lines, candidates, reasons, in_readings)
    print(f"Table: {options.out / FEATURES_CSV}\nReport: {options.out / REPORT_HTML}")
    return 1 if run.failures else 0


def _limits(options: argparse.Namespace) -> Limits:
    """What one case may take; 0 takes a limit away."""
    memory = options.memory_limit
    if memory is None:
        memory = default_memory_gib(1 if options.dask else options.jobs)
    threads = 1 if options.dask else threads_per_case(options.jobs)
    return Limits(options.time_limit or None, memory or None, threads)


def _study_and_settings(options: argparse.Namespace) -> tuple[Study | None, ExtractionSettings]:
    if options.study is None:
        if not options.full:
            raise UsageError("Give --study, or --full to measure all features, or both.")
        if options.changes:
            raise UsageError("--set changes a study's settings; give --study too.")
        return None, settings_from({})
    study = load_study(options.study)
    if not options.full and study.signature is None:
        raise UsageError(f"{study.id} has no signature to measure: {study.absent} Give --full for all features.")
    return study, settings_of(options, study)


def _readings(options: argparse.Namespace, study: Study | None) -> tuple[ExtractionSettings, ...]:
    """The settings of the readings beside the card's own, where they are asked for."""
    if not options.all_readings:
        return ()
    if study is None or options.full or options.changes:
        raise UsageError(
            "--all-readings measures a study's signature in its own settings: give --study, and neither "
            "--full nor --set."
        )
    return tuple(reading.settings for reading in paper_readings(study).readings[1:])


def _in_readings(
    run: CohortRun, study: Study, reference: ReferenceCohort | None
) -> tuple[Study, tuple[CaseInReadings, ...]] | None:
    """The cases in all readings; None where the study needs a reference cohort that is still to be made of them."""
    try:
        return study, cohort_in_readings(run, study, reference)[1]
    except ScoreError:
        return None
