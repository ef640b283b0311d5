"""What was measured: CT slices with the contour as drawn, what HU exclusion left of it, and what it removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from ...core.translation import tr
from ...extraction.roi import Roi, bounding_box
from ...imaging.case import Case
from .style import GREY, SKY, VERMILLION, WIDTH_MM, YELLOW, add_axes_mm, add_page, new_figure

LEVEL_HU, WINDOW_HU = 40.0, 400.0
CONTEXT_MM, LEAST_VIEW_MM = 25.0, 60.0
AXIAL_QUANTILES = (1 / 6, 1 / 2, 5 / 6)
GAP_MM, TITLE_MM, LEGEND_MM = 1.5, 5.0, 8.0
SCALE_BARS_MM = (100, 50, 20, 10, 5)
AXIAL, CORONAL = 0, 1
_OUTLINED = [withStroke(linewidth=1.8, foreground="black")]


def roi_figure(case: Case, roi: Roi) -> Figure:
    """Axial slices at 1/6, 1/2 and 5/6 of the GTV's volume and the coronal slice that holds most of it (40/400 HU).

    Each view is a square around the GTV with its own scale bar; the patient's right is at the left.
    """
    ct = _Volume.of(case.image)
    drawn = _Volume.of(case.mask)
    measured = _Volume.of(roi.mask, tuple(roi.mask.GetOrigin()))
    removed = _Volume(_drawn_on_roi_grid(case, roi) & (measured.voxels == 0), measured.spacing, measured.origin)
    start, size = (np.array(triple[::-1]) for triple in bounding_box(case.mask))
    centre, extent = (start + (size - 1) / 2) * ct.spacing, size * ct.spacing

    views = _views(drawn.voxels)
    side = (WIDTH_MM - 4 - 3 * GAP_MM) / 4
    figure = new_figure(TITLE_MM + side + LEGEND_MM)
    left = (WIDTH_MM - len(views) * side - (len(views) - 1) * GAP_MM) / 2
    for i, view in enumerate(views):
        axes = add_axes_mm(figure, left + i * (side + GAP_MM), TITLE_MM, side, side)
        at = view.index * ct.spacing[view.axis]
        window = {"cmap": "gray", "vmin": LEVEL_HU - WINDOW_HU / 2, "vmax": LEVEL_HU + WINDOW_HU / 2}
        ct.show(axes, view.axis, at, interpolation="bilinear", **window)
        removed.show(axes, view.axis, at, interpolation="nearest", cmap=ListedColormap([VERMILLION]), alpha=0.8)
        drawn.outline(axes, view.axis, at, colors=[YELLOW], linewidths=1.4)
        measured.outline(axes, view.axis, at, colors=[SKY], linewidths=0.9, linestyles=[(0, (3, 2))])
        _frame(axes, view, centre, extent)
    _legend(figure, roi)
    return figure


@dataclass(frozen=True)
class _Volume:
    """Voxels (z, y, x) in the measurement frame; ``spacing`` and ``origin`` are (z, y, x) in mm."""

    voxels: np.ndarray
    spacing: np.ndarray
    origin: np.ndarray

    @classmethod
    def of(cls, image: sitk.Image, origin: tuple[float, ...] = (0.0, 0.0, 0.0)) -> _Volume:
        return cls(sitk.GetArrayViewFromImage(image), np.array(image.GetSpacing()[::-1]), np.array(origin[::-1]))

    def show(self, axes: Any, axis: int, at: float, **options: Any) -> None:
        """Draw the plane nearest to ``at`` mm; of a mask only what is set."""
        plane = self._plane(axis, at)
        if plane is None:
            return
        edges: list[float] = []
        for side in (2, 1 - axis):
            first = self.origin[side] - self.spacing[side] / 2
            edges += [first, first + self.voxels.shape[side] * self.spacing[side]]
        picture = np.ma.masked_equal(plane, 0) if plane.dtype == bool else plane
        axes.imshow(picture, extent=edges, origin="lower", **options)

    def outline(self, axes: Any, axis: int, at: float, **options: Any) -> None:
        """Draw the mask's contour in the plane nearest to ``at`` mm."""
        plane = self._plane(axis, at)
        if plane is None or not plane.any():
            return
        padded = np.pad(plane > 0, 1).astype(float)  # a mask at the border of its grid still closes
        x, y = (
            self.origin[side] + self.spacing[side] * (np.arange(count) - 1)
            for side, count in zip((2, 1 - axis), padded.shape[::-1], strict=True)
        )
        axes.contour(x, y, padded, levels=[0.5], **options)

    def _plane(self, axis: int, at: float) -> np.ndarray | None:
        index = round((at - self.origin[axis]) / self.spacing[axis])
        return np.take(self.voxels, index, axis=axis) if 0 <= index < self.voxels.shape[axis] else None


