"""A case of a cohort's manifest put into the scene, to be looked at and corrected: its CT and what is drawn on it.

The files are read as the cohort's run reads them, so that a case measured from the scene has the same voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer
import vtk

from ...cohort.manifest import Entry
from ...core.errors import InputError
from ...imaging.masks import MaskSource, choose
from ...imaging.read_mask import open_mask
from ...imaging.read_volume import read_volume
from ...imaging.volumes import Volume
from .mrml_images import ijk_to_ras, image_data
from .scene_segments import import_rois

CASE, GTV = "EsoRadiomics.case", "gtv"
WINDOW, LEVEL = 400, 40
"""Soft tissue, in HU."""


@dataclass(frozen=True)
class LoadedCase:
    """Nodes of a case. ``segmentation`` is None where no mask could be read; ``remarks`` say why, or what is odd.

    ``segment_id`` is empty where there are several and the manifest does not tell which.
    """

    volume: Any
    segmentation: Any
    segment_id: str
    remarks: tuple[str, ...]


def add_case(scene: Any, entry: Entry) -> LoadedCase:
    """A case's nodes, or those that are in the scene already (as they are now: they may have been corrected).

    Raises:
        InputError: the image cannot be read. Then nothing is added.
    """
    known = _known(scene, entry)
    if known is not None:
        return known
    remarks: list[str] = []
    source = _open(entry, remarks)
    found = read_volume(entry.image, source.series if source else ())
    volume = _add_volume(scene, found, entry.case)
    segmentation, segment_id = None, ""
    if source is not None:
        segmentation, segment_id = _add_mask(scene, entry, source, volume, remarks)
    for node in (volume, segmentation):
        if node is not None:
            node.SetAttribute(CASE, _key(entry))
    return LoadedCase(volume, segmentation, segment_id, (*found.warnings, *remarks))


def _open(entry: Entry, remarks: list[str]) -> MaskSource | None:
    try:
        return open_mask(entry.mask)
    except InputError as error:
        remarks.append(str(error))
        return None


def _add_mask(scene: Any, entry: Entry, source: MaskSource, volume: Any, remarks: list[str]) -> tuple[Any | None, str]:
    """The ROI that the manifest means; where it is not clear which, those called GTV, or else all that there are."""
    names, kind = source.names, "ROI" if source.selector == "roi" else source.selector
    try:
        wanted = [names[choose(names, entry.roi or None, kind, source.path)]]
    except InputError as error:
        remarks.append(str(error))
        wanted = [name for name in names if GTV in name.lower()] or names
    try:
        node, warnings = import_rois(scene, entry.mask, wanted, volume)
    except InputError as error:
        remarks.append(str(error))
        return None, ""
    node.SetName(f"{entry.case} GTV")
    remarks += warnings
    return node, node.GetSegmentation().GetSegmentIdBySegmentName(wanted[0]) if len(wanted) == 1 else ""


def _add_volume(scene: Any, found: Volume, name: str) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(image_data(found.image))
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(ijk_to_ras(found.image).ravel().tolist())
    node.SetIJKToRASMatrix(matrix)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(WINDOW, LEVEL)
    if found.series_uid:  # contours are checked against it
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
        hierarchy.SetItemUID(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), found.series_uid)
    return node


def _known(scene: Any, entry: Entry) -> LoadedCase | None:
    nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
    own = [node for node in nodes if node.GetAttribute(CASE) == _key(entry)]
    volume = next((node for node in own if node.IsA("vtkMRMLVolumeNode")), None)
    segmentation = next((node for node in own if node.IsA("vtkMRMLSegmentationNode")), None)
    if volume is None or segmentation is None:
        return None
    ids = segmentation.GetSegmentation().GetSegmentIDs()
    return LoadedCase(volume, segmentation, ids[0] if len(ids) == 1 else "", ())


def _key(entry: Entry) -> str:
    """Which files and ROI it is of; a corrected manifest line is another."""
    return "|".join((*entry.key, entry.roi, str(entry.image), str(entry.mask)))
