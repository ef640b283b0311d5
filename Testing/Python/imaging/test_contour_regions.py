"""Contours of a slice against shapely: random polygons, holes, islands, repeats, overlaps, orientation and storage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dicom_factory
import numpy as np
import phantoms
import pytest
import shapely
import SimpleITK as sitk
from dicom_factory import contours_of, points_mm
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import Case, load_case
from EsoRadiomicsLib.imaging.contour_fill import Filled, fill
from EsoRadiomicsLib.imaging.read_mask import list_rois, open_mask

GRID = phantoms.ct()
CLEAR = 0.02
"""Centres nearer to a boundary than this (in voxels) are not asked: which side they are on is a convention."""


def star(rng: np.random.Generator, centre: Sequence[float], low: float, high: float, corners: int) -> np.ndarray:
    """A polygon that does not cross itself: corners at random distances around a centre."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners)) + np.arange(corners) * 1e-3
    radii = rng.uniform(low, high, corners)
    return np.column_stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)])


def filled(*polygons: np.ndarray, xor: bool = False) -> Filled:
    contours = [points_mm(GRID, [(x, y, 5.0) for x, y in polygon]) for polygon in polygons]
    return fill(contours, GRID, "ROI", "CT", xor=xor)


def assert_is(region: shapely.Geometry, found: Filled) -> None:
    """The mask's voxels in slice 5 are the centres inside ``region``, away from its boundary."""
    width, height, _ = GRID.GetSize()
    centres = shapely.points(*np.meshgrid(np.arange(width), np.arange(height)))
    wanted = shapely.contains(region, centres)
    clear = shapely.distance(region.boundary, centres) > CLEAR
    array = sitk.GetArrayFromImage(found.image)
    np.testing.assert_array_equal(array[5][clear], wanted[clear].astype(np.uint8))
    assert not array[[0, 1, 2, 3, 4, 6, 7]].any()


def told(found: Filled, what: str) -> bool:
    return any(what in warning for warning in found.warnings)


seeds = st.integers(0, 2**32)


@settings(deadline=None, max_examples=60)
@given(seed=seeds, corners=st.integers(5, 40), backwards=st.booleans(), first=st.integers(0, 39), closed=st.booleans())
def test_a_polygon_is_filled_however_it_is_stored(
    seed: int, corners: int, backwards: bool, first: int, closed: bool
) -> None:
    polygon = star(np.random.default_rng(seed), (22.3, 18.6), 4, 14, corners)
    stored = np.roll(polygon[::-1] if backwards else polygon, first, axis=0)
    found = filled(np.vstack([stored, stored[:1]]) if closed else stored)
    assert_is(shapely.Polygon(polygon), found)
    assert not found.warnings


@settings(deadline=None, max_examples=60)
@given(seed=seeds, copies=st.integers(2, 6), noise=st.floats(0, 0.02), hole=st.booleans(), xor=st.booleans())
def test_contours_that_are_there_several_times_count_once(
    seed: int, copies: int, noise: float, hole: bool, xor: bool
) -> None:
    rng = np.random.default_rng(seed)
    outer = star(rng, (22.3, 18.6), 9, 14, 30)
    inner = star(rng, (22.3, 18.6), 2, 5, 12)
    rings = [outer, inner] if hole else [outer]
    jittered = [ring + rng.uniform(-noise, noise, ring.shape) for ring in rings for _ in range(copies - 1)]
    found = filled(*rings, *jittered, xor=xor)
    region = shapely.Polygon(outer).difference(shapely.Polygon(inner)) if hole else shapely.Polygon(outer)
    assert_is(region.buffer(0), found)
    assert told(found, "z = -295.0 mm); each was counted once")


@settings(deadline=None, max_examples=60)
@given(seed=seeds, islands=st.integers(0, 3), swapped=st.booleans())
def test_contours_inside_contours_are_holes_and_islands_in_them(seed: int, islands: int, swapped: bool) -> None:
    rng = np.random.default_rng(seed)
    outer, hole = star(rng, (22.3, 18.6), 14, 17, 40), star(rng, (22.3, 18.6), 9, 12, 40)
    places = [(22.3, 14.4), (18.4, 21.5), (26.6, 21.2)][:islands]
    inner = [star(rng, place, 1.5, 2.6, 12) for place in places]
    rings = [outer, hole, *inner]
    found = filled(*(rings[::-1] if swapped else rings))
    region = shapely.Polygon(outer).difference(shapely.Polygon(hole))
    assert_is(shapely.union_all([region, *map(shapely.Polygon, inner)]), found)
    assert not found.warnings


