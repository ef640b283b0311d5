"""``esoradiomics plan``: how many patients a study to come needs, to build a model or to check one."""

from __future__ import annotations

import argparse
import math
from typing import Any

from ..core.errors import UsageError
from ..statistics.sample_size import (
    SampleSize,
    development_binary,
    development_survival,
    events_per_parameter,
)
from ..statistics.validation_size import validation_binary, validation_survival
from .arguments import add_command, finite_number, whole_number

EXAMPLES = """\
  esoradiomics plan development --parameters 10 --risk 0.6 --horizon 24 --follow-up 20
  esoradiomics plan development --parameters 10 --prevalence 0.3 --c-index 0.75
  esoradiomics plan validation --risk 0.6 --c-index 0.7 --followed 0.8
  esoradiomics plan validation --prevalence 0.3 --c-index 0.75

Survival outcomes have a --risk of the event by the horizon, binary ones a --prevalence. Count every candidate: a LASSO
that chooses among 851 features has 851 parameters, whatever it keeps.
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_command(subparsers, "plan", "How many patients a model needs, to build it or to check it.", EXAMPLES)
    parser.add_argument("aim", choices=("development", "validation"), help="build a model, or check one")
    outcome = parser.add_mutually_exclusive_group(required=True)
    outcome.add_argument(
        "--risk", type=finite_number, help="survival: risk of the event by the horizon in all patients"
    )
    outcome.add_argument("--prevalence", type=finite_number, help="binary: share of patients with the outcome")
    parser.add_argument("--parameters", type=whole_number, help="development: candidate parameters")
    parser.add_argument("--horizon", type=finite_number, help="development, survival: time of the prediction")
    parser.add_argument(
        "--follow-up", type=finite_number, help="development, survival: mean follow-up, in the horizon's unit"
    )
    parser.add_argument("--c-index", type=finite_number, help="C-index (AUC) to expect in new patients")
    parser.add_argument("--r-squared", type=finite_number, help="development: Cox and Snell's R², instead of a C-index")
    parser.add_argument(
        "--followed",
        type=finite_number,
        default=1.0,
        help="validation, survival: share followed to the horizon (default 1)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compute and print the criteria, the largest one last."""
    size = _development(options) if options.aim == "development" else _validation(options)
    width = max(len(criterion.what) for criterion in size.criteria)
    print(f"{'To be precise enough':{width}}  patients  events")
    for criterion in size.criteria:
        print(f"{criterion.what:{width}}  {criterion.n:8d}  {math.ceil(criterion.n_events):6d}")
    print(f"{'All of it':{width}}  {size.n:8d}  {math.ceil(size.n_events):6d}")
    if options.aim == "development":
        share = events_per_parameter(size.n_events, options.parameters)
        print(f"\nThat is {share:.1f} events for each of {options.parameters} candidate parameters.")
    print("\nAssumed: " + "; ".join(size.assumed) + ".")
    return 0


def _development(options: argparse.Namespace) -> SampleSize:
    if options.parameters is None:
        raise UsageError("A plan for development needs --parameters: how many candidates the model chooses from.")
    good: dict[str, float | None] = {"r_squared": options.r_squared, "c_index": options.c_index}
    if options.prevalence is not None:
        return development_binary(options.parameters, options.prevalence, **good)
    if options.horizon is None or options.follow_up is None:
        raise UsageError("A plan for survival needs --horizon and the mean --follow-up, both in one unit.")
    return development_survival(options.parameters, options.risk, options.horizon, options.follow_up, **good)


def _validation(options: argparse.Namespace) -> SampleSize:
    if options.c_index is None:
        raise UsageError("A plan for validation needs the --c-index to expect.")
    if options.prevalence is not None:
        return validation_binary(options.prevalence, options.c_index)
    return validation_survival(options.risk, options.c_index, options.followed)
