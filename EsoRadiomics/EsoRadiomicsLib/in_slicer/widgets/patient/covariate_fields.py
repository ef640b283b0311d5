"""A study's clinical inputs as form rows: a list for levels, a spin box for a range, and “unknown” for both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import qt

from ....core.translation import tr as library_tr
from ....studies.card_parts import Covariate
from ...language import tr as _

UNKNOWN = _("unknown")


class CovariateInputs:
    """Form rows inside ``container`` that change with the study."""

    def __init__(self, container: Any, on_change: Callable[[], None]) -> None:
        self._container, self._on_change = container, on_change
        self._form: Any = None
        self._readers: dict[str, Callable[[], float | None]] = {}

    def show(self, covariates: Iterable[Covariate], values: Mapping[str, float]) -> None:
        """Rows for these covariates; values that a covariate cannot have are shown as unknown."""
        if self._form is not None:
            self._form.hide()
            self._form.deleteLater()
        self._form, self._readers = qt.QWidget(), {}
        layout = qt.QFormLayout(self._form)
        layout.setContentsMargins(0, 0, 0, 0)
        for covariate in covariates:
            make = _levels if covariate.levels is not None else _number
            widget, self._readers[covariate.name] = make(covariate, values.get(covariate.name), self._on_change)
            widget.setToolTip(library_tr(covariate.description))
            layout.addRow(f"{library_tr(covariate.label)}:", widget)
        self._container.layout().addWidget(self._form)

    def values(self) -> dict[str, float | None]:
        """By covariate name; None is unknown."""
        return {name: read() for name, read in self._readers.items()}


def _levels(covariate: Covariate, value: float | None, changed: Callable[[], None]) -> tuple[Any, Any]:
    choices = [None, *(covariate.levels or {})]
    combo = qt.QComboBox()
    for level in choices:
        combo.addItem(UNKNOWN if level is None else covariate.describe(level))
    combo.setCurrentIndex(choices.index(value) if value in choices else 0)
    combo.connect("currentIndexChanged(int)", lambda index: changed())
    return combo, lambda: choices[combo.currentIndex]


def _number(covariate: Covariate, value: float | None, changed: Callable[[], None]) -> tuple[Any, Any]:
    low, high = covariate.range or (0.0, 0.0)
    box = qt.QDoubleSpinBox()
    step = 1.0 if high - low > 10 else 0.1
    unknown = low - step  # the lowest step shows a word instead of a number
    box.setRange(unknown, high)
    box.setSingleStep(step)
    box.setDecimals(1)
    box.setSpecialValueText(UNKNOWN)
    box.setSuffix(f" {library_tr(covariate.unit)}" if covariate.unit else "")
    box.setValue(value if value is not None and low <= value <= high else unknown)
    box.connect("valueChanged(double)", lambda number: changed())
    return box, lambda: box.value if box.value >= low else None
