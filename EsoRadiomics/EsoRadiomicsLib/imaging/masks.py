"""Masks: what every kind of them offers, and the kinds that are image files.

Every kind offers the same: ``names`` to choose from, the ``selector`` that chooses (label, segment or ROI), the DICOM
``series`` it was drawn on, and ``read``. RTSTRUCT and DICOM SEG have modules of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import SimpleITK as sitk

from ..core.errors import InputError
from ..core.formatting import some
from ..core.translation import mark, tr
from .volumes import Volume

MOST_NAMES = 30
"""Names or labels that a message lists."""
MOST_LABELS = 300
"""A labelmap of all organs has some hundred labels; an image has more values."""
_FEW_LABELS = 10
"""A labelmap may have a negative background; an image has more values."""


@dataclass(frozen=True)
class Mask:
    """One ROI as a uint8 0/1 image on a grid of its own, with its account (JSON values)."""

    image: sitk.Image
    source: dict[str, Any]
    warnings: tuple[str, ...] = ()


class MaskSource(Protocol):
    """What can be asked of a mask file of any kind."""

    @property
    def path(self) -> Path: ...

    @property
    def selector(self) -> str:
        """Which of “label”, “segment” and “roi” chooses from it."""

    @property
    def names(self) -> list[str]:
        """What there is to choose from."""

    @property
    def keys(self) -> list[str]:
        """IDs or numbers by which each of ``names`` can be chosen too."""

    @property
    def series(self) -> frozenset[str]:
        """SeriesInstanceUIDs it refers to; empty if it is not DICOM."""

    @property
    def absent(self) -> dict[str, str]:
        """Names that are there and not offered, each with a sentence why."""

    def frame(self, wanted: str | None) -> str:
        """FrameOfReferenceUID of the ROI that ``wanted`` names; empty if it is not DICOM or does not tell."""

    def find(self, wanted: str | None) -> int:
        """Index in ``names`` of the ROI that ``wanted`` names, or of the only one there is.

        Raises:
            InputError: no such ROI, or several and none named.
        """

    def read(self, wanted: str | None, volume: Volume) -> Mask:
        """The ROI named ``wanted``, or the only one there is.

        Raises:
            InputError: no such ROI, several and none named, or the mask is not of this volume.
        """


class _NotDicom:
    """What only DICOM masks know."""

    @property
    def absent(self) -> dict[str, str]:
        return {}

    def frame(self, wanted: str | None) -> str:
        return ""


@dataclass(frozen=True)
class Labelmap(_NotDicom):
    """A volume file whose voxels are 0 or the number of a label."""

    path: Path
    image: sitk.Image
    source: dict[str, Any]
    selector: str = "label"
    series: frozenset[str] = frozenset()

    @cached_property
    def names(self) -> list[str]:
        return [str(label) for label in labels_of(self.image, tr("The mask {path}", path=self.path))]

    @property
    def keys(self) -> list[str]:
        return self.names

    def find(self, wanted: str | None) -> int:
        return self.names.index(str(find_label(self.image, wanted, tr("The mask {path}", path=self.path))))

    def read(self, wanted: str | None, volume: Volume) -> Mask:
        label, image = select_label(self.image, wanted, tr("The mask {path}", path=self.path))
        return Mask(image, {"format": self.source["format"], "label": label})


def labels_of(image: sitk.Image, subject: str) -> list[int]:
    """The label values of a labelmap, ascending, without the background 0.

    Raises:
        InputError: values that are not whole numbers.
    """
    array = sitk.GetArrayViewFromImage(image)
    values = np.sort(array[array != 0])
    last = np.append(values[1:] != values[:-1], True)[: len(values)]
    values = values[last]  # np.unique would import what nothing else here needs
    odd = values[~np.isfinite(values) | (values != np.round(values))] if values.dtype.kind == "f" else values[:0]
    if len(odd):
        raise InputError(
            tr(
                "{subject} holds values that are not whole numbers ({odd:g}, …), as probability maps and "
                "linearly interpolated masks do. Threshold it, or give the labelmap it came from.",
                subject=subject,
                odd=odd[0],
            )
        )
    return [int(value) for value in values]


def select_label(image: sitk.Image, wanted: str | int | None, subject: str) -> tuple[int, sitk.Image]:
    """The voxels of one label as a uint8 0/1 image, and the label; without ``wanted`` the only label there is.

    Raises:
        InputError: as :func:`find_label`.
    """
    label = find_label(image, wanted, subject)
    binary = sitk.GetImageFromArray((sitk.GetArrayViewFromImage(image) == label).astype(np.uint8))
    binary.CopyInformation(image)
    return label, binary


def find_label(image: sitk.Image, wanted: str | int | None, subject: str) -> int:
    """The label value that ``wanted`` names, or the only one there is.

    Raises:
        InputError: an empty mask, no such label, several and none chosen, or an image instead of a mask.
    """
    labels = labels_of(image, subject)
    if not labels:
        raise InputError(
            tr("{subject} is empty: every voxel is 0. Draw the GTV, or give another mask.", subject=subject)
        )
    if len(labels) > MOST_LABELS or (len(labels) > _FEW_LABELS and labels[0] < 0):
        raise InputError(
            tr(
                "{subject} looks like an image: it holds {labels:,} different values from {least} to "
                "{most}. Were image and mask exchanged? Give the image first, then the mask.",
                subject=subject,
                labels=len(labels),
                least=labels[0],
                most=labels[-1],
            )
        )
    listed = some(labels, MOST_NAMES)
    if wanted is None and len(labels) > 1:
        raise InputError(
            tr(
                "{subject} holds the labels {listed}, and none was chosen. Choose the label of the GTV.",
                subject=subject,
                listed=listed,
            )
        )
    label = labels[0] if wanted is None else next((value for value in labels if str(value) == str(wanted)), 0)
    if not label:
        raise InputError(
            tr(
                "{subject} has no label {wanted}. The labels there are: {listed}.",
                subject=subject,
                wanted=str(wanted)[:60],
                listed=listed,
            )
        )
    return label


@dataclass(frozen=True)
class _Segment:
    name: str
    id: str
    label: int
    layer: int


@dataclass(frozen=True)
class Segmentation(_NotDicom):
    """A Slicer segmentation (.seg.nrrd): segments are labels in layers, so that segments may overlap."""

    path: Path
    image: sitk.Image
    selector: str = "segment"
    series: frozenset[str] = frozenset()
    segments: list[_Segment] = field(init=False)

    def __post_init__(self) -> None:
        keys = self.image.GetMetaDataKeys()
        numbers = sorted(int(match[1]) for key in keys if (match := re.fullmatch(r"Segment(\d+)_ID", key)))

        def value(number: int, name: str, default: str) -> str:
            key = f"Segment{number}_{name}"
            return self.image.GetMetaData(key).strip() if key in keys else default

        segments = []
        for number in numbers:
            identifier = value(number, "ID", "")
            # Files of Slicer before 4.11 have one layer a segment and name neither layer nor label.
            label, layer = value(number, "LabelValue", "1"), value(number, "Layer", str(number))
            if not (label.isdecimal() and layer.isdecimal() and int(layer) < self._layers()):
                raise InputError(
                    tr(
                        "The segmentation {path} is damaged: its segment {number} is label {label} of layer {layer}, "
                        "which is not there. Save it again from 3D Slicer.",
                        path=self.path,
                        number=number,
                        label=label,
                        layer=layer,
                    )
                )
            segments.append(_Segment(value(number, "Name", identifier), identifier, int(label), int(layer)))
        object.__setattr__(self, "segments", segments)

    @property
    def names(self) -> list[str]:
        return [segment.name for segment in self.segments]

    @property
    def keys(self) -> list[str]:
        return [segment.id for segment in self.segments]

    def find(self, wanted: str | None) -> int:
        return choose(self.names, wanted, mark("segment"), self.path, self.keys)

    def read(self, wanted: str | None, volume: Volume) -> Mask:
        segment = self.segments[self.find(wanted)]
        layer = self._layer(segment.layer)
        array = (sitk.GetArrayViewFromImage(layer) == segment.label).astype(np.uint8)
        if not array.any():
            raise InputError(
                tr(
                    "The segment “{segment_name}” of {path} is empty. Draw it, or choose another.",
                    segment_name=segment.name,
                    path=self.path,
                )
            )
        binary = sitk.GetImageFromArray(array)
        binary.CopyInformation(layer)
        return Mask(binary, {"format": "Slicer segmentation", "segment": segment.name})

    def _layers(self) -> int:
        return self.image.GetSize()[3] if self.image.GetDimension() == 4 else self.image.GetNumberOfComponentsPerPixel()

    def _layer(self, layer: int) -> sitk.Image:
        if self.image.GetDimension() == 4:
            return self.image[:, :, :, layer]
        return sitk.VectorIndexSelectionCast(self.image, layer) if self._layers() > 1 else self.image


def choose(names: Sequence[str], wanted: str | None, kind: str, path: Path, keys: Sequence[str] = ()) -> int:
    """Index of the ROI or segment meant: its name, its key (ID or number), or a pattern (* and ?) that fits one name.

    Raises:
        InputError: none or several fit; the message lists the names.
    """
    listed = some((f"“{name}”" for name in names), MOST_NAMES) or "none"
    if wanted is None:
        if len(names) == 1:
            return 0
        raise InputError(
            tr(
                "{path} holds {names} {kind}s: {listed}. Choose the {kind} of the GTV by name.",
                path=path,
                names=len(names),
                kind=tr(kind),
                listed=listed,
            )
        )
    fits = fitting(names, wanted, keys)
    if len(fits) == 1:
        return fits[0]
    if not fits:
        raise InputError(
            tr(
                "{path} has no {kind} “{wanted}”. There are: {listed}.",
                path=path,
                kind=tr(kind),
                wanted=wanted[:60],
                listed=listed,
            )
        )
    several = some((f"“{names[i]}”" + (f" ({keys[i]})" if keys else "") for i in fits), MOST_NAMES)
    raise InputError(
        tr(
            "“{wanted}” fits {fits} {kind}s of {path}: {several}. Choose one of them.",
            wanted=wanted,
            fits=len(fits),
            kind=tr(kind),
            path=path,
            several=several,
        )
    )


def fitting(names: Sequence[str], wanted: str, keys: Sequence[str] = ()) -> list[int]:
    """Indices that a name, else a key, else a pattern fits."""
    wanted = wanted.strip(" \0")
    for fits in (
        [i for i, name in enumerate(names) if name.strip() == wanted],
        [i for i, key in enumerate(keys) if key == wanted],
        [i for i, name in enumerate(names) if fnmatchcase(name.lower(), wanted.lower())],
    ):
        if fits:
            return fits
    return []


def require_reference(
    source: MaskSource, wanted: str | None, image: Path, series_uid: str, frame_of_reference: str
) -> tuple[str, ...]:
    """Refuse a DICOM mask drawn on another series or in another frame of reference; returns warnings.

    Args:
        source: the mask.
        wanted: which of its ROIs; the only one if None.
        image: path of the CT.
        series_uid: the CT's SeriesInstanceUID; empty if it is not DICOM.
        frame_of_reference: the CT's FrameOfReferenceUID.

    Raises:
        InputError: the mask is of another series or frame of reference than the CT.
    """
    if not series_uid:
        return (
            tr("The CT is not DICOM, so nothing tells whether the contours were drawn on it. Check that they fit."),
        )
    frame = source.frame(wanted)
    if frame_of_reference and frame and frame_of_reference != frame:
        raise InputError(
            tr(
                "{path} was drawn in another frame of reference than {image}: positions do not correspond. Give the CT "
                "it was drawn on.",
                path=source.path,
                image=image,
            )
        )
    if source.series and series_uid not in source.series:
        raise InputError(
            tr(
                "{path} was drawn on another series than {image}. Give the series it was drawn on.",
                path=source.path,
                image=image,
            )
        )
    return ()
