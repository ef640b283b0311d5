"""Small generated cohorts: a folder of patients as NRRD files and their manifest."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import phantoms
import SimpleITK as sitk

SIZE = (24, 20, 10)


def write_patient(folder: Path, seed: int, size: Sequence[int] = SIZE) -> None:
    """``ct.nrrd`` and ``gtv.nrrd`` of a generated patient: each seed has noise and a ragged contour of its own."""
    folder.mkdir(parents=True)
    image = phantoms.ct(size, seed=seed)
    sitk.WriteImage(image, str(folder / "ct.nrrd"))
    sitk.WriteImage(ragged_gtv(image, seed), str(folder / "gtv.nrrd"))


def ragged_gtv(image: sitk.Image, seed: int) -> sitk.Image:
    """The tumour of a phantom with holes in it that are each seed's own."""
    drawn = sitk.GetArrayFromImage(phantoms.gtv(image))
    drawn[np.random.default_rng(seed).random(drawn.shape) < 0.05] = 0
    mask = sitk.GetImageFromArray(drawn)
    mask.CopyInformation(image)
    return mask


def write_manifest(
    path: Path, rows: Sequence[Mapping[str, str]], *, encoding: str = "utf-8", separator: str = ","
) -> Path:
    """A manifest with all columns that occur in ``rows``."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, columns, restval="", delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_cohort(folder: Path, cases: int, size: Sequence[int] = SIZE) -> Path:
    """A cohort of ``cases`` patients with an age; returns its manifest."""
    rows = []
    for i in range(cases):
        name = f"P{i:03}"
        write_patient(folder / name, seed=i, size=size)
        rows.append({"case": name, "image": f"{name}/ct.nrrd", "mask": f"{name}/gtv.nrrd", "age": str(50 + i % 30)})
    return write_manifest(folder / "manifest.csv", rows)
