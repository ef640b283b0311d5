"""Segments of a DICOM SEG, as highdicom writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dicom_factory
import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from pydicom import Dataset, dcmread

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.imaging.read_mask import list_rois


@pytest.fixture(scope="module")
def image() -> sitk.Image:
    return phantoms.ct()


@pytest.fixture(scope="module")
def gtv(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(phantoms.gtv(image))


@pytest.fixture(scope="module")
def series(image: sitk.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dicom_factory.write_ct(tmp_path_factory.mktemp("series"), image)


@pytest.fixture(scope="module")
def seg(series: Path, gtv: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A binary SEG with the GTV and a CTV that overlaps it; frames without voxels are left out."""
    ctv = gtv | np.roll(gtv, 3, axis=2)
    return dicom_factory.write_seg(tmp_path_factory.mktemp("seg") / "seg.dcm", series, {"GTV": gtv, "CTV": ctv})


def voxels(image: Path, mask: Path, segment: str | None = None) -> np.ndarray:
    return sitk.GetArrayFromImage(load_case(image, mask, segment=segment).mask)


@pytest.mark.parametrize("chosen", ["GTV", "1", "gt*"])
def test_a_segment_is_chosen_by_label_number_or_pattern(series: Path, seg: Path, gtv: np.ndarray, chosen: str) -> None:
    np.testing.assert_array_equal(voxels(series, seg, chosen), gtv)


def test_overlapping_segments_are_kept_apart(series: Path, seg: Path, gtv: np.ndarray) -> None:
    np.testing.assert_array_equal(voxels(series, seg, "CTV"), gtv | np.roll(gtv, 3, axis=2))


def test_a_gap_between_two_parts_of_a_segment_stays_a_gap(series: Path, gtv: np.ndarray, tmp_path: Path) -> None:
    parts = gtv.copy()
    parts[6:11] = 0
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", series, {"GTV": parts})
    np.testing.assert_array_equal(voxels(series, file), parts)


def test_a_segment_in_one_slice_is_read(series: Path, gtv: np.ndarray, tmp_path: Path) -> None:
    one = np.zeros_like(gtv)
    one[8] = gtv[8]
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", series, {"GTV": one})
    np.testing.assert_array_equal(voxels(series, file), one)


def test_a_labelmap_seg_is_read(series: Path, gtv: np.ndarray, tmp_path: Path) -> None:
    rest = np.roll(gtv, 20, axis=2) & ~gtv
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", series, {"GTV": gtv, "node": rest}, "LABELMAP")
    assert list_rois(file) == ["GTV", "node"]
    np.testing.assert_array_equal(voxels(series, file, "GTV"), gtv)
    np.testing.assert_array_equal(voxels(series, file, "node"), rest)


def test_of_a_fractional_seg_one_half_and_more_are_taken_with_a_warning(
    series: Path, gtv: np.ndarray, tmp_path: Path
) -> None:
    probability = np.where(gtv == 1, np.linspace(0.3, 1, 16)[:, None, None], 0.1)
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", series, {"GTV": probability}, "FRACTIONAL")
    case = load_case(series, file)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.mask), probability >= 0.5)
    assert "fractional; voxels of at least one half were taken" in case.warnings[0]
    assert case.sources["mask"]["type"] == "FRACTIONAL"


@pytest.mark.parametrize(
    ("share", "most", "told"), [(0.3, 255, "reaches one half"), (1, 0, "is 0"), (1, 1, "up to 255")]
)
def test_a_fractional_seg_without_halves_or_with_another_whole_is_refused(
    series: Path, gtv: np.ndarray, tmp_path: Path, share: float, most: int, told: str
) -> None:
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", series, {"GTV": gtv * share}, "FRACTIONAL")
    dataset = dcmread(file)
    dataset.MaximumFractionalValue = most
    dataset.save_as(file)
    with pytest.raises(InputError, match=told):
        load_case(series, file)


