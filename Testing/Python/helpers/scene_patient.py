"""The tumour phantom as MRML nodes and as DICOM files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dicom_factory
import numpy as np
from mrml import (
    add_segmentation,
    add_volume,
)
from phantoms import ct, gtv


def turned(degrees: float = 20.0, shift: tuple[float, float, float] = (5.0, -3.0, 11.0)) -> np.ndarray:
    """A rotation about z and a shift, 4 × 4 in RAS."""
    angle = np.radians(degrees)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = shift
    return matrix


def patient(scene: Any) -> tuple[Any, Any]:
    """Volume and segmentation node (segment “GTV”) of the tumour phantom."""
    image = ct()
    return add_volume(scene, image), add_segmentation(scene, {"GTV": gtv(image)})


def structure_set(folder: Path) -> tuple[Path, Path]:
    """The phantom's CT series and an RTSTRUCT with the ROI “GTV”."""
    image = ct()
    contours = dicom_factory.contours_of(gtv(image))
    return (
        dicom_factory.write_ct(folder / "ct", image),
        dicom_factory.write_rtstruct(folder / "plan.dcm", {"GTV": contours}),
    )
