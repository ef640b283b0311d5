"""``esoradiomics readings``: one patient's score in every reading of what the paper leaves open."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from ..core.errors import UsageError
from ..core.progress import reporter
from ..scoring.reading_scores import score_readings
from ..studies.reference_cohort import load_reference
from .arguments import add_command, load
from .score_command import add_score_arguments, finish, score_case

EXAMPLES = """\
  esoradiomics readings ct.nrrd gtv.nrrd --study ln-response-crt --out patient1
  esoradiomics readings ct.nrrd gtv.nrrd --study escc-lpfs-ccrt --reference all-readings.json --json
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    text = "Score one patient in every reading of the paper: each setting it leaves open, in every plausible way."
    add_score_arguments(parser := add_command(subparsers, "readings", text, EXAMPLES))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score as the card reads the paper, then in all readings, and report both."""
    if options.changes:
        raise UsageError("--set and readings exclude each other: the readings are those of the study's own settings.")
    reference = load_reference(options.reference) if options.reference else None
    result = score_case(options, reference, None)

    readings = score_readings(
        lambda pixel_type: load(options, result.score.study.settings.changed(pixel_type=pixel_type)),
        result.score.study,
        covariates=result.score.covariates,
        reference=reference,
        progress=reporter(options.progress),
    )
    finish(options, replace(result, paper_readings=readings))
    return 0
