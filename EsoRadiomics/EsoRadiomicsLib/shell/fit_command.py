"""``esoradiomics fit``: a study's protocol on a cohort of one's own, from the feature table to a study card."""

from __future__ import annotations

import argparse
import os
import re
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..agreement.kept_features import load_kept
from ..core.claims import only_run
from ..core.errors import UsageError
from ..core.numbers import finite
from ..core.output import check_replaceable_folder, write_folder
from ..core.progress import MODES, reporter
from ..evaluation.assessment import assess
from ..evaluation.fit_checks import check_fit
from ..evaluation.size_account import size_sentence
from ..extraction.workers import worker_pool
from ..modelling.fit import Fit, Options, fit_table
from ..modelling.fitted_card import Identity
from ..modelling.model_cohort import COMPLETE, IMPUTE, TIME_UNITS, Columns
from ..modelling.patient_rows import EACH, LARGEST, MEAN
from ..reporting.model.model_report import fit_files
from ..reporting.model.model_summary import summary
from ..studies.study import Study, load_study
from .arguments import add_command, existing_file, finite_number, software_versions, whole_number

EXAMPLES = """\
  esoradiomics fit cohort.csv --protocol escc-lpfs-ccrt --time lpfs_months --event lpfs \\
      --clinical "N stage,CR status" --out our-model
  esoradiomics fit cohort.csv --protocol ln-response-crt --outcome response --kept kept.json --out our-model
  esoradiomics fit cohort.csv --protocol escc-pfs-dcrt --time pfs --event progressed --time-unit days \\
      --clinical "HRR status" --split cohort --out our-model
  esoradiomics fit cohort.csv --protocol escc-lpfs-ccrt --time months --event cause --competing death \\
      --endpoint "local failure" --out our-model

The table has one row a case: features under their own names (as “esoradiomics extract” and cohort runs write
them) and columns for the outcome and clinical variables. Everything is selected in the training rows.
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_command(
        subparsers, "fit", "Repeat a study's protocol on your own cohort: a model as a card.", EXAMPLES
    )
    parser.add_argument("table", type=existing_file, help="feature table with outcome and clinical columns (CSV)")
    parser.add_argument("--protocol", required=True, help="study whose protocol is repeated (identifier or card)")
    add_outcome_arguments(parser)
    parser.add_argument("--split", help="column that says “training” or “validation” (default: drawn, see --seed)")
    parser.add_argument("--no-validation", action="store_true", help="use all patients for training")
    parser.add_argument("--folds", help="column with the cross-validation fold of each training patient")
    parser.add_argument("--n-folds", type=whole_number, help="number of folds (default: the protocol's)")
    parser.add_argument("--lambda-rule", choices=("min", "1se"), help="rule for λ (default: the protocol's)")
    parser.add_argument(
        "--standardise",
        choices=("every-fold", "once"),
        help="where the LASSO divides features by their SD: every-fold is the plain cv.glmnet call (default)",
    )
    parser.add_argument("--repeats", type=whole_number, help="cross-validations whose mean curve chooses λ (default 1)")
    parser.add_argument("--solver", choices=("scikit-survival",), help="LASSO-Cox by its Coxnet (default: our own)")
    parser.add_argument(
        "--spline",
        default="",
        metavar="A[:KNOTS],B",
        help="clinical variables that enter the Cox model as restricted cubic splines (4 knots)",
    )
    parser.add_argument(
        "--factor", default="", metavar="A,B", help="clinical variables with an effect of its own for each level"
    )
    parser.add_argument(
        "--competing-model",
        choices=("cause-specific", "fine-gray"),
        help="the outcome model with --competing: hazards of both events (default), or Fine and Gray's",
    )
    parser.add_argument(
        "--alternative", metavar="STEP", help="step of the protocol that is done instead of another, e.g. random-forest"
    )
    parser.add_argument("--cutoff", choices=("protocol", "published"), default="protocol", help="cut-off of the score")
    parser.add_argument(
        "--signature",
        choices=("protocol", "published"),
        default="protocol",
        help="features by the protocol (default), or those the study published with weights from your patients",
    )
    parser.add_argument(
        "--missing",
        choices=(COMPLETE, IMPUTE),
        default=COMPLETE,
        help="patients with gaps in clinical variables: left out (default), or imputed several times in every resample",
    )
    parser.add_argument(
        "--batch", metavar="COLUMN", help="scanner or centre: harmonise the features over it (ComBat, in the card, too)"
    )
    parser.add_argument(
        "--batch-covariates", default="", metavar="A,B,…", help="clinical variables that the harmonisation keeps"
    )
    parser.add_argument("--horizons", help="times of the survival probabilities, such as 12,24,36")
    parser.add_argument("--kept", type=existing_file, help="features that passed an agreement study (JSON of “icc”)")
    parser.add_argument("--seed", type=whole_number, default=1, help="of split, folds and resampling (default 1)")
    parser.add_argument(
        "--bootstrap",
        type=whole_number,
        default=200,
        help="repeats of the whole protocol in bootstrap samples: what to expect elsewhere (default 200; 0: none)",
    )
    parser.add_argument(
        "--permutations", type=whole_number, default=100, help="runs on shuffled outcomes (default 100; 0: none)"
    )
    parser.add_argument(
        "--challengers",
        type=whole_number,
        nargs="?",
        const=50,
        default=0,
        metavar="N",
        help="hold learning machines against the Rad-score in N bootstrap samples (50; needs scikit-survival)",
    )
    parser.add_argument("--id", help="identifier of the new card (default: from the folder's name)")
    parser.add_argument("--title", help="title of the new card (default: the study's, or --endpoint)")
    parser.add_argument(
        "--endpoint",
        default="",
        help="what the outcome's columns hold (OS), if it is not the study's endpoint",
    )
    parser.add_argument("--label", default="our cohort", help="whose patients these are, for the card's sources")
    parser.add_argument("--out", type=Path, required=True, help="new folder for card, report, figures and tables")
    parser.add_argument(
        "--jobs", type=whole_number, default=os.cpu_count() or 1, help="processes for resampling (default: all cores)"
    )
    parser.add_argument("--progress", choices=MODES, default="auto", help="how progress is shown (default: auto)")
    parser.set_defaults(run=run)


def add_outcome_arguments(parser: argparse.ArgumentParser) -> None:
    """Which columns hold the outcome and the clinical variables."""
    parser.add_argument("--time", help="column of the follow-up time")
    parser.add_argument("--event", help="column of the event (1 = event, 0 = censored)")
    parser.add_argument(
        "--competing",
        metavar="WHAT",
        help="what can come before the event and prevent it (death): a column of 0/1, or a name for the event's code 2",
    )
    parser.add_argument("--time-unit", choices=tuple(TIME_UNITS), help="unit of --time, if it is not the study's")
    parser.add_argument(
        "--landmark",
        type=finite_number,
        default=0.0,
        metavar="TIME",
        help="start the clock then, for variables known only then (in the study's unit; default: the table's start)",
    )
    parser.add_argument("--outcome", help="column of a binary outcome (1 = yes, 0 = no)")
    parser.add_argument("--clinical", default="", metavar="A,B,…", help="columns of clinical variables")
    parser.add_argument("--patient", metavar="COLUMN", help="whose ROI a row is, where patients have several")
    parser.add_argument(
        "--rois",
        choices=(EACH, LARGEST, MEAN),
        default=EACH,
        help="what becomes of a patient's ROIs: each stays a row, the largest, or their mean (default: each)",
    )
    parser.add_argument(
        "--first-feature", metavar="COLUMN", help="for features of other software: the first of their columns"
    )


def columns_of(options: argparse.Namespace, **more: Any) -> Columns:
    """The columns that the arguments name; ``more`` are fields of :class:`Columns`."""
    return Columns(
        time=options.time,
        event=options.event,
        competing=options.competing,
        outcome=options.outcome,
        clinical=_names(options.clinical),
        patient=options.patient,
        rois=options.rois,
        first_feature=options.first_feature,
        time_unit=options.time_unit,
        landmark=options.landmark,
        **more,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def identifier(text: str | None, folder: Path) -> str:
    """The card's identifier as given, or made of the folder's name.

    Raises:
        UsageError: not lower-case letters, digits and hyphens.
    """
    made = re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-") or "model"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", text or made):
        raise UsageError(f"“{text}” is no identifier of a card; use lower-case letters, digits and hyphens.")
    return text or made


def run(options: argparse.Namespace) -> int:
    """Fit, evaluate, write the folder, print the main numbers."""
    with only_run(options.out):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    check_replaceable_folder(options.out, ())
    progress = reporter(options.progress)
    study = load_study(options.protocol)
    progress(0.0, "the protocol on the training patients")
    fit = fit_table(
        options.table,
        columns_of(
            options,
            split=options.split,
            folds=options.folds,
            batch=options.batch,
            missing=options.missing,
            factors=_names(options.factor),
        ),
        study,
        Identity(
            identifier(options.id, options.out),
            options.title or _title(options, study),
            options.label,
            options.endpoint,
        ),
        kept=load_kept(options.kept) if options.kept else None,
        options=Options(
            seed=options.seed,
            n_folds=options.n_folds,
            lambda_rule=options.lambda_rule,
            standardise=options.standardise,
            repeats=options.repeats,
            solver=options.solver,
            horizons=_horizons(options.horizons),
            published_cutoff=options.cutoff == "published",
            published_features=options.signature == "published",
            validation=not options.no_validation,
            alternative=options.alternative,
            batch_covariates=_names(options.batch_covariates),
            competing_model=options.competing_model,
            splines=_splines(options.spline),
            factors=_names(options.factor),
        ),
    )
    if options.bootstrap or options.permutations:
        sentence = size_sentence(fit.training, fit.plan)
        print(sentence, file=sys.stderr, flush=True)
    assessment = assess(fit)
    with worker_pool(options.jobs) as pool:
        checks = check_fit(
            fit,
            bootstrap=options.bootstrap,
            permutations=options.permutations,
            challenges=options.challengers,
            pool=pool,
            progress=lambda share, what: progress(0.05 + 0.9 * share, what),
        )
    write_folder(options.out, fit_files(assessment, checks, _provenance(options, fit)))
    progress(1.0, "done")
    print(summary(assessment, checks))
    print(f"\nCard:   {options.out / 'card.json'}")
    print(f"Report: {options.out / 'report.html'}")
    return 0


def _splines(text: str) -> dict[str, int]:
    """Knots by variable, of “age:5,dose”."""
    found = {}
    for part in _names(text):
        name, _, knots = part.partition(":")
        if knots and not knots.strip().isdigit():
            raise UsageError(f"--spline got “{part}”; write a variable and its number of knots, such as age:4.")
        found[name.strip()] = int(knots) if knots else 4
    return found


def _title(options: argparse.Namespace, study: Study) -> str:
    """The study's title, or the endpoint's where it is another."""
    if options.endpoint:
        return f"{options.endpoint[0].upper()}{options.endpoint[1:]} by the protocol of {study.id} ({options.label})"
    return f"{study.title} ({options.label})"


def _horizons(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(finite(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--horizons got “{text}”; write times such as 12,24,36.") from None


def _provenance(options: argparse.Namespace, fit: Fit) -> dict[str, str]:
    return {
        "software": software_versions(),
        "command": options.call,
        "table (SHA-256)": sha256(options.table.read_bytes()).hexdigest(),
        "extraction settings": fit.plan.study.settings.fingerprint,
        "protocol": fit.plan.study.id,
        "split": f"column “{options.split}”" if options.split else f"drawn, seed {options.seed}",
        "folds": f"column “{options.folds}”" if options.folds else f"drawn, seed {options.seed}",
        **({"harmonised over": f"column “{options.batch}”"} if options.batch else {}),
        "patients with gaps": {COMPLETE: "left out (complete cases)", IMPUTE: "multiple imputation"}[options.missing],
        "bootstrap samples, shuffled outcomes": f"{options.bootstrap}, {options.permutations}; seed {options.seed}",
        "kept features": options.kept.name if options.kept else "no agreement filter",
    }
