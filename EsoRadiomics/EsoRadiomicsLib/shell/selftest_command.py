"""``esoradiomics selftest``: does this installation compute what it should?"""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..extraction.selftest import format_table
from ..extraction.selftest import run as run_selftest
from .arguments import add_command

EXAMPLES = """\
  esoradiomics selftest
  esoradiomics selftest --json
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_command(
        subparsers,
        "selftest",
        "Recompute reference values and the IBSI digital phantom on this installation.",
        EXAMPLES,
    )
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the table; exit code 1 where a value differs that should agree."""
    outcome = run_selftest()
    print(json.dumps(outcome.to_dict(), indent=1) if options.json else format_table(outcome))
    return 0 if outcome.passed else 1
