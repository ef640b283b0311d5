"""``esoradiomics extract``: the features of one case as a table row."""

from __future__ import annotations

import argparse
import csv
from itertools import islice
from pathlib import Path
from typing import Any

from ..core.claims import check_new_file, columns_of, only_run
from ..core.errors import ExtractionError, OutputError
from ..core.progress import reporter
from ..extraction.engines import extract, is_feature, prepare
from ..extraction.feature_table import feature_row, write_rows
from ..extraction.workers import helpers
from ..studies.conformity import settings_warnings
from ..studies.study import load_study
from .arguments import add_case_arguments, add_command, add_extraction_arguments, load, settings_of

EXAMPLES = """\
  esoradiomics extract ct.nrrd gtv.nrrd --study escc-lpfs-ccrt --out patient1.csv
  esoradiomics extract ct.nrrd gtv.nrrd --study escc-lpfs-ccrt --signature --out patient1.csv
  esoradiomics extract dicom/ct dicom/rtstruct.dcm --roi GTV-1 --study escc-lpfs-ccrt --jobs 4 --out p1.csv
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_command(subparsers, "extract", "Compute the features of one case, all 851 or a signature's.", EXAMPLES)
    add_case_arguments(parser)
    parser.add_argument("--study", required=True, help="study whose settings are used (identifier or path of a card)")
    parser.add_argument("--signature", action="store_true", help="only the features of the study's signature")
    parser.add_argument("--out", type=Path, required=True, help="CSV file to write: one row, full precision")
    add_extraction_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Extract, print the ROI's account, write the row."""
    study = load_study(options.study)
    settings = settings_of(options, study)
    if options.signature and study.signature is None:
        raise ExtractionError(f"{study.id} has no signature to extract: {study.absent}")
    names = study.signature.names if options.signature and study.signature else None
    measured = set(names or settings.names)

    def earlier(path: Path) -> bool:
        """Whether a file is what this command wrote, and holds no feature that would be lost."""
        lost = (name for name in columns_of(path) if is_feature(name) and name not in measured)
        return _row_of(path) is not None and not any(lost)

    check_new_file(options.out, own=earlier)
    with only_run(options.out), helpers(options.jobs) as helping:
        case = load(options, settings)
        if _row_of(options.out) not in (None, (case.image_sha256, case.mask_sha256)):
            raise OutputError(
                f"{options.out} holds another image's or mask's features. Choose another name, or remove it first."
            )
        roi = prepare(case, settings)
        features = extract(roi, settings, names, helping, reporter(options.progress))
    write_rows(options.out, [feature_row(case, features, study.settings)])
    for step in roi.account.steps:
        print(f"{step.name}: {step.voxels:,} voxels, {step.cm3:.2f} cm³")
    for warning in (*case.warnings, *roi.warnings, *settings_warnings(study, settings)):
        print(f"warning: {warning}")
    for name, reason in features.failed.items():
        print(f"not computed: {name}: {reason}")
    print(f"{len(features.values)} features written to {options.out}")
    return 0


def _row_of(path: Path) -> tuple[str, str] | None:
    """The SHA-256 of image and mask of a table with one row, as this command writes it; None for any other file."""
    if columns_of(path)[:3] != ["case", "image_sha256", "mask_sha256"]:
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(islice(csv.DictReader(file), 2))
    return (rows[0]["image_sha256"], rows[0]["mask_sha256"]) if len(rows) == 1 else None
