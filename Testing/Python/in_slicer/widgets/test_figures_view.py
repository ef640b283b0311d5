"""A figure in the viewer, off-screen: white paper, its own proportions, at any size."""

from __future__ import annotations

import pytest
import qt_shim

qt_shim.install()

from EsoRadiomicsLib.in_slicer.widgets.figures_view import MARGIN, SvgPage  # noqa: E402

SQUARE = b"""<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100" viewBox="0 0 100 100">
<rect width="100" height="100" fill="#0072B2"/></svg>"""


@pytest.mark.parametrize("size", [(400, 200), (200, 400), (1200, 1000), (20, 20)])
def test_a_figure_is_as_large_as_its_proportions_let_it_be(size: tuple[int, int]) -> None:
    page = SvgPage(SQUARE)
    page.resize(*size)
    image = page.grab().toImage()
    blue = [
        (x, y)
        for x in range(image.width())
        for y in (image.height() // 2, MARGIN + 1, 0)
        if image.pixelColor(x, y).name() == "#0072b2"
    ]
    side = min(size) - 2 * MARGIN
    across = [x for x, y in blue if y == image.height() // 2]
    assert len(across) == pytest.approx(max(side, 1), abs=2)
    assert sum(across) / max(len(across), 1) == pytest.approx(size[0] / 2, abs=2) or not across
    assert image.pixelColor(0, 0).name() == "#ffffff"


def test_what_is_no_svg_leaves_white_paper() -> None:
    page = SvgPage(b"no figure")
    page.resize(50, 50)
    image = page.grab().toImage()
    assert {image.pixelColor(x, 25).name() for x in range(50)} == {"#ffffff"}
