"""A view of a section: its widgets follow the scene's parameter node while the module is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vtk
from slicer.util import VTKObservationMixin


class ParameterView(VTKObservationMixin):
    """Connects ``ui`` (widgets by name) with the parameter node; derived views say what happens when it changes."""

    def __init__(self, ui: Any, parameter_node: Callable[[], Any]) -> None:
        """``parameter_node``: gives the scene's wrapped parameter node."""
        VTKObservationMixin.__init__(self)
        self.ui, self._parameter_node = ui, parameter_node
        self._parameters: Any = None
        self._gui_tag: Any = None

    def _connect_parameters(self) -> None:
        self._disconnect_parameters()
        self._parameters = self._parameter_node()
        self._gui_tag = self._parameters.connectGui(self.ui)
        self.addObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._update)

    def _disconnect_parameters(self) -> None:
        if self._parameters is not None:
            self._parameters.disconnectGui(self._gui_tag)
            self.removeObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._update)
        self._parameters = None

    def open(self) -> None:
        """The module is opened, or the scene was replaced: show its parameter node."""
        raise NotImplementedError

    def close(self) -> None:
        """Another module is opened; what runs goes on."""
        raise NotImplementedError

    def scene_closing(self) -> None:
        """The scene is about to be emptied, or the panel to go: nothing may run on or hold on to nodes."""
        raise NotImplementedError

    def _update(self, caller: Any = None, event: Any = None) -> None:
        """The parameters changed, or what is behind them."""
        raise NotImplementedError
