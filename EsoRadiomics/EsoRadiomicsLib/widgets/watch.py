"""Hearing of edits: one call, a moment after voxels, segments or transforms of the chosen nodes stop changing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.util import VTKObservationMixin

PAUSE_MS = 300


class Watch(VTKObservationMixin):
    """Watches a CT and a segmentation; ``on_edit`` is called once for a burst of changes."""

    def __init__(self, on_edit: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._watched: tuple[Any, Any] = (None, None)
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.connect("timeout()", on_edit)

    def nodes(self, volume: Any, segmentation: Any) -> None:
        """Watch these from now on (None: nothing)."""
        if (volume, segmentation) == self._watched:
            return
        self.stop()
        self._watched = (volume, segmentation)
        if volume is not None:
            self._hear(volume, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent)
            self._hear(volume, slicer.vtkMRMLTransformableNode.TransformModifiedEvent)
        if segmentation is not None:
            self._hear(segmentation, slicer.vtkMRMLTransformableNode.TransformModifiedEvent)
            segments = segmentation.GetSegmentation()
            for event in ("SourceRepresentationModified", "SegmentAdded", "SegmentRemoved", "SegmentModified"):
                self._hear(segments, getattr(slicer.vtkSegmentation, event))

    def stop(self) -> None:
        """Watch nothing, and forget what was heard."""
        self._timer.stop()
        self.removeObservers()
        self._watched = (None, None)

    def _hear(self, subject: Any, event: int) -> None:
        self.addObserver(subject, event, self._heard)

    def _heard(self, caller: Any, event: str) -> None:
        self._timer.start()
