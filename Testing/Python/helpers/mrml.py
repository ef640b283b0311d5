"""A real MRML scene without Slicer, from the package slicer-core; tests that import this are skipped where it is not.

``slicer.app``, ``slicer.modules`` and Qt do not exist there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed (pip install -e .[slicer])")
vtk = pytest.importorskip("vtk")

from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy  # noqa: E402

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Any]:
    """An empty scene with the logics that segmentations and .mrb files need."""
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    remote = slicer.vtkMRMLRemoteIOLogic()
    cache = tmp_path / "cache"
    cache.mkdir()
    remote.GetCacheManager().SetRemoteCacheDirectory(str(cache))
    remote.SetMRMLScene(scene)
    remote.AddDataIOToScene()
    segmentations = slicer.vtkSlicerSegmentationsModuleLogic()
    segmentations.SetMRMLApplicationLogic(application)
    segmentations.SetMRMLScene(scene)
    scene.RegisterNodeClass(slicer.vtkMRMLCommandLineModuleNode())
    yield scene
    scene.Clear(True)


def add_volume(scene: Any, image: sitk.Image, name: str = "CT", kind: str = "vtkMRMLScalarVolumeNode") -> Any:
    """A volume node with the voxels and the place of a SimpleITK image."""
    node = scene.AddNewNodeByClass(kind, name)
    data = vtk.vtkImageData()
    data.SetDimensions(image.GetSize())
    data.GetPointData().SetScalars(numpy_to_vtk(sitk.GetArrayFromImage(image).ravel(), deep=True))
    node.SetAndObserveImageData(data)
    node.SetIJKToRASMatrix(to_vtk(ijk_to_ras(image)))
    return node


def load_volume(scene: Any, files: Sequence[Path], name: str = "CT") -> Any:
    """A volume node as MRML's own readers load it: one file, or the files of a DICOM series in the slices' order."""
    colours = slicer.vtkMRMLColorLogic()
    colours.SetMRMLScene(scene)
    application = slicer.vtkSlicerApplicationLogic()
    application.SetModuleLogic("Colors", colours)
    logic = slicer.vtkSlicerVolumesLogic()
    logic.SetMRMLApplicationLogic(application)
    logic.SetMRMLScene(scene)
    listed = vtk.vtkStringArray()
    for file in files:
        listed.InsertNextValue(str(file))
    return logic.AddArchetypeVolume(str(files[0]), name, 0, listed if len(files) > 1 else None)


def add_segmentation(scene: Any, masks: dict[str, sitk.Image], name: str = "Segmentation") -> Any:
    """A segmentation node with a segment a mask; segment IDs are made up by MRML."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    for segment, mask in masks.items():
        data = slicer.vtkOrientedImageData()
        data.SetDimensions(mask.GetSize())
        data.GetPointData().SetScalars(numpy_to_vtk(sitk.GetArrayFromImage(mask).ravel(), deep=True))
        data.SetImageToWorldMatrix(to_vtk(ijk_to_ras(mask)))
        node.AddSegmentFromBinaryLabelmapRepresentation(data, segment, [1.0, 0.6, 0.0])
    return node


def segment_id(node: Any, name: str = "GTV") -> str:
    """ID of the segment with a name."""
    return node.GetSegmentation().GetSegmentIdBySegmentName(name)


def segment_voxels(node: Any, segment: str) -> np.ndarray:
    """The stored voxels (z, y, x) of a segment's labelmap: a view, which :func:`edited` tells the scene of."""
    labelmap = node.GetSegmentation().GetSegment(segment).GetRepresentation("Binary labelmap")
    return vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(labelmap.GetDimensions()[::-1])


def edit_segment(node: Any, segment: str, voxels: np.ndarray) -> None:
    """Replace the stored voxels of a segment, as an effect of the Segment Editor does."""
    segment_voxels(node, segment)[...] = voxels
    labelmap = node.GetSegmentation().GetSegment(segment).GetRepresentation("Binary labelmap")
    labelmap.GetPointData().GetScalars().Modified()
    labelmap.Modified()


def edit_volume(node: Any, hu: int) -> None:
    """Give the first voxel of a volume another value."""
    scalars = node.GetImageData().GetPointData().GetScalars()
    vtk_to_numpy(scalars)[0] = hu
    scalars.Modified()


def put_under_transform(scene: Any, matrix: np.ndarray, *nodes: Any) -> Any:
    """A linear transform node (RAS, 4 × 4) as the parent of the nodes."""
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Transform")
    transform.SetMatrixTransformToParent(to_vtk(matrix))
    for node in nodes:
        node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def save_and_reopen(scene: Any, path: Path) -> None:
    """Through an .mrb file and an empty scene."""
    assert scene.WriteToMRB(str(path))
    scene.Clear(False)
    assert scene.ReadFromMRB(str(path))


def node_ids(scene: Any) -> set[str]:
    """IDs of all nodes."""
    return {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}


def ijk_to_ras(image: sitk.Image) -> np.ndarray:
    """4 × 4, of a SimpleITK image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return LPS_TO_RAS @ matrix


def to_vtk(matrix: np.ndarray) -> Any:
    """A vtkMatrix4x4."""
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(matrix.ravel().tolist())
    return result
