"""MRML nodes as SimpleITK images: where their voxels lie in the world, parent transforms included.

MRML counts mm in RAS, SimpleITK in LPS. Nothing here changes a node or adds one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ...core.errors import InputError
from ...imaging.masks import choose, labels_of, select_label
from ..language import tr as _

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
RIGID = 1e-4
"""Axes whose scalar products are this close to 0 and 1 are at right angles and of length 1."""
_LABELMAP = "Binary labelmap"


def volume_image(node: Any) -> sitk.Image:
    """The voxels of a volume node at their place in the world (mm, LPS), in the node's own pixel type.

    Raises:
        InputError: an empty node, skewed axes, or a parent transform that is not a rotation and a shift.
    """
    data = volume_data(node)
    return _image(volume_array(node), data.GetExtent(), volume_to_world(node), node.GetSpacing())


def volume_header(node: Any) -> sitk.Image:
    """The grid of a volume node as an image of zeros (uint8), which costs little.

    Raises:
        InputError: as :func:`volume_image`.
    """
    data = volume_data(node)
    header = sitk.Image(data.GetDimensions(), sitk.sitkUInt8)
    return _placed(header, data.GetExtent(), volume_to_world(node), node.GetSpacing())


def volume_data(node: Any) -> Any:
    """The vtkImageData of a volume node.

    Raises:
        InputError: it has none, or several values a voxel.
    """
    data = node.GetImageData()
    if data is None or data.GetPointData().GetScalars() is None or min(data.GetDimensions()) < 1:
        raise InputError(
            _("The volume “{node}” holds no image. Load the CT again, or choose another volume.").format(
                node=node.GetName()
            )
        )
    if data.GetNumberOfScalarComponents() != 1:
        raise InputError(
            _("The volume “{node}” is a colour picture, not a CT. Choose another volume.").format(node=node.GetName())
        )
    return data


def volume_array(node: Any) -> np.ndarray:
    """The voxels (z, y, x) of a volume node; a view, not a copy."""
    return _array(volume_data(node))


def segments(node: Any) -> dict[str, str]:
    """ID → name of the segments of a segmentation node, or label → label of a labelmap volume node.

    Raises:
        InputError: a labelmap volume with values that are not labels.
    """
    if is_segmentation(node):
        segmentation = node.GetSegmentation()
        return {key: segmentation.GetSegment(key).GetName() for key in segmentation.GetSegmentIDs()}
    labels = labels_of(volume_image(node), _("The labelmap “{node}”").format(node=node.GetName()))
    return {str(label): str(label) for label in labels}


def find_segment(node: Any, wanted: str | None) -> str:
    """ID of the segment (or label) meant by a name, an ID or a pattern; without ``wanted`` the only one there is.

    Raises:
        InputError: none or several fit; the message lists them.
    """
    offered = segments(node)
    kind, owner = ("segment", "segmentation") if is_segmentation(node) else ("label", "labelmap")
    subject = Path(f"The {owner} “{node.GetName()}”")
    return list(offered)[choose(list(offered.values()), wanted, kind, subject, list(offered))]


def segment_image(node: Any, segment_id: str, volume: Any) -> sitk.Image:
    """A segment's voxels as a uint8 0/1 image on its own grid, at their place in the world (mm, LPS).

    Args:
        node: segmentation node, or labelmap volume node.
        segment_id: ID of the segment, or the label as text (empty: the only label there is).
        volume: the CT; a segment that is only a surface is voxelised on its grid, in a copy.

    Raises:
        InputError: no such segment, it is empty or cannot be voxelised, or a transform that cannot be honoured.
    """
    if not is_segmentation(node):
        return select_label(
            volume_image(node), segment_id or None, _("The labelmap “{node}”").format(node=node.GetName())
        )[1]
    segment = _segment(node, segment_id)
    subject = _("The segment “{segment}” of “{segmentation}”").format(
        segment=segment.GetName(), segmentation=node.GetName()
    )
    labelmap = slicer.vtkOrientedImageData()
    if segment.GetRepresentation(_LABELMAP) is not None:
        node.GetBinaryLabelmapRepresentation(segment_id, labelmap)
    else:
        _voxelise(node, segment_id, volume, labelmap, subject)
    if min(labelmap.GetDimensions()) < 1 or not _array(labelmap).any():
        raise InputError(_("{subject} is empty. Draw it, or choose another.").format(subject=subject))
    array = (_array(labelmap) != 0).astype(np.uint8)
    image = _image(array, labelmap.GetExtent(), _oriented_to_world(labelmap, node), labelmap.GetSpacing())
    # What was drawn on one slice comes as that slice alone, which is no volume.
    return sitk.ConstantPad(image, [0, 0, 0], [int(count < 2) for count in image.GetSize()], 0)


def write_image(image: sitk.Image, path: Path) -> None:
    """Write a file for another process, as fast as the disk takes it.

    Raises:
        OSError: it cannot be written.
    """
    try:
        sitk.WriteImage(image, str(path), useCompression=False)
    except RuntimeError as error:  # ITK does not tell why; a full disk is the usual reason
        raise OSError(_("the CT could not be written there; is the disk full?")) from error


def oriented_image(mask: sitk.Image) -> Any:
    """A uint8 mask (LPS) as vtkOrientedImageData (RAS), for a segment."""
    data = slicer.vtkOrientedImageData()
    data.ShallowCopy(image_data(mask))
    data.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras(mask)))
    return data


def image_data(image: sitk.Image) -> Any:
    """The voxels of a SimpleITK image as vtkImageData, which leaves its place in the world to the node."""
    data = vtk.vtkImageData()
    data.SetDimensions(image.GetSize())
    data.GetPointData().SetScalars(numpy_to_vtk(sitk.GetArrayViewFromImage(image).ravel(), deep=True))
    return data


def ijk_to_ras(image: sitk.Image) -> np.ndarray:
    """4 × 4: voxel (x, y, z) of a SimpleITK image → mm in RAS."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return RAS_TO_LPS @ matrix


