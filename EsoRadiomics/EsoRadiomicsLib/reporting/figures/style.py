"""What all figures share: palette, sizes, a font for the language, and saving with the same bits every time."""

from __future__ import annotations

import re
import warnings
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from io import BytesIO
from typing import Any

from matplotlib import font_manager, rc_context
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import TextPath

from ...core.errors import UsageError
from ...core.translation import ENGLISH, fonts, language, tr
from ...core.wide_text import WIDE
from ..nomogram_text import DEMONSTRATION as DEMONSTRATION
from ..palette import BLUE as BLUE
from ..palette import GREEN as GREEN
from ..palette import GREY as GREY
from ..palette import INK as INK
from ..palette import OUTLOOK as OUTLOOK
from ..palette import PALE as PALE
from ..palette import PATIENT as PATIENT
from ..palette import VERMILLION as VERMILLION

SKY, YELLOW = "#56B4E9", "#F0E442"

WIDTH_MM = 190.0
"""Width of every figure: the text width of an A4 page."""
POINT_MM = 25.4 / 72
TICKS = 7.0
"""Size of the numbers along an axis, in points."""
_MM = 1 / 25.4


def new_figure(height_mm: float, width_mm: float = WIDTH_MM) -> Figure:
    """An empty white figure of this size."""
    return Figure(figsize=(width_mm * _MM, height_mm * _MM), facecolor="white")


def add_axes_mm(figure: Figure, left: float, top: float, width: float, height: float) -> Any:
    """Axes at a place given in mm from the figure's top left corner."""
    total_width, total_height = figure.get_size_inches() / _MM
    return figure.add_axes(
        (left / total_width, 1 - (top + height) / total_height, width / total_width, height / total_height)
    )


def plain_axes(axes: Any) -> None:
    """Axes with a left and a bottom line only, and small ticks."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_linewidth(0.6)
    axes.tick_params(labelsize=TICKS, length=2.5, width=0.6, pad=1.5)


def add_page(figure: Figure) -> Any:
    """Axes over the whole figure whose coordinates are mm from its top left corner."""
    width, height = figure.get_size_inches() / _MM
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, width), ylim=(height, 0))
    page.set_axis_off()
    return page


def typeface() -> list[str] | None:
    """Families for texts of this language, the usual one first; None where no font here has its characters."""
    wanted = fonts()
    found = _first_here(wanted) if wanted else None
    return None if wanted and found is None else ["sans-serif", *filter(None, [found])]


@cache
def _first_here(families: tuple[str, ...]) -> str | None:
    """The first that this computer has; matplotlib's own list does not know what was installed after it was made."""
    manager = font_manager.fontManager
    if not set(families).intersection(font_manager.get_font_names()):
        for path in sorted(set(font_manager.findSystemFonts()) - {font.fname for font in manager.ttflist}):
            with suppress(Exception):  # what matplotlib cannot read is no font for it, whatever it raises
                manager.addfont(path)
    here = set(font_manager.get_font_names())
    return next((name for name in families if name in here), None)


def drawable_language() -> AbstractContextManager[None]:
    """For pictures of pixels: English where no font here has this language's characters."""
    return language(ENGLISH) if typeface() is None else nullcontext()


def require_typeface() -> None:
    """Call before a PDF is promised.

    Raises:
        UsageError: no font here has the characters of this language.
    """
    if typeface() is None:
        raise UsageError(
            tr(
                "A PDF in this language needs a font with its characters, and none of these is installed: {fonts}. "
                "Install one, or ask for the report in English.",
                fonts=", ".join(fonts()),
            )
        )


def prepare_texts(figure: Figure) -> None:
    """Give all texts their font; a “$” in a card's or segment's name is a dollar sign."""
    families = typeface()
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        if families and len(families) > 1:
            text.set_fontfamily(families)


def text_width_mm(text: str, size: float, weight: str = "normal") -> float:
    """Width of a line of text at ``size`` points."""
    if not text.strip():
        return 0.0
    font = FontProperties(size=size, weight=weight)
    outline = TextPath((0, 0), re.sub(WIDE, "W", text.replace("$", r"\$")), prop=font, usetex=False).vertices[:, 0]
    return float(outline.max() - outline.min()) * POINT_MM


def fitting_size(text: str, size: float, room_mm: float, weight: str = "normal") -> float:
    """``size`` points, or as much less as it takes for the text to fit into the room."""
    return size * min(1.0, room_mm / max(text_width_mm(text, size, weight), 1e-6))


def to_svg(figure: Figure) -> bytes:
    """The figure as SVG, the same bits every time: text as outlines, which look the same everywhere.

    Where no font here has the language's characters it is text, for a font of whoever looks at it.
    """
    return _save(figure, "svg", metadata={"Date": None, "Creator": None})


def to_png(figure: Figure, dpi: int = 200) -> bytes:
    """The figure as PNG, the same bits every time."""
    return _save(figure, "png", dpi=dpi, metadata={"Software": None})


def _save(figure: Figure, file_format: str, **options: Any) -> bytes:
    prepare_texts(figure)
    stream = BytesIO()
    as_text = "path" if typeface() else "none"
    with rc_context({"svg.hashsalt": "EsoRadiomics", "svg.fonttype": as_text}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # whoever looks at it has the font
        figure.savefig(stream, format=file_format, **options)
    return stream.getvalue()