@settings(deadline=None, max_examples=60)
@given(seed=seeds, apart=st.floats(6, 14))
def test_contours_that_overlap_partly_are_united_and_the_user_is_told(seed: int, apart: float) -> None:
    rng = np.random.default_rng(seed)
    one, other = (star(rng, (x, 18.6), 8, 10, 24) for x in (14.3, 14.3 + apart))
    found = filled(one, other)
    assert_is(shapely.union(shapely.Polygon(one), shapely.Polygon(other)), found)
    assert told(found, "overlap partly in 1 slice (z = ")
    assert_is(shapely.symmetric_difference(shapely.Polygon(one), shapely.Polygon(other)), filled(one, other, xor=True))


@settings(deadline=None, max_examples=30)
@given(seed=seeds, turns=st.integers(2, 5))
def test_a_contour_that_goes_round_several_times_is_filled(seed: int, turns: int) -> None:
    polygon = star(np.random.default_rng(seed), (22.3, 18.6), 6, 14, 20)
    again = np.tile(polygon, (turns, 1))
    for path in (again, np.vstack([again, polygon[:1]]), np.tile(np.vstack([polygon, polygon[:1]]), (turns, 1))):
        assert_is(shapely.Polygon(polygon), filled(path))


def box(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (high, low), (high, high), (low, high)]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_keyhole_s_hole_is_one_and_told_where_the_path_goes_round_it_twice(backwards: bool) -> None:
    outer, inner = box(5.5, 25.5), box(10.5, 20.5)
    inner = [inner[0], *inner[:0:-1]] if backwards else inner
    found = filled(np.array([*outer, outer[0], *inner, inner[0]]))
    assert_is(shapely.Polygon(outer, [inner]), found)
    volume = 300 * float(np.prod(GRID.GetSpacing())) / 1000
    assert found.account["volume_of_contours_cm3"] == pytest.approx(volume, abs=1e-3)
    assert told(found, "goes round a part of it twice in 1 slice (z = -295.0 mm)") is not backwards


@settings(deadline=None, max_examples=15)
@given(seed=seeds, turns=st.floats(1.3, 1.9))
def test_a_path_that_goes_on_beyond_its_beginning_is_told(seed: int, turns: float) -> None:
    """As a pen does that is not lifted in time: where it has been before, it is outside."""
    angles = np.linspace(0, 2 * np.pi * turns, 120)
    radii = np.linspace(10, 11, 120) + np.random.default_rng(seed).uniform(-0.1, 0.1, 120)
    assert told(filled(np.array([22.3, 18.6]) + (radii * [np.cos(angles), np.sin(angles)]).T), "twice in 1 slice")


@pytest.mark.parametrize(
    ("inner", "doubtful"),
    [(box(10.5, 15.5), False), (box(5.5, 10.5), True), (box(6.2, 24.8), True), (box(7, 24), False)],
)
def test_a_hole_along_the_border_of_what_it_is_cut_into_is_told(
    inner: list[tuple[float, float]], doubtful: bool
) -> None:
    """A part of an outline that is stored once more would else remove what was drawn."""
    outer = box(5.5, 25.5)
    found = filled(np.array(outer), np.array(inner))
    assert_is(shapely.Polygon(outer).difference(shapely.Polygon(inner)), found)
    assert told(found, "close along its border, in 1 slice (z = -295.0 mm)") is doubtful