def is_segmentation(node: Any) -> bool:
    """Whether it is a segmentation node, not a labelmap volume."""
    return bool(node.IsA("vtkMRMLSegmentationNode"))


def volume_state(node: Any) -> tuple[Any, ...]:
    """A value that changes whenever the voxels of a volume, or where they lie, may have changed."""
    data = node.GetImageData()
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return node.GetID(), data.GetMTime() if data else None, _numbers(matrix), _transform_state(node)


def segment_state(node: Any, segment_id: str) -> tuple[Any, ...]:
    """As :func:`volume_state`, of a segment; editing another segment of the same layer changes it too."""
    if not is_segmentation(node):
        return (*volume_state(node), segment_id)
    segment = node.GetSegmentation().GetSegment(segment_id)
    name = node.GetSegmentation().GetSourceRepresentationName()
    data = segment and (segment.GetRepresentation(_LABELMAP) or segment.GetRepresentation(name))
    return node.GetID(), segment_id, data and data.GetMTime(), _transform_state(node)


def volume_to_world(node: Any) -> np.ndarray:
    """4 × 4: voxel (i, j, k) of a volume node → mm in the world, RAS.

    Raises:
        InputError: a parent transform that is not a rotation and a shift.
    """
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return _node_to_world(node) @ _numpy_matrix(matrix)


def _segment(node: Any, segment_id: str) -> Any:
    segment = node.GetSegmentation().GetSegment(segment_id) if segment_id else None
    if segment is None:
        listed = ", ".join(f"“{name}”" for name in segments(node).values()) or "none"
        wrong = _("no longer has the segment that was chosen") if segment_id else _("needs a segment to be chosen")
        raise InputError(
            _("The segmentation “{node}” {wrong}. Its segments are: {listed}.").format(
                node=node.GetName(), wrong=wrong, listed=listed
            )
        )
    return segment


