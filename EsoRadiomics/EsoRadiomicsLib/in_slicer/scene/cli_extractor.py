"""The CLI module of SlicerRadiomics on hidden nodes of the scene, out of process."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ...extraction.features import Features
from ...extraction.pyradiomics.slicer_radiomics import can_measure, features_of_table
from ...extraction.settings import ExtractionSettings
from ...imaging.case import Case

MASK_LABEL = 1
_ENDED = 0x20 | 0x08  # vtkMRMLCommandLineModuleNode: Completed (with or without errors), Cancelled


class CliExtractor:
    """Runs the CLI module on hidden nodes, which are removed when it ends, however it ends.

    Args:
        scene: the vtkMRMLScene.
        run_cli: starts the module without waiting and returns its node; in Slicer
            ``lambda parameters: slicer.cli.run(slicer.modules.slicerradiomicscli, None, parameters)``.
        later: calls a function when the caller is done, because a node should not be removed while it reports; in
            Slicer ``lambda function: qt.QTimer.singleShot(0, function)``.
    """

    def __init__(
        self,
        scene: Any,
        run_cli: Callable[[dict[str, Any]], Any],
        later: Callable[[Callable[[], None]], None] = lambda function: function(),
    ) -> None:
        self._scene, self._run_cli, self._later = scene, run_cli, later
        self._cli: Any = None

    def can_measure(self, settings: ExtractionSettings) -> bool:
        """Whether the module's own run does what the settings say."""
        return can_measure(settings)

    def start(
        self, case: Case, settings: ExtractionSettings, on_finished: Callable[[Callable[[], Features]], None]
    ) -> None:
        """Start with settings that it can measure.

        ``on_finished`` is called once, unless cancelled, with what gives the features of the module's table or raises
        the ExtractionError that says why there are none.
        """
        assert can_measure(settings)
        folder = tempfile.TemporaryDirectory(prefix="EsoRadiomics-", ignore_cleanup_errors=True)
        nodes: list[Any] = []
        try:
            parameters = Path(folder.name) / "parameters.json"
            parameters.write_text(json.dumps(settings.pyradiomics_parameters()), encoding="utf-8")
            nodes.append(self._hidden("vtkMRMLScalarVolumeNode", case.image))
            nodes.append(self._hidden("vtkMRMLLabelMapVolumeNode", case.mask))
            nodes.append(self._hidden("vtkMRMLTableNode", None))
            image, mask, table = nodes
            cli = self._run_cli(
                {
                    "Image": image.GetID(),
                    "Mask": mask.GetID(),
                    "param": str(parameters),
                    "out": table.GetID(),
                    "label": MASK_LABEL,
                }
            )
        except BaseException:
            self._remove(nodes, folder)
            raise
        nodes.append(cli)
        self._cli = cli
        ended = False

        def changed(*_: Any) -> None:
            nonlocal ended
            if not ended and cli.GetStatus() & _ENDED:
                ended = True
                cli.RemoveObserver(observer)
                self._later(end)

        def end() -> None:
            row, log, cancelled = table_row(table), cli.GetErrorText() or "", self._cli is not cli
            self._remove(nodes, folder)
            if not cancelled:
                self._cli = None
                on_finished(partial(features_of_table, row, settings, log))

        observer = cli.AddObserver("ModifiedEvent", changed)
        changed()

    def cancel(self) -> None:
        """End the run; the nodes go when the module has ended."""
        cli, self._cli = self._cli, None
        if cli is not None:
            cli.Cancel()

    def _hidden(self, kind: str, image: sitk.Image | None) -> Any:
        node = self._scene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetName("EsoRadiomics temporary")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        if image is not None:
            from .mrml_images import image_data

            node.SetAndObserveImageData(image_data(image))
            node.SetSpacing(image.GetSpacing())
            node.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)  # LPS: the measurement frame
        return self._scene.AddNode(node)

    def _remove(self, nodes: list[Any], folder: tempfile.TemporaryDirectory[str]) -> None:
        for node in nodes:
            if self._scene.IsNodePresent(node):
                self._scene.RemoveNode(node)
        folder.cleanup()


def table_row(table: Any) -> dict[str, str]:
    """The first row of a table node, column name → text; empty where there is none."""
    if table.GetNumberOfRows() < 1:
        return {}
    return {table.GetColumnName(i): table.GetCellText(0, i) for i in range(table.GetNumberOfColumns())}
