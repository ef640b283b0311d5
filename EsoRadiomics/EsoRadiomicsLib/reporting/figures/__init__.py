"""Every figure that becomes a file: functions from data to a matplotlib Figure, without pyplot or any global state."""

from .contributions_plot import contributions_figure
from .histogram_plot import histogram_figure
from .nomogram_plot import nomogram_figure
from .pictures_plot import pictures_figure
from .readings_plot import readings_figure
from .robustness_plot import robustness_figure
from .roi_plot import roi_figure
from .style import to_png, to_svg
from .survival_plot import survival_figure

__all__ = [
    "contributions_figure",
    "histogram_figure",
    "nomogram_figure",
    "pictures_figure",
    "readings_figure",
    "robustness_figure",
    "roi_figure",
    "survival_figure",
    "to_png",
    "to_svg",
]
