"""IBEX's own example data and results, from where a developer has them: image, mask, and the values IBEX printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat


@dataclass(frozen=True)
class IbexExample:
    """One ROI: CT numbers and mask (z, y, x), voxel size (x, y, z) in cm, IBEX's ROI volume and results by header."""

    ct: np.ndarray
    mask: np.ndarray
    spacing_cm: tuple[float, float, float]
    volume_cm3: float
    results: dict[tuple[str, str], float]


def read_examples(folder: Path, modality: str) -> Iterator[IbexExample]:
    """The ROIs of one modality (CT, MR)."""
    openpyxl = pytest.importorskip("openpyxl")
    sheet = openpyxl.load_workbook(folder / f"Example{modality}_Result.xlsx")["Result"]
    rows = list(sheet.iter_rows(values_only=True))
    data = loadmat(folder / f"Example{modality}_DataSet.mat", squeeze_me=True, struct_as_record=False)["DataSetsInfo"]
    for item, row in zip(data, rows[5:], strict=True):
        image, roi = item.ROIImageInfo, item.ROIBWInfo
        yield IbexExample(
            np.moveaxis(image.MaskData, 2, 0).astype(float),
            np.moveaxis(roi.MaskData, 2, 0) > 0,
            (roi.XPixDim, roi.YPixDim, roi.ZPixDim),
            float(item.ROIVol),
            {
                (upper, lower.strip()): value
                for upper, lower, value in zip(rows[3][4:], rows[4][4:], row[4:], strict=True)
            },
        )