@pytest.mark.parametrize("orientation", ["PSL", "RAI"])
def test_a_seg_of_slices_in_another_orientation_is_read(
    image: sitk.Image, gtv: np.ndarray, tmp_path: Path, orientation: str
) -> None:
    turned, drawn = (sitk.DICOMOrient(part, orientation) for part in (image, phantoms.gtv(image)))
    folder = dicom_factory.write_ct(tmp_path / "ct", turned)
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", folder, {"GTV": sitk.GetArrayFromImage(drawn)})
    np.testing.assert_array_equal(voxels(folder, file), gtv)


def test_a_seg_on_a_ct_that_is_not_dicom_is_read_with_a_warning(
    image: sitk.Image, seg: Path, gtv: np.ndarray, tmp_path: Path
) -> None:
    sitk.WriteImage(image, tmp_path / "ct.nii.gz")
    case = load_case(tmp_path / "ct.nii.gz", seg, segment="GTV")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.mask), gtv)
    assert "not DICOM" in case.warnings[0]


def test_segments_are_listed_where_none_or_an_unknown_one_is_chosen(series: Path, seg: Path) -> None:
    assert list_rois(seg) == ["GTV", "CTV"]
    with pytest.raises(InputError, match=r"seg\.dcm holds 2 segments: “GTV”, “CTV”. Choose the segment"):
        load_case(series, seg)
    with pytest.raises(InputError, match=r"seg\.dcm has no segment “PTV”. There are: “GTV”, “CTV”"):
        load_case(series, seg, segment="PTV")
    with pytest.raises(InputError, match=r"The roi “GTV” cannot be looked up in .*by segment"):
        load_case(series, seg, roi="GTV")


def test_a_seg_of_another_series_or_frame_of_reference_is_refused(image: sitk.Image, seg: Path, tmp_path: Path) -> None:
    other = dicom_factory.write_ct(tmp_path / "other", image, series="other")
    with pytest.raises(InputError, match=r"seg\.dcm was drawn on another series"):
        load_case(other, seg, segment="GTV")
    moved = dicom_factory.write_ct(tmp_path / "moved", image, frame="elsewhere")
    with pytest.raises(InputError, match=r"seg\.dcm was drawn in another frame of reference"):
        load_case(moved, seg, segment="GTV")


def test_an_empty_segment_is_refused(series: Path, seg: Path, tmp_path: Path) -> None:
    dataset = dcmread(seg)
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 2
    dataset.save_as(tmp_path / "seg.dcm")
    with pytest.raises(InputError, match=r"The segment “GTV” of .* is empty"):
        load_case(series, tmp_path / "seg.dcm", segment="GTV")


def test_a_truncated_seg_is_named(series: Path, seg: Path, tmp_path: Path) -> None:
    content = seg.read_bytes()
    for length in (len(content) - 900, 3000):
        (tmp_path / "seg.dcm").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"seg\.dcm (is damaged or not complete|holds 0 segments)"):
            load_case(series, tmp_path / "seg.dcm", segment="CTV")


def changed(seg: Path, folder: Path, change: Callable[[Dataset], None]) -> Path:
    dataset = dcmread(seg)
    change(dataset)
    dataset.save_as(folder / "changed.dcm")
    return folder / "changed.dcm"


def a_frame_without_description(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[-1]


def two_frames_at_one_place(dataset: Dataset) -> None:
    first, second, *_ = dataset.PerFrameFunctionalGroupsSequence
    second.PlanePositionSequence = first.PlanePositionSequence


def slices_of_nothing(dataset: Dataset) -> None:
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = "1e-9"


def pixels_of_nothing(dataset: Dataset) -> None:
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = ["0", "0"]


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (a_frame_without_description, "describes .* frames and holds"),
        (two_frames_at_one_place, "at the same place"),
        (slices_of_nothing, "spread over"),
        (pixels_of_nothing, "not of finite numbers"),
    ],
)
def test_a_seg_that_would_lose_slices_is_refused(
    kind: str, change: Callable[[Dataset], None], told: str, series: Path, gtv: np.ndarray, tmp_path: Path
) -> None:
    file = dicom_factory.write_seg(tmp_path / "seg.dcm", series, {"GTV": gtv}, kind)
    with pytest.raises(InputError, match=told):
        voxels(series, changed(file, tmp_path, change), "GTV")
