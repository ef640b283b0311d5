"""The module's own view layout: slices, nomogram, contribution plot and feature table; the user's own comes back."""

from __future__ import annotations

from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _

LAYOUT_ID = 6317
NOMOGRAM_TAG, PLOT_TAG, TABLE_TAG = "EsoNomogram", "EsoContributions", "EsoFeatures"
_SLICE = """<item splitSize="333"><view class="vtkMRMLSliceNode" singletontag="{tag}">
 <property name="orientation" action="default">{orientation}</property>
 <property name="viewlabel" action="default">{label}</property>
 <property name="viewcolor" action="default">{colour}</property></view></item>"""
_VIEW = """<item splitSize="{size}"><view class="{node}" singletontag="{tag}">
 <property name="viewlabel" action="default">{label}</property></view></item>"""
DESCRIPTION = f"""<layout type="vertical" split="true">
<item splitSize="420"><layout type="horizontal" split="true">
{_SLICE.format(tag="Red", orientation="Axial", label="R", colour="#F34A33")}
{_SLICE.format(tag="Yellow", orientation="Sagittal", label="Y", colour="#EDD54C")}
{_SLICE.format(tag="Green", orientation="Coronal", label="G", colour="#6EB04B")}
</layout></item>
<item splitSize="580"><layout type="horizontal" split="true">
<item splitSize="600"><{NOMOGRAM_TAG}></{NOMOGRAM_TAG}></item>
<item splitSize="400"><layout type="vertical" split="true">
{_VIEW.format(size=500, node="vtkMRMLPlotViewNode", tag=PLOT_TAG, label="P")}
{_VIEW.format(size=500, node="vtkMRMLTableViewNode", tag=TABLE_TAG, label="T")}
</layout></item></layout></item></layout>"""


def register_layout() -> None:
    """Tell Slicer the layout; the nomogram's place stays empty until there is a view for it."""
    manager = slicer.app.layoutManager()
    if manager is not None:
        node = manager.layoutLogic().GetLayoutNode()
        known = node.IsLayoutDescription(LAYOUT_ID)
        (node.SetLayoutDescription if known else node.AddLayoutDescription)(LAYOUT_ID, DESCRIPTION)


class ResultLayout:
    """Enters and leaves the module's layout; does nothing where Slicer has no window."""

    def __init__(self, nomogram_view: qt.QWidget) -> None:
        """Register ``nomogram_view`` as a view; a reloaded module registers its new one under the same tag."""
        self._users_layout: int | None = None
        self._manager = slicer.app.layoutManager()
        if self._manager is None:
            return
        factory = slicer.qSlicerSingletonViewFactory()
        factory.setTagName(NOMOGRAM_TAG)
        factory.setWidget(nomogram_view)
        self._manager.registerViewFactory(factory)
        register_layout()
        if self.entered:  # a reload, or a scene saved in this layout: only a change of layout shows the new view
            self._manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView)
            self._manager.setLayout(LAYOUT_ID)

    @property
    def entered(self) -> bool:
        """Whether the module's layout is on screen."""
        return self._manager is not None and self._manager.layout == LAYOUT_ID

    def enter(self) -> None:
        """Show the module's layout and remember the user's."""
        if self._manager is not None and not self.entered:
            self._users_layout = self._manager.layout
            self._manager.setLayout(LAYOUT_ID)

    def leave(self) -> None:
        """Back to the user's layout, unless the user chose another one meanwhile."""
        if self.entered:
            default = slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView
            self._manager.setLayout(default if self._users_layout is None else self._users_layout)

    def show(self, contributions: Any, chart: Any) -> None:
        """Put the contributions, a table node, and their bars, a plot chart node, into the layout's views."""
        if not self.entered or contributions is None or chart is None:
            return
        for i in range(self._manager.tableViewCount):
            view = self._manager.tableWidget(i).mrmlTableViewNode()
            if view.GetLayoutName() == TABLE_TAG:
                view.SetTableNodeID(contributions.GetID())
        for i in range(self._manager.plotViewCount):
            widget = self._manager.plotWidget(i)
            if widget.mrmlPlotViewNode().GetLayoutName() == PLOT_TAG:
                chart.SetXAxisTitle(_("row in the table below"))
                widget.mrmlPlotViewNode().SetPlotChartNodeID(chart.GetID())
                _number_bars(widget.plotView().chart(), contributions.GetNumberOfRows())


def _number_bars(chart: Any, count: int) -> None:
    """Row numbers instead of 0, 1, 2, … below the bars: MRML has no text labels, and feature names would not fit."""
    positions, labels = vtk.vtkDoubleArray(), vtk.vtkStringArray()
    for row in range(count):
        positions.InsertNextValue(row)
        labels.InsertNextValue(str(row + 1))
    chart.GetAxis(vtk.vtkAxis.BOTTOM).SetCustomTickPositions(positions, labels)