@dataclass(frozen=True)
class _View:
    """A slice of the CT grid; ``letters`` stand at the left, right, top and bottom."""

    axis: int
    index: int
    title: str
    letters: str


def _drawn_on_roi_grid(case: Case, roi: Roi) -> np.ndarray:
    framed = sitk.Image(case.mask)
    framed.SetOrigin((0.0, 0.0, 0.0))
    framed.SetDirection(roi.mask.GetDirection())
    drawn = sitk.Resample(framed, roi.mask, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    return sitk.GetArrayFromImage(drawn) > 0


def _views(drawn: np.ndarray) -> list[_View]:
    by_slice = drawn.sum(axis=(1, 2), dtype=np.int64)
    share = np.cumsum(by_slice) / by_slice.sum()
    indices = dict.fromkeys(int(np.searchsorted(share, quantile)) for quantile in AXIAL_QUANTILES)
    views = [_View(AXIAL, i, tr("Axial, slice {n} of {count}", n=i + 1, count=len(by_slice)), "RLAP") for i in indices]
    fullest = int(np.argmax(drawn.sum(axis=(0, 2), dtype=np.int64)))
    return [*views, _View(CORONAL, fullest, tr("Coronal"), "RLSI")]


def _frame(axes: Any, view: _View, centre: np.ndarray, extent: np.ndarray) -> None:
    """Cut the view to a square around the GTV, and add its letters and scale bar."""
    rows, columns = 1 - view.axis, 2
    side = max(extent[rows] + 2 * CONTEXT_MM, extent[columns] + 2 * CONTEXT_MM, LEAST_VIEW_MM)
    down = side / 2 if view.axis == AXIAL else -side / 2  # y grows towards the back, z towards the head
    axes.set(
        facecolor="black",
        xlim=(centre[columns] - side / 2, centre[columns] + side / 2),
        ylim=(centre[rows] + down, centre[rows] - down),
        xticks=[],
        yticks=[],
    )
    axes.set_title(view.title, size=7.5, pad=2.5)
    style = {"transform": axes.transAxes, "color": "white", "path_effects": _OUTLINED}
    places = ((0.035, 0.5), (0.965, 0.5), (0.5, 0.96), (0.5, 0.04))
    for letter, (x, y) in zip(view.letters, places, strict=True):
        axes.text(x, y, letter, size=7, ha="center", va="center", **style)
    length = next(mm for mm in SCALE_BARS_MM if mm <= side / 3)
    axes.plot([0.95 - length / side, 0.95], [0.1, 0.1], lw=2, **style)
    axes.text(0.95, 0.12, f"{length} mm", size=6.5, ha="right", va="bottom", **style)


def _legend(figure: Figure, roi: Roi) -> None:
    page = add_page(figure)
    height = page.get_ylim()[0]
    edge = [withStroke(linewidth=3, foreground=GREY)]
    handles: list[Any] = [
        Line2D([], [], color=YELLOW, lw=2, label=tr("GTV as drawn"), path_effects=edge),
        Line2D([], [], color=SKY, lw=2, ls=(0, (2, 0.8)), label=tr("ROI that was measured")),
    ]
    if roi.account.removed_percent:
        label = tr("removed by the HU exclusion ({removed_percent:.1f} %)", removed_percent=roi.account.removed_percent)
        handles.append(Patch(color=VERMILLION, alpha=0.8, label=label))
    middle = (0.5, (LEGEND_MM / 2 - 0.5) / height)
    page.legend(handles=handles, loc="center", bbox_to_anchor=middle, ncols=3, frameon=False, fontsize=7.5)
    window = tr("window {level:g}/{width:g} HU", level=LEVEL_HU, width=WINDOW_HU)
    page.text(WIDTH_MM - 2, height - 3.5, window, size=6.5, color=GREY, ha="right", va="center")
