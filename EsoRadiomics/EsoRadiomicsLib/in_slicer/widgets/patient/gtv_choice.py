"""Saving the user clicks around CT and GTV: which node it probably is, a new GTV to draw, slices through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from ...scene.likely_nodes import GTV_WORDS
from ...scene.mrml_images import segments

SOFT_TISSUE = (350.0, 40.0)
"""Window and level in HU."""


def likely_gtv(names: Sequence[str]) -> int | None:
    """Position of the only name, or of the first that says GTV; None if neither."""
    if len(names) == 1:
        return 0
    return next((i for word in GTV_WORDS for i, name in enumerate(names) if word in name.lower()), None)


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


def show_ct(ct: Any) -> None:
    """Show a CT in the slices, with soft tissue to be told apart."""
    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    display = ct.GetDisplayNode()
    if display is not None:
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(*SOFT_TISSUE)


def jump_to(centre: Sequence[float] | None) -> None:
    """Show the slices through a place (mm, RAS), such as the middle of a GTV; nothing for none."""
    if centre is not None:
        centred = slicer.vtkMRMLSliceNode.CenteredJumpSlice
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre, centred)
