"""Readings of an agreement study: a small table of made-up values, and small generated patients as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import phantoms
import SimpleITK as sitk
from cohort_factory import SIZE, ragged_gtv, write_manifest

from EsoRadiomicsLib.extraction.perturbation import Perturbation
from EsoRadiomicsLib.imaging.case import load_case

READINGS = (("A", "1"), ("A", "2"), ("B", "1"))
"""Reader A draws twice, reader B once."""


def reading_table() -> pd.DataFrame:
    """8 cases, readers A (sessions 1 and 2) and B, 5 features of which noise_A moves A's second session only."""
    rng = np.random.default_rng(7)
    rows = []
    for case in range(8):
        truth = rng.normal(100, 20, 5)
        for reader, session in (("A", 1), ("A", 2), ("B", 1)):
            noise = rng.normal(0, 1, 5)
            noise[1] *= 60 * (session == 2)
            noise[2] *= 60 * (reader == "B")
            values = dict(zip("abcde", truth + noise, strict=True))
            rows.append({"case": f"P{case:02}", "reader": reader, "session": session, **values})
    names = {"a": "original_glcm_Idn", "b": "original_shape_Sphericity", "c": "wavelet-HLL_glcm_Idn"}
    return pd.DataFrame(rows).rename(columns=names | {"d": "age", "e": "log-sigma-2-0-mm-3D_firstorder_Mean"})


def write_readings(
    folder: Path, cases: int = 4, readings: Sequence[tuple[str, str]] = READINGS, size: Sequence[int] = SIZE
) -> Path:
    """A folder a patient with ``ct.nrrd`` and a ragged contour for each (reader, session); returns the manifest."""
    rows = []
    for i in range(cases):
        case = f"P{i:02}"
        (folder / case).mkdir(parents=True)
        image = phantoms.ct(size, seed=i)
        sitk.WriteImage(image, str(folder / case / "ct.nrrd"))
        for j, (reader, session) in enumerate(readings):
            mask = f"{case}/{reader}{session}.nrrd"
            sitk.WriteImage(ragged_gtv(image, 100 * (j + 1) + i), str(folder / mask))
            row = {"case": case, "image": f"{case}/ct.nrrd", "mask": mask, "reader": reader, "session": session}
            rows.append(row)
    return write_manifest(folder / "manifest.csv", rows)


REAL_READINGS = {
    ("A", "1"): (),
    ("A", "2"): ("shift",),
    ("B", "1"): ("boundary", "shift"),
    ("C", "1"): ("volume", "boundary"),
}
"""How the contours of (reader, session) come from the one there is: perturbations, one after the other."""


def write_real_readings(folder: Path, cases: Sequence[Path], readings: Mapping[tuple[str, str], Sequence[str]]) -> Path:
    """Contours of made-up readers for real cases (folders with ``ct.nii.gz`` and ``mask.nii.gz``), and the manifest.

    The image paths lead out of the manifest's folder.
    """
    rows = []
    for i, source in enumerate(cases):
        drawn = load_case(source / "ct.nii.gz", source / "mask.nii.gz", name=source.name)
        (folder / source.name).mkdir(parents=True)
        for j, ((reader, session), kinds) in enumerate(readings.items()):
            case = drawn
            for k, kind in enumerate(kinds):
                case, _ = Perturbation(kind, (2026, i, j, k)).apply(case)
            mask = f"{source.name}/{reader}{session}.nrrd"
            sitk.WriteImage(case.mask, str(folder / mask), useCompression=True)
            row = {"case": source.name, "image": str(source / "ct.nii.gz"), "mask": mask}
            rows.append(row | {"reader": reader, "session": session})
    return write_manifest(folder / "manifest.csv", rows)
