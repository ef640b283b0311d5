"""ROIs of an RTSTRUCT: even-odd fill at voxel centres, choosing by name, and contours that do not fit the CT."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dicom_factory
import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from dicom_factory import contours_of, points_mm
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon
from pydicom import dcmread

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import Case, load_case
from EsoRadiomicsLib.imaging.contour_fill import fill
from EsoRadiomicsLib.imaging.read_mask import list_rois


@pytest.fixture(scope="module")
def image() -> sitk.Image:
    return phantoms.ct()


@pytest.fixture(scope="module")
def mask(image: sitk.Image) -> sitk.Image:
    return phantoms.gtv(image)


@pytest.fixture(scope="module")
def series(image: sitk.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dicom_factory.write_ct(tmp_path_factory.mktemp("series"), image)


ABOVE = np.array([0, 0, 1.2])
Load = Callable[..., Case]


@pytest.fixture
def load(series: Path, tmp_path: Path) -> Load:
    """``load(rois, roi=…)``: writes an RTSTRUCT of contours in mm and reads the case."""

    def load_with(rois: Mapping[str, Sequence[np.ndarray]], *, roi: str | None = None, **written: Any) -> Case:
        return load_case(series, dicom_factory.write_rtstruct(tmp_path / "rs.dcm", rois, **written), roi=roi)

    return load_with


def voxels(case: Case) -> np.ndarray:
    return sitk.GetArrayFromImage(case.mask)


def filled(grid: sitk.Image, *polygons: Any, z: float = 5, xor: bool = False) -> np.ndarray:
    """Slice 5 of the fill of polygons given in voxel coordinates (x, y)."""
    contours = [points_mm(grid, [(x, y, z) for x, y in polygon]) for polygon in polygons]
    return sitk.GetArrayFromImage(fill(contours, grid, "ROI", "CT", xor=xor).image)[5]


def square(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (high, low), (high, high), (low, high)]


# Fill


@pytest.mark.parametrize("folder", ["ibsi_ct_phantom", "sts/STS_001", "sts/STS_002", "sts/STS_008"])
def test_the_fill_equals_the_reference_masks_of_real_patients(shared_data: Path, folder: str) -> None:
    patient = shared_data / folder
    case = load_case(patient / "dicom" / "image", patient / "dicom" / "mask")
    reference = sitk.GetArrayFromImage(sitk.ReadImage(patient / "mask.nii.gz"))
    assert np.count_nonzero(voxels(case) != reference) == 0


def test_the_volume_of_a_planning_ct_s_roi_is_the_area_of_its_contours(shared_data: Path) -> None:
    from pydicom import dcmread

    folder = shared_data / "lung1_002" / "dicom"
    structures = dcmread(folder / "1.dcm")
    numbers = {item.ROIName: item.ROINumber for item in structures.StructureSetROISequence}
    case = load_case(folder, folder, roi="heart")
    area = 0.0
    for item in structures.ROIContourSequence:
        if item.ReferencedROINumber == numbers["Heart"]:
            for contour in item.ContourSequence:
                x, y, _ = np.reshape(contour.ContourData, (-1, 3)).astype(float).T
                area += abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
    assert voxels(case).sum() * np.prod(case.image.GetSpacing()) == pytest.approx(3 * area, rel=0.002)


def test_a_mask_drawn_as_contours_comes_back_exactly(load: Load, mask: sitk.Image) -> None:
    case = load({"GTV": contours_of(mask)})
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))
    assert case.warnings == ()


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), corners=st.integers(3, 12), polygons=st.integers(1, 4))
def test_any_xor_polygons_fill_where_an_odd_number_of_them_holds_the_centre(
    seed: int, corners: int, polygons: int
) -> None:
    rng = np.random.default_rng(seed)
    shapes = [rng.uniform([0, 0], [47, 39], (corners, 2)) for _ in range(polygons)]
    centres = np.stack(np.meshgrid(np.arange(48), np.arange(40)), axis=-1).reshape(-1, 2)
    # Centres within 1e-4 voxels of an edge are ties, which matplotlib breaks in its own way.
    odd, *nudged = (
        np.sum([Polygon(shape, closed=False).contains_points(centres + nudge) for shape in shapes], axis=0) % 2
        for nudge in ((0, 0), (2e-4, 0), (-2e-4, 0), (0, 2e-4), (0, -2e-4))
    )
    clear = (np.array(nudged) == odd).all(axis=0).reshape(40, 48)
    if odd[clear.ravel()].any():
        np.testing.assert_array_equal(filled(phantoms.ct(), *shapes, xor=True)[clear], odd.reshape(40, 48)[clear])


def test_a_contour_inside_another_cuts_a_hole(image: sitk.Image) -> None:
    ring = filled(image, square(9.5, 19.5), square(12.5, 16.5))
    assert ring.sum() == 10 * 10 - 4 * 4
    assert ring[14, 14] == 0


def test_a_keyhole_contour_equals_a_hole(image: sitk.Image) -> None:
    outer, inner = square(9.5, 19.5), square(12.5, 16.5)
    keyhole = [*outer, outer[0], *inner, inner[0]]
    np.testing.assert_array_equal(filled(image, keyhole), filled(image, outer, inner))


def test_polygons_that_share_an_edge_share_no_voxel_and_leave_none_out(image: sitk.Image) -> None:
    low, high = [(5, 5), (30, 5), (5, 30)], [(30, 5), (30, 30), (5, 30)]  # along a diagonal of voxel centres
    lower, upper = filled(image, low), filled(image, high)
    assert not (lower & upper).any()
    np.testing.assert_array_equal(lower | upper, filled(image, square(5, 30)))
    assert filled(image, square(5, 30)).sum() == 25 * 25


def test_direction_and_first_point_of_a_contour_do_not_matter(image: sitk.Image) -> None:
    polygon = [(4, 5), (30.2, 7), (25, 33), (16, 12), (6, 29.7)]
    np.testing.assert_array_equal(filled(image, polygon[::-1]), filled(image, polygon))
    np.testing.assert_array_equal(filled(image, polygon[2:] + polygon[:2]), filled(image, polygon))


@given(noise=st.tuples(*[st.floats(-3e-5, 3e-5)] * 3))
def test_contours_through_voxel_centres_do_not_depend_on_the_noise_of_headers(noise: tuple[float, ...]) -> None:
    image = phantoms.ct()
    contour = points_mm(image, [(x, y, 5) for x, y in [(4, 5), (30, 5), (30, 20), (19, 31), (4, 16)]])
    noisy = sitk.Image(image)
    noisy.SetOrigin(np.add(image.GetOrigin(), noise))
    clean, other = (sitk.GetArrayFromImage(fill([contour], grid, "ROI", "CT").image) for grid in (image, noisy))
    np.testing.assert_array_equal(other, clean)


@pytest.mark.parametrize("orientation", ["PSL", "LSA", "RPS"])
def test_contours_on_sagittal_and_coronal_slices_are_filled(
    image: sitk.Image, mask: sitk.Image, tmp_path: Path, orientation: str
) -> None:
    folder = dicom_factory.write_ct(tmp_path / "ct", sitk.DICOMOrient(image, orientation))
    contours = contours_of(sitk.DICOMOrient(mask, orientation))
    case = load_case(folder, dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours}))
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))


def test_contours_of_an_oblique_series_are_filled(image: sitk.Image, mask: sitk.Image, tmp_path: Path) -> None:
    rotation = sitk.Euler3DTransform()
    rotation.SetRotation(0.2, -0.1, 0.3)
    oblique, drawn = sitk.Image(image), sitk.Image(mask)
    for part in (oblique, drawn):
        part.SetDirection(rotation.GetMatrix())
    folder = dicom_factory.write_ct(tmp_path / "ct", oblique)
    case = load_case(folder, dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours_of(drawn)}))
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))


# Choosing the ROI


def test_an_roi_is_chosen_by_name_number_or_pattern(load: Load, mask: sitk.Image) -> None:
    rois = {"Heart": [points_mm(mask, [(3, 3, 2), (8, 3, 2), (8, 8, 2)])], "GTV-1": contours_of(mask)}
    for chosen in ("GTV-1", "gtv*", "2", "g?v-1"):
        case = load(rois, roi=chosen)
        assert case.sources["mask"]["roi"] == "GTV-1"
        np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))


def test_an_exact_name_wins_over_a_pattern(load: Load, mask: sitk.Image) -> None:
    rois = {"GTV*": contours_of(mask), "GTV-2": contours_of(mask)}
    assert load(rois, roi="GTV*").sources["mask"]["roi"] == "GTV*"


def test_the_rois_are_listed_where_none_or_an_unknown_one_is_chosen(
    load: Load, mask: sitk.Image, tmp_path: Path
) -> None:
    rois = {"GTV-1": contours_of(mask), "GTV-2": contours_of(mask), "Isocenter": [points_mm(mask, [(3, 3, 3)])]}
    with pytest.raises(InputError, match=r"rs\.dcm holds 3 ROIs: “GTV-1”, “GTV-2”, “Isocenter”. Choose the ROI"):
        load(rois)
    with pytest.raises(InputError, match=r"rs\.dcm has no ROI “PTV”. There are: “GTV-1”, “GTV-2”, “Isocenter”"):
        load(rois, roi="PTV")
    with pytest.raises(InputError, match=r"“GTV\*” fits 2 ROIs of .*: “GTV-1” \(1\), “GTV-2” \(2\)"):
        load(rois, roi="GTV*")
    with pytest.raises(InputError, match=r"The label “1” cannot be looked up in .*rs\.dcm: .* chosen from by roi"):
        load_case(tmp_path / "ct", tmp_path / "rs.dcm", label=1)


def test_points_are_no_rois_to_choose_from(load: Load, mask: sitk.Image, tmp_path: Path) -> None:
    rois = {"GTV": contours_of(mask), "Isocenter": [points_mm(mask, [(3, 3, 3)])], "empty": []}
    case = load(rois, kinds={"Isocenter": "POINT"})
    assert case.sources["mask"]["roi"] == "GTV"
    assert list_rois(tmp_path / "rs.dcm") == ["GTV"]
    for name in ("Isocenter", "empty"):
        with pytest.raises(InputError, match=f"In .* “{name}” has no closed contour"):
            load(rois, kinds={"Isocenter": "POINT"}, roi=name)


# Contours that do not fit


def test_open_and_tilted_and_two_point_contours_are_left_out_with_a_warning(
    series: Path, load: Load, image: sitk.Image, mask: sitk.Image, tmp_path: Path
) -> None:
    tilted = points_mm(image, [(3, 3, 2), (8, 3, 3), (8, 8, 2)])
    line = points_mm(image, [(3, 3, 2), (8, 3, 2)])
    case = load({"GTV": [*contours_of(mask), tilted, line]})
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))
    assert "2 contours of the ROI had fewer than three points or did not lie in one slice" in case.warnings[0]

    from pydicom import dcmread

    structures = dcmread(tmp_path / "rs.dcm")
    structures.ROIContourSequence[0].ContourSequence[-1].ContourGeometricType = "OPEN_PLANAR"
    structures.save_as(tmp_path / "rs.dcm")
    case = load_case(series, tmp_path / "rs.dcm")
    assert case.warnings[0] == "Of the ROI “GTV” these were left out: open contours (1)."


def test_contours_beside_the_slices_go_to_the_nearest_with_a_warning(load: Load, mask: sitk.Image) -> None:
    case = load({"GTV": [contour + ABOVE for contour in contours_of(mask)]})
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))
    assert "lie up to 1.20 mm beside the slices" in case.warnings[0]


def test_contours_on_finer_planes_than_the_slices_are_refused(load: Load, mask: sitk.Image) -> None:
    contours = contours_of(mask)
    with pytest.raises(InputError, match=r"“GTV” in .*rs\.dcm lie on finer planes than the slices"):
        load({"GTV": [*contours, *(contour + ABOVE for contour in contours)]})


def test_slices_without_a_contour_stay_empty_with_a_warning(load: Load, mask: sitk.Image) -> None:
    every_second = [
        contour for contour in contours_of(mask) if mask.TransformPhysicalPointToIndex(contour[0].tolist())[2] % 2 == 0
    ]
    case = load({"GTV": every_second})
    assert not voxels(case)[1::2].any()
    assert "3 slices between the first and the last contour of the ROI have none" in case.warnings[0]


def test_contours_partly_outside_the_image_are_refused_with_their_share(load: Load, image: sitk.Image) -> None:
    box = points_mm(image, [(x, y, 5) for x, y in [(40.5, 9.5), (50.5, 9.5), (50.5, 19.5), (40.5, 19.5)]])
    with pytest.raises(InputError, match=r"30\.0 % of the ROI of “GTV” in .*rs\.dcm \(30 of 100 voxels\) lies outside"):
        load({"GTV": [box]})


@pytest.mark.parametrize(
    "place, message",
    [((60, 10, 5), "does not overlap"), ((1e6, 10, 5), "far outside"), ((10, 10, 25), "does not overlap")],
)
def test_contours_elsewhere_are_refused(load: Load, image: sitk.Image, place: tuple[float, ...], message: str) -> None:
    box = points_mm(image, np.add(place, [(0, 0, 0), (5, 0, 0), (5, 5, 0), (0, 5, 0)]))
    with pytest.raises(InputError, match=rf"“GTV” in .*rs\.dcm .*{message}|{message}.*same patient"):
        load({"GTV": [box]})


def test_an_roi_between_voxel_centres_is_refused(load: Load, image: sitk.Image) -> None:
    speck = points_mm(image, [(9.2, 9.2, 5), (9.4, 9.2, 5), (9.4, 9.4, 5)])
    with pytest.raises(InputError, match="holds no voxel centre"):
        load({"GTV": [speck]})


def test_an_rtstruct_of_another_frame_of_reference_is_refused(load: Load, mask: sitk.Image) -> None:
    with pytest.raises(InputError, match=r"rs\.dcm was drawn in another frame of reference than"):
        load({"GTV": contours_of(mask)}, frame="elsewhere")


def test_an_rtstruct_of_another_series_is_refused(load: Load, mask: sitk.Image) -> None:
    with pytest.raises(InputError, match=r"rs\.dcm was drawn on another series than .*Give the series"):
        load({"GTV": contours_of(mask)}, series="other")


def test_on_a_ct_that_is_not_dicom_the_user_is_told_to_check(
    image: sitk.Image, mask: sitk.Image, tmp_path: Path
) -> None:
    sitk.WriteImage(image, tmp_path / "ct.nrrd")
    file = dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours_of(mask)})
    case = load_case(tmp_path / "ct.nrrd", file)
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))
    assert case.warnings == (
        "The CT is not DICOM, so nothing tells whether the contours were drawn on it. Check that they fit.",
    )


# Files and folders


def test_the_rtstruct_may_lie_beside_the_slices(series: Path, mask: sitk.Image, tmp_path: Path) -> None:
    shutil.copytree(series, tmp_path / "patient")
    dicom_factory.write_rtstruct(tmp_path / "patient" / "a.dcm", {"GTV": contours_of(mask)})
    case = load_case(tmp_path / "patient", tmp_path / "patient")
    np.testing.assert_array_equal(voxels(case), sitk.GetArrayFromImage(mask))


def test_of_several_series_the_one_the_rtstruct_was_drawn_on_is_read(
    series: Path, image: sitk.Image, mask: sitk.Image, tmp_path: Path
) -> None:
    shutil.copytree(series, tmp_path / "ct")
    dicom_factory.write_ct(tmp_path / "other", image + 5, series="other")
    file = dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours_of(mask)}, series="other")
    case = load_case(tmp_path, file)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.image), sitk.GetArrayFromImage(image) + 5)


def test_a_folder_with_two_rtstructs_lists_them(series: Path, mask: sitk.Image, tmp_path: Path) -> None:
    for name in ("first.dcm", "second.dcm"):
        dicom_factory.write_rtstruct(tmp_path / name, {"GTV": contours_of(mask)})
    with pytest.raises(InputError, match=r"holds 2 masks: first\.dcm \(RTSTRUCT\), second\.dcm \(RTSTRUCT\)"):
        load_case(series, tmp_path)


def test_a_truncated_rtstruct_is_named(series: Path, mask: sitk.Image, tmp_path: Path) -> None:
    file = dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours_of(mask)})
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"rs\.dcm is damaged or not complete"):
        load_case(series, file)


def test_contour_data_that_are_not_triples_are_refused(series: Path, mask: sitk.Image, tmp_path: Path) -> None:
    file = dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": [*contours_of(mask), np.arange(7.0)]})
    with pytest.raises(InputError, match=r"rs\.dcm: contour 85 of the ROI “GTV” has 7 numbers"):
        load_case(series, file)


def test_a_contour_with_fewer_points_than_it_says_is_told(series: Path, mask: sitk.Image, tmp_path: Path) -> None:
    file = dicom_factory.write_rtstruct(tmp_path / "rt.dcm", {"GTV": dicom_factory.contours_of(mask)})
    assert not any("number of points" in warning for warning in load_case(series, file).warnings)
    dataset = dcmread(file)
    dataset.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = 40
    dataset.save_as(file)
    assert any("another number of points" in warning for warning in load_case(series, file).warnings)
