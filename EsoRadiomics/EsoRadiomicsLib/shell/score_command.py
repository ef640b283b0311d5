"""``esoradiomics score``: one patient, one study, from image and GTV to the report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..core.claims import check_new_file
from ..core.errors import InputError, OutputError
from ..core.optional import require
from ..core.output import check_output_folder, writing
from ..core.progress import reporter
from ..core.translation import ENGLISH, languages, tr
from ..extraction.shared_tasks import Helpers
from ..extraction.workers import helpers
from ..imaging.dicom_series import read_series_headers
from ..imaging.volumes import is_dicom
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
    parser.add_argument("--pdf", type=Path, metavar="FILE", help="write the report as one PDF, too")
    dicom = "write GTV (SEG), numbers (SR) and report (PDF) as DICOM WITH THE PATIENT'S IDENTITY; the CT must be DICOM"
    parser.add_argument("--dicom", type=Path, metavar="FOLDER", help=dicom)
    parser.add_argument("--json", action="store_true", help="print result.json instead of the summary")
    spoken = f"language of summary and report: {', '.join(languages())} (default {ENGLISH})"
    parser.add_argument("--language", default=ENGLISH, metavar="CODE", help=spoken)
    add_extraction_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Score and report."""
    reference = load_reference(options.reference) if options.reference else None
    with claimed(options.out), helpers(options.jobs) as helping:
        finish(options, score_case(options, reference, helping, full=options.full))
    return 0


def score_case(
    options: argparse.Namespace, reference: ReferenceCohort | None, helpers: Helpers | None, *, full: bool = False
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
    check_exports(options)
    return score_patient(
        load(options, settings),
        study,
        covariates=covariates,
        reference=reference,
        settings=settings,
        full=full,
        helpers=helpers,
        progress=reporter(options.progress),
    )


def finish(options: argparse.Namespace, result: PatientResult) -> None:
    """Write the report where one is asked for, and print the summary or the JSON."""
    if options.out is not None:
        from ..reporting.patient.patient_report import write_report

        write_report(result, options.out)
    if options.pdf is not None or options.dicom is not None:
        _export(options, result)
    print(to_json(result_dict(result)).rstrip() if options.json else summary(result))
    if options.out is not None and not options.json:
        print(tr("\nReport: {path}", path=options.out / "report.html"))


def check_exports(options: argparse.Namespace) -> None:
    """Refuse before any work what could not be written afterwards.

    Raises:
        OutputError: the PDF is there already, or the DICOM folder holds something else, or is the report's.
        InputError: DICOM is asked for and the CT is no DICOM series.
    """
    if options.pdf is not None or options.dicom is not None:
        from ..reporting.figures.style import require_typeface

        require_typeface()
    if options.pdf is not None:
        require("pypdf", "dicom", "Writing a PDF")
        check_new_file(options.pdf)
    if options.dicom is not None:
        from ..reporting.dicom.dicom_objects import FILES

        require("pypdf", "dicom", "Writing DICOM")
        require("highdicom", "dicom", "Writing DICOM")
        check_output_folder(options.dicom, FILES)
        if options.out is not None and options.dicom.resolve() == options.out.resolve():
            raise OutputError(f"{options.dicom} is named for the report and for DICOM. Give each a folder of its own.")
        image = Path(options.image)
        if not (image.is_dir() or (image.is_file() and is_dicom(image))):
            raise InputError(f"{image} is no DICOM series, so no DICOM can be written of it. Leave out --dicom.")
        read_series_headers(image)


def _export(options: argparse.Namespace, result: PatientResult) -> None:
    from ..reporting.patient.patient_pdf import report_pdf

    pdf = report_pdf(result)
    if options.pdf is not None:
        with writing(options.pdf) as file:
            file.write(pdf)
    if options.dicom is not None:
        from ..reporting.dicom.dicom_objects import write_dicom

        write_dicom(result, read_series_headers(Path(options.image)), pdf, options.dicom)
