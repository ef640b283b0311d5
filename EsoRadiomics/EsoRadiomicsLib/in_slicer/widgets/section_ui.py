"""The .ui file of a section's contents, loaded into the section."""

from __future__ import annotations

from typing import Any

import slicer

from ...core.resources import resource_path
from ..language import translate_widgets


def load_section(section: Any, name: str) -> Any:
    """Put ``Resources/UI/<name>`` into a ctkCollapsibleButton; its widgets by name.

    In the code that wires them the result is called ``self.ui``: the tests look up its names in that file.
    """
    root = slicer.util.loadUI(str(resource_path("UI", name)))
    translate_widgets(root)
    section.layout().addWidget(root)
    if hasattr(root, "setMRMLScene"):
        root.setMRMLScene(slicer.mrmlScene)
    return slicer.util.childWidgetVariables(root)
