"""MRML nodes become the same cases as files do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from mrml import (
    add_segmentation,
    add_volume,
    edit_segment,
    edit_volume,
    load_volume,
    node_ids,
    put_under_transform,
    scene,
    segment_id,
    segment_voxels,
    to_vtk,
    vtk,
)
from phantoms import ct, gtv, write_slicer_segmentation
from pydicom import dcmread
from pyradiomics_data import LungCase
from scene_patient import patient, structure_set, turned

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.in_slicer.scene.mrml_images import find_segment
from EsoRadiomicsLib.in_slicer.scene.scene_access import SceneAccess, node_case

__all__ = ["scene"]

FEW = ("original_firstorder_Mean", "original_glcm_Idn", "wavelet-HLL_glszm_ZoneEntropy", "original_shape_Sphericity")


def test_the_same_patient_gives_the_same_bits_from_files_and_from_the_scene(scene: Any, tmp_path: Path) -> None:
    image, mask = ct(), gtv(ct())
    for each, name in ((image, "ct.nrrd"), (mask, "gtv.nrrd")):
        sitk.WriteImage(each, str(tmp_path / name))
    files = load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd")
    nodes = node_case(*patient(scene), "GTV")
    assert (nodes.image_sha256, nodes.mask_sha256) == (files.image_sha256, files.mask_sha256)
    settings = PyRadiomicsSettings()
    values = [extract(prepare(case, settings), settings, FEW).values for case in (files, nodes)]
    assert values[0] == values[1]


def test_what_is_drawn_on_one_slice_is_a_gtv_like_any_other(scene: Any, tmp_path: Path) -> None:
    image = ct()
    whole = sitk.GetArrayFromImage(gtv(image))
    whole[: len(whole) // 2] = whole[len(whole) // 2 + 1 :] = 0
    drawn = sitk.GetImageFromArray(whole)
    drawn.CopyInformation(image)
    for each, name in ((image, "ct.nrrd"), (drawn, "gtv.nrrd")):
        sitk.WriteImage(each, str(tmp_path / name))
    slice_alone = sitk.RegionOfInterest(drawn, [*image.GetSize()[:2], 1], [0, 0, len(whole) // 2])
    segmentation = add_segmentation(scene, {"GTV": slice_alone})
    nodes = node_case(add_volume(scene, image), segmentation, "GTV")
    assert nodes.mask_sha256 == load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd").mask_sha256


def test_volumes_and_segmentations_that_mrml_itself_reads_give_the_bits_of_the_file_route(
    scene: Any, tmp_path: Path
) -> None:
    image = ct()
    box = sitk.RegionOfInterest(gtv(image), [30, 30, 12], [8, 5, 2])
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    segmentation_file = write_slicer_segmentation(
        tmp_path / "s.seg.nrrd", box, sitk.GetArrayFromImage(box)[None], [("Segment_1", "GTV", 1, 0)]
    )
    volume = load_volume(scene, [tmp_path / "ct.nrrd"])
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(segmentation_file))
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    assert storage.ReadData(segmentation)
    nodes, files = node_case(volume, segmentation), load_case(tmp_path / "ct.nrrd", segmentation_file)
    assert (nodes.image_sha256, nodes.mask_sha256) == (files.image_sha256, files.mask_sha256)
    assert nodes.sources["mask"]["grid"] == files.sources["mask"]["grid"]
    assert nodes.image.GetOrigin() == pytest.approx(files.image.GetOrigin())


def test_a_dicom_series_that_mrml_itself_reads_gives_the_bits_of_the_file_route(scene: Any, tmp_path: Path) -> None:
    series, contours = structure_set(tmp_path)
    files = load_case(series, contours, roi="GTV")
    slices = sorted(series.iterdir(), key=lambda file: float(dcmread(file).ImagePositionPatient[2]))
    volume = load_volume(scene, slices)
    nodes = node_case(volume, add_segmentation(scene, {"GTV": gtv(ct())}))
    assert (nodes.image_sha256, nodes.mask_sha256) == (files.image_sha256, files.mask_sha256)


def test_a_real_ct_gives_the_bits_of_the_file_route(scene: Any, lung1: LungCase) -> None:
    files = load_case(lung1.image, lung1.mask)
    volume = load_volume(scene, [lung1.image])
    segmentation = add_segmentation(scene, {"GTV": sitk.ReadImage(str(lung1.mask))})
    nodes = node_case(volume, segmentation)
    assert (nodes.image_sha256, nodes.mask_sha256) == (files.image_sha256, files.mask_sha256)


@pytest.mark.parametrize("flipped", [False, True])
def test_an_oblique_or_flipped_volume_lies_where_it_lies_in_the_file(scene: Any, flipped: bool) -> None:
    image = ct()
    axes = turned(12)[:3, :3]
    image.SetDirection((axes @ np.diag([1, 1, -1 if flipped else 1])).ravel().tolist())
    mask = gtv(image)
    nodes = node_case(add_volume(scene, image), add_segmentation(scene, {"GTV": mask}))
    centre = [size // 2 for size in image.GetSize()]
    point = image.TransformContinuousIndexToPhysicalPoint(centre)
    index = nodes.image.TransformPhysicalPointToIndex(point)
    assert nodes.image[index] == image[centre]
    assert nodes.mask[index] == mask[centre] == 1
    assert sitk.GetArrayViewFromImage(nodes.mask).sum() == sitk.GetArrayViewFromImage(mask).sum()


def test_a_transform_that_turns_and_shifts_ct_and_gtv_together_changes_nothing_that_is_measured(scene: Any) -> None:
    volume, segmentation = patient(scene)
    before = node_case(volume, segmentation)
    put_under_transform(scene, turned(), volume, segmentation)
    after = node_case(volume, segmentation)
    assert (after.image_sha256, after.mask_sha256) == (before.image_sha256, before.mask_sha256)
    x, y, z = before.image.GetOrigin()
    ras = turned() @ [-x, -y, z, 1]
    assert after.image.GetOrigin() == pytest.approx((-ras[0], -ras[1], ras[2]))


def test_a_shift_of_the_gtv_alone_is_honoured_and_warned_about(scene: Any) -> None:
    volume, segmentation = patient(scene)
    shift = np.eye(4)
    shift[2, 3] = 3.0  # one slice
    put_under_transform(scene, shift, segmentation)
    case = node_case(volume, segmentation)
    moved = np.roll(sitk.GetArrayFromImage(gtv(ct())), 1, axis=0)
    assert np.array_equal(sitk.GetArrayFromImage(case.mask), moved)
    assert "3" in " ".join(case.warnings)
    assert case.sources["mask"]["offset_mm"] == [0, 0, 3]


@pytest.mark.parametrize("which", ["volume", "segmentation"])
@pytest.mark.parametrize("bend", ["stretched", "mirrored", "nonlinear"])
def test_a_transform_that_does_not_keep_lengths_is_refused_by_name(scene: Any, which: str, bend: str) -> None:
    nodes = dict(zip(("volume", "segmentation"), patient(scene), strict=True))
    if bend == "nonlinear":
        transform = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "Transform")
        nodes[which].SetAndObserveTransformNodeID(transform.GetID())
    else:
        put_under_transform(scene, np.diag([1, 1.1 if bend == "stretched" else -1, 1, 1]), nodes[which])
    with pytest.raises(InputError, match=f"{nodes[which].GetName()}” lies under the transform “Transform”"):
        node_case(nodes["volume"], nodes["segmentation"])


def test_a_tilted_gantry_is_refused(scene: Any) -> None:
    volume, segmentation = patient(scene)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    matrix.SetElement(1, 2, 1.0)
    volume.SetIJKToRASMatrix(matrix)
    with pytest.raises(InputError, match="not at right angles"):
        node_case(volume, segmentation)


def test_a_segmentation_on_another_grid_is_brought_to_the_ct_as_a_file_would_be(scene: Any, tmp_path: Path) -> None:
    image = ct()
    finer = sitk.Resample(gtv(image), [100, 90, 40], sitk.Transform(), sitk.sitkNearestNeighbor, image.GetOrigin(),
                          [0.45, 0.42, 1.1], image.GetDirection())  # fmt: skip
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    sitk.WriteImage(finer, str(tmp_path / "gtv.nrrd"))
    files = load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd")
    nodes = node_case(add_volume(scene, image), add_segmentation(scene, {"GTV": finer}))
    assert nodes.mask_sha256 == files.mask_sha256
    assert nodes.warnings == files.warnings != ()


def test_a_segment_that_is_only_a_surface_is_voxelised_on_the_ct_without_changing_it(scene: Any) -> None:
    image = ct()
    volume = add_volume(scene, image)
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(8)
    sphere.SetThetaResolution(60)
    sphere.SetPhiResolution(60)
    x, y, z = image.TransformContinuousIndexToPhysicalPoint([24, 20, 8])
    sphere.SetCenter(-x, -y, z)
    sphere.Update()
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    segmentation.GetSegmentation().SetSourceRepresentationName("Closed surface")
    segmentation.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "GTV", [1, 0, 0])
    before = node_ids(scene)
    case = node_case(volume, segmentation)
    volume_mm3 = sitk.GetArrayViewFromImage(case.mask).sum() * np.prod(case.mask.GetSpacing())
    assert volume_mm3 == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.05)
    assert case.sources["mask"]["grid"] in ("same", "a box of the image's grid")
    segment = segmentation.GetSegmentation().GetSegment(segment_id(segmentation))
    assert segment.GetRepresentation("Binary labelmap") is None
    assert node_ids(scene) == before


def test_a_labelmap_volume_is_a_gtv_too(scene: Any) -> None:
    image = ct()
    labels = sitk.Cast(gtv(image), sitk.sitkInt16) * 3
    labels[0, 0, 0] = 1
    labelmap = add_volume(scene, labels, "Labels", "vtkMRMLLabelMapVolumeNode")
    volume = add_volume(scene, image)
    assert SceneAccess(scene).segments(labelmap) == {"1": "1", "3": "3"}
    expected = node_case(volume, add_segmentation(scene, {"GTV": gtv(image)})).mask_sha256
    assert node_case(volume, labelmap, "3").mask_sha256 == expected
    with pytest.raises(InputError, match="holds 2 labels: “1”, “3”"):
        node_case(volume, labelmap)


def test_overlapping_segments_are_told_apart_by_name_and_id(scene: Any) -> None:
    image = ct()
    whole, core = gtv(image), sitk.BinaryErode(gtv(image), [2, 2, 1])
    segmentation = add_segmentation(scene, {"GTV": whole, "GTV core": core})
    volume = add_volume(scene, image)
    for name, mask in (("GTV", whole), ("GTV core", core)):
        for wanted in (name, segment_id(segmentation, name)):
            case = node_case(volume, segmentation, wanted)
            assert np.array_equal(sitk.GetArrayViewFromImage(case.mask), sitk.GetArrayViewFromImage(mask))
    with pytest.raises(
        InputError, match=r"The segmentation “Segmentation” has no segment “PTV”. There are: “GTV”, “GTV"
    ):
        find_segment(segmentation, "PTV")
    with pytest.raises(InputError, match="holds 2 segments"):
        find_segment(segmentation, None)


def test_empty_and_missing_segments_and_volumes_are_named(scene: Any) -> None:
    volume, segmentation = patient(scene)
    access = SceneAccess(scene)
    with pytest.raises(InputError, match=r"no longer has the segment that was chosen. Its segments are: “GTV”"):
        access.case(volume, segmentation, "gone", "int16")
    empty = segmentation.GetSegmentation().AddEmptySegment("new", "drawn soon")
    with pytest.raises(InputError, match="The segment “drawn soon” of “Segmentation” is empty"):
        access.case(volume, segmentation, empty, "int16")
    wiped = segment_id(segmentation)
    edit_segment(segmentation, wiped, np.zeros_like(segment_voxels(segmentation, wiped)))
    with pytest.raises(InputError, match="is empty"):
        access.case(volume, segmentation, wiped, "int16")
    hollow = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Hollow")
    with pytest.raises(InputError, match="“Hollow” holds no image"):
        access.case(hollow, segmentation, wiped, "int16")


def test_an_image_that_is_not_ct_is_refused_by_the_volumes_name(scene: Any) -> None:
    image = ct()
    mr = add_volume(scene, sitk.Cast(image, sitk.sitkInt16) + 1100, "MR")
    with pytest.raises(InputError, match="MR has no value below 0"):
        node_case(mr, add_segmentation(scene, {"GTV": gtv(image)}))


def test_the_state_tells_every_edit_and_only_edits(scene: Any) -> None:
    volume, segmentation = patient(scene)
    access = SceneAccess(scene)
    chosen = (volume, segmentation, segment_id(segmentation))
    states = [access.state(*chosen)]
    volume.SetName("another name")
    segmentation.GetDisplayNode().SetOpacity(0.5)
    assert access.state(*chosen) == states[0]
    edit_volume(volume, 7)
    states.append(access.state(*chosen))
    edit_segment(segmentation, chosen[2], segment_voxels(segmentation, chosen[2]).copy())
    states.append(access.state(*chosen))
    volume.SetOrigin(1, 2, 3)
    states.append(access.state(*chosen))
    transform = put_under_transform(scene, turned(), segmentation)
    states.append(access.state(*chosen))
    transform.SetMatrixTransformToParent(to_vtk(turned(30)))
    states.append(access.state(*chosen))
    assert len(set(states)) == len(states)


def test_the_drawn_gtv_has_the_hu_of_its_own_voxels_however_the_volume_is_stored(scene: Any) -> None:
    image = ct()
    expected = sorted(sitk.GetArrayFromImage(image)[sitk.GetArrayFromImage(gtv(image)) == 1])
    stored = sitk.DICOMOrient(image, "RPI")
    volume = add_volume(scene, stored)
    segmentation = add_segmentation(scene, {"GTV": gtv(image)})
    put_under_transform(scene, turned(), volume, segmentation)
    drawn = SceneAccess(scene).gtv(volume, segmentation, segment_id(segmentation))
    assert sorted(drawn.hu) == expected
    assert drawn.cm3 == pytest.approx(len(expected) * np.prod(image.GetSpacing()) / 1000)
    assert drawn.percent_below(-50) == pytest.approx(100 * np.mean(np.array(expected) < -50))
