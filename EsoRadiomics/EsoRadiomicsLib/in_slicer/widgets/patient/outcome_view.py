"""What a study predicts of a patient, in the viewer: the nomogram with the survival over time, or the score alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qt

from ....scoring.nomogram import Nomogram
from ....scoring.patient_curve import patient_curve
from ....studies.study import Study
from .curve_view import CurveView
from .nomogram_view import NomogramView
from .scale_view import ScaleView


class OutcomeView(qt.QWidget):
    """Nomogram and curve of one patient; what is dragged in the nomogram moves the curve, too."""

    def __init__(self) -> None:
        qt.QWidget.__init__(self)
        self._study: Study | None = None
        self.nomogram, self.curve = NomogramView(self._draw_curve), CurveView()
        layout = qt.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.nomogram, 3)
        layout.addWidget(self.curve, 2)
        self.scale = ScaleView()
        layout.addWidget(self.scale, 3)
        self.clear("")

    def clear(self, message: str) -> None:
        """Show a sentence instead."""
        self._study = None
        self.nomogram.clear(message)
        self.curve.show_curve(None)
        self._show_scale(False)

    def show_patient(
        self, study: Study, nomogram: Nomogram, values: Mapping[str, float], *, demonstration: bool
    ) -> None:
        """Show a patient with these values on the study's nomogram (by row names; what is left out is missing)."""
        self._study = study
        self._show_scale(False)
        self.nomogram.show_patient(nomogram, values, demonstration=demonstration)
        self._draw_curve(values)

    def show_score(self, study: Study, document: Mapping[str, Any]) -> None:
        """Show the score alone (``result.json``), of a study without an outcome model."""
        self.clear("")
        self.scale.show_result(study, document)
        self._show_scale(True)

    def _show_scale(self, shown: bool) -> None:
        self.scale.setVisible(shown)
        self.nomogram.setVisible(not shown)

    def _draw_curve(self, values: Mapping[str, Any]) -> None:
        self.curve.show_curve(patient_curve(self._study, values) if self._study is not None else None)
