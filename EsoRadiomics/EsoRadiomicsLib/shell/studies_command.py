"""``esoradiomics studies``: what studies there are, and what one of them says."""

from __future__ import annotations

import argparse
import json
import textwrap
from typing import Any

from ..extraction.engines import engine
from ..studies.card_parts import Quantity
from ..studies.study import Study, builtin_studies, load_study
from .arguments import add_command

EXAMPLES = """\
  esoradiomics studies
  esoradiomics studies escc-lpfs-ccrt
  esoradiomics studies my-hospital.json          # checks a card of your own
  esoradiomics studies escc-lpfs-ccrt --json
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_command(subparsers, "studies", "List the studies, or show and check one study card.", EXAMPLES)
    parser.add_argument("study", nargs="?", help="identifier or path of a study card")
    parser.add_argument("--json", action="store_true", help="print the card (or the list) as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the list or the card."""
    if options.study is None:
        cards = [load_study(name) for name in builtin_studies()]
        if options.json:
            print(
                json.dumps(
                    [{"id": s.id, "title": s.title, "endpoint": s.endpoint} for s in cards],
                    ensure_ascii=False,
                )
            )
        else:
            for study in cards:
                print(f"{study.id:22} {study.endpoint:22} {_needs(study)}")
        return 0
    study = load_study(options.study)
    print(json.dumps(study.card, indent=1, ensure_ascii=False) if options.json else describe(study))
    return 0


def _needs(study: Study) -> str:
    if study.signature is None:
        return "protocol only: no coefficients published"
    needs = f"{len(study.signature.features)} features"
    return needs + (", needs a reference cohort" if study.signature.normalisation == "z-score" else "")


def describe(study: Study) -> str:
    """A study as readable text: endpoint, settings with evidence, signature, covariates, notes."""
    lines = [
        study.title,
        textwrap.fill(study.citation, 100),
        "",
        f"Endpoint: {study.card['endpoint']['description']}",
    ]
    lines += ["", "Settings"]
    width = max(map(len, study.settings_evidence))
    lines += [f"  {name:{width}} {_shown(quantity)}" for name, quantity in study.settings_evidence.items()]
    if about := engine(study.settings.engine).about:
        lines += ["", textwrap.fill(about, 100)]
    if study.signature is None:
        lines += ["", textwrap.fill(study.absent, 100)]
    else:
        lines += ["", f"{study.signature.name} ({study.signature.link}, features {_normalisation(study)})"]
        lines += [f"  {item.coefficient.value:+.6g} × {item.name}" for item in study.signature.features]
        if study.signature.intercept:
            lines.append(f"  {study.signature.intercept:+.6g}")
        cutoff = study.signature.cutoff
        if cutoff is not None:
            lines.append(f"  {cutoff.rule} {cutoff.value:g}: {cutoff.above.label}; otherwise {cutoff.below.label}")
    for covariate in study.covariates.values():
        levels = covariate.levels
        values = ", ".join(f"{v:g} = {label}" for v, label in levels.items()) if levels else f"{covariate.range}"
        if levels and covariate.by_name:
            values = f"{', '.join(levels.values())} (by name)"
        lines.append(f"Covariate “{covariate.name}”: {values}")
    for title, key in (("Limitations", "limitations"), ("Notes", "notes")):
        if study.card[key]:
            lines += ["", title]
            lines += [
                textwrap.fill(text, 100, initial_indent="  - ", subsequent_indent="    ") for text in study.card[key]
            ]
    return "\n".join(lines)


def _normalisation(study: Study) -> str:
    if study.signature is None:
        return ""
    combat = study.signature.harmonisation
    harmonised = f"harmonised over {combat.column} (ComBat), " if combat else ""
    return harmonised + ("z-scored" if study.signature.normalisation == "z-score" else "raw")


def _shown(quantity: Quantity) -> str:
    value = quantity.value
    return f"{quantity.evidence:13} {', '.join(map(str, value)) if isinstance(value, list) else value}"
