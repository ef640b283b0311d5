"""The module's own view layouts, the patient's and the figures'; the user's own comes back when they are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qt
import slicer

from .figures_view import FiguresView

RESULT_LAYOUT, FIGURES_LAYOUT = 6317, 6318
NOMOGRAM_TAG, CONTRIBUTIONS_TAG, FIGURES_TAG = "EsoNomogram", "EsoContributions", "EsoFigures"
_SLICE = """<item splitSize="333"><view class="vtkMRMLSliceNode" singletontag="{tag}">
 <property name="orientation" action="default">{orientation}</property>
 <property name="viewlabel" action="default">{label}</property>
 <property name="viewcolor" action="default">{colour}</property></view></item>"""
_AXIAL = _SLICE.format(tag="Red", orientation="Axial", label="R", colour="#F34A33")
_SAGITTAL = _SLICE.format(tag="Yellow", orientation="Sagittal", label="Y", colour="#EDD54C")
_CORONAL = _SLICE.format(tag="Green", orientation="Coronal", label="G", colour="#6EB04B")
_RESULT = f"""<layout type="vertical" split="true">
<item splitSize="420"><layout type="horizontal" split="true">{{slices}}</layout></item>
<item splitSize="580"><layout type="horizontal" split="true">
<item splitSize="550"><{NOMOGRAM_TAG}></{NOMOGRAM_TAG}></item>
<item splitSize="450"><{CONTRIBUTIONS_TAG}></{CONTRIBUTIONS_TAG}></item>
</layout></item></layout>"""
_SLICE_PX = 340
"""What a slice's bar needs; three of them would push a window on a small screen beyond its edge."""
DESCRIPTIONS = {
    RESULT_LAYOUT: _RESULT.format(slices=_AXIAL + _SAGITTAL + _CORONAL),
    FIGURES_LAYOUT: f'<layout type="vertical"><item><{FIGURES_TAG}></{FIGURES_TAG}></item></layout>',
}


def register_layouts() -> None:
    """Tell Slicer the layouts; the place of a view of the module's own stays empty until there is one."""
    manager = slicer.app.layoutManager()
    if manager is not None:
        node = manager.layoutLogic().GetLayoutNode()
        for layout, description in DESCRIPTIONS.items():
            known = node.IsLayoutDescription(layout)
            (node.SetLayoutDescription if known else node.AddLayoutDescription)(layout, description)


class ModuleLayout:
    """Enters and leaves one of the module's layouts; does nothing where Slicer has no window."""

    _users_layout: int | None = None
    """What was shown before any of the module's layouts was entered."""

    def __init__(self, layout: int, views: Mapping[str, qt.QWidget]) -> None:
        """Register ``views`` by tag; a reloaded module registers its new ones under the same tags."""
        self._layout = layout
        self._manager = slicer.app.layoutManager()
        if self._manager is None:
            return
        for tag, view in views.items():
            factory = slicer.qSlicerSingletonViewFactory()
            factory.setTagName(tag)
            factory.setWidget(view)
            self._manager.registerViewFactory(factory)
        register_layouts()
        if self.entered:  # a reload, or a scene saved in this layout: only a change of layout shows the new view
            self._manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView)
            self._manager.setLayout(layout)

    @property
    def entered(self) -> bool:
        """Whether this layout is on screen."""
        return self._manager is not None and self._manager.layout == self._layout

    def enter(self) -> None:
        """Show this layout; the user's is remembered, also if another one of the module's is left for it."""
        if self._manager is not None and not self.entered:
            if self._manager.layout not in DESCRIPTIONS:
                ModuleLayout._users_layout = self._manager.layout
            self._manager.setLayout(self._layout)

    def leave(self) -> None:
        """Back to the user's layout, unless another one is shown meanwhile."""
        if self.entered:
            default = slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView
            users = ModuleLayout._users_layout
            self._manager.setLayout(default if users is None else users)


class FiguresLayout(ModuleLayout):
    """One big view with figures; the sections share it, and ``view`` shows what was given to it last."""

    def __init__(self, view: FiguresView) -> None:
        super().__init__(FIGURES_LAYOUT, {FIGURES_TAG: view.widget})
        self.view = view
        view.on_close = self._back
        self._before: int | None = None

    def enter(self) -> None:
        """Show the figures; their button leads back to what was shown before, which may be the patient's layout."""
        if self._manager is not None and not self.entered:
            self._before = self._manager.layout
        super().enter()

    def take_away(self, owner: Any) -> None:
        """Leave and empty the view if it shows figures of ``owner``."""
        if self.view.owner is owner:
            self.leave()
            self.view.clear("")

    def _back(self) -> None:
        if self._before in DESCRIPTIONS and self.entered:
            self._manager.setLayout(self._before)
        else:
            self.leave()


class ResultLayout(ModuleLayout):
    """A patient's slices, nomogram with what it predicts, and contributions."""

    def __init__(self, outcome_view: qt.QWidget, contributions_view: qt.QWidget) -> None:
        super().__init__(RESULT_LAYOUT, {NOMOGRAM_TAG: outcome_view, CONTRIBUTIONS_TAG: contributions_view})

    def enter(self) -> None:
        """Show it, without the sagittal slice where there is no room for three."""
        if self._manager is not None and not self.entered:
            wide = self._manager.viewport().width >= 3 * _SLICE_PX
            description = DESCRIPTIONS[RESULT_LAYOUT] if wide else _RESULT.format(slices=_AXIAL + _CORONAL)
            self._manager.layoutLogic().GetLayoutNode().SetLayoutDescription(RESULT_LAYOUT, description)
        super().enter()