def _voxelise(node: Any, segment_id: str, volume: Any, labelmap: Any, subject: str) -> None:
    """A segment without voxels (a surface, contours) onto the CT's grid, in a segmentation that is thrown away."""
    copy = slicer.vtkSegmentation()
    source = node.GetSegmentation()
    copy.SetSourceRepresentationName(source.GetSourceRepresentationName())
    copy.CopySegmentFromSegmentation(source, segment_id)
    grid = slicer.vtkOrientedImageData()
    grid.SetExtent(volume_data(volume).GetExtent())
    grid.SetImageToWorldMatrix(vtk_matrix(np.linalg.inv(_node_to_world(node)) @ volume_to_world(volume)))
    converter = slicer.vtkSegmentationConverter
    geometry = converter.SerializeImageGeometry(grid)
    copy.SetConversionParameter(converter.GetReferenceImageGeometryParameterName(), geometry)
    if not copy.CreateRepresentation(_LABELMAP):
        raise InputError(
            _(
                "{subject} is {kind}, which cannot be turned into voxels here. Install the extension "
                "SlicerRT for contours, or import the structure set with this module."
            ).format(subject=subject, kind=source.GetSourceRepresentationName().lower())
        )
    labelmap.DeepCopy(copy.GetSegment(segment_id).GetRepresentation(_LABELMAP))


def _image(array: np.ndarray, extent: tuple[int, ...], to_world: np.ndarray, spacing: Any) -> sitk.Image:
    return _placed(sitk.GetImageFromArray(array), extent, to_world, spacing)


def _placed(image: sitk.Image, extent: tuple[int, ...], to_world: np.ndarray, spacing: Any) -> sitk.Image:
    """The image with the geometry of ``to_world`` (voxel → RAS) and voxels counted from the extent's begin."""
    matrix = RAS_TO_LPS @ to_world
    image.SetSpacing(spacing)
    image.SetDirection((matrix[:3, :3] / np.array(spacing)).ravel().tolist())
    image.SetOrigin((matrix @ [extent[0], extent[2], extent[4], 1.0])[:3].tolist())
    _require_right_angles(matrix[:3, :3] / np.array(spacing))
    return image


def _require_right_angles(axes: np.ndarray) -> None:
    if not np.allclose(axes.T @ axes, np.eye(3), rtol=0, atol=RIGID):
        raise InputError(
            _(
                "The axes of the volume or segmentation are not at right angles (a tilted gantry, or a "
                "hardened affine transform). Resample it to an upright grid first (module Resample "
                "Scalar/Vector/DWI Volume)."
            )
        )


def _node_to_world(node: Any) -> np.ndarray:
    """4 × 4 of a node's parent transforms, which must keep lengths and sides."""
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if parent.IsTransformToWorldLinear():
        matrix = vtk.vtkMatrix4x4()
        parent.GetMatrixTransformToWorld(matrix)
        found = _numpy_matrix(matrix)
        axes = found[:3, :3]
        if np.allclose(axes.T @ axes, np.eye(3), rtol=0, atol=RIGID) and np.linalg.det(axes) > 0:
            return found
    raise InputError(
        _(
            "“{node}” lies under the transform “{parent}”, which stretches, shears, mirrors or bends it. "
            "Only rotations and shifts leave voxels as they were measured: take the node out of the "
            "transform (module Transforms)."
        ).format(node=node.GetName(), parent=parent.GetName())
    )


def _transform_state(node: Any) -> tuple[Any, ...]:
    parent = node.GetParentTransformNode()
    if parent is None:
        return ()
    matrix = vtk.vtkMatrix4x4()
    if parent.IsTransformToWorldLinear():
        parent.GetMatrixTransformToWorld(matrix)
    return parent.GetID(), parent.GetMTime(), _numbers(matrix)


def _oriented_to_world(data: Any, node: Any) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    data.GetImageToWorldMatrix(matrix)
    return _node_to_world(node) @ _numpy_matrix(matrix)


def _array(data: Any) -> np.ndarray:
    return vtk_to_numpy(data.GetPointData().GetScalars()).reshape(data.GetDimensions()[::-1])


def _numbers(matrix: Any) -> tuple[float, ...]:
    return tuple(matrix.GetElement(row, column) for row in range(4) for column in range(4))


def _numpy_matrix(matrix: Any) -> np.ndarray:
    return np.reshape(_numbers(matrix), (4, 4))


def vtk_matrix(matrix: np.ndarray) -> Any:
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(matrix.ravel().tolist())
    return result
