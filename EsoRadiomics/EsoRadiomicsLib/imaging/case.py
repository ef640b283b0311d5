"""A patient's case: the CT and its GTV on one grid, in the one form that gives the same bits from every format.

Canonical form: axes along left, posterior and superior; the study's pixel type; spacings as their shortest decimal.
Nothing that names the patient is kept: no header fields, no identifiers, no paths.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..core.errors import InputError
from ..core.translation import mark, tr
from .dicom_acquisition import acquisition_beside
from .grid import bring_to_grid, canonical_grid
from .hounsfield import histogram, require_hounsfield
from .masks import select_label
from .read_mask import open_mask
from .read_volume import read_volume
from .volume_geometry import require_near, require_right_angles, require_voxel_size, says_nothing
from .volumes import Acquisition, require_volume

__all__ = ["Acquisition", "Case", "load_case", "make_case"]

SILENT_HEADER = mark(
    "The header of the image tells no voxel size and no position: 1 × 1 × 1 mm at the origin was "
    "taken. Volume, shape and resampling depend on it; check it, or give the CT with its "
    "geometry."
)
INVERTED_MASK = mark(
    "The mask holds all corners of the image, as no GTV does: it may be inverted (0 in the GTV, 1 outside). Look at it."
)
WHOLE_HU = 1e-3
"""A value this close to a whole number is one: rounding it loses nothing."""


@dataclass(frozen=True, eq=False)
class Case:
    """One patient's CT and GTV.

    Attributes:
        name: what reports call the case.
        image: CT in HU, 3-D, canonical form, at its place in the world (mm, LPS).
        mask: uint8, 1 in the GTV, on exactly the image's grid.
        acquisition: what the DICOM headers tell; all unknown for other formats.
        sources: formats, the label, segment or ROI used, and how the mask came to the grid (JSON values).
        warnings: sentences for the user; like ``sources``, they name no paths.
    """

    name: str
    image: sitk.Image
    mask: sitk.Image
    acquisition: Acquisition
    sources: dict[str, Any]
    warnings: tuple[str, ...]

    @cached_property
    def image_sha256(self) -> str:
        """Of voxels, size and spacing; the same from every format and for every place in the world."""
        return _sha256(self.image)

    @cached_property
    def mask_sha256(self) -> str:
        """As ``image_sha256``."""
        return _sha256(self.mask)


def load_case(
    image: Path | str,
    mask: Path | str,
    *,
    label: int | None = None,
    segment: str | None = None,
    roi: str | None = None,
    name: str | None = None,
    pixel_type: str = "int16",
    allow_outside: bool = False,
    acquisition: Path | str | None = None,
) -> Case:
    """Read a CT and its GTV from files.

    Args:
        image: NRRD, NIfTI or MetaImage file, DICOM folder, or one file of a DICOM series.
        mask: labelmap, Slicer segmentation (.seg.nrrd), RTSTRUCT or DICOM SEG, or a folder that holds one of the two.
        label: label value in a labelmap.
        segment: name, ID or pattern of a segment in a .seg.nrrd; label, number or pattern in a DICOM SEG.
        roi: name, number or pattern (``"GTV*"``) of an ROI in an RTSTRUCT.
        name: what reports call the case.
        pixel_type: ``int16``, ``float32`` or ``float64``, as the study's settings say.
        allow_outside: accept that a volume file's header names data files outside its folder.
        acquisition: a slice of the DICOM series that an image of another format was made from: it tells of the scanner.

    Returns:
        CT (HU, of the pixel type) and GTV (uint8, 0 and 1), both (x, y, z) on one grid: axes along LPS, spacing in mm.

    Raises:
        InputError: anything about the files that prevents a sound measurement; the message names file and remedy.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> case = eso.load_case("ct.nrrd", "gtv.nrrd", label=1, name="patient 1")
        >>> case.name, case.image.GetSize()
        ('patient 1', (48, 40, 16))
    """
    source = open_mask(mask, allow_outside=allow_outside)
    chosen = {"label": None if label is None else str(label), "segment": segment, "roi": roi}
    wanted = chosen.pop(source.selector)
    for other, value in chosen.items():
        if value is not None:
            raise InputError(
                tr(
                    "The {other} “{value}” cannot be looked up in {path}: that file is chosen from by "
                    "{selector}. It offers: {names}.",
                    other=other,
                    value=value,
                    path=source.path,
                    selector=source.selector,
                    names=", ".join(source.names),
                )
            )
    volume = read_volume(image, source.series, allow_outside=allow_outside)
    drawn = source.read(wanted, volume)
    told = volume.acquisition
    doubts: tuple[str, ...] = ()
    if acquisition is not None:
        if told != Acquisition():
            raise InputError(tr("The image is DICOM and tells of its scanner itself. Leave the other DICOM file out."))
        told, doubts = acquisition_beside(acquisition, volume.image)
    return _case(
        volume.image,
        drawn.image,
        name=name or "case",
        pixel_type=pixel_type,
        acquisition=told,
        sources={"image": volume.source, "mask": drawn.source},
        warnings=(*volume.warnings, *doubts, *drawn.warnings),
        image_name=str(volume.path),
        mask_name=str(source.path),
    )


def make_case(
    image: sitk.Image,
    mask: sitk.Image,
    *,
    name: str = "case",
    pixel_type: str = "int16",
    acquisition: Acquisition = Acquisition(),  # noqa: B008 - frozen
    sources: Mapping[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
) -> Case:
    """A case of images in memory, with the checks and the canonical form that files get.

    Args:
        image: scalar 3-D CT in HU.
        mask: labelmap with one label, on any grid.
        name: what reports and messages call the case.
        pixel_type: ``int16``, ``float32`` or ``float64``.
        acquisition: how the CT was acquired.
        sources: where image and mask came from (JSON values; no patient names, IDs or paths).
        warnings: sentences to pass on.

    Raises:
        InputError: image or mask cannot be measured.
    """
    image_name, mask_name = f"of {name}", f"of {name}"
    require_volume(image, tr("The image {image_name}", image_name=image_name))
    require_volume(mask, tr("The mask {mask_name}", mask_name=mask_name))
    _, binary = select_label(mask, None, tr("The mask {mask_name}", mask_name=mask_name))
    return _case(
        canonical_grid(image),
        binary,
        name=name,
        pixel_type=pixel_type,
        acquisition=acquisition,
        sources=dict(sources or {}),
        warnings=warnings,
        image_name=image_name,
        mask_name=mask_name,
    )


def _case(
    image: sitk.Image,
    mask: sitk.Image,
    *,
    name: str,
    pixel_type: str,
    acquisition: Acquisition,
    sources: dict[str, Any],
    warnings: tuple[str, ...],
    image_name: str,
    mask_name: str,
) -> Case:
    """A case of an image on its canonical grid and a 0/1 mask on any grid."""
    for each, subject in (
        (image, tr("The image {image_name}", image_name=image_name)),
        (mask, tr("The mask {mask_name}", mask_name=mask_name)),
    ):
        require_right_angles(each.GetDirection(), subject)
        require_voxel_size(each.GetSpacing(), subject)
        require_near(each.GetOrigin(), subject)
    voxels, remarks = _hounsfield(image, pixel_type, tr("The image {image_name}", image_name=image_name))
    if says_nothing(image):
        remarks = (*remarks, tr(SILENT_HEADER))
    brought = bring_to_grid(mask, image, mask_name, image_name)
    inside = sitk.GetArrayViewFromImage(brought.image)
    if inside[np.ix_(*[[0, -1]] * 3)].all():
        remarks = (*remarks, tr(INVERTED_MASK))
    if inside.all():
        raise InputError(
            tr(
                "The mask {mask_name} covers the whole image {image_name}. Give a mask that is 0 outside the GTV.",
                mask_name=mask_name,
                image_name=image_name,
            )
        )
    measured = sitk.GetImageFromArray(voxels)  # a new image, which carries none of the header's texts
    measured.CopyInformation(image)
    return Case(
        name=name,
        image=measured,
        mask=brought.image,
        acquisition=acquisition,
        sources=sources | {"mask": {**sources.get("mask", {}), **brought.account}},
        warnings=(*warnings, *remarks, *brought.warnings),
    )


def _hounsfield(image: sitk.Image, pixel_type: str, subject: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The voxels (z, y, x) in the pixel type, perhaps the image's own, and warnings where that changed them."""
    array = sitk.GetArrayViewFromImage(image)
    if array.dtype.kind == "f" and not all(np.isfinite(part).all() for part in array):
        raise InputError(
            tr(
                "{subject} holds voxels that are not numbers (NaN or infinite). Replace them by air (−1000 "
                "HU) or export the CT again.",
                subject=subject,
            )
        )
    least, most = float(array.min()), float(array.max())
    whole = np.issubdtype(pixel_type, np.integer)
    limits = np.iinfo(pixel_type) if whole else np.finfo(pixel_type)
    if whole and array.dtype.kind in "iu" and limits.min <= least and most <= limits.max:
        voxels = array.astype(pixel_type, copy=False)  # as DICOM's, which come as 32 bits
        return voxels, require_hounsfield(histogram(voxels), least, most, subject)
    doubts = require_hounsfield(histogram(array), least, most, subject)
    voxels = np.empty(array.shape, pixel_type)
    fractional = clipped = 0
    for source, target in zip(array, voxels, strict=True):  # slices, as a large series needs no second copy in floats
        values = source
        if whole and source.dtype.kind == "f":
            values = np.rint(source)
            fractional += int(np.count_nonzero(np.abs(source - values) > WHOLE_HU))
        outside = int(np.count_nonzero((values < limits.min) | (values > limits.max)))
        target[...] = np.clip(values, limits.min, limits.max) if outside else values
        clipped += outside
    remarks = list(doubts)
    if fractional:
        share = 100 * fractional / voxels.size
        remarks.append(
            tr(
                "The image holds values that are not whole HU ({share:.1f} % of its voxels), as resampled "
                "images do; they were rounded to 16-bit integers. Give the original CT where there is one.",
                share=share,
            )
        )
    if clipped:
        remarks.append(
            tr(
                "The image holds {clipped:,} values beyond {min:g} … {max:g} HU, which were clipped to them.",
                clipped=clipped,
                min=limits.min,
                max=limits.max,
            )
        )
    return voxels, tuple(remarks)


def _sha256(image: sitk.Image) -> str:
    array = sitk.GetArrayViewFromImage(image)
    digest = hashlib.sha256(np.array(image.GetSize(), "<u8").tobytes())
    digest.update(np.array(image.GetSpacing(), "<f8").tobytes())
    digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
    return digest.hexdigest()
