"""``esoradiomics reference build``: means and SDs of a cohort, for z-scored signatures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..core.claims import check_new_file
from ..extraction.feature_table import read_tables, table_software
from ..studies.paper_readings import paper_readings
from ..studies.reference_cohort import build_with_readings
from ..studies.study import load_study
from .arguments import add_command, existing_file

EXAMPLES = """\
  esoradiomics reference build features.csv --study escc-lpfs-ccrt --label "Our hospital 2020-2024" --out cohort.json
  esoradiomics reference build run/features.csv run/readings.csv --study escc-lpfs-ccrt --label "…" --out cohort.json
  esoradiomics reference build patients/*.csv --study escc-pfs-dcrt --label "Centre B" --out cohort.json
"""
FEW_CASES = 30


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_command(subparsers, "reference", "Build a reference cohort from feature tables.", EXAMPLES)
    actions = parser.add_subparsers(metavar="build", required=True)
    build = add_command(actions, "build", "Mean, SD and range of each feature over a cohort.", EXAMPLES)
    build.add_argument("tables", nargs="+", type=existing_file, help="feature tables (CSV, one row a case)")
    build.add_argument("--study", required=True, help="study whose settings the features were measured with")
    build.add_argument("--label", required=True, help="what this cohort is; shown with every score that rests on it")
    build.add_argument("--out", type=Path, required=True, help="JSON file to write")
    build.add_argument(
        "--demonstration", action="store_true", help="mark the cohort as generated: every output will say so"
    )
    build.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Build and write the reference cohort."""
    study = load_study(options.study)
    check_new_file(options.out)
    table = read_tables(options.tables)
    known = paper_readings(study).readings[1:] if study.card.get("readings") else ()
    cohort = build_with_readings(
        table,
        study.settings,
        [reading.settings for reading in known],
        label=options.label,
        software=table_software(table),
        demonstration=options.demonstration,
    )
    cohort.save(options.out)
    print(f"{len(cohort.features)} features of {cohort.cases} cases written to {options.out}")
    if known:
        print(f"readings of the paper: {len(cohort.readings)} of {len(known)} beside the card's own")
    if cohort.cases < FEW_CASES:
        print(f"warning: means and SDs of only {cohort.cases} cases are imprecise; z-scores inherit that.")
    return 0
