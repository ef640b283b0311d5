"""The fields of “Fit and validate a model”: paths, and columns that are chosen from those of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import qt

from ....core.errors import EsoRadiomicsError
from ....evaluation.card_update import UPDATES
from ....modelling.model_cohort import TIME_UNITS
from ....modelling.patient_rows import LARGEST, MEAN
from ...language import tr as _
from ...panel.choices import study_of
from ...panel.model_inputs import ModelInputs, Needs, selections
from ...panel.table_columns import TableColumns, table_columns

NONE = "–"
UPDATE_NAMES = (_("in the large (intercept)"), _("slope"), _("refit the outcome model"))


class ModelFields:
    """Shows and reads the widgets of ``Model.ui`` that the parameter node does not connect by itself."""

    def __init__(self, ui: Any, on_change: Callable[[], None]) -> None:
        self.ui, self._on_change = ui, on_change
        self._columns: TableColumns | None = None
        self._listed: list[str] = []
        self._edits = {"table": ui.tableEdit, "kept": ui.keptEdit, "folder": ui.modelFolderEdit, "card": ui.cardEdit}
        self._combos = {
            "time": ui.timeCombo,
            "time_unit": ui.unitCombo,
            "event": ui.eventCombo,
            "outcome": ui.outcomeCombo,
            "split": ui.splitCombo,
            "patient": ui.patientCombo,
            "rois": ui.roisCombo,
            "alternative": ui.alternativeCombo,
            "update": ui.updateCombo,
        }
        _fill(ui.unitCombo, [(_("the study's unit"), ""), *((unit, unit) for unit in TIME_UNITS)])
        _fill(ui.updateCombo, [(_("no update"), ""), *zip(UPDATE_NAMES, UPDATES, strict=True)])
        _fill(ui.roisCombo, [(_("each is a row"), ""), (_("the largest"), LARGEST), (_("their mean"), MEAN)])
        for edit in self._edits.values():
            edit.connect("currentPathChanged(QString)", self._changed)
        for combo in self._combos.values():
            combo.connect("currentIndexChanged(int)", self._changed)
        self.ui.clinicalList.connect("itemChanged(QListWidgetItem*)", self._changed)

    def show(self, inputs: ModelInputs, needs: Needs) -> None:
        """Show inputs, with the outcome columns that are needed."""
        by_hand = [*self._edits.values(), *self._combos.values(), self.ui.clinicalList]
        for widget in by_hand:
            widget.blockSignals(True)
        self._show_columns(inputs)
        self._show_alternatives(inputs)
        for name, edit in self._edits.items():
            if edit.currentPath != getattr(inputs, name):  # or the cursor would jump while it is typed into
                edit.currentPath = getattr(inputs, name)
        for name, combo in self._combos.items():
            combo.setCurrentIndex(max(0, combo.findData(getattr(inputs, name))))
        for widget in by_hand:
            widget.blockSignals(False)
        for widget in (self.ui.timeLabel, *self._survival_widgets()):
            widget.visible = needs.survival
        self.ui.roisCombo.enabled = bool(inputs.patient)
        self.ui.outcomeLabel.visible = self.ui.outcomeCombo.visible = needs.binary

    def read(self, inputs: ModelInputs) -> ModelInputs:
        """The inputs with what the widgets say; columns of a table that is only now chosen are not known yet."""
        paths: dict[str, Any] = {name: edit.currentPath for name, edit in self._edits.items()}
        chosen: dict[str, Any] = {name: combo.currentData or "" for name, combo in self._combos.items()}
        clinical = self._clinical() if paths["table"] == inputs.table else ()
        return replace(inputs, **paths, **chosen, clinical=clinical)

    def _survival_widgets(self) -> tuple[Any, ...]:
        return self.ui.timeCombo, self.ui.unitCombo, self.ui.eventLabel, self.ui.eventCombo

    def _show_columns(self, inputs: ModelInputs) -> None:
        """Fill the lists from the table, if it is another one than before."""
        try:
            columns = table_columns(inputs.table) if inputs.table else None
        except EsoRadiomicsError:  # said by what is missing
            columns = None
        if columns is self._columns:
            return
        self._columns = columns
        names = columns.names if columns else []
        self.ui.tableLine.text = "" if columns is None else _table_line(columns)
        for combo in (self.ui.timeCombo, self.ui.eventCombo, self.ui.outcomeCombo):
            _fill(combo, [(NONE, ""), *((name, name) for name in names)])
        _fill(self.ui.splitCombo, [(_("drawn at random"), ""), *((name, name) for name in names)])
        _fill(self.ui.patientCombo, [(_("a row is a patient"), ""), *((name, name) for name in names)])
        self.ui.clinicalList.clear()
        self._listed = sorted(names, key=lambda name: name not in inputs.clinical)  # chosen ones can be seen
        for name in self._listed:
            item = qt.QListWidgetItem(name)
            item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
            item.setCheckState(qt.Qt.Checked if name in inputs.clinical else qt.Qt.Unchecked)
            self.ui.clinicalList.addItem(item)

    def _show_alternatives(self, inputs: ModelInputs) -> None:
        """What else may choose the features; nothing where it can only be the protocol's own step."""
        try:
            others = selections(study_of(inputs.study)) if inputs.study else {}
        except EsoRadiomicsError:  # said by what is missing
            others = {}
        choices = [(words, choice) for choice, words in others.items()]
        _fill(self.ui.alternativeCombo, [(_("the protocol's own"), ""), *choices])
        self.ui.alternativeLabel.visible = self.ui.alternativeCombo.visible = bool(others)

    def _clinical(self) -> tuple[str, ...]:
        items = ((name, self.ui.clinicalList.item(row)) for row, name in enumerate(self._listed))
        return tuple(name for name, item in items if item.checkState() == qt.Qt.Checked)

    def _changed(self, *_value: Any) -> None:
        self._on_change()


def _fill(combo: Any, items: Iterable[tuple[str, str]]) -> None:
    combo.clear()
    for text, value in items:
        combo.addItem(text, value)


def _table_line(columns: TableColumns) -> str:
    return _("{rows} rows, {features} features, {others} other columns.").format(
        rows=columns.n_rows, features=columns.n_features, others=len(columns.columns)
    )
