"""The pictures of an ROI that were measured, as they went in: what a network saw, for a person to see too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from ...core.translation import tr
from ...extraction.roi import Picture
from .style import SKY, WIDTH_MM, add_axes_mm, fitting_size, new_figure

MOST = 8
GAP_MM, TITLE_MM = 1.5, 5.0


class _Tile(NamedTuple):
    title: str
    picture: Picture
    outlined: bool


def pictures_figure(pictures: Sequence[Picture]) -> Figure:
    """Each picture beside itself with the ROI's outline; of many, ``MOST`` evenly spaced ones without the outline."""
    if len(pictures) == 1:
        picture = pictures[0]
        return _grid(
            [_Tile(tr(picture.caption), picture, False), _Tile(tr("outline of the ROI"), picture, True)], columns=4
        )
    at = np.rint(np.linspace(0, len(pictures) - 1, min(len(pictures), MOST)))
    return _grid([_Tile(tr(pictures[int(k)].caption), pictures[int(k)], False) for k in at], columns=4)


def contact_sheet(pictures: Sequence[tuple[str, Picture]]) -> Figure:
    """A picture a case, under its name, with the ROI's outline."""
    return _grid([_Tile(name, picture, True) for name, picture in pictures], columns=8)


def _grid(tiles: Sequence[_Tile], columns: int) -> Figure:
    side = (WIDTH_MM - 4 - (columns - 1) * GAP_MM) / columns
    figure = new_figure(-(-len(tiles) // columns) * (side + TITLE_MM) + GAP_MM)
    left = (WIDTH_MM - min(len(tiles), columns) * (side + GAP_MM) + GAP_MM) / 2
    for k, tile in enumerate(tiles):
        row, column = divmod(k, columns)
        axes = add_axes_mm(figure, left + column * (side + GAP_MM), TITLE_MM + row * (side + TITLE_MM), side, side)
        axes.imshow(tile.picture.gray, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        if tile.outlined and tile.picture.inside.any():
            axes.contour(tile.picture.inside, levels=[0.5], colors=[SKY], linewidths=0.8)
        axes.set_title(tile.title.replace("$", r"\$"), size=fitting_size(tile.title, 7.5, side), pad=2.5)
    return figure
