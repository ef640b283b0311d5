"""Which volume of a scene is probably the planning CT, and which segmentation holds the GTV."""

from __future__ import annotations

from typing import Any

import slicer

from .mrml_images import segments
from .scene_results import ROLE

GTV_WORDS = ("gtv", "tumour", "tumor")
"""In the name of a segment, the likeliest first."""
AIR_HU = -500
"""A volume that holds such a value holds air in Hounsfield units."""


def likely_ct(scene: Any) -> Any | None:
    """The volume that says that it is a CT, else the first that has air in HU, else the only one; or None."""
    volumes = [
        node
        for node in _nodes(scene, "vtkMRMLScalarVolumeNode")
        if not node.IsA("vtkMRMLLabelMapVolumeNode") and node.GetImageData() is not None
    ]
    stated = {node.GetID(): _modality(scene, node) for node in volumes}
    for node in volumes:
        if stated[node.GetID()] == "CT":
            return node
    unstated = [node for node in volumes if not stated[node.GetID()]]
    for node in unstated:
        if node.GetImageData().GetScalarRange()[0] <= AIR_HU:
            return node
    return unstated[0] if len(volumes) == 1 and unstated else None


def likely_segmentation(scene: Any) -> Any | None:
    """The segmentation with a segment that says GTV, else the first; or None."""
    found = [node for node in _nodes(scene, "vtkMRMLSegmentationNode") if not node.GetAttribute(ROLE)]
    for word in GTV_WORDS:
        for node in found:
            if any(word in name.lower() for name in segments(node).values()):
                return node
    return found[0] if found else None


def _modality(scene: Any, volume: Any) -> str:
    """What DICOM says of the series that a volume came from; empty where it came from elsewhere."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(volume) if hierarchy is not None else 0
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    return (hierarchy.GetItemAttribute(item, name) or "") if item else ""


def _nodes(scene: Any, kind: str) -> list[Any]:
    return [scene.GetNthNodeByClass(i, kind) for i in range(scene.GetNumberOfNodesByClass(kind))]
