"""What is drawn in the scene: the GTV seen on the CT, a preview of the HU exclusion, and ROIs read from DICOM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer

from ...core.formatting import plain
from ...extraction.roi import bounding_box
from ...imaging.grid import bring_to_grid, canonical_grid, voxel_coordinates
from ...imaging.read_mask import open_mask
from ...imaging.volumes import Volume
from ..language import tr as _
from .mrml_images import oriented_image, segment_image, volume_array, volume_header

REMOVED_COLOUR = (0.0, 0.45, 0.7)
GTV_COLOUR = (0.9, 0.6, 0.0)


@dataclass(frozen=True)
class DrawnGtv:
    """A GTV on the CT's canonical grid (uint8 0/1), the HU (n) of its voxels, and warnings about its geometry.

    ``voxels`` (n, 3) are their indices (x, y, z), ``drawn`` is the GTV on its own grid.
    """

    drawn: sitk.Image
    mask: sitk.Image
    voxels: np.ndarray
    hu: np.ndarray
    warnings: tuple[str, ...]

    @property
    def cm3(self) -> float:
        return len(self.hu) * float(np.prod(self.mask.GetSpacing())) / 1000

    @cached_property
    def parts(self) -> int:
        """Parts that do not touch, not even at a corner."""
        start, size = bounding_box(self.mask)
        labels = sitk.ConnectedComponent(sitk.RegionOfInterest(self.mask, size, start), True)
        return int(sitk.GetArrayViewFromImage(labels).max())

    @cached_property
    def centre(self) -> tuple[float, float, float]:
        """The middle of its bounding box in mm, RAS."""
        start, size = bounding_box(self.mask)
        middle = [first + (n - 1) / 2 for first, n in zip(start, size, strict=True)]
        left, posterior, superior = self.mask.TransformContinuousIndexToPhysicalPoint(middle)
        return -left, -posterior, superior

    def percent_below(self, hu_min: float) -> float:
        """Share of the voxels, as drawn, below ``hu_min``; resampling changes it a little."""
        return 100 * float(np.mean(self.hu < hu_min))


def drawn_gtv(volume: Any, segmentation: Any, segment_id: str) -> DrawnGtv:
    """A segment on the CT's grid, as :func:`EsoRadiomicsLib.imaging.case.make_case` brings it, without copying the CT.

    Raises:
        InputError: CT or segment cannot be used, or do not lie on each other.
    """
    header = volume_header(volume)
    grid = canonical_grid(header)
    mask = segment_image(segmentation, segment_id, volume)
    brought = bring_to_grid(mask, grid, f"“{segmentation.GetName()}”", f"“{volume.GetName()}”")
    voxels = np.argwhere(sitk.GetArrayViewFromImage(brought.image))[:, ::-1]
    steps = np.reshape(grid.GetDirection(), (3, 3)) * np.array(grid.GetSpacing())
    points = voxels @ steps.T + np.array(grid.GetOrigin())
    i, j, k = np.rint(voxel_coordinates(points, header)).astype(int).T
    return DrawnGtv(mask, brought.image, voxels, volume_array(volume)[k, j, i], brought.warnings)


def add_removed(scene: Any, gtv: DrawnGtv, hu_min: float, volume: Any) -> Any | None:
    """A segmentation node with the GTV's voxels below ``hu_min``, or None if there are none.

    It shows the CT's own voxels; a study that resamples first removes the same places on its finer or coarser grid.
    """
    below = gtv.voxels[gtv.hu < hu_min]
    if not len(below):
        return None
    array = np.zeros(gtv.mask.GetSize()[::-1], np.uint8)
    array[tuple(below.T[::-1])] = 1
    removed = sitk.GetImageFromArray(array)
    removed.CopyInformation(gtv.mask)
    name = f"removed (< {plain(hu_min)} HU)"
    return add_segmentation(scene, f"{volume.GetName()}: {name}", {name: removed}, REMOVED_COLOUR, volume)


def import_rois(scene: Any, path: Path | str, names: Sequence[str], volume: Any) -> tuple[Any, tuple[str, ...]]:
    """ROIs of an RTSTRUCT, DICOM SEG, .seg.nrrd or labelmap as a segmentation node on a CT, and warnings.

    Args:
        scene: to add the node to.
        path: the file, or the folder that holds one RTSTRUCT or DICOM SEG.
        names: which of :func:`EsoRadiomicsLib.imaging.read_mask.list_rois`.
        volume: the CT node they were drawn on; its parent transform becomes theirs.

    Raises:
        InputError: not readable, no such ROI, or not drawn on this CT. Then nothing is added.
    """
    source = open_mask(path)
    parent = volume.GetTransformNodeID()
    grid = _untransformed_volume(volume)
    masks, warnings = {}, []
    for name in names:
        drawn = source.read(name, grid)
        brought = bring_to_grid(
            drawn.image,
            grid.image,
            _("“{name}” of {file}").format(name=name, file=source.path.name),
            f"“{volume.GetName()}”",
        )
        masks[name] = brought.image
        warnings += [*drawn.warnings, *brought.warnings]
    node = add_segmentation(scene, source.path.stem, masks, GTV_COLOUR, volume)
    node.SetAndObserveTransformNodeID(parent)
    return node, tuple(dict.fromkeys(warnings))


def _untransformed_volume(node: Any) -> Volume:
    """The CT's grid where the scanner put it, which is where DICOM contours are, and the series it was loaded from."""
    plain_node = slicer.vtkMRMLScalarVolumeNode()
    plain_node.CopyOrientation(node)
    plain_node.SetAndObserveImageData(node.GetImageData())
    plain_node.SetName(node.GetName())
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = hierarchy.GetItemByDataNode(node)
    uid = hierarchy.GetItemUID(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName()) if item else ""
    grid = canonical_grid(volume_header(plain_node))
    return Volume(Path(f"“{node.GetName()}”"), grid, {"format": "MRML"}, series_uid=uid)


def add_segmentation(
    scene: Any, name: str, masks: dict[str, sitk.Image], colour: tuple[float, float, float], volume: Any
) -> Any:
    """Masks on a CT node's grid (uint8 0/1, by segment name) as a segmentation node."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for segment, mask in masks.items():
        start, size = bounding_box(mask)
        box = sitk.RegionOfInterest(mask, size, start)
        node.AddSegmentFromBinaryLabelmapRepresentation(oriented_image(box), segment, colour)
    return node
