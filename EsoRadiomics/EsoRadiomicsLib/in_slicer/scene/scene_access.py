"""The MRML scene as the panel and the Python console need it: nodes in, cases out; results in, nodes out.

Details are in ``images`` (nodes as images), ``segments`` (what is drawn) and ``results``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...imaging.case import Acquisition, Case, make_case
from ...imaging.dicom_acquisition import acquisition_beside
from ...studies.study import Study
from .dicom_source import dicom_file, known_dicom_file
from .handed_images import HandedImages
from .mrml_images import (
    find_segment,
    is_segmentation,
    segment_image,
    segment_state,
    segments,
    volume_array,
    volume_image,
    volume_state,
)
from .scene_results import StoredResult, remove_nodes, result_nodes, store_result, stored_result, tag
from .scene_segments import DrawnGtv, add_removed, drawn_gtv, import_rois

REMOVED = "removed"


def node_case(
    volume: Any, segmentation: Any, segment: str | None = None, *, name: str | None = None, pixel_type: str = "int16"
) -> Case:
    """A case of the scene: a volume node and a segment of a segmentation node (or a label of a labelmap volume).

    Parent transforms that rotate and shift are honoured. The voxels are those of the file route, bit for bit.

    Args:
        volume: vtkMRMLScalarVolumeNode with the CT.
        segmentation: vtkMRMLSegmentationNode or vtkMRMLLabelMapVolumeNode.
        segment: name, ID or pattern of the segment, or the label; not needed where there is only one.
        name: what reports call the case; the volume's name by default.
        pixel_type: ``int16``, ``float32`` or ``float64``, as the study's settings say.

    Raises:
        InputError: anything about the nodes that prevents a sound measurement.
    """
    segment_id = find_segment(segmentation, segment)
    return _case(volume, segmentation, segment_id, name, pixel_type, segment_image(segmentation, segment_id, volume))


class SceneAccess:
    """What the panel asks of a vtkMRMLScene."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self._gtv: tuple[Any, DrawnGtv] | None = None
        self._hashes: tuple[Any, tuple[str, str]] | None = None
        self._handed = HandedImages()

    def has(self, node: Any) -> bool:
        """Whether the node is (still) in the scene."""
        return node is not None and bool(self.scene.IsNodePresent(node))

    def segments(self, segmentation: Any) -> dict[str, str]:
        """ID → name of what can be the GTV.

        Raises:
            InputError: a labelmap volume with values that are not labels.
        """
        return segments(segmentation)

    def state(self, volume: Any, segmentation: Any, segment_id: str) -> tuple[Any, ...]:
        """A value that changes whenever the CT or the GTV may have been edited, moved or replaced."""
        return volume_state(volume), segment_state(segmentation, segment_id)

    def gtv(self, volume: Any, segmentation: Any, segment_id: str) -> DrawnGtv:
        """Volume, HU and geometry of the GTV as drawn; remembered until CT or GTV change.

        Raises:
            InputError: CT or segment cannot be used, or do not lie on each other.
        """
        state = self.state(volume, segmentation, segment_id)
        if self._gtv is None or self._gtv[0] != state:
            self._gtv = state, drawn_gtv(volume, segmentation, segment_id)
        return self._gtv[1]

    def voxels(self, volume: Any) -> np.ndarray:
        """The voxels (z, y, x) of a volume node; a view, not a copy."""
        return volume_array(volume)

    def hashes(self, volume: Any, segmentation: Any, segment_id: str, pixel_type: str) -> tuple[str, str]:
        """SHA-256 of image and mask of the case; remembered until CT or GTV change.

        Raises:
            InputError: as :func:`node_case`.
        """
        state = (self.state(volume, segmentation, segment_id), pixel_type)
        if self._hashes is None or self._hashes[0] != state:
            case = self.case(volume, segmentation, segment_id, pixel_type)
            self._hashes = state, (case.image_sha256, case.mask_sha256)
        return self._hashes[1]

    def remember_hashes(
        self, volume: Any, segmentation: Any, segment_id: str, pixel_type: str, hashes: tuple[str, str]
    ) -> None:
        """Take over the hashes that another process computed of these nodes, which spares computing them again."""
        self._hashes = (self.state(volume, segmentation, segment_id), pixel_type), hashes

    def case(self, volume: Any, segmentation: Any, segment_id: str, pixel_type: str) -> Case:
        """As :func:`node_case`, by the segment's ID."""
        mask = self.gtv(volume, segmentation, segment_id).drawn
        return _case(volume, segmentation, segment_id, None, pixel_type, mask)

    def case_arguments(self, volume: Any, segmentation: Any, segment_id: str) -> list[str]:
        """A command's arguments that name CT and GTV as files, which stay until one of the two changes.

        They are written as they are in the scene: what is done to them on the way to a case is then in its account.

        Raises:
            InputError: as :meth:`gtv`.
            OSError: the temporary folder cannot be written.
        """

        def mask() -> sitk.Image:
            image = self.gtv(volume, segmentation, segment_id).drawn
            if name:
                image.SetMetaData("Segment0_ID", segment_id)
                image.SetMetaData("Segment0_Name", name)
            elif segment_id:
                image = sitk.Cast(image, sitk.sitkInt32) * int(segment_id)
            return image

        name = segments(segmentation)[segment_id] if is_segmentation(segmentation) else ""
        state = self.state(volume, segmentation, segment_id)
        image_path = self._handed.path("image.nrrd", state[0], lambda: volume_image(volume))
        mask_path = self._handed.path("mask.nrrd", (state, name), mask)
        told = known_dicom_file(volume)
        return [str(image_path), str(mask_path), *([f"--acquisition={told}"] if told else [])]

    def forget_files(self) -> None:
        """Remove the files of :meth:`case_arguments`."""
        self._handed.forget()

    def dicom_file(self, volume: Any) -> Path:
        """See :func:`EsoRadiomicsLib.in_slicer.scene.dicom_source.dicom_file`."""
        return dicom_file(volume)

    def store(
        self,
        document: dict[str, Any],
        study: Study,
        volume: Any,
        segmentation: Any,
        segment_id: str,
    ) -> StoredResult:
        """Put a result into the scene in place of an earlier one."""
        return store_result(self.scene, document, study, volume, segmentation, segment_id)

    def stored(self) -> StoredResult | None:
        """The result that the scene holds, or None.

        Raises:
            InputError: its texts were changed or damaged.
        """
        return stored_result(self.scene)

    def result_nodes(self) -> dict[str, Any]:
        """Role (result, card, table, contributions, series, chart) → node."""
        return result_nodes(self.scene)

    def import_rois(self, path: Path | str, names: Sequence[str], volume: Any) -> tuple[Any, tuple[str, ...]]:
        """See :func:`EsoRadiomicsLib.in_slicer.scene.scene_segments.import_rois`."""
        return import_rois(self.scene, path, names, volume)

    def show_removed(self, volume: Any, segmentation: Any, segment_id: str, hu_min: float) -> Any | None:
        """Preview the voxels below ``hu_min``, in place of an earlier preview; None if there are none.

        The preview is a segmentation of its own, which is not saved with the scene.

        Raises:
            InputError: as :meth:`gtv`.
        """
        self.hide_removed()
        node = add_removed(self.scene, self.gtv(volume, segmentation, segment_id), hu_min, volume)
        if node is not None:
            tag(node, REMOVED)
            node.SetSaveWithScene(False)
        return node

    def hide_removed(self) -> None:
        """Remove the preview, if there is one."""
        remove_nodes(self.scene, [REMOVED])


def _case(volume: Any, segmentation: Any, segment_id: str, name: str | None, pixel_type: str, mask: sitk.Image) -> Case:
    image = volume_image(volume)
    kind = "segment" if is_segmentation(segmentation) else "label"
    chosen = segments(segmentation).get(segment_id, segment_id) if kind == "segment" else segment_id
    sources = {
        "image": {"format": "MRML", "pixel_type": image.GetPixelIDTypeAsString()},
        "mask": {"format": "MRML", kind: chosen},
    }
    told = known_dicom_file(volume)
    acquisition, doubts = acquisition_beside(told, image) if told else (Acquisition(), ())
    return make_case(
        image,
        mask,
        name=name or volume.GetName(),
        pixel_type=pixel_type,
        acquisition=acquisition,
        sources=sources,
        warnings=doubts,
    )
