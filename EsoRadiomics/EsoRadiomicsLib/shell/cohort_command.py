"""``esoradiomics cohort``: many patients from one manifest."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..cohort.child_process import Limits
from ..cohort.cohort_check import check_cohort
from ..cohort.cohort_run import local_workers, run_cohort, threads_per_case
from ..cohort.cohort_scores import score_table
from ..cohort.cohort_table import FAILURES_CSV, FEATURES_CSV, REMARKS_CSV, REPORT_HTML, SCORES_CSV, write_results
from ..cohort.dask_cluster import cluster_workers
from ..cohort.folder_scan import MASK_NAME, manifest_text, scan_folder
from ..cohort.manifest import read_manifest
from ..cohort.problems import Problem, write_problems
from ..cohort.readings_table import write_readings
from ..core.errors import OutputError, UsageError
from ..core.output import write_text
from ..core.progress import MODES, reporter
from ..extraction.engines import settings_from
from ..extraction.feature_table import write_rows
from ..extraction.settings import ExtractionSettings
from ..reporting.cohort.cohort_report import write_cohort_report
from ..reporting.cohort.harmonisation import fit_table, read_features, write_harmonised
from ..statistics.combat import load_combat
from ..studies.paper_readings import paper_readings
from ..studies.reference_cohort import load_reference
from ..studies.study import Study, builtin_studies, load_study
from .arguments import add_command, existing_file, settings_of, split_assignment

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
    run.add_argument("--jobs", type=int, default=1, help="cases at a time, each in a process of its own (default 1)")
    run.add_argument("--dask", metavar="ADDRESS", help="measure on this Dask cluster (tcp://scheduler:8786) instead")
    run.add_argument("--time-limit", type=float, metavar="MINUTES", help="give a case up after this time")
    run.add_argument("--memory-limit", type=float, metavar="GIB", help="give a case up when it takes more memory")
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
    if out.exists():
        raise OutputError(f"{out} exists already. Choose another name with --out, or remove it first.")
    lines = scan_folder(options.folder, out.parent, options.mask_name, reporter(options.progress))
    write_text(out, manifest_text(lines))
    unclear = [line for line in lines if line["remark"]]
    for line in unclear[:SHOWN]:
        print(f"  look at: {line['case']}: {line['remark']}")
    print(f"{len(lines)} cases written to {out}, {len(unclear)} with a remark. Correct it, then: cohort check {out}")
    return 0


def _check(options: argparse.Namespace) -> int:
    """List the problems; exit code 1 where a case cannot be measured."""
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
    reference = load_reference(options.reference) if options.reference else None
    studies = [load_study(study) for study in options.study or builtin_studies()]
    lines, reasons = score_table(options.table, studies, reference)
    for study, reason in reasons.items():
        print(f"not scored by {study}: {reason}")
    write_rows(options.out, lines)
    scored = sum("rad_score" in line for line in lines)
    print(f"{scored} scores of {len({line['case'] for line in lines})} cases written to {options.out}")
    return 0 if scored else 1


def _harmonise(options: argparse.Namespace) -> int:
    """Fit and save, or load, and apply."""
    features = read_features(options.table)
    left_out: list[str] = []
    if options.batch is None:
        if options.train:
            raise UsageError("--train needs --batch, the column to fit over.")
        model = load_combat(options.model)
    else:
        if options.model.exists():
            raise OutputError(f"{options.model} exists already. Choose another name, or leave --batch out to apply it.")
        train = split_assignment(options.train, "--train") if options.train else None
        model, left_out = fit_table(features, options.batch, train)
    write_harmonised(features, model, options.out, left_out)
    if options.batch is not None:
        model.save(options.model)
        print(f"Model {model.fingerprint} written to {options.model}; {len(left_out)} features left out")
    print(f"{len(model.features)} features of {len(features.rows)} cases written to {options.out}")
    return 0


def _line(problem: Problem) -> str:
    return f"  {'failed' if problem.blocking else 'look at'}: {problem}"


def _run(options: argparse.Namespace) -> int:
    """Measure; exit code 1 where a case failed."""
    study, settings = _study_and_settings(options)
    reference = load_reference(options.reference) if options.reference else None
    readings = _readings(options, study)
    manifest = read_manifest(options.manifest, allow_outside=options.allow_outside)
    signature = study.signature if study is not None else None
    threads = 1 if options.dask else threads_per_case(options.jobs)
    try:
        run = run_cohort(
            manifest,
            settings,
            options.out,
            features=None if options.full or signature is None else signature.names,
            readings=readings,
            workers=cluster_workers(options.dask) if options.dask else local_workers(options.jobs),
            limits=Limits(options.time_limit, options.memory_limit, threads),
            progress=reporter(options.progress),
        )
    except KeyboardInterrupt:
        print(f"\nInterrupted. Finished cases are kept in {options.out}; the same command goes on from there.")
        return 1
    write_results(run, options.out, study=study.id if study else None)
    if readings:
        write_readings(run, options.out)
    candidates = {name: load_study(name) for name in builtin_studies()} | ({study.id: study} if study else {})
    lines, reasons = score_table(options.out / FEATURES_CSV, list(candidates.values()), reference)
    write_rows(options.out / SCORES_CSV, lines)
    write_cohort_report(run, options.out / REPORT_HTML, lines, candidates, reasons)
    known = len(run.finished) - run.measured
    print(f"{len(run.finished)} cases finished ({known} of them before), {len(run.failures)} failed.")
    for what, problems, file in (("failures", run.failures, FAILURES_CSV), ("remarks", run.remarks, REMARKS_CSV)):
        for problem in problems[:SHOWN]:
            print(_line(problem))
        if len(problems) > SHOWN:
            print(f"  … and {len(problems) - SHOWN} more {what} in {options.out / file}")
    print(f"Table: {options.out / FEATURES_CSV}\nReport: {options.out / REPORT_HTML}")
    return 1 if run.failures else 0


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
