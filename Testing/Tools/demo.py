"""``make demo``: score a real CT with three studies, one of them in every reading of its paper.

The CT is ``lung2`` of PyRadiomics' source distribution: a lung lesion, not an esophageal tumour, so no number means
anything clinically; it shows what the software does. The reference cohort that escc-lpfs-ccrt needs is generated here
from the same CT with perturbed contours and noise, and every output that rests on it says so.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from pyradiomics_data import DataUnavailableError, lung_case

from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.extraction.feature_table import feature_row, write_rows
from EsoRadiomicsLib.extraction.perturbation import Perturbation
from EsoRadiomicsLib.imaging.case import Case, load_case
from EsoRadiomicsLib.shell.cli import main as esoradiomics
from EsoRadiomicsLib.studies.study import load_study

OUTPUT = Path("demo-output")
STUDY = "escc-lpfs-ccrt"
COHORT_SIZE = 24
LABEL = f"demonstration: {COHORT_SIZE} generated variants of lung2"
SEED = 20211011


def main() -> int:
    """Run the demonstration; the exit code of the first command that fails."""
    try:
        lung2 = lung_case("lung2")
    except DataUnavailableError as error:
        print(f"The demonstration needs the CT in PyRadiomics' source distribution. {error}", file=sys.stderr)
        return 1
    if OUTPUT.exists():
        shutil.rmtree(OUTPUT)
    OUTPUT.mkdir()
    table = OUTPUT / "generated-cases.csv"
    generate_features(load_case(lung2.image, lung2.mask, label=1), table)
    cohort = str(OUTPUT / "reference-demonstration.json")
    case = [str(lung2.image), str(lung2.mask), "--label", "1", "--name", "lung2"]
    covariates = ["--covariate", "N stage=N1", "--covariate", "CR status=0"]
    commands = [
        ["reference", "build", str(table), "--study", STUDY, "--label", LABEL, "--demonstration", "--out", cohort],
        ["score", *case, "--study", "ln-response-crt", "--out", str(OUTPUT / "ln-response-crt")],
        ["readings", *case, "--study", "ln-control-2y", "--out", str(OUTPUT / "ln-control-2y")],
        ["score", *case, "--study", STUDY, "--reference", cohort, *covariates, "--out", str(OUTPUT / STUDY)],
    ]
    for command in commands:
        print(f"\n$ esoradiomics {' '.join(shown(word) for word in command)}\n", flush=True)
        code = esoradiomics(command)
        if code:
            return code
    print(f"\nOpen {OUTPUT / STUDY / 'report.html'} in a browser. Research use only: not a medical device.")
    return 0


def generate_features(case: Case, table: Path) -> None:
    """The signature's features of generated variants of one case, as a feature table."""
    study = load_study(STUDY)
    assert study.signature is not None
    rows = []
    for number in range(1, COHORT_SIZE + 1):
        print(f"\rgenerating the demonstration reference cohort: case {number} of {COHORT_SIZE}", end="", flush=True)
        generated = variant(case, number)
        features = extract(prepare(generated, study.settings), study.settings, study.signature.names)
        rows.append(feature_row(generated, features))
    print()
    write_rows(table, rows)


def variant(case: Case, number: int) -> Case:
    """The case under several perturbations in a row: another contour, elsewhere, with more noise."""
    for kind in ("boundary", "volume", "shift", "noise"):
        case, _ = Perturbation(kind, (SEED, number)).apply(case)
    return replace(case, name=f"generated-{number:02}")


def shown(word: str) -> str:
    """A word as one would type it: the CT's place is of no interest, spaces need quotes."""
    word = Path(word).name if word.endswith(".nrrd") else word
    return f'"{word}"' if " " in word else word


if __name__ == "__main__":
    sys.exit(main())
