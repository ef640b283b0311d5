"""Hearing of edits: one call, a moment after voxels, segments or transforms of the chosen nodes stop changing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
import slicer
from slicer.util import VTKObservationMixin

PAUSE_MS = 300


class Watch(VTKObservationMixin):
    """Watches CTs and segmentations; ``on_edit`` is called once for a burst of changes."""

    def __init__(self, on_edit: Callable[[], None], *, scene_events: Sequence[Any] = ()) -> None:
        """``scene_events``: of the scene, to be heard as well, for example nodes that come and go."""
        VTKObservationMixin.__init__(self)
        self._watched: list[Any] | None = None
        self._scene_events = scene_events
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.connect("timeout()", on_edit)

    def nodes(self, volumes: Sequence[Any], segmentations: Sequence[Any]) -> None:
        """Watch these from now on; None among them is nothing."""
        watched = [node for node in (*volumes, *segmentations) if node is not None]
        if watched == self._watched:
            return
        self.stop()
        self._watched = watched
        for node in watched:
            self._hear(node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent)
        for volume in filter(None, volumes):
            self._hear(volume, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent)
        for segmentation in filter(None, segmentations):
            for event in ("SourceRepresentationModified", "SegmentAdded", "SegmentRemoved", "SegmentModified"):
                self._hear(segmentation.GetSegmentation(), getattr(slicer.vtkSegmentation, event))
        for event in self._scene_events:
            self._hear(slicer.mrmlScene, event)

    def stop(self) -> None:
        """Watch nothing, and forget what was heard."""
        self._timer.stop()
        self.removeObservers()
        self._watched = None

    def _hear(self, subject: Any, event: int) -> None:
        self.addObserver(subject, event, self._heard)

    def _heard(self, caller: Any, event: str) -> None:
        self._timer.start()
