"""The pictures of an ROI that were measured, as they went in: what a network saw, for a person to see too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ...extraction.roi import Picture
from .style import SKY, WIDTH_MM, add_axes_mm, fitting_size, new_figure

COLUMNS, MOST = 4, 8
GAP_MM, TITLE_MM = 1.5, 5.0


def pictures_figure(pictures: Sequence[Picture]) -> Figure:
    """Each picture beside itself with the ROI's outline; of many, ``MOST`` evenly spaced ones without the outline."""
    outlined = len(pictures) == 1
    shown = list(pictures) * 2 if outlined else _spread(pictures)
    side = (WIDTH_MM - 4 - (COLUMNS - 1) * GAP_MM) / COLUMNS
    rows = -(-len(shown) // COLUMNS)
    figure = new_figure(rows * (side + TITLE_MM) + GAP_MM)
    left = (WIDTH_MM - min(len(shown), COLUMNS) * (side + GAP_MM) + GAP_MM) / 2
    for k, picture in enumerate(shown):
        row, column = divmod(k, COLUMNS)
        axes = add_axes_mm(figure, left + column * (side + GAP_MM), TITLE_MM + row * (side + TITLE_MM), side, side)
        axes.imshow(picture.gray, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        if outlined and k:
            axes.contour(picture.inside, levels=[0.5], colors=[SKY], linewidths=1)
        title = "outline of the ROI" if outlined and k else picture.caption
        axes.set_title(title, size=fitting_size(title, 7.5, side), pad=2.5)
    return figure


def _spread(pictures: Sequence[Picture]) -> list[Picture]:
    at = np.linspace(0, len(pictures) - 1, min(len(pictures), MOST))
    return [pictures[int(k)] for k in np.rint(at)]
