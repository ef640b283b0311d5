"""What is put into a scene: results that come back with it, previews, and ROIs read from DICOM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from mrml import (
    add_volume,
    node_ids,
    put_under_transform,
    save_and_reopen,
    scene,
    segment_id,
    slicer,
)
from patients import scored
from phantoms import ct, gtv
from scene_patient import patient, structure_set, turned

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.in_slicer.scene.scene_access import SceneAccess, node_case
from EsoRadiomicsLib.reporting.patient.patient_result import result_dict, to_json

__all__ = ["scene"]


def test_the_preview_is_exactly_the_gtv_below_the_limit_and_goes_cleanly(scene: Any) -> None:
    volume, segmentation = patient(scene)
    access, chosen = SceneAccess(scene), (volume, segmentation, segment_id(segmentation))
    before = node_ids(scene)
    node = access.show_removed(*chosen, -50.0)
    assert list(access.segments(node).values()) == ["removed (< −50 HU)"]
    hu = sitk.GetArrayFromImage(ct())
    expected = (sitk.GetArrayFromImage(gtv(ct())) == 1) & (hu < -50)
    shown = node_case(volume, node)
    assert np.array_equal(sitk.GetArrayFromImage(shown.mask) == 1, expected)
    access.show_removed(*chosen, -500.0)
    assert len([each for each in node_ids(scene) if each.startswith("vtkMRMLSegmentationNode")]) == 2
    assert access.show_removed(*chosen, -3000.0) is None
    assert node_ids(scene) == before


def test_a_preview_is_not_saved_with_the_scene(scene: Any, tmp_path: Path) -> None:
    volume, segmentation = patient(scene)
    SceneAccess(scene).show_removed(volume, segmentation, segment_id(segmentation), -50.0)
    save_and_reopen(scene, tmp_path / "s.mrb")
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_a_result_comes_back_from_a_saved_scene_to_the_last_digit(scene: Any, tmp_path: Path) -> None:
    volume, segmentation = patient(scene)
    result = scored("escc-lpfs-ccrt", {"N stage": 1})
    document = result_dict(result)
    SceneAccess(scene).store(document, result.score.study, volume, segmentation, segment_id(segmentation))
    chosen = segment_id(segmentation)
    save_and_reopen(scene, tmp_path / "patient.mrb")
    stored = SceneAccess(scene).stored()
    assert stored is not None
    assert stored.document == json.loads(to_json(document))
    assert stored.study.card == result.score.study.card
    assert (stored.volume.GetName(), stored.segmentation.GetName()) == ("CT", "Segmentation")
    assert stored.segment_id == chosen
    nodes = SceneAccess(scene).result_nodes()
    table = nodes["table"]
    rows = [[table.GetCellText(i, j) for j in range(3)] for i in range(table.GetNumberOfRows())]
    assert {name: float(value) for name, value, _ in rows} == document["features"]
    z_scores = {item["feature"]: item["z"] for item in document["score"]["contributions"]}
    assert {name: float(z) for name, _, z in rows} == z_scores
    assert nodes["chart"].GetNthPlotSeriesNode(0).GetTableNode() == nodes["contributions"]
    assert nodes["contributions"].GetNumberOfRows() == len(z_scores)


def test_the_hashes_of_a_case_survive_saving_the_scene(scene: Any, tmp_path: Path) -> None:
    before = node_case(*patient(scene))
    save_and_reopen(scene, tmp_path / "patient.mrb")
    volume = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    after = node_case(volume, scene.GetFirstNodeByClass("vtkMRMLSegmentationNode"))
    assert (after.image_sha256, after.mask_sha256) == (before.image_sha256, before.mask_sha256)


def test_a_second_result_takes_the_place_of_the_first(scene: Any, tmp_path: Path) -> None:
    volume, segmentation = patient(scene)
    result = scored("escc-lpfs-ccrt")
    put = (result_dict(result), result.score.study, volume, segmentation, segment_id(segmentation))
    access = SceneAccess(scene)
    access.store(*put)
    count = scene.GetNumberOfNodes()
    save_and_reopen(scene, tmp_path / "once.mrb")  # adds storage nodes
    volume, segmentation = (
        scene.GetFirstNodeByClass(f"vtkMRML{kind}Node") for kind in ("ScalarVolume", "Segmentation")
    )
    SceneAccess(scene).store(*put[:2], volume, segmentation, put[4])
    storage = {each for each in node_ids(scene) if "Storage" in each}
    assert storage == {volume.GetStorageNodeID(), segmentation.GetStorageNodeID()}
    assert scene.GetNumberOfNodes() - len(storage) == count


@pytest.mark.parametrize("text", ["", "not JSON", json.dumps({"result_version": 1})])
def test_a_damaged_result_is_a_sentence(scene: Any, text: str) -> None:
    volume, segmentation = patient(scene)
    result = scored("escc-lpfs-ccrt")
    access = SceneAccess(scene)
    access.store(result_dict(result), result.score.study, volume, segmentation, segment_id(segmentation))
    access.result_nodes()["result"].SetText(text)
    with pytest.raises(InputError, match="cannot be shown: its text was changed or damaged"):
        access.stored()


def test_rois_of_a_structure_set_become_segments_equal_to_the_file_route(scene: Any, tmp_path: Path) -> None:
    series, contours = structure_set(tmp_path)
    files = load_case(series, contours, roi="GTV")
    for under_transform in (False, True):
        volume = add_volume(scene, files.image, "planning CT")
        if under_transform:
            put_under_transform(scene, turned(), volume)
        node, warnings = SceneAccess(scene).import_rois(contours, ["GTV"], volume)
        case = node_case(volume, node, "GTV")
        assert case.mask_sha256 == files.mask_sha256
        assert any("not DICOM" in warning for warning in warnings)


def test_a_structure_set_of_another_series_is_refused_and_adds_nothing(scene: Any, tmp_path: Path) -> None:
    _, contours = structure_set(tmp_path)
    volume = add_volume(scene, ct())
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), volume)
    hierarchy.SetItemUID(item, "DICOM", "1.2.3.4")
    before = node_ids(scene)
    with pytest.raises(InputError, match="drawn on another series"):
        SceneAccess(scene).import_rois(contours, ["GTV"], volume)
    assert node_ids(scene) == before
