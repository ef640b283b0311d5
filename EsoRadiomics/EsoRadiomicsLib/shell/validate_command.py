"""``esoradiomics validate``: any study card on any cohort, and its recalibration there."""

from __future__ import annotations

import argparse
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..core.claims import only_run
from ..core.output import check_replaceable_folder, write_folder
from ..core.progress import MODES, reporter
from ..evaluation.card_update import UPDATES, update
from ..evaluation.markers import VOLUMES
from ..evaluation.validate import validate
from ..modelling.fitted_card import Identity
from ..modelling.model_cohort import read_cohort
from ..reporting.model.model_report import validation_files
from ..reporting.model.model_summary import evaluation_lines, warning_lines
from ..studies.reference_cohort import load_reference
from ..studies.study import check_card, load_study
from .arguments import add_command, existing_file, software_versions
from .fit_command import add_outcome_arguments, columns_of, identifier

EXAMPLES = """\
  esoradiomics validate our-model/card.json new-patients.csv --time lpfs_months --event lpfs --out validation
  esoradiomics validate escc-lpfs-ccrt cohort.csv --reference cohort.json --time lpfs --event event \\
      --update slope --out recalibrated
  esoradiomics validate ln-response-crt cohort.csv --outcome response --out validation
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_command(subparsers, "validate", "Check a study card on other patients, and recalibrate it.", EXAMPLES)
    parser.add_argument("card", help="study card: identifier of a built-in study, or path")
    parser.add_argument("table", type=existing_file, help="feature table with outcome and clinical columns (CSV)")
    add_outcome_arguments(parser)
    parser.add_argument("--reference", help="reference cohort file, for z-scored studies without means and SDs")
    parser.add_argument("--update", choices=UPDATES, help="also write a new card, updated in this cohort")
    parser.add_argument("--id", help="identifier of the new card (default: from the folder's name)")
    parser.add_argument("--title", help="title of the new card")
    parser.add_argument("--label", default="our cohort", help="whose patients these are, for the card's sources")
    parser.add_argument("--out", type=Path, required=True, help="new folder for report, figures and tables")
    parser.add_argument("--progress", choices=MODES, default="auto", help="how progress is shown (default: auto)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Validate, update if asked for, write the folder, print the main numbers."""
    with only_run(options.out):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    check_replaceable_folder(options.out, ())
    progress = reporter(options.progress)
    progress(0.0, "the card on these patients")
    study = load_study(options.card)
    reference = load_reference(options.reference) if options.reference else None
    # Without --clinical the card's covariates are looked for under their own names.
    options.clinical = options.clinical or ",".join(study.covariates)
    own = (*study.signature.names, *VOLUMES) if study.signature else ()
    columns = columns_of(options, features=own, if_there=tuple(study.rival_covariates))
    cohort = read_cohort(options.table, columns, study).cohort
    validation = validate(study, cohort, "validation", reference)
    updated = None
    if options.update:
        progress(0.4, f"the {options.update} update")
        title = options.title or f"{study.title} ({options.update} updated: {options.label})"
        card = update(validation, options.update, Identity(identifier(options.id, options.out), title, options.label))
        updated = validate(check_card(card, Path("card.json")), cohort, f"after the {options.update} update")
    provenance = {
        "software": software_versions(),
        "command": options.call,
        "card": study.id,
        "table (SHA-256)": sha256(options.table.read_bytes()).hexdigest(),
        "reference cohort": reference.label if reference else "none: the card's own means and SDs, or raw features",
        "update": options.update or "none",
    }
    progress(0.6, "report and figures")
    write_folder(options.out, validation_files(validation, updated, provenance))
    progress(1.0, "done")
    for part in (validation, updated):
        for evaluation in part.evaluations if part else ():
            print("\n".join(evaluation_lines(evaluation)))
    print("\n".join(warning_lines(validation.cohort.warnings)))
    if updated is not None:
        print(f"Card:   {options.out / 'card.json'}")
    print(f"Report: {options.out / 'report.html'}")
    return 0
