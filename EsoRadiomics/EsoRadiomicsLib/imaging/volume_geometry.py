"""Geometry that a volume's header tells: axes at right angles, one voxel size, and whether it tells anything."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..core.errors import InputError
from ..core.places import read_bytes
from .nifti_header import nifti_start

MOST_DEGREES = 0.1
"""Axes that are off right angles by less are taken as rectangular: headers are rounded."""
_SAME_SIZE = 0.01
_LEAST_MM, _MOST_MM = 0.02, 50.0
_FARTHEST_MM = 1e6
_MEND = "Resample it to a grid with right angles, or convert the CT from DICOM again."


def require_right_angles(direction: Sequence[float], subject: str) -> None:
    """Refuse axes that are sheared or scaled; ``subject`` begins the sentence.

    Args:
        direction: direction cosines, row by row, of 3 axes or more.
        subject: whose they are.

    Raises:
        InputError: two axes are not at right angles, or an axis is no unit vector.
    """
    side = round(len(direction) ** 0.5)
    axes = np.reshape(direction, (side, side))[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if side < 3 or not np.isfinite(axes).all() or not lengths.all():
        return
    off = _degrees_off(axes)
    if off >= MOST_DEGREES:
        raise InputError(
            f"{subject} has axes that are not at right angles (off by {off:.2g}°): its header is sheared, no rotation. "
            f"{_MEND}"
        )
    if np.abs(lengths - 1).max() > _SAME_SIZE:
        raise InputError(
            f"{subject} has axes that are scaled (by {', '.join(f'{length:.3g}' for length in lengths)}), so its voxel "
            f"size is not known. {_MEND}"
        )


def require_voxel_size(spacing: Sequence[float], subject: str) -> None:
    """Refuse voxels that no CT has; ``subject`` begins the sentence.

    Raises:
        InputError: an edge below 0.02 mm or above 50 mm.
    """
    if not all(_LEAST_MM <= mm <= _MOST_MM for mm in spacing[:3]):
        shown = " × ".join(f"{mm:g}" for mm in spacing[:3])
        raise InputError(
            f"{subject} has voxels of {shown} mm by its header, as no CT has. Check the unit of its header (mm), or "
            "export it again."
        )


def require_near(origin: Sequence[float], subject: str) -> None:
    """Refuse a place where voxels can no longer be told apart; ``subject`` begins the sentence.

    Raises:
        InputError: a kilometre or more from where the scanner's coordinates begin.
    """
    if not all(abs(mm) < _FARTHEST_MM for mm in origin):
        shown = ", ".join(f"{mm:g}" for mm in origin)
        raise InputError(f"{subject} lies at ({shown}) mm by its header, as no CT does. Export it again.")


def says_nothing(image: sitk.Image) -> bool:
    """Whether the geometry is what is put where nothing is known: 1 × 1 × 1 mm, plain axes, a corner at the origin.

    Args:
        image: on its canonical grid; the axes of NIfTI point the other way, so its first voxel may be another corner.
    """
    return (
        set(image.GetSpacing()) == {1.0}
        and image.GetDirection() == tuple(np.eye(image.GetDimension()).ravel())
        and all(mm in (0, 1 - size) for mm, size in zip(image.GetOrigin(), image.GetSize(), strict=True))
    )


def check_nifti(path: Path) -> bool:
    """Whether the axes of a NIfTI file are off right angles by so little that they are to be straightened.

    Raises:
        InputError: sheared or scaled axes, or two voxel sizes in one header.
    """
    start, _ = nifti_start(read_bytes(path, 1 << 16)) or (b"", False)
    if len(start) < 348:
        return False
    order = "<" if struct.unpack("<i", start[:4]) == (348,) else ">"
    (code,) = struct.unpack(f"{order}h", start[254:256])
    if code <= 0:
        return False
    table = np.reshape(struct.unpack(f"{order}12f", start[280:328]), (3, 4))[:, :3]
    sizes = np.linalg.norm(table, axis=0)
    told = np.abs(struct.unpack(f"{order}3f", start[80:92]))
    if not np.isfinite(table).all() or not sizes.all():
        raise InputError(f"{path} has an sform without axes: its header is damaged. Export it again.")
    off = _degrees_off(table / sizes)
    if off >= MOST_DEGREES:
        raise InputError(
            f"{path} has axes that are not at right angles (off by {off:.2g}°): its sform is sheared, no rotation. "
            f"{_MEND}"
        )
    if told.all() and np.abs(sizes / told - 1).max() > _SAME_SIZE:
        first, second = (" × ".join(f"{mm:.4g}" for mm in values) for values in (told, sizes))
        raise InputError(
            f"{path} tells two voxel sizes: {first} mm (pixdim) and {second} mm (sform, scaled). Which one is true is "
            "not known: convert the CT from DICOM again."
        )
    return off > 0


def _degrees_off(axes: np.ndarray) -> float:
    """How far unit vectors (columns) are off right angles, at most."""
    products = (axes / np.linalg.norm(axes, axis=0)).T @ (axes / np.linalg.norm(axes, axis=0))
    return float(np.degrees(np.arcsin(np.clip(np.abs(products - np.diag(np.diag(products))).max(), 0, 1))))
