"""``esoradiomics reference``: means and SDs of a cohort for z-scored signatures, what they are worth, pooling them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cohort.run_facts import case_facts
from ..core.claims import check_new_file
from ..core.errors import UsageError
from ..core.formatting import number
from ..extraction.feature_table import read_tables, table_software, unused_columns
from ..scoring.reference_worth import Worth, pooled_worth, reference_worth, worth_lines
from ..studies.paper_readings import paper_readings
from ..studies.reference_building import build_with_readings, cohort_scores, with_signature
from ..studies.reference_cohort import ReferenceCohort, load_reference
from ..studies.reference_pooling import centre_differences, pool_references
from ..studies.study import Study, builtin_studies, load_study
from .arguments import add_command, existing_file

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = """\
  esoradiomics reference build features.csv --study escc-lpfs-ccrt --label "Our hospital 2020-2024" --out cohort.json
  esoradiomics reference build run/features.csv run/readings.csv --study escc-lpfs-ccrt --label "…" --out cohort.json
  esoradiomics reference show cohort.json
  esoradiomics reference merge ours.json theirs.json --label "Both hospitals" --out both.json
"""
SHOWN = 10


def add_parser(subparsers: Any) -> None:
    """Add the subcommand and its actions."""
    parser = add_command(subparsers, "reference", "Build, judge and pool reference cohorts.", EXAMPLES)
    actions = parser.add_subparsers(metavar="action", required=True)
    build = add_command(actions, "build", "Mean, SD and range of each feature over a cohort.", EXAMPLES)
    build.add_argument("tables", nargs="+", type=existing_file, help="feature tables (CSV, one row a case)")
    build.add_argument("--study", required=True, help="study whose settings the features were measured with")
    _add_output(build)
    build.add_argument(
        "--demonstration", action="store_true", help="mark the cohort as generated: every output will say so"
    )
    build.add_argument(
        "--keep-patients",
        action="store_true",
        help="keep each case's values of the signature in the file, without names: intervals by bootstrap",
    )
    build.set_defaults(run=_build)
    show = add_command(actions, "show", "What a reference cohort is, and what it is worth for its studies.", EXAMPLES)
    show.add_argument("reference", type=existing_file, help="reference cohort file")
    show.set_defaults(run=_show)
    text = "Pool cohorts of several hospitals: numbers, means and SDs; no patient is shared."
    merge = add_command(actions, "merge", text, EXAMPLES)
    merge.add_argument("references", nargs="+", type=existing_file, help="reference cohort files of the same settings")
    _add_output(merge)
    merge.set_defaults(run=_merge)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", required=True, help="what this cohort is; shown with every score that rests on it")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")


def _build(options: argparse.Namespace) -> int:
    """Build, judge and write the reference cohort."""
    study = load_study(options.study)
    check_new_file(options.out)
    table = read_tables(options.tables)
    for remark in (*table.attrs["remarks"], *unused_columns(table.columns)):
        print(f"warning: {remark}")
    known = paper_readings(study).readings[1:] if study.card.get("readings") else ()
    cohort = build_with_readings(
        table,
        study.settings,
        [reading.settings for reading in known],
        label=options.label,
        software=table_software(table),
        demonstration=options.demonstration,
    )
    others = {each.settings.fingerprint for each in cohort.readings}
    own = table[~table["settings"].astype(str).isin(others)] if "settings" in table else table
    cohort = with_signature(cohort, own, study, keep_patients=options.keep_patients)
    worth = _worth(study, cohort, own, options.tables)
    if worth is not None:
        cohort = replace(cohort, worth={study.id: worth.to_dict()})
    cohort.save(options.out)
    print(f"{len(cohort.features)} features of {cohort.cases} cases written to {options.out}")
    if known and not cohort.readings:
        print("readings of the paper: only the card's own; for the others measure with “cohort run … --all-readings”")
    elif known:
        print(f"readings of the paper: {len(cohort.readings)} of {len(known)} beside the card's own")
    if worth is not None:
        print(worth.sentence)
    return 0


def _worth(study: Study, cohort: ReferenceCohort, table: pd.DataFrame, files: list[Path]) -> Worth | None:
    """None where the study's signature is not z-scored."""
    if study.signature is None or study.signature.normalisation != "z-score":
        return None
    if study.id not in cohort.signatures:  # a feature is missing, or the same everywhere
        return reference_worth(study, cohort, ())
    scores = cohort_scores(cohort, table, study)
    rows = [row for row, score in zip(table.to_dict("records"), scores, strict=True) if score == score]
    known = {key: facts for file in files for key, facts in case_facts(file).items()}
    found = [known.get((str(row.get("image_sha256")), str(row.get("mask_sha256")))) for row in rows]
    facts = [each for each in found if each is not None]
    complete = facts if len(facts) == len(rows) else []
    twins = int(table[list(study.signature.names)].dropna().duplicated().sum())
    return reference_worth(study, cohort, [score for score in scores.tolist() if score == score], complete, twins=twins)


def _show(options: argparse.Namespace) -> int:
    """Print the cohort and its worth."""
    cohort = load_reference(options.reference)
    print(f"{cohort.label}: {cohort.cases} cases, {len(cohort.features)} features")
    print(f"settings: {cohort.settings.sentence}")
    if cohort.readings:
        print(f"readings of the paper: {len(cohort.readings)} beside the card's own")
    for study, worth in cohort.worth.items():
        print(f"\n{study}: {worth['verdict']}")
        for line in (*worth_lines(worth), *worth["reasons"]):
            print(f"  {line}")
    return 0


def _merge(options: argparse.Namespace) -> int:
    """Pool; what differs between the centres is said before the pooled SD hides it."""
    check_new_file(options.out)
    if len({path.resolve() for path in options.references}) < len(options.references):
        raise UsageError("A reference cohort is named twice; its patients would count twice. Name each file once.")
    parts = [load_reference(path) for path in options.references]
    pooled = pool_references(parts, options.label)
    differences = centre_differences(parts)
    for each in differences[:SHOWN]:
        print(f"{each.feature}: “{each.higher}” lies {number(each.apart_sd, 2)} SD above “{each.lower}”")
    if len(differences) > SHOWN:
        print(f"… and {len(differences) - SHOWN} more features whose centres differ")
    known = [name for name in pooled.signatures if name in builtin_studies()]
    worths = {name: pooled_worth(load_study(name), pooled, parts) for name in known}
    pooled = replace(pooled, worth={name: worth.to_dict() for name, worth in worths.items()})
    pooled.save(options.out)
    print(f"{len(pooled.features)} features of {pooled.cases} cases written to {options.out}")
    for name in dict.fromkeys(name for part in parts for name in part.signatures):
        if name in worths:
            print(f"{name}: {worths[name].sentence}")
        elif name not in pooled.signatures:
            print(
                f"{name}: how its features hang together could not be pooled, as a cohort lacks some, or a patient's; "
                "a score's interval will be an upper bound."
            )
    return 0
