"""All features through the CLI module of SlicerRadiomics, out of process, its table checked name by name.

The module reports success when it failed, and its log is never empty: only the table tells. It gets the case in
PyRadiomics' own measurement frame, so that its values are those of :func:`EsoRadiomicsLib.features.extract`, bit for
bit.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import SimpleITK as sitk

from .case import Case
from .engine import software_versions
from .errors import ExtractionError
from .features import Features, check_value
from .settings import ExtractionSettings

ROAD = "SlicerRadiomicsCLI"
MASK_LABEL = 1
_ENDED = 0x20 | 0x08  # vtkMRMLCommandLineModuleNode: Completed (with or without errors), Cancelled
_CANCELLED = 0x08
_LISTED = 3

Finished = Callable[[Mapping[str, str], str], None]
"""Called with the output table's row (column name → text) and the module's log; an empty row if there is none."""


class FullExtractor(Protocol):
    """Computes all features of a case out of process."""

    def start(self, case: Case, settings: ExtractionSettings, on_finished: Finished) -> None:
        """Start; ``on_finished`` is called once, unless cancelled."""

    def cancel(self) -> None:
        """End the run and remove what it made."""


def can_measure(settings: ExtractionSettings) -> bool:
    """Whether PyRadiomics' own run does what the settings say.

    It excludes voxels after resampling only, and measures the shape of what is left only.
    """
    return settings.hu_min is None or (
        settings.hu_order == "after-resampling" and settings.shape_mask == "after-exclusion"
    )


def features_of_table(row: Mapping[str, str], settings: ExtractionSettings, log: str) -> Features:
    """Features of the module's table, which must hold every name of the settings.

    Args:
        row: column name → text.
        settings: those the module ran with.
        log: what the module wrote; quoted if something is missing.

    Raises:
        ExtractionError: columns are missing; the message names them and the log's last error.
    """
    names = settings.names
    missing = [name for name in names if name not in row]
    if missing:
        listed = ", ".join(missing[:_LISTED]) + (" …" if len(missing) > _LISTED else "")
        reason = _last_error(log)
        raise ExtractionError(
            f"SlicerRadiomics returned {len(names) - len(missing)} of {len(names)} features (missing: {listed}). "
            + (f"It says: “{reason}”. " if reason else "")
            + "Check the contour, or score without computing all features."
        )
    found = {name: check_value(row[name]) for name in names}
    return Features(
        values={name: value for name, (value, reason) in found.items() if not reason},
        failed={name: reason for name, (value, reason) in found.items() if reason},
        settings=settings,
        software=software_versions(),
        road=ROAD,
    )


def _last_error(log: str) -> str:
    """The last line of a log that names an exception, else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (errors or lines or [""])[-1]


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

    def start(self, case: Case, settings: ExtractionSettings, on_finished: Finished) -> None:
        """See :class:`FullExtractor`."""
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
                on_finished(row, log)

        observer = cli.AddObserver("ModifiedEvent", changed)
        changed()

    def cancel(self) -> None:
        """See :class:`FullExtractor`; the nodes go when the module has ended."""
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
            from .scene.images import image_data  # the panel imports this module where there is no scene

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
