"""``esoradiomics score``: one patient, one study, from image and GTV to the report."""

from __future__ import annotations

import argparse
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from ..core.progress import reporter
from ..extraction.workers import worker_pool
from ..reporting.patient.patient_result import result_dict, to_json
from ..reporting.patient.patient_summary import summary
from ..scoring.patient import PatientResult, score_patient
from ..scoring.score import check_covariates, check_scorable
from ..studies.reference_cohort import ReferenceCohort, load_reference
from ..studies.study import load_study
from .arguments import (
    add_case_arguments,
    add_command,
    add_extraction_arguments,
    claimed,
    load,
    settings_of,
    split_assignment,
)

EXAMPLES = """\
  esoradiomics score ct.nrrd gtv.nrrd --study ln-response-crt --out patient1
  esoradiomics score dicom/ct dicom/rtstruct.dcm --roi 'GTV*' --study escc-lpfs-ccrt \\
      --reference cohort.json --covariate "N stage=N1" --covariate "CR status=0" --out patient1
  esoradiomics score ct.nii.gz gtv.seg.nrrd --segment GTV --study my-hospital.json --json
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_command(subparsers, "score", "Score one patient: Rad-score, risk group, survival, report.", EXAMPLES)
    add_score_arguments(parser)
    parser.add_argument("--full", action="store_true", help="compute all features, not only the signature's")
    parser.set_defaults(run=run)


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Case, study, reference cohort, covariates and where results go."""
    add_case_arguments(parser)
    study = "identifier (see “esoradiomics studies”) or path of a study card"
    parser.add_argument("--study", required=True, help=study)
    parser.add_argument("--reference", help="reference cohort file, for studies with z-scored features")
    covariate = "clinical input; repeat for several"
    parser.add_argument("--covariate", action="append", default=[], metavar="NAME=VALUE", help=covariate)
    parser.add_argument("--out", type=Path, help="folder for the report; without it only the summary is printed")
    parser.add_argument("--json", action="store_true", help="print result.json instead of the summary")
    add_extraction_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Score and report."""
    reference = load_reference(options.reference) if options.reference else None
    with claimed(options.out), worker_pool(options.jobs) as pool:
        finish(options, score_case(options, reference, pool, full=options.full))
    return 0


def score_case(
    options: argparse.Namespace, reference: ReferenceCohort | None, pool: Executor | None, *, full: bool = False
) -> PatientResult:
    """Score the case that the arguments name; what can be refused is refused before the image is read."""
    study = load_study(options.study)
    settings = settings_of(options, study)
    covariates = dict(split_assignment(text, "--covariate") for text in options.covariate)
    check_scorable(study, settings, reference)
    check_covariates(study, covariates)
    if options.out is not None:
        from ..reporting.patient.patient_report import check_folder

        check_folder(options.out)
    return score_patient(
        load(options, settings),
        study,
        covariates=covariates,
        reference=reference,
        settings=settings,
        full=full,
        pool=pool,
        progress=reporter(options.progress),
    )


def finish(options: argparse.Namespace, result: PatientResult) -> None:
    """Write the report where one is asked for, and print the summary or the JSON."""
    if options.out is not None:
        from ..reporting.patient.patient_report import write_report

        write_report(result, options.out)
    print(to_json(result_dict(result)).rstrip() if options.json else summary(result))
    if options.out is not None and not options.json:
        print(f"\nReport: {options.out / 'report.html'}")
