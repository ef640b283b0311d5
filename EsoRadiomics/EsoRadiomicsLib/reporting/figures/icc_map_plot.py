"""Image × class of an agreement study: the share of features kept, and their median ICC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ...agreement.comparison import KEPT, Agreement
from ...extraction.engines import classes as known_classes
from ...extraction.engines import images as known_images
from .icc_plot import SMALL, TEXT, headline
from .style import BLUE, GREY, INK, PALE, WIDTH_MM, add_page, new_figure

ALL = "all"
LEFT, TOP, CELL_MM, GAP_MM, APART_MM = 25.0, 27.0, 7.0, 1.2, 5.0
SHARES = LinearSegmentedColormap.from_list("shares", ["#F1F1F1", "#A9CFE8", BLUE, "#003E68"])
# Koo & Li, J Chiropr Med 2016;15:155: lowest ICC, word, colour.
BANDS = (
    (-np.inf, "poor", "#F1F1F1"),
    (0.5, "moderate", "#BFDCEE"),
    (0.75, "good", "#56A3D0"),
    (0.9, "excellent", "#004F80"),
)


def icc_map_figure(result: Agreement) -> Figure:
    """Draw two maps side by side: kept of all features, and the median ICC in Koo & Li's bands."""
    table = result.table.assign(is_kept=result.table["verdict"] == KEPT)
    images, classes = _in_order(table["image"], known_images()), _in_order(table["class"], known_classes())
    rows = [*images, ALL] if len(images) > 1 else images
    foot = TOP + CELL_MM * len(rows) + GAP_MM
    figure = new_figure(foot + 14)
    page = add_page(figure)
    headline(page, result)
    width = (WIDTH_MM - LEFT - 2 - APART_MM) / 2
    for i, image in enumerate(rows):
        y = TOP + (i + 0.5) * CELL_MM + GAP_MM * (image == ALL)
        page.text(LEFT - 2, y, image, size=TEXT, ha="right", va="center")
    for panel, (title, measure) in enumerate((("Features kept", _share), ("Median ICC", _median))):
        left = LEFT + panel * (width + APART_MM)
        page.text(left, TOP - 9, title, size=TEXT + 0.5, weight="bold", va="center")
        cell = (width - GAP_MM) / (len(classes) + 1)
        for j, name in enumerate((*classes, ALL)):
            x = left + j * cell + GAP_MM * (name == ALL)
            page.text(x + cell / 2, TOP - 1.2, _heading(name), size=SMALL, ha="center", va="bottom")
            for i, image in enumerate(rows):
                y = TOP + i * CELL_MM + GAP_MM * (image == ALL)
                inside = table["image"].isin([image] if image != ALL else images)
                inside &= table["class"].isin([name] if name != ALL else classes)
                _cell(page, (x, y, cell, CELL_MM), *measure(table[inside]))
    _share_key(page, LEFT, foot + 6)
    _band_key(page, LEFT + width + APART_MM, foot + 6)
    return figure


def _in_order(found: pd.Series, known: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(found))
    return [name for name in known if name in names] + [name for name in names if name not in known]


def _heading(name: str) -> str:
    """Column heading of a class."""
    return {"shape": "Shape", "firstorder": "First\norder", "histogram": "Histogram", ALL: ALL, "other": "other"}.get(
        name, name.upper()
    )


def _share(group: pd.DataFrame) -> tuple[str, str]:
    """Colour and text of a cell."""
    if group.empty:
        return "white", ""
    return SHARES(group["is_kept"].mean()), f"{group['is_kept'].sum()}/{len(group)}"


def _median(group: pd.DataFrame) -> tuple[str, str]:
    value = group["icc"].median()
    if np.isnan(value):
        return "white", ""
    # Cut, not rounded: 0.749 must not read 0.75 in the colour of the band below.
    text = f"{np.floor(value * 100 + 1e-9) / 100:.2f}".replace("-", "−")
    return [colour for low, _, colour in BANDS if value >= low][-1], text


def _cell(page: Any, box: tuple[float, float, float, float], colour: Any, text: str) -> None:
    x, y, width, height = box
    page.add_patch(Rectangle((x, y), width, height, facecolor=colour, edgecolor="white", lw=0.8))
    red, green, blue = to_rgb(colour)
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
    middle = (x + width / 2, y + height / 2)
    ink = "white" if dark else INK if text else PALE
    size = SMALL if len(text) < 7 else SMALL - 1
    page.text(*middle, text or "–", size=size, ha="center", va="center", color=ink)


def _share_key(page: Any, x: float, y: float) -> None:
    for i in range(50):
        page.add_patch(Rectangle((x + i * 0.6, y - 1.5), 0.62, 3, facecolor=SHARES(i / 49), edgecolor="none"))
    page.add_patch(Rectangle((x, y - 1.5), 30, 3, facecolor="none", edgecolor=GREY, lw=0.4))
    for at, label in ((0, "0 %"), (15, "50 %"), (30, "100 %")):
        page.text(x + at, y + 3.6, label, size=SMALL, ha="center" if at else "left", va="center", color=GREY)


def _band_key(page: Any, x: float, y: float) -> None:
    limits = [low for low, _, _ in BANDS[1:]]
    texts = [f"below {limits[0]:g}", *(f"from {low:g}" for low in limits)]
    for (_, word, colour), text in zip(BANDS, texts, strict=True):
        page.add_patch(Rectangle((x, y - 1.5), 4, 3, facecolor=colour, edgecolor=GREY, lw=0.4))
        page.text(x + 5, y, word, size=SMALL, va="center")
        page.text(x + 5, y + 3.6, text, size=SMALL, va="center", color=GREY)
        x += 19
