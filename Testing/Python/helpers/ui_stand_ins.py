"""The panel built by Qt alone: plain Qt widgets stand in for those of CTK and Slicer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt_shim

qt_shim.application()

from PySide6.QtCore import Property, Qt, Signal  # noqa: E402
from PySide6.QtUiTools import QUiLoader  # noqa: E402
from PySide6.QtWidgets import (  # noqa: E402
    QAbstractButton,
    QComboBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QWidget,
)


class ctkCollapsibleButton(QGroupBox):  # noqa: N801
    """A titled box; collapsed, its contents are hidden."""

    text = Property(str, QGroupBox.title, QGroupBox.setTitle)

    def _collapse(self, collapsed: bool) -> None:
        if collapsed:
            self.setMaximumHeight(24)

    collapsed = Property(bool, lambda self: self.maximumHeight() == 24, _collapse)


class ctkPathLineEdit(QLineEdit):  # noqa: N801
    """A line of text."""


class qMRMLWidget(QWidget):  # noqa: N801
    """A plain widget with the scene's signal."""

    mrmlSceneChanged = Signal(object)  # noqa: N815


class qMRMLNodeComboBox(QComboBox):  # noqa: N801
    """A list of nothing."""


class qMRMLSegmentSelectorWidget(QComboBox):  # noqa: N801
    """A list of nothing."""


def load(path: Path) -> Any:
    """The panel of a .ui file."""
    loader = QUiLoader()
    for kind in (ctkCollapsibleButton, ctkPathLineEdit, qMRMLWidget, qMRMLNodeComboBox, qMRMLSegmentSelectorWidget):
        loader.registerCustomWidget(kind)
    panel = loader.load(str(path))
    assert panel is not None, loader.errorString()
    panel.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    panel.show()
    return panel


def visible_text(panel: Any) -> list[str]:
    """What can be read on the panel."""
    labels = [
        label.text() for kind in (QLabel, QAbstractButton) for label in panel.findChildren(kind) if label.isVisible()
    ]
    return labels + [box.title() for box in panel.findChildren(QGroupBox) if box.isVisible()]
