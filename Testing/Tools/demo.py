"""``make demo``: score a real CT with three studies and say where the reports lie.

The CT is ``lung2`` of PyRadiomics' source distribution: a lung lesion, not an esophageal tumour, so no number means
anything clinically; it shows what the software does. The reference cohort that escc-lpfs-ccrt needs is generated here
from the same CT with perturbed contours and noise, and every output that rests on it says so.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pyradiomics_data import DataUnavailableError, lung_case

from EsoRadiomicsLib.case import Case, load_case, make_case
from EsoRadiomicsLib.cli import main as esoradiomics
from EsoRadiomicsLib.feature_table import feature_row, write_rows
from EsoRadiomicsLib.features import extract
from EsoRadiomicsLib.roi import prepare
from EsoRadiomicsLib.study import load_study

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
        ["score", *case, "--study", "ln-control-2y", "--out", str(OUTPUT / "ln-control-2y")],
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
        variant = perturbed(case, np.random.default_rng([SEED, number]), f"generated-{number:02}")
        rows.append(
            feature_row(variant, extract(prepare(variant, study.settings), study.settings, study.signature.names))
        )
    print()
    write_rows(table, rows)


def perturbed(case: Case, random: np.random.Generator, name: str) -> Case:
    """The case with its contour grown or shrunk in plane and moved, noise on the CT and another contrast."""
    change = int(random.integers(-3, 4))
    radius = (abs(change), abs(change), 0)
    mask = sitk.BinaryErode(case.mask, radius) if change < 0 else sitk.BinaryDilate(case.mask, radius)
    shift = (int(random.integers(-4, 5)), int(random.integers(-4, 5)), int(random.integers(-1, 2)))
    voxels = sitk.GetArrayFromImage(case.image).astype(float) * random.uniform(0.9, 1.1)
    voxels += random.normal(0, random.uniform(2, 15), voxels.shape)
    image = sitk.GetImageFromArray(voxels.round())
    moved = sitk.GetImageFromArray(np.roll(sitk.GetArrayFromImage(mask), shift[::-1], axis=(0, 1, 2)))
    image.CopyInformation(case.image)
    moved.CopyInformation(case.image)
    return make_case(image, moved, name=name)


def shown(word: str) -> str:
    """A word as one would type it: the CT's place is of no interest, spaces need quotes."""
    word = Path(word).name if word.endswith(".nrrd") else word
    return f'"{word}"' if " " in word else word


if __name__ == "__main__":
    sys.exit(main())
