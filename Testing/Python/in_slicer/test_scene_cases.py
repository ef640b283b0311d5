"""A case of a manifest in the scene: the same voxels as the cohort's run reads, whatever the files are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dicom_factory
import numpy as np
import pytest
import SimpleITK as sitk
from mrml import edit_segment, node_ids, scene, segment_voxels
from phantoms import ct, gtv, write_slicer_segmentation
from scene_patient import structure_set

from EsoRadiomicsLib.cohort.manifest import Entry
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.in_slicer.scene.scene_access import node_case
from EsoRadiomicsLib.in_slicer.scene.scene_cases import add_case

__all__ = ["scene"]


def entry(image: Path, mask: Path, roi: str = "") -> Entry:
    return Entry("P1", "", "", image, mask, roi, {})


def volumes(folder: Path, ending: str) -> Entry:
    paths = folder / f"ct{ending}", folder / f"gtv{ending}"
    for image, path in zip((ct(), gtv(ct())), paths, strict=True):
        sitk.WriteImage(image, str(path))
    return entry(*paths)


def nrrd(folder: Path) -> Entry:
    return volumes(folder, ".nrrd")


def nifti(folder: Path) -> Entry:
    return volumes(folder, ".nii.gz")


def rtstruct(folder: Path) -> Entry:
    return entry(*structure_set(folder), "G*")


def dicom_seg(folder: Path) -> Entry:
    pytest.importorskip("highdicom")
    image, _ = structure_set(folder)
    voxels = {"GTV": sitk.GetArrayFromImage(gtv(ct()))}
    return entry(image, dicom_factory.write_seg(folder / "seg.dcm", image, voxels))


def slicer_segmentation(folder: Path) -> Entry:
    drawn = sitk.GetArrayFromImage(gtv(ct()))
    path = write_slicer_segmentation(folder / "gtv.seg.nrrd", ct(), drawn[None], [("Segment_1", "GTV", 1, 0)])
    return entry(nrrd(folder).image, path, "GTV")


@pytest.mark.parametrize("files", [nrrd, nifti, rtstruct, dicom_seg, slicer_segmentation])
def test_a_case_in_the_scene_has_the_voxels_of_its_files(
    scene: Any, files: Callable[[Path], Entry], tmp_path: Path
) -> None:
    case = files(tmp_path)
    loaded = add_case(scene, case)
    measured = node_case(loaded.volume, loaded.segmentation, loaded.segment_id)
    expected = load_case(case.image, case.mask)
    assert (measured.image_sha256, measured.mask_sha256) == (expected.image_sha256, expected.mask_sha256)
    np.testing.assert_allclose(measured.image.GetOrigin(), expected.image.GetOrigin(), atol=1e-4)
    assert loaded.volume.GetName() == "P1" and loaded.remarks == ()
    assert loaded.segmentation.GetSegmentation().GetSegment(loaded.segment_id).GetName() in ("GTV", "1")


def test_a_case_that_is_there_is_shown_as_it_was_corrected(scene: Any, tmp_path: Path) -> None:
    case = nrrd(tmp_path)
    first = add_case(scene, case)
    voxels = segment_voxels(first.segmentation, first.segment_id).copy()
    voxels[0] = 0
    edit_segment(first.segmentation, first.segment_id, voxels)
    before = node_ids(scene)
    again = add_case(scene, case)
    assert (again.volume, again.segmentation, again.segment_id) == (first.volume, first.segmentation, first.segment_id)
    assert node_ids(scene) == before
    np.testing.assert_array_equal(segment_voxels(again.segmentation, again.segment_id), voxels)
    scene.RemoveNode(first.segmentation)
    assert add_case(scene, case).volume is not first.volume


def test_an_roi_that_is_not_there_leaves_the_choice_of_those_called_gtv(scene: Any, tmp_path: Path) -> None:
    image, drawn = ct(), gtv(ct())
    contours = dicom_factory.contours_of(drawn)
    rois = {"GTV-1": contours, "gtv 2": contours[:40], "Lung": contours}
    path = dicom_factory.write_rtstruct(tmp_path / "plan.dcm", rois)
    loaded = add_case(scene, entry(dicom_factory.write_ct(tmp_path / "ct", image), path, "Oesophagus"))
    assert loaded.segment_id == ""
    assert loaded.segmentation.GetSegmentation().GetNumberOfSegments() == 2
    (remark,) = loaded.remarks
    assert "has no ROI “Oesophagus”. There are: “GTV-1”, “gtv 2”, “Lung”" in remark


@pytest.mark.parametrize("fault", ["elsewhere", "damaged"])
def test_a_mask_that_cannot_be_used_is_said_and_the_ct_is_there_to_draw_on(
    scene: Any, fault: str, tmp_path: Path
) -> None:
    case = nrrd(tmp_path)
    if fault == "elsewhere":
        mask = sitk.ReadImage(str(case.mask))
        mask.SetOrigin((5000, 0, 0))
        sitk.WriteImage(mask, str(case.mask))
    else:
        case.mask.write_bytes(case.mask.read_bytes()[:200])
    loaded = add_case(scene, case)
    assert loaded.volume is not None and loaded.segmentation is None
    (remark,) = loaded.remarks
    assert ("does not overlap" if fault == "elsewhere" else "is broken") in remark


def test_an_image_that_cannot_be_read_adds_nothing(scene: Any, tmp_path: Path) -> None:
    case = nrrd(tmp_path)
    case.image.write_bytes(b"NRRD0004\n")
    before = node_ids(scene)
    with pytest.raises(InputError, match=r"ct\.nrrd"):
        add_case(scene, case)
    assert node_ids(scene) == before
