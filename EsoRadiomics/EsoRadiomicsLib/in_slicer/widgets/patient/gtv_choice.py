"""Saving the user clicks around the GTV: which segment it probably is, a new one to draw, slices through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from ...scene.mrml_images import segments


def likely_gtv(names: Sequence[str]) -> int | None:
    """Position of the only name, or of the first that says GTV; None if neither."""
    if len(names) == 1:
        return 0
    return next((i for i, name in enumerate(names) if "gtv" in name.lower()), None)


def likely_segment(segmentation: Any) -> str:
    """ID of the segment that is probably the GTV, or an empty string."""
    found = segments(segmentation)
    position = likely_gtv(list(found.values()))
    return "" if position is None else list(found)[position]


def new_gtv(ct: Any) -> Any:
    """A segmentation node with an empty segment “GTV”, to be drawn on the CT."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "GTV")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    node.GetSegmentation().AddEmptySegment("GTV", "GTV")
    return node


def jump_to(segmentation: Any, segment_id: str) -> None:
    """Show the slices through the middle of a segment; nothing for an empty one."""
    centre = segmentation.GetSegmentCenterRAS(segment_id) if segment_id else None
    if centre is not None:
        centred = slicer.vtkMRMLSliceNode.CenteredJumpSlice
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre, centred)
