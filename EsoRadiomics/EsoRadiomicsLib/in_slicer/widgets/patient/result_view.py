"""What is shown of a result: the rows in the panel, and nomogram, survival and contributions in the viewer's layout."""

from __future__ import annotations

from typing import Any

import qt

from ....scoring.nomogram import build_nomogram
from ...language import tr as _
from ...panel.patient_panel import Panel
from ..layout import ResultLayout
from .contributions_view import ContributionsView
from .outcome_view import OutcomeView
from .result_html import is_demonstration, result_html

SETTLED_MS = 500


class ResultView:
    """Shows a result once: what is dragged in the nomogram afterwards stays."""

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self._outcome, self._contributions = OutcomeView(), ContributionsView()
        self._layout = ResultLayout(self._outcome, self._contributions)
        self._shown: Any = None

    def show(self, panel: Panel, *, in_layout: bool) -> bool:
        """Show the panel's result, if it is another one than before; whether it is."""
        result, study = panel.result, panel.result_study
        if result is not None and result is self._shown:
            return False
        self._shown = result
        self.ui.resultFrame.visible = result is not None
        if result is None or study is None:
            self._outcome.clear(_("Score a patient to see the nomogram."))
            self._contributions.clear()
            self._layout.leave()
            return False
        demonstration = is_demonstration(result)
        self.ui.demonstrationLabel.visible = demonstration
        self.ui.resultLabel.text = result_html(result)
        nomogram = build_nomogram(study)
        self._contributions.show_result(study, result, with_scale=nomogram is not None)
        if nomogram is None:
            self._outcome.show_score(study, result)
        else:
            self._outcome.show_patient(study, nomogram, panel.nomogram_values, demonstration=demonstration)
        self.show_layout(in_layout=in_layout)
        scroll_to(self.ui.resultFrame)
        return True

    def show_layout(self, *, in_layout: bool) -> None:
        """Enter the module's layout, or leave it."""
        if not (in_layout and self._shown):
            self._layout.leave()
            return
        self._layout.enter()

    def leave(self) -> None:
        """Give the user's layout back; the next :meth:`show` starts anew."""
        self._layout.leave()
        self._shown = None


def scroll_to(widget: Any) -> None:
    """Bring a widget of the module panel into sight, once it has its size."""
    area = widget.parent()
    while area is not None and not hasattr(area, "ensureWidgetVisible"):
        area = area.parent()
    if area is not None:
        qt.QTimer.singleShot(SETTLED_MS, lambda: area.ensureWidgetVisible(widget))
