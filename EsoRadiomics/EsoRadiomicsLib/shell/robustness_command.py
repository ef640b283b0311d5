"""``esoradiomics robustness``: how firm one patient's score is under perturbations of contour and image."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from ..core.progress import reporter
from ..extraction.perturbation import KINDS
from ..extraction.workers import helpers
from ..scoring.perturbed_scores import COUNT, SEED, assess
from ..studies.reference_cohort import load_reference
from .arguments import add_command, claimed, whole_number
from .score_command import add_score_arguments, finish, score_case

EXAMPLES = """\
  esoradiomics robustness ct.nrrd gtv.nrrd --study ln-response-crt --jobs 4 --out patient1
  esoradiomics robustness ct.nrrd gtv.nrrd --study escc-lpfs-ccrt --reference cohort.json \\
      --count 50 --kind volume --kind boundary --json
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    text = "Score one patient and perturb contour and image: the Rad-score's interval, and how often the group flips."
    parser = add_command(subparsers, "robustness", text, EXAMPLES)
    add_score_arguments(parser)
    parser.add_argument("--count", type=whole_number, default=COUNT, help=f"number of perturbations (default {COUNT})")
    seed = "seed of the perturbations (default: always the same)"
    parser.add_argument("--seed", type=whole_number, default=SEED, help=seed)
    parser.add_argument("--kind", action="append", choices=tuple(KINDS), help="only this kind; repeat for several")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score, perturb, and report both."""
    reference = load_reference(options.reference) if options.reference else None
    with claimed(options.out), helpers(options.jobs) as helping:
        result = score_case(options, reference, helping)
        robustness = assess(
            result,
            reference=reference,
            count=options.count,
            seed=options.seed,
            kinds=tuple(options.kind or KINDS),
            helpers=helping,
            progress=reporter(options.progress),
        )
        finish(options, replace(result, robustness=robustness))
    return 0
