"""Segments of the scene as readings of an agreement study: found, labelled in the scene, written for the command."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import SimpleITK as sitk
import vtk

from ...extraction.roi import bounding_box
from .mrml_images import (
    segment_image,
    segment_state,
    segments,
    volume_array,
    volume_header,
    volume_image,
    volume_state,
    write_image,
)
from .scene_results import ROLE, store_agreement, stored_agreement
from .segment_labels import ReadingFiles, SceneReading, manifest_text, propose

TAG = "EsoRadiomics."
"""Before the names of the segments' tags that hold what the user entered; they are saved with the segmentation."""
CT = "EsoRadiomics.ct"
"""Role of the CT that the user chose for a segmentation."""
ENTERED = ("used", "case", "reader", "session")
MANIFEST = "manifest.csv"


class SceneReadings:
    """What the Reproducibility section asks of a vtkMRMLScene."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self._checksums: dict[tuple[Any, ...], int] = {}

    def readings(self) -> list[SceneReading]:
        """Every segment of the scene, with what the user entered for it, and the rest proposed."""
        volumes = self.cts()
        found = [
            SceneReading(_ct_of(node, volumes), node, segment_id, name)
            for node in self._nodes("vtkMRMLSegmentationNode")
            if not node.GetAttribute(ROLE)  # the preview of removed voxels is no reading
            for segment_id, name in segments(node).items()
        ]
        return [replace(reading, **_entered(reading)) for reading in propose(found)]

    def cts(self) -> list[Any]:
        """The volumes that a reading may have been drawn on."""
        return [node for node in self._nodes("vtkMRMLScalarVolumeNode") if not node.IsA("vtkMRMLLabelMapVolumeNode")]

    def checksum(self, reading: SceneReading) -> int:
        """The same for the same CT and contour, in this session and after the scene was saved and loaded.

        Raises:
            InputError: a node is gone, or holds nothing that can be measured.
        """
        volume, node, segment_id = reading.volume, reading.segmentation, reading.segment_id

        def of_ct() -> int:
            return _checksum(volume_array(volume), volume_header(volume))

        def of_contour() -> int:
            mask = segment_image(node, segment_id, volume)
            start, size = bounding_box(mask)  # saving changes how much of the empty space around it is kept
            box = sitk.RegionOfInterest(mask, size, start)
            return _checksum(sitk.GetArrayViewFromImage(box), box)

        ct = self._remembered(volume_state(volume), of_ct)
        return ct ^ self._remembered(segment_state(node, segment_id), of_contour)

    def has(self, reading: SceneReading) -> bool:
        """Whether CT and segment are still in the scene."""
        nodes = (reading.volume, reading.segmentation)
        there = all(node is not None and self.scene.IsNodePresent(node) for node in nodes)
        return there and reading.segmentation.GetSegmentation().GetSegment(reading.segment_id) is not None

    def store(self, text: str) -> None:
        """Put an agreement study into the scene in place of an earlier one."""
        store_agreement(self.scene, text)

    def stored(self) -> str:
        """The text of the scene's agreement study; empty if there is none."""
        return stored_agreement(self.scene)

    def enter(self, reading: SceneReading, **values: Any) -> None:
        """Keep what the user says of a reading (``used``, ``case``, ``reader``, ``session``), with its segment."""
        segment = _segment(reading)
        for name, value in values.items():
            segment.SetTag(TAG + name, quote(str(int(value) if name == "used" else value), safe=""))

    def enter_ct(self, reading: SceneReading, volume: Any) -> None:
        """Keep on which CT the user says that a segmentation was drawn."""
        reading.segmentation.SetNodeReferenceID(CT, volume.GetID())

    def forget_entered(self) -> None:
        """Back to what is proposed."""
        for reading in self.readings():
            reading.segmentation.RemoveNodeReferenceIDs(CT)
            for name in ENTERED:
                _segment(reading).RemoveTag(TAG + name)

    def write(self, files: Sequence[ReadingFiles], folder: Path) -> Path:
        """CTs, contours and the manifest that names them, for another process.

        Raises:
            InputError: a node holds nothing that can be written.
            OSError: the folder cannot be written.
        """
        for image, volume in {each.image: each.reading.volume for each in files}.items():
            write_image(volume_image(volume), folder / image)
        for each in files:
            reading = each.reading
            contour = segment_image(reading.segmentation, reading.segment_id, reading.volume)
            write_image(contour, folder / each.mask)
        manifest = folder / MANIFEST
        manifest.write_text(manifest_text(files), encoding="utf-8")
        return manifest

    def _remembered(self, state: tuple[Any, ...], compute: Callable[[], int]) -> int:
        if state not in self._checksums:
            self._checksums = {**dict(list(self._checksums.items())[-200:]), state: compute()}
        return self._checksums[state]

    def _nodes(self, kind: str) -> list[Any]:
        scene = self.scene
        found = [scene.GetNthNodeByClass(i, kind) for i in range(scene.GetNumberOfNodesByClass(kind))]
        return [node for node in found if not node.GetHideFromEditors()]


def _ct_of(segmentation: Any, volumes: Sequence[Any]) -> Any:
    """The CT that the user chose, or it was drawn on, or that is named in its name, or the only one."""
    for role in (CT, segmentation.GetReferenceImageGeometryReferenceRole()):
        if segmentation.GetNodeReference(role) in volumes:
            return segmentation.GetNodeReference(role)
    named = [volume for volume in volumes if volume.GetName() and volume.GetName() in segmentation.GetName()]
    longest = max(named, key=lambda volume: len(volume.GetName()), default=None)
    return longest if longest is not None or len(volumes) != 1 else volumes[0]


def _segment(reading: SceneReading) -> Any:
    return reading.segmentation.GetSegmentation().GetSegment(reading.segment_id)


def _entered(reading: SceneReading) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ENTERED:
        value = vtk.reference("")
        if _segment(reading).GetTag(TAG + name, value):
            found[name] = unquote(str(value))
    if "used" in found:
        found["used"] = found["used"] == "1"
    return found


def _checksum(voxels: np.ndarray, place: sitk.Image) -> int:
    numbers = (*place.GetSize(), *place.GetOrigin(), *place.GetSpacing(), *place.GetDirection())
    return zlib.crc32(" ".join(f"{number:.5g}" for number in numbers).encode(), zlib.crc32(voxels.data))
