"""Where a nomogram's axes lie in the view, in pixels: the file figure's page, stretched to the view's shape."""

from __future__ import annotations

from dataclasses import dataclass

from ....scoring.nomogram import Nomogram, Row

LABEL_MM, LEFT_MM, RIGHT_MARGIN_MM, VALUE_MARGIN_MM, EDGE_MM = 2.0, 44.0, 43.0, 36.0, 2.0
PAGE_MM, TITLE_MM = 190.0, 13.0
ROW_MM = (9.5, 17.0)
"""Least and largest distance of two axes."""
SCALES = (2.6, 8.0)
"""Least and largest scale: below, text, which has a least size, would leave its place."""


@dataclass(frozen=True)
class Sheet:
    """The view in pixels.

    Attributes:
        scale: pixels per mm of the file figure.
        left, right: ends of the axes.
        y_points: the scale on top; ``y_rows``: each variable, by name; ``y_total``; ``y_outcomes``: the scales below.
        row_height: distance of two axes.
        total_end: points at the right end of the total-points axis.
    """

    scale: float
    width: float
    height: float
    left: float
    right: float
    y_points: float
    y_rows: dict[str, float]
    y_total: float
    y_outcomes: tuple[float, ...]
    row_height: float
    total_end: float

    def on_points(self, points: float) -> float:
        """x of a variable's points."""
        return self.left + (self.right - self.left) * points / 100

    def on_total(self, points: float) -> float:
        """x of total points."""
        return self.left + (self.right - self.left) * points / self.total_end

    def points_at(self, x: float) -> float:
        """Points of a variable at x."""
        return 100 * (x - self.left) / (self.right - self.left)

    def within(self, x: float) -> float:
        """x kept on the drawn axes."""
        return min(max(x, self.left), self.right)

    def row_at(self, nomogram: Nomogram, y: float) -> Row | None:
        """The variable whose axis is nearest to y, if it is near."""
        return next((row for row in nomogram.rows if abs(self.y_rows[row.name] - y) < self.row_height / 2), None)


def lay_out(nomogram: Nomogram, width: float, height: float, *, foot_mm: float) -> Sheet:
    """The sheet for a view of this size with ``foot_mm`` for notes: spare width lengthens axes, height spreads them."""
    axes = len(nomogram.rows) + 2 + (len(nomogram.outcomes) or 1)
    least_mm = TITLE_MM + foot_mm + ROW_MM[0] * axes
    scale = max(min(width / PAGE_MM, height / least_mm, SCALES[1]), SCALES[0])
    row = scale * min((height / scale - TITLE_MM - foot_mm) / axes, ROW_MM[1])
    y = [scale * TITLE_MM + row * (0.5 + i) for i in range(axes)]
    return Sheet(
        scale=scale,
        width=width,
        height=height,
        left=scale * LEFT_MM,
        right=width - scale * RIGHT_MARGIN_MM,
        y_points=y[0],
        y_rows={row_.name: y[1 + i] for i, row_ in enumerate(nomogram.rows)},
        y_total=y[len(nomogram.rows) + 1],
        y_outcomes=tuple(y[len(nomogram.rows) + 2 :]),
        row_height=row,
        total_end=nomogram.total[-1].points,
    )
