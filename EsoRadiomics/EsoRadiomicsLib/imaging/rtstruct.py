"""ROIs of a DICOM RTSTRUCT: which there are, why others cannot be measured, and the mask of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from ..core.formatting import counted, some
from ..core.translation import ntr, tr
from .contour_fill import fill
from .dicom_files import one_text, read_dataset, reading
from .masks import Mask, choose, fitting, require_reference
from .volumes import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

XOR = "CLOSEDPLANAR_XOR"
CLOSED = ("CLOSED_PLANAR", XOR)


@dataclass(frozen=True)
class _Roi:
    name: str
    number: str
    frame_of_reference: str
    contours: Sequence[Dataset]  # the closed ones that have points
    left_out: Counter[str]  # what the others are

    @property
    def reason(self) -> str:
        """Why it is not offered."""
        others = some(self.left_out)
        return tr("“{name}” has no closed contour", name=self.name) + (
            tr(", only {others}", others=others) if others else ""
        )


@dataclass(frozen=True)
class StructureSet:
    """An RTSTRUCT file and its ROIs; those without a closed contour (points, isocentres) are not offered."""

    path: Path
    selector: str = "roi"

    @cached_property
    def dataset(self) -> Dataset:
        return read_dataset(self.path)

    @property
    def names(self) -> list[str]:
        return [roi.name for roi in self._offered]

    @property
    def keys(self) -> list[str]:
        return [roi.number for roi in self._offered]

    @cached_property
    def series(self) -> frozenset[str]:
        with reading(self.path):
            return frozenset(
                str(series.SeriesInstanceUID)
                for frame in self.dataset.get("ReferencedFrameOfReferenceSequence") or ()
                for study in frame.get("RTReferencedStudySequence") or ()
                for series in study.get("RTReferencedSeriesSequence") or ()
            )

    @cached_property
    def rois(self) -> list[_Roi]:
        drawn: dict[int, list[Dataset]] = {}
        with reading(self.path):
            for item in self.dataset.get("ROIContourSequence") or ():
                drawn.setdefault(int(item.ReferencedROINumber), []).extend(item.get("ContourSequence") or ())
            rois = []
            for item in self.dataset.get("StructureSetROISequence") or ():
                contours = drawn.get(int(item.ROINumber), [])
                what = [_left_out(contour) for contour in contours]
                closed = [contour for contour, out in zip(contours, what, strict=True) if not out]
                name, frame = one_text(item.get("ROIName")), one_text(item.get("ReferencedFrameOfReferenceUID"))
                rois.append(_Roi(name, str(int(item.ROINumber)), frame, closed, Counter(filter(None, what))))
            return rois

    @property
    def _offered(self) -> list[_Roi]:
        return [roi for roi in self.rois if roi.contours]

    @property
    def absent(self) -> dict[str, str]:
        return {roi.name: roi.reason for roi in self.rois if not roi.contours}

    def frame(self, wanted: str | None) -> str:
        return self._offered[self.find(wanted)].frame_of_reference

    def find(self, wanted: str | None) -> int:
        absent = [roi for roi in self.rois if not roi.contours]
        reasons = "; ".join(roi.reason for roi in absent[:5]) + (" …" if len(absent) > 5 else "")
        if not self._offered:
            there = f" ({reasons})" if reasons else ""
            raise InputError(
                tr(
                    "{path} has no ROI with closed contours{there}. Draw the GTV, or give another file.",
                    path=self.path,
                    there=there,
                )
            )
        if wanted is not None and not fitting(self.names, wanted, self.keys):
            meant = fitting([roi.name for roi in absent], wanted, [roi.number for roi in absent])
            if meant:
                why = "; ".join(absent[i].reason for i in meant[:5])
                raise InputError(
                    tr(
                        "In {path} {why}. Draw it, or choose another: {names}.",
                        path=self.path,
                        why=why,
                        names=some(self.names, 20),
                    )
                )
        index = choose(self.names, wanted, "ROI", self.path, self.keys)
        twice = [roi.name for roi in self.rois if roi.number == self._offered[index].number]
        if len(twice) > 1:
            listed = ", ".join(f"“{name}”" for name in twice)
            raise InputError(
                tr(
                    "{path} gives {listed} the same ROI number {number}, so whose contours are whose is not "
                    "known. Export the structure set again.",
                    path=self.path,
                    listed=listed,
                    number=self._offered[index].number,
                )
            )
        return index

    def read(self, wanted: str | None, volume: Volume) -> Mask:
        roi = self._offered[self.find(wanted)]
        empty = [other.reason for other in self.rois if not other.contours and "points" not in other.left_out]
        warnings: tuple[str, ...] = ()
        if wanted is None and empty:
            warnings += (
                tr(
                    "“{roi_name}” was taken, the only ROI with closed contours; {empty}. Check that it is the GTV.",
                    roi_name=roi.name,
                    empty=some(empty),
                ),
            )
        warnings += require_reference(self, wanted, volume.path, volume.series_uid, volume.frame_of_reference)
        with reading(self.path):
            points = [_points(contour, i, roi.name, self.path) for i, contour in enumerate(roi.contours, start=1)]
            kinds = {str(contour.ContourGeometricType) for contour in roi.contours}
            told = [_told(contour) for contour in roi.contours]
        if roi.left_out:
            out = some(tr("{what} ({n})", n=n, what=what) for what, n in roi.left_out.items())
            warnings += (tr("Of the ROI “{roi_name}” these were left out: {out}.", roi_name=roi.name, out=out),)
        short = sum(n not in (None, len(each)) for n, each in zip(told, points, strict=True))
        if short:
            warnings += (
                ntr(
                    "{n} contour of the ROI “{roi}” has another number of points than the file says: some may be "
                    "lost. Look at the contours.",
                    "{n} contours of the ROI “{roi}” have another number of points than the file says: some may be "
                    "lost. Look at the contours.",
                    short,
                    roi=roi.name,
                ),
            )
        filled = fill(
            points,
            volume.image,
            tr("“{roi_name}” in {path}", roi_name=roi.name, path=self.path),
            str(volume.path),
            xor=XOR in kinds,
        )
        account = {"format": "RTSTRUCT", "roi": roi.name, "fill": "xor" if XOR in kinds else "even-odd"}
        return Mask(filled.image, account | filled.account, (*warnings, *filled.warnings))


def _left_out(contour: Dataset) -> str:
    """What a contour is that is no closed one with points; empty for one that is."""
    kind = one_text(contour.get("ContourGeometricType")).upper()
    if kind not in CLOSED:
        names = {"POINT": "points", "OPEN_PLANAR": tr("open contours"), "OPEN_NONPLANAR": tr("open contours")}
        return names.get(kind, tr("contours of type “{kind}”", kind=kind[:40] or "unknown"))
    return "" if _numbers(contour) else tr("contours without points")


def _numbers(contour: Dataset) -> Sequence[Any]:
    """The coordinates as they are written, as pydicom takes longer for those of all ROIs than a CT takes to read."""
    element = contour.get_item("ContourData")
    value = None if element is None else element.value
    if isinstance(value, bytes):
        text = value.decode("ascii").strip(" \0").removesuffix("\\")
        return text.split("\\") if text else ()
    return () if value is None or value == "" else np.atleast_1d(value).tolist()


def _told(contour: Dataset) -> int | None:
    """How many points a contour says it has."""
    told = contour.get("NumberOfContourPoints")
    return None if told is None or told == "" else int(told)


def _points(contour: Dataset, number: int, roi: str, path: Path) -> np.ndarray:
    """(n, 3) points in mm."""
    numbers = np.array(_numbers(contour), float)
    if len(numbers) % 3 or not np.isfinite(numbers).all():
        raise InputError(
            tr(
                "{path}: contour {number} of the ROI “{roi}” has {numbers}, which are not three finite ones "
                "for each point. Export the structure set again.",
                path=path,
                number=number,
                roi=roi,
                numbers=counted(len(numbers), "number"),
            )
        )
    return numbers.reshape(-1, 3)
