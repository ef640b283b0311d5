"""Masks that are image files: labelmaps, Slicer segmentations, and masks on another grid than the CT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dicom_factory
import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import Case, load_case, make_case
from EsoRadiomicsLib.imaging.read_mask import list_rois

SEGMENTS = [("Segment_1", "GTV", 1, 0), ("Segment_2", "lumen", 2, 0), ("Segment_3", "CTV", 1, 1)]


@pytest.fixture(scope="module")
def image() -> sitk.Image:
    return phantoms.ct()


@pytest.fixture(scope="module")
def mask(image: sitk.Image) -> sitk.Image:
    return phantoms.gtv(image)


Load = Callable[..., Case]


@pytest.fixture
def load(image: sitk.Image, tmp_path: Path) -> Load:
    """``load(mask, name, label=…)``: writes a mask beside the CT and reads the case."""

    def load_with(mask: sitk.Image, name: str = "gtv.nrrd", **chosen: Any) -> Case:
        sitk.WriteImage(image, tmp_path / "ct.nrrd")
        sitk.WriteImage(mask, tmp_path / name)
        return load_case(tmp_path / "ct.nrrd", tmp_path / name, **chosen)

    return load_with


def voxels(case: Case) -> np.ndarray:
    return sitk.GetArrayFromImage(case.mask)


def on_grid_of(image: sitk.Image, array: np.ndarray) -> sitk.Image:
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(image)
    return mask


# Labelmaps


@pytest.mark.parametrize("name", ["gtv.nrrd", "gtv.nii", "gtv.nii.gz", "gtv.mha"])
@pytest.mark.parametrize("pixel_type", [sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkUInt32, sitk.sitkFloat32])
def test_a_labelmap_of_any_format_and_type_is_read(load: Load, mask: sitk.Image, name: str, pixel_type: int) -> None:
    case = load(sitk.Cast(mask, pixel_type), name)
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))
    assert case.mask.GetPixelID() == sitk.sitkUInt8
    assert case.warnings == ()


def test_the_only_label_is_taken_and_recorded(load: Load, mask: sitk.Image) -> None:
    case = load(sitk.Cast(mask, sitk.sitkUInt16) * 300)
    assert voxels(case).sum() == sitk.GetArrayFromImage(mask).sum()
    assert case.sources["mask"]["label"] == 300


def test_a_label_is_chosen_by_its_value(load: Load, image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> None:
    array = sitk.GetArrayFromImage(mask)
    array[8:] *= 7
    labels = on_grid_of(image, array)
    np.testing.assert_array_equal(voxels(load(labels, label=7)), array == 7)
    assert list_rois(tmp_path / "gtv.nrrd") == ["1", "7"]
    with pytest.raises(InputError, match=r"gtv\.nrrd has no label 2. The labels there are: 1, 7"):
        load(labels, label=2)
    with pytest.raises(InputError, match=r"gtv\.nrrd holds the labels 1, 7, and none was chosen"):
        load(labels)


def test_a_negative_background_is_a_label_among_others(
    load: Load, image: sitk.Image, mask: sitk.Image, tmp_path: Path
) -> None:
    array = np.where(sitk.GetArrayFromImage(mask), 1, -1024).astype(np.int16)
    labels = sitk.GetImageFromArray(array)
    labels.CopyInformation(mask)
    with pytest.raises(InputError, match="holds the labels -1024, 1, and none was chosen"):
        load(labels)
    sitk.WriteImage(image, tmp_path / "image.nrrd")
    sitk.WriteImage(labels, tmp_path / "labels.nrrd")
    case = load_case(tmp_path / "image.nrrd", tmp_path / "labels.nrrd", label=1)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.mask), sitk.GetArrayFromImage(mask))


def test_an_empty_mask_is_refused(load: Load, mask: sitk.Image) -> None:
    with pytest.raises(InputError, match=r"gtv\.nrrd is empty: every voxel is 0"):
        load(mask * 0)


def test_a_mask_of_ones_everywhere_is_refused(load: Load, mask: sitk.Image) -> None:
    with pytest.raises(InputError, match=r"gtv\.nrrd covers the whole image .*ct\.nrrd"):
        load(mask * 0 + 1)


@pytest.mark.parametrize("value", [0.37, np.nan])
def test_a_probability_map_is_refused(load: Load, image: sitk.Image, mask: sitk.Image, value: float) -> None:
    array = sitk.GetArrayFromImage(mask).astype(np.float32)
    array[array > 0] = value
    with pytest.raises(InputError, match=r"gtv\.nrrd holds values that are not whole numbers .*Threshold it"):
        load(on_grid_of(image, array))


def test_a_mask_that_is_no_volume_is_refused(load: Load, mask: sitk.Image) -> None:
    for wrong in (mask[:, :, 8], sitk.JoinSeries([mask, mask]), sitk.Compose([mask] * 3)):
        with pytest.raises(InputError, match=r"The mask .*gtv\.nrrd .*(2-D|4-D|3 values a voxel)"):
            load(wrong)


def test_a_missing_or_unreadable_mask_is_named(image: sitk.Image, tmp_path: Path) -> None:
    sitk.WriteImage(image, tmp_path / "ct.nrrd")
    with pytest.raises(InputError, match=r"no file or folder .*gtv\.nrrd"):
        load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd")
    (tmp_path / "gtv.nrrd").write_text("not an image")
    with pytest.raises(InputError, match=r"gtv\.nrrd is damaged: it does not begin as"):
        load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd")


def test_a_dicom_slice_or_an_empty_folder_is_no_mask(image: sitk.Image, tmp_path: Path) -> None:
    folder = dicom_factory.write_ct(tmp_path / "ct", image)
    with pytest.raises(InputError, match="is neither an RTSTRUCT nor a DICOM SEG"):
        load_case(folder, next(folder.iterdir()))
    with pytest.raises(InputError, match="holds no RTSTRUCT and no DICOM SEG"):
        load_case(folder, folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no DICOM files"):
        load_case(folder, tmp_path / "empty")


# Another grid


def test_the_noise_of_32_bit_headers_is_not_another_grid(image: sitk.Image, mask: sitk.Image) -> None:
    noisy = sitk.Image(mask)
    noisy.SetOrigin([float(np.float32(mm + 1e-5)) for mm in mask.GetOrigin()])
    noisy.SetSpacing([float(np.float32(mm)) for mm in mask.GetSpacing()])
    case = make_case(image, noisy)
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))
    assert case.sources["mask"]["grid"] == "same"


def test_a_cropped_mask_is_put_back_where_it_was(image: sitk.Image, mask: sitk.Image) -> None:
    case = make_case(image, mask[10:40, 8:35, 2:14])
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))
    assert case.sources["mask"] == {"grid": "a box of the image's grid", "offset_mm": [9.766, 7.812, 6.0]}
    assert case.warnings == ()


def test_a_mask_larger_than_the_image_is_accepted_if_the_roi_is_inside(image: sitk.Image, mask: sitk.Image) -> None:
    case = make_case(image, sitk.ConstantPad(mask, [5, 5, 5], [3, 3, 3]))
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))


def test_a_mask_on_another_grid_is_brought_to_the_ct_grid(image: sitk.Image, mask: sitk.Image) -> None:
    finer = sitk.Resample(
        mask, [96, 80, 24], sitk.Transform(), sitk.sitkNearestNeighbor, mask.GetOrigin(), (0.4, 0.45, 1.9)
    )
    case = make_case(image, finer)
    expected = sitk.Resample(finer, image, sitk.Transform(), sitk.sitkNearestNeighbor)
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(expected))
    account = case.sources["mask"]
    assert account["grid"] == "nearest neighbour"
    assert (account["size"], account["spacing_mm"]) == ([96, 80, 24], [0.4, 0.45, 1.9])
    assert "another grid than the image (96 × 80 × 24 voxels of 0.4 × 0.45 × 1.9 mm" in case.warnings[0]


def test_the_offset_of_a_shifted_grid_is_reported_in_mm(image: sitk.Image, mask: sitk.Image) -> None:
    shifted = sitk.Image(mask)
    shifted.SetOrigin(np.add(mask.GetOrigin(), (0.3, -0.2, 1.0)))
    case = make_case(image, shifted)
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))
    account = case.sources["mask"]
    assert account["offset_mm"] == [0.3, -0.2, 1.0]
    assert account["roi_moved_mm"] == [-0.3, 0.2, -1.0]
    assert account["volume_change_percent"] == 0.0
    assert "(0.30, -0.20, 1.00) mm" in case.warnings[0] and "by 1.06 mm" in case.warnings[0]


def test_a_shift_by_whole_voxels_is_followed_and_warned_about(image: sitk.Image, mask: sitk.Image) -> None:
    shifted = sitk.Image(mask)
    shifted.SetOrigin(mask.TransformIndexToPhysicalPoint((3, 0, -1)))
    case = make_case(image, shifted)
    np.testing.assert_array_equal(voxels(case), np.roll(sitk.GetArrayFromImage(mask), (-1, 3), axis=(0, 2)))
    assert case.sources["mask"]["offset_mm"] == [2.93, 0.0, -3.0]
    assert "begins (2.93, 0.00, -3.00) mm from it" in case.warnings[0]


@settings(max_examples=20, deadline=None)
@given(
    degrees=st.tuples(*[st.integers(-30, 30)] * 3),
    shift=st.tuples(*[st.integers(-20, 20)] * 3),
    spacing=st.tuples(*[st.integers(7, 25)] * 3),
)
def test_any_other_grid_gives_what_nearest_neighbour_resampling_gives(
    degrees: tuple[int, ...], shift: tuple[int, ...], spacing: tuple[int, ...]
) -> None:
    image = phantoms.ct()
    small = sitk.Resample(
        phantoms.gtv(image), [16, 14, 9], sitk.Transform(), sitk.sitkNearestNeighbor, (-9, -110, -298)
    )
    rotation = sitk.Euler3DTransform()
    rotation.SetRotation(*np.radians(degrees))
    small.SetDirection(rotation.GetMatrix())
    small.SetSpacing([tenths / 10 for tenths in spacing])
    small.SetOrigin(np.add(image.TransformIndexToPhysicalPoint((16, 13, 4)), np.divide(shift, 10)))
    try:
        brought = voxels(make_case(image, small))
    except InputError as error:
        assume("outside the image" not in str(error))
        raise

    def resampled(nudge: float) -> np.ndarray:
        moved = sitk.Image(small)
        moved.SetOrigin(np.add(small.GetOrigin(), nudge * np.array([1.0, 0.7, 0.4])))
        return sitk.GetArrayFromImage(sitk.Resample(moved, image, sitk.Transform(), sitk.sitkNearestNeighbor))

    away_from_ties = resampled(2e-3) == resampled(-2e-3)
    np.testing.assert_array_equal(brought[away_from_ties], resampled(0)[away_from_ties])


@given(noise=st.tuples(*[st.floats(-2e-5, 2e-5)] * 3))
def test_ties_between_two_voxels_do_not_depend_on_the_noise_of_headers(noise: tuple[float, ...]) -> None:
    image = phantoms.ct(size=(24, 20, 8))
    half_way = sitk.Image(phantoms.gtv(image))
    half_way.SetOrigin(image.TransformContinuousIndexToPhysicalPoint([0.5, -0.5, 0.5]))
    noisy = sitk.Image(half_way)
    noisy.SetOrigin(np.add(half_way.GetOrigin(), noise))
    assert make_case(image, noisy).mask_sha256 == make_case(image, half_way).mask_sha256


def test_an_roi_partly_outside_the_image_is_refused_with_its_share(image: sitk.Image, mask: sitk.Image) -> None:
    array = sitk.GetArrayFromImage(mask)
    outside = int(array[:, :, :20].sum())
    expected = (
        rf"{100 * outside / array.sum():.1f} % of the ROI of .* \({outside} of {array.sum()} voxels\) lies outside"
    )
    with pytest.raises(InputError, match=expected):
        make_case(image[20:, :, :], mask)
    shifted = sitk.Image(mask)
    shifted.SetOrigin(np.add(mask.GetOrigin(), (0.2, 0, 0)))
    with pytest.raises(InputError, match=expected):
        make_case(image[20:, :, :], shifted)


@pytest.mark.parametrize("shift", [(500.0, 0.0, 0.0), (0.0, 0.0, 300.3)])
def test_a_mask_that_does_not_overlap_the_image_is_refused(
    image: sitk.Image, mask: sitk.Image, shift: tuple[float, ...]
) -> None:
    elsewhere = sitk.Image(mask)
    elsewhere.SetOrigin(np.add(mask.GetOrigin(), shift))
    with pytest.raises(InputError, match=r"does not overlap the image.*same patient"):
        make_case(image, elsewhere)


def test_an_roi_lost_between_the_ct_voxels_is_refused(image: sitk.Image) -> None:
    speck = sitk.Image([3, 3, 3], sitk.sitkUInt8)
    speck[1, 1, 1] = 1
    speck.SetSpacing((0.1, 0.1, 0.1))
    speck.SetOrigin(image.TransformContinuousIndexToPhysicalPoint([20.3, 20.3, 8.3]))
    with pytest.raises(InputError, match="falls between the voxels"):
        make_case(image, speck)


# Slicer segmentations


@pytest.fixture
def segmentation(image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> Path:
    """CT and a .seg.nrrd whose CTV overlaps GTV and lumen, as in Slicer two layers."""
    sitk.WriteImage(image, tmp_path / "ct.nrrd")
    gtv = sitk.GetArrayFromImage(mask)
    gtv[gtv.astype(bool) & (sitk.GetArrayFromImage(image) < -500)] = 2
    ctv = sitk.GetArrayFromImage(sitk.BinaryDilate(mask, (2, 2, 1)))
    return phantoms.write_slicer_segmentation(tmp_path / "drawn.seg.nrrd", image, np.stack([gtv, ctv]), SEGMENTS)


@pytest.mark.parametrize("chosen", ["GTV", "Segment_1", "gt*"])
def test_a_segment_is_chosen_by_name_id_or_pattern(segmentation: Path, chosen: str) -> None:
    case = load_case(segmentation.parent / "ct.nrrd", segmentation, segment=chosen)
    inside = sitk.GetArrayFromImage(case.image)[voxels(case) == 1]
    assert inside.min() > -500
    assert case.sources["mask"]["segment"] == "GTV"


def test_overlapping_segments_are_read_from_their_layers(segmentation: Path, mask: sitk.Image) -> None:
    parts = {
        name: voxels(load_case(segmentation.parent / "ct.nrrd", segmentation, segment=name))
        for name in ("GTV", "lumen", "CTV")
    }
    np.testing.assert_array_equal(parts["GTV"] + parts["lumen"], sitk.GetArrayFromImage(mask))
    np.testing.assert_array_equal(parts["CTV"], sitk.GetArrayFromImage(sitk.BinaryDilate(mask, (2, 2, 1))))


def test_segments_are_listed_where_none_or_an_unknown_one_is_chosen(segmentation: Path) -> None:
    assert list_rois(segmentation) == ["GTV", "lumen", "CTV"]
    ct = segmentation.parent / "ct.nrrd"
    with pytest.raises(InputError, match=r"drawn\.seg\.nrrd holds 3 segments: “GTV”, “lumen”, “CTV”. Choose"):
        load_case(ct, segmentation)
    with pytest.raises(InputError, match=r"has no segment “PTV”. There are: “GTV”, “lumen”, “CTV”"):
        load_case(ct, segmentation, segment="PTV")
    with pytest.raises(InputError, match=r"“\*TV” fits 2 segments of .*: “GTV” \(Segment_1\), “CTV” \(Segment_3\)"):
        load_case(ct, segmentation, segment="*TV")
    with pytest.raises(InputError, match=r"The label “1” cannot be looked up in .*by segment"):
        load_case(ct, segmentation, label=1)


def test_the_only_segment_needs_no_choice_and_the_name_of_the_file_does_not_matter(
    image: sitk.Image, mask: sitk.Image, tmp_path: Path
) -> None:
    sitk.WriteImage(image, tmp_path / "ct.nrrd")
    layers = 3 * sitk.GetArrayFromImage(mask)[None]
    file = phantoms.write_slicer_segmentation(tmp_path / "drawn.nrrd", image, layers, [("S", "tumour", 3, 0)])
    np.testing.assert_array_equal(voxels(load_case(tmp_path / "ct.nrrd", file)), sitk.GetArrayFromImage(mask))


def test_an_empty_segment_is_refused(image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> None:
    sitk.WriteImage(image, tmp_path / "ct.nrrd")
    layers = sitk.GetArrayFromImage(mask)[None]
    segments = [("A", "GTV", 1, 0), ("B", "node", 2, 0)]
    file = phantoms.write_slicer_segmentation(tmp_path / "drawn.seg.nrrd", image, layers, segments)
    with pytest.raises(InputError, match=r"The segment “node” of .*drawn\.seg\.nrrd is empty"):
        load_case(tmp_path / "ct.nrrd", file, segment="node")


def test_a_segment_in_a_layer_that_is_not_there_is_refused(image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> None:
    layers = sitk.GetArrayFromImage(mask)[None]
    file = phantoms.write_slicer_segmentation(tmp_path / "drawn.seg.nrrd", image, layers, [("A", "GTV", 1, 4)])
    with pytest.raises(InputError, match=r"drawn\.seg\.nrrd is damaged: its segment 0 is label 1 of layer 4"):
        list_rois(file)
