"""The views that wire the panel's sections, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cohort.cohort_view import CohortView
from .figures_view import FiguresView
from .layout import FiguresLayout
from .model.model_view import ModelView
from .parameter_view import ParameterView
from .patient.firmness_view import FirmnessView
from .patient.panel_view import PanelView
from .reproducibility.reproducibility_view import ReproducibilityView
from .slicer_process import WaitingPython


def make_views(ui: Any, parameter_node: Callable[[], Any], waiting: WaitingPython) -> list[ParameterView]:
    """Fill the sections of ``EsoRadiomics.ui`` (its widgets by name) and wire them; figures share one view."""
    figures = FiguresLayout(FiguresView())
    patient = PanelView(ui, parameter_node, FirmnessView(ui.reproducibilitySection, figures), waiting)
    return [
        patient,
        ReproducibilityView(ui.reproducibilitySection, parameter_node, figures, patient.study, waiting),
        CohortView(ui.cohortSection, parameter_node, patient, figures, waiting),
        ModelView(ui.cohortSection, parameter_node, patient, figures),
    ]
