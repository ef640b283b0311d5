"""The histogram of the image and of the ROI in HU, with the places where a CT has air, fat and soft tissue."""

from __future__ import annotations

import SimpleITK as sitk
from matplotlib.figure import Figure

from ...core.translation import tr
from ...imaging.case import Case
from ...imaging.hounsfield import BIN_EDGES, PLACES, bin_shares
from .style import SKY, add_axes_mm, new_figure, plain_axes

_PAGE_MM = 92.0  # a column of the report


def histogram_figure(case: Case) -> Figure:
    """Shares of voxels a bin of 20 HU, of the whole image and of the ROI as drawn, each on its own scale."""
    figure = new_figure(42, _PAGE_MM)
    axes = add_axes_mm(figure, 3, 6, _PAGE_MM - 6, 26)
    plain_axes(axes)
    hu, mask = sitk.GetArrayViewFromImage(case.image), sitk.GetArrayViewFromImage(case.mask)
    for name, (low, high) in PLACES:
        axes.axvspan(low, high, color="0.92", zorder=0)
        side = "right" if name == "fat" else "left" if name == "soft tissue" else "center"
        at = high if name == "fat" else low if name == "soft tissue" else (low + high) / 2
        axes.text(at, 1.03, tr(name), ha=side, va="bottom", size=7.5)
    for label, values, color in ((tr("image"), hu, "0.45"), ("ROI", hu[mask != 0], SKY)):
        axes.stairs(bin_shares(values), BIN_EDGES, label=label, color=color, linewidth=1.2)
    axes.set(xlim=(BIN_EDGES[0], BIN_EDGES[-1]), ylim=(0, 1), xlabel="HU", yticks=[])
    axes.legend(frameon=False, loc="upper right", fontsize=7.5)
    return figure