@settings(deadline=None, max_examples=30)
@given(seed=seeds)
def test_the_volume_of_contours_is_that_of_their_region(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outer, hole = star(rng, (22.3, 18.6), 12, 17, 40), star(rng, (22.3, 18.6), 3, 8, 20)
    area = shapely.Polygon(outer).area - shapely.Polygon(hole).area
    volume = area * float(np.prod(GRID.GetSpacing())) / 1000
    assert filled(outer, hole).account["volume_of_contours_cm3"] == pytest.approx(volume, abs=1e-3)


def test_two_specks_beside_each_other_are_no_repeats() -> None:
    speck = np.array([(0.0, 0.0), (1.2, 0.0), (1.2, 0.3), (0.0, 0.3)])
    found = filled(speck + np.array([10.1, 9.9]), speck + np.array([12.9, 9.9]))
    assert sitk.GetArrayFromImage(found.image)[5, 10, [11, 13, 14]].tolist() == [1, 1, 1]
    assert not found.warnings


def test_a_slice_whose_contours_hold_no_voxel_is_named() -> None:
    speck = np.array([(9.2, 9.2), (9.4, 9.2), (9.4, 9.4)])
    square = np.array([(5.5, 5.5), (15.5, 5.5), (15.5, 15.5), (5.5, 15.5)])
    contours = [points_mm(GRID, [(x, y, z) for x, y in ring]) for z, ring in ((4.0, square), (5.0, speck))]
    found = fill(contours, GRID, "ROI", "CT")
    z = GRID.TransformIndexToPhysicalPoint((0, 0, 5))[2]
    assert told(found, f"1 slice of the ROI with contours hold none of its voxels (z = {z:.1f} mm)")


# Storage


@pytest.fixture(scope="module")
def mask() -> sitk.Image:
    return phantoms.gtv(GRID)


@pytest.fixture
def structures(mask: sitk.Image, tmp_path: Path) -> tuple[Path, Path]:
    """A DICOM series and an RTSTRUCT with the ROI “GTV”."""
    series = dicom_factory.write_ct(tmp_path / "ct", GRID)
    return series, dicom_factory.write_rtstruct(tmp_path / "rs.dcm", {"GTV": contours_of(mask)})


def changed(file: Path, change: Any) -> None:
    dataset = dcmread(file)
    change(dataset)
    dataset.save_as(file)


def voxels(case: Case) -> np.ndarray:
    return sitk.GetArrayFromImage(case.mask)


def first_contour(dataset: Dataset) -> Dataset:
    return dataset.ROIContourSequence[0].ContourSequence[0]


def test_contour_data_stored_as_unknown_bytes_are_read(structures: tuple[Path, Path], mask: sitk.Image) -> None:
    from pydicom.dataelem import DataElement

    def change(dataset: Dataset) -> None:
        contour = first_contour(dataset)
        points = np.reshape(contour.ContourData, (-1, 3)).astype(float)
        # Points on the edges change nothing and make the text longer than a short length can say.
        steps = np.linspace(0, 1, 1 + 20_000 // len(points), endpoint=False)[:, None]
        ends = np.roll(points, -1, axis=0)
        dense = np.concatenate([start + (end - start) * steps for start, end in zip(points, ends, strict=True)])
        text = "\\".join(f"{value:.6f}" for value in dense.ravel())
        assert len(text) > 65_534
        del contour.ContourData
        contour.add(DataElement("ContourData", "UN", text.encode() + b" " * (len(text) % 2)))

    changed(structures[1], change)
    np.testing.assert_array_equal(voxels(load_case(*structures)), sitk.GetArrayFromImage(mask))


def test_a_contour_without_points_is_left_out_with_a_word(structures: tuple[Path, Path], mask: sitk.Image) -> None:
    def change(dataset: Dataset) -> None:
        first_contour(dataset).ContourData = None

    changed(structures[1], change)
    case = load_case(*structures)
    assert "contours without points (1)" in case.warnings[0]
    assert 0 < voxels(case).sum() < sitk.GetArrayFromImage(mask).sum()


def test_a_name_with_a_backslash_is_one_name(structures: tuple[Path, Path], mask: sitk.Image) -> None:
    changed(structures[1], lambda dataset: setattr(dataset.StructureSetROISequence[0], "ROIName", "GTV\\1"))
    assert open_mask(structures[1]).names == ["GTV\\1"]
    np.testing.assert_array_equal(voxels(load_case(*structures, roi="GTV\\1")), sitk.GetArrayFromImage(mask))


@pytest.mark.parametrize("code", ["gb2312", "utf-8"])
def test_a_chinese_name_without_its_character_set_is_read(structures: tuple[Path, Path], code: str) -> None:
    changed(structures[1], lambda dataset: setattr(dataset.StructureSetROISequence[0], "ROIName", "XXXXXXXXXXXX"))
    name = "食管癌".encode(code)
    structures[1].write_bytes(structures[1].read_bytes().replace(b"X" * 12, name.ljust(12)))
    assert open_mask(structures[1]).names == ["食管癌"]
    for western in ("Ösophagus", "Größe"):
        changed(structures[1], lambda dataset, to=western: setattr(dataset.StructureSetROISequence[0], "ROIName", to))
        assert open_mask(structures[1]).names == [western]


def test_the_only_drawn_roi_beside_empty_ones_is_taken_with_a_word(
    structures: tuple[Path, Path], mask: sitk.Image, tmp_path: Path
) -> None:
    rois = {"GTV": [], "PTV": contours_of(mask)}
    file = dicom_factory.write_rtstruct(tmp_path / "two.dcm", rois)
    assert any("“PTV” was taken, the only ROI" in text for text in load_case(structures[0], file).warnings)
    assert not any("was taken" in text for text in load_case(structures[0], file, roi="PTV").warnings)


def test_a_separator_after_the_last_number_is_no_number(structures: tuple[Path, Path], mask: sitk.Image) -> None:
    def change(dataset: Dataset) -> None:
        contour = first_contour(dataset)
        text = "\\".join(map(str, contour.ContourData)) + "\\"
        tag = contour["ContourData"].tag
        contour._dict[tag] = RawDataElement(tag, "DS", len(text), text.encode(), 0, False, True)

    changed(structures[1], change)
    np.testing.assert_array_equal(voxels(load_case(*structures)), sitk.GetArrayFromImage(mask))


def test_what_a_structure_set_lacks_is_named(structures: tuple[Path, Path]) -> None:
    changed(structures[1], lambda dataset: delattr(dataset.StructureSetROISequence[0], "ROINumber"))
    with pytest.raises(InputError, match=r"not complete \(it has no ROINumber\)"):
        load_case(*structures)


def test_an_roi_that_is_there_but_empty_is_named(structures: tuple[Path, Path]) -> None:
    def change(dataset: Dataset) -> None:
        del dataset.ROIContourSequence[0].ContourSequence

    changed(structures[1], change)
    for read in (lambda: load_case(*structures), lambda: list_rois(structures[1])):
        with pytest.raises(InputError, match=r"no ROI with closed contours \(“GTV” has no closed contour\)"):
            read()


def test_contours_of_one_roi_in_two_items_are_all_taken(structures: tuple[Path, Path], mask: sitk.Image) -> None:
    from copy import deepcopy

    def change(dataset: Dataset) -> None:
        whole = dataset.ROIContourSequence[0]
        rest = deepcopy(whole)
        whole.ContourSequence, rest.ContourSequence = whole.ContourSequence[:3], rest.ContourSequence[3:]
        dataset.ROIContourSequence.append(rest)

    changed(structures[1], change)
    np.testing.assert_array_equal(voxels(load_case(*structures)), sitk.GetArrayFromImage(mask))


def test_two_rois_of_one_number_are_refused(tmp_path: Path, mask: sitk.Image) -> None:
    rois = {"GTV": contours_of(mask), "Heart": contours_of(mask)}
    file = dicom_factory.write_rtstruct(tmp_path / "rs.dcm", rois)
    changed(file, lambda dataset: setattr(dataset.StructureSetROISequence[1], "ROINumber", 1))
    with pytest.raises(InputError, match="“GTV”, “Heart” the same ROI number 1"):
        open_mask(file).find("GTV")


def test_a_real_lung_with_contours_stored_up_to_25_times_loses_no_slice(shared_data: Path) -> None:
    # TCIA NSCLC-Radiomics, LUNG1-002: the copies of each slice fill the same voxels, so their union is the truth.
    folder = shared_data / "lung1_002" / "dicom"
    case = load_case(folder, folder / "1.dcm", roi="Lung L")
    assert voxels(case).sum() == 686_332
    warning = next(text for text in case.warnings if "counted once" in text)
    for z in (-100.4, -49.4, -46.4, -43.4, -40.4, -37.4, -22.4, -13.4, -4.4, -1.4):
        assert f"z = {z:.1f} mm" in warning
