"""IBEX's features on small masks: values worked out by hand, what has no value and why, and names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from ibex_masks import CM, measured

from EsoRadiomicsLib.extraction.ibex.ibex_histogram import bin_probabilities, percentile, percentile_area
from EsoRadiomicsLib.extraction.ibex.ibex_measure import measure_ibex
from EsoRadiomicsLib.extraction.ibex.ibex_names import ibex_names, name_from_table, split_ibex_name
from EsoRadiomicsLib.extraction.ibex.ibex_settings import IbexSettings

SQUARE = [[1, 2, 2], [1, 1, 3], [2, 3, 3]]
"""Levels of a full 3 × 3 slice; rows run from the patient's front to the back."""


def of_square(mask: Any = None, **choices: Any) -> dict[str, float]:
    """Features of SQUARE, its levels as CT numbers 100, 200, 300."""
    inside = np.ones((1, 3, 3)) if mask is None else mask
    return measured(inside, np.array([SQUARE]) * 100.0 - 1000, gray_limits=(100, 300), gray_levels=3, **choices)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # 0°, pairs to the left neighbour's right: 12 22 | 11 13 | 23 33
        ("glcm25_0-1Contrast", (1 + 0 + 0 + 4 + 1 + 0) / 6),
        ("glcm25_0-1Dissimilarity", (1 + 0 + 0 + 2 + 1 + 0) / 6),
        ("glcm25_0-1Energy", 6 / 36),
        ("glcm25_0-1SumAverage", (3 + 4 + 2 + 4 + 5 + 6) / 6),
        ("glcm25_0-1InverseVariance", (1 + 1 / 4 + 1) / 6),
        ("glcm25_0-1AutoCorrelation", (2 + 4 + 1 + 3 + 6 + 9) / 6),
        # 90°, from a row to the one in front: 11 12 32 | 21 31 33
        ("glcm25_90-1Contrast", (0 + 1 + 1 + 1 + 4 + 0) / 6),
        # 45°, one to the front and one to the left: 12 12 | 21 33
        ("glcm25_45-1Contrast", 3 / 4),
        ("glcm25_45-1MaxProbability", 2 / 4),
        ("glcm25_45-1Entropy", 1.5),
        # 135°: 11 32 | 31 31
        ("glcm25_135-1Contrast", (0 + 1 + 4 + 4) / 4),
        ("glcm25_135-1Homogeneity", (1 + 1 / 2 + 1 / 3 + 1 / 3) / 4),
        ("glcm25_135-1InverseDiffNorm", (1 + 3 / 4 + 3 / 5 + 3 / 5) / 4),
        # Rows: 1 | 22 | 11 | 3 | 2 | 33
        ("glrlm25_0RunPercentage", 6 / 9),
        ("glrlm25_0LongRunEmphasis", (1 + 4 + 4 + 1 + 1 + 4) / 6),
        ("glrlm25_0HighGrayLevelRunEmpha", (1 + 4 + 1 + 9 + 4 + 9) / 6),
        ("glrlm25_0GrayLevelNonuniformity", (4 + 4 + 4) / 6),
        ("glrlm25_0RunLengthNonuniformity", (9 + 9) / 6),
        # Columns: 11 | 2 | 2 | 1 | 3 | 2 | 33
        ("glrlm25_90HighGrayLevelRunEmpha", (1 + 4 + 4 + 1 + 9 + 4 + 9) / 7),
        ("glrlm25_90ShortRunEmphasis", (5 + 2 / 4) / 7),
        ("glrlm25_90RunPercentage", 7 / 9),
    ],
)
def test_pairs_and_runs_of_a_square_are_those_counted_by_hand(name: str, expected: float) -> None:
    assert of_square()[name] == pytest.approx(expected, rel=1e-14)


def test_a_pair_counts_only_with_both_voxels_in_the_roi() -> None:
    mask = np.ones((1, 3, 3))
    mask[0, 1, 1] = 0  # leaves 12 22 | – – | 23 33 at 0°
    assert of_square(mask)["glcm25_0-1Contrast"] == pytest.approx((1 + 0 + 1 + 0) / 4)


def test_slices_are_counted_into_one_matrix() -> None:
    two = measured(
        np.ones((2, 1, 2)), np.array([[[0.0, 100]], [[0, 0]]]), gray_limits=(1000, 1100), gray_levels=2
    )  # pairs 12 and 11
    assert two["glcm25_0-1Contrast"] == pytest.approx(0.5)


def test_sum_variance_is_centred_on_the_sum_entropy() -> None:
    # 45° of the square: sums 3 (three times) and 6; entropy of ¾ and ¼.
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert of_square()["glcm25_45-1SumVariance"] == pytest.approx(0.75 * (3 - entropy) ** 2 + 0.25 * (6 - entropy) ** 2)


def test_later_builds_divide_nonuniformity_by_the_voxels() -> None:
    assert of_square(nonuniformity="per-run-and-voxel")["glrlm25_0GrayLevelNonuniformity"] == pytest.approx(12 / 6 / 9)


def slices(*pictures: str) -> np.ndarray:
    """Masks from drawings, rows from front to back: ``"#.#/###"``."""
    return np.array([[[c == "#" for c in row] for row in picture.split("/")] for picture in pictures])


@pytest.mark.parametrize(
    ("mask", "orientation", "roundness"),
    [
        (slices("####"), 0.0, 1 - math.sqrt(1 - 1 / 16)),  # moments 16/12 and 1/12
        (slices("#/#/#/#"), 90.0, 1 - math.sqrt(1 - 1 / 16)),
        (slices("..#/.#./#.."), 45.0, 1 - math.sqrt(1 - (1 / 12) / (4 / 3 + 1 / 12))),  # to the left and the front
        (slices("#../.#./..#"), -45.0, 1 - math.sqrt(1 - (1 / 12) / (4 / 3 + 1 / 12))),
        (slices("##/##"), 0.0, 1.0),
        # All components of a slice together: two voxels three apart, moments 9/4 + 1/12 and 1/12.
        (slices("#..#"), 0.0, 1 - math.sqrt(1 - (1 / 12) / (9 / 4 + 1 / 12))),
        # The plain mean of the slices' angles.
        (slices("####/..../..../....", "#.../#.../#.../#..."), 45.0, 1 - math.sqrt(1 - 1 / 16)),
    ],
)
def test_orientation_and_roundness_are_the_mean_of_the_slices_ellipses(
    mask: np.ndarray, orientation: float, roundness: float
) -> None:
    found = measured(mask)
    assert found["shape_Orientation"] == pytest.approx(orientation, abs=1e-12)
    assert found["shape_Roundness"] == pytest.approx(roundness, rel=1e-12)


def test_a_cube_of_27_voxels_has_the_shape_worked_out_by_hand() -> None:
    found = measured(np.ones((3, 3, 3)))
    # In each slice 8 edge voxels of ½ and one whole; 54 faces, of which Crofton's formula takes two thirds.
    volume, area = 15.0, 36.0
    assert found["shape_NumberOfVoxel"] == 15
    assert found["shape_Volume"] == pytest.approx(volume)
    assert found["shape_SurfaceArea"] == pytest.approx(area)
    assert found["shape_Compactness1"] == pytest.approx(volume / (math.sqrt(math.pi) * area ** (2 / 3)))
    assert found["shape_Compactness2"] == pytest.approx(36 * math.pi * volume**2 / area**3)
    assert found["shape_Sphericity"] == pytest.approx((math.pi * 36 * volume**2) ** (1 / 3) / area)
    assert found["shape_SphericalDisproportion"] == pytest.approx(area / (math.pi * 36 * volume**2) ** (1 / 3))
    assert found["shape_MeanBreadth"] == pytest.approx(3)
    assert found["shape_Max3DDiameter"] == pytest.approx(2 * math.sqrt(3))
    assert found["shape_ConvexHullVolume3D"] == pytest.approx(8)
    assert found["shape_ConvexHullVolume"] == pytest.approx(volume)
    assert found["shape_Convex"] == 1
    assert found["shape_NumberOfObjects"] == 1
    assert found["shape_SurfaceAreaDensity"] == 0  # all faces lie on the box
    assert found["shape_Mass"] == pytest.approx(27)  # whole voxels of water


def test_lengths_are_cm_and_pixels_may_be_of_any_size() -> None:
    found = measured(np.ones((2, 3, 4)), spacing_mm=(2.0, 4.0, 5.0))
    assert found["shape_VoxelSize"] == pytest.approx(0.04)
    assert found["shape_SurfaceArea"] == pytest.approx(2 / 3 * 2 * (0.8 * 1.2 + 0.8 * 1.0 + 1.2 * 1.0))
    assert found["shape_MeanBreadth"] == pytest.approx((0.8 + 1.2 + 1.0) / 3)
    assert found["shape_Max3DDiameter"] == pytest.approx(math.hypot(0.6, 0.8, 0.5))


def test_faces_inside_the_box_give_the_surface_density() -> None:
    mask = np.ones((3, 3, 3))
    mask[0, 0, 0] = 0
    assert measured(mask)["shape_SurfaceAreaDensity"] == pytest.approx(2 / 3 * 3 / 8)


def test_a_u_fills_seven_ninths_of_its_hull() -> None:
    found = measured(slices("#.#/#.#/###"))
    assert found["shape_Convex"] == pytest.approx(7 / 9)
    assert found["shape_ConvexHullVolume"] == pytest.approx(5)  # a full square: 8 halves and one whole


def test_objects_are_joined_by_corners_across_slices() -> None:
    assert measured(slices("#../.../..#", ".../.#./..."))["shape_NumberOfObjects"] == 1
    assert measured(slices("#../.../..#", ".../.../..#"))["shape_NumberOfObjects"] == 2


@pytest.mark.parametrize(
    ("hu", "density"), [(-1024, 0), (-1000, 0), (-853, 0.1455), (0, 1), (28, 1.0235), (1470, 1.75), (3000, 1.75)]
)
def test_mass_is_density_by_ct_number_times_volume(hu: float, density: float) -> None:
    found = measured(np.ones((1, 2, 2)), hu, spacing_mm=(5.0, 5.0, 10.0))
    assert found["shape_Mass"] == pytest.approx(4 * 0.25 * density)


def test_histogram_statistics_of_five_voxels_are_those_worked_out_by_hand() -> None:
    found = measured(np.ones((1, 1, 5)), np.array([1.0, 2, 3, 4, 10]))
    assert found["histogram_Range"] == 9
    assert found["histogram_InterQuartileRange"] == pytest.approx(5.5 - 1.75)  # MATLAB: 10, 30, 50, 70, 90 %
    assert found["histogram_MeanAbsoluteDeviation"] == pytest.approx((3 + 2 + 1 + 0 + 6) / 5)
    assert found["histogram_MedianAbsoluteDeviation"] == 1
    assert found["histogram_Kurtosis"] == pytest.approx((81 + 16 + 1 + 0 + 1296) / 5 / 10**2)
    assert found["histogram_Skewness"] == pytest.approx((-27 - 8 - 1 + 0 + 216) / 5 / 10**1.5)
    assert found["histogram_50Percentile"] == 1003


def test_percentiles_are_matlabs() -> None:
    values = np.array([1.0, 2, 3, 4])
    assert [percentile(values, percent) for percent in (5, 25, 50, 80, 95)] == pytest.approx([1, 1.5, 2.5, 3.7, 4])


def test_bins_hold_their_upper_border_and_ends_beyond_the_limits_are_left_out() -> None:
    values = np.array([-3.0, 8, 8, 9, 24, 50])
    centres, p = bin_probabilities(values, (0, 32), 2)
    # 8 and 24 lie half-way: they belong to the lower bin. Bins 0 and 32 also hold −3 and 50.
    assert centres.tolist() == [16]
    assert p.tolist() == pytest.approx([2 / 6])


def test_area_percentiles_are_linear_between_bin_centres_and_not_extrapolated() -> None:
    centres, p = np.array([0.0, 16, 32, 48]), np.array([0.2, 0.0, 0.3, 0.5])
    assert percentile_area(centres, p, 35) == pytest.approx(16)  # 20 % at the first of 0 and 16, 50 % at 32
    assert percentile_area(centres, p, 75) == pytest.approx(40)
    assert math.isnan(percentile_area(centres, p, 10))


def test_kurtosis_of_the_bins_is_another_number() -> None:
    values = np.arange(64.0).reshape(1, 8, 8)
    uniform = measured(np.ones((1, 8, 8)), values)["histogram_Kurtosis"]
    of_bins = measured(np.ones((1, 8, 8)), values, kurtosis="bin-probabilities")["histogram_Kurtosis"]
    assert uniform == pytest.approx(1.8, abs=0.01)
    assert of_bins > 20  # four or five of 257 bins are not empty


# --- What does not exist has a reason


def reasons(mask: np.ndarray, hu: Any = None) -> Mapping[str, str]:
    values = np.arange(mask.size, dtype=float).reshape(mask.shape) if hu is None else np.broadcast_to(hu, mask.shape)
    found = measure_ibex(values, mask.astype(bool), CM, IbexSettings(), ibex_names())
    assert all(math.isfinite(value) != bool(reason) for value, reason in found.values())
    return {name: reason for name, (_, reason) in found.items() if reason}


def test_an_roi_too_thin_for_an_offset_has_no_value_there() -> None:
    missing = reasons(np.ones((4, 3, 9)))
    assert {name.split("-")[0] for name in missing} == {"ibex_glcm25_45", "ibex_glcm25_90", "ibex_glcm25_135"}
    assert len(missing) == 22 * 3 * 2
    assert missing["ibex_glcm25_45-7Dissimilarity"] == "no two voxels of the ROI lie 7 apart at 45° in a slice"


def test_one_slice_has_texture_but_no_surface() -> None:
    missing = reasons(np.ones((1, 12, 12)))
    surfaces = {"SurfaceArea", "SurfaceAreaDensity", "Compactness1", "Compactness2", "Sphericity"}
    surfaces |= {"SphericalDisproportion", "MeanBreadth", "ConvexHullVolume3D"}
    assert {name.removeprefix("ibex_shape_") for name in missing} == surfaces
    assert set(missing.values()) == {"the ROI lies in one slice"}


def test_a_column_of_voxels_has_no_pairs_and_a_shape() -> None:
    mask = np.ones((6, 1, 1))
    missing = reasons(mask)
    assert all(name in missing for name in ibex_names(["glcm25"]))
    assert measured(mask)["shape_Roundness"] == 1
    assert missing["ibex_shape_ConvexHullVolume3D"] == "the ROI is flat"


def test_a_uniform_roi_has_no_correlation_and_no_kurtosis() -> None:
    missing = reasons(np.ones((3, 9, 9)), 40.0)
    assert missing["ibex_glcm25_0-1Correlation"] == "the ROI has one gray level there"
    assert missing["ibex_glcm25_0-1InformationMeasureCorr1"] == "the ROI has one gray level there"
    assert missing["ibex_histogram_Kurtosis"] == "all voxels of the ROI have one CT number"


def test_what_lies_beyond_the_gray_limits_gets_the_level_of_the_end() -> None:
    mask = np.ones((2, 8, 8))
    rng = np.random.default_rng(3)
    hu = rng.integers(-1000, 1100, mask.shape).astype(float)
    beyond = np.where(hu <= -950, -2000.0, np.where(hu >= 1080, 3000.0, hu))
    ends = np.where(hu <= -950, -1000.0, np.where(hu >= 1080, 1100.0, hu))
    textures = ibex_names(["glcm25", "glrlm25"])
    assert measure_ibex(beyond, mask > 0, CM, IbexSettings(), textures) == measure_ibex(
        ends, mask > 0, CM, IbexSettings(), textures
    )


# --- Names


def test_there_are_348_names_and_each_is_understood() -> None:
    names = ibex_names()
    assert len(names) == len(set(names)) == 348
    assert [len(ibex_names([c])) for c in ("glcm25", "glrlm25", "histogram", "shape")] == [264, 22, 44, 18]
    assert all(split_ibex_name(name) for name in names)


@pytest.mark.parametrize(
    "name",
    [
        "ibex_glcm25_45-7Kurtosis",
        "ibex_glcm25_30-7Contrast",
        "ibex_glcm25_45-0Contrast",
        "ibex_glrlm25_45LongRunEmphasis",
        "ibex_histogram_100Percentile",
        "ibex_histogram_0.25Quantile",
        "ibex_shape_Contrast",
        "original_shape_Sphericity",
        "",
    ],
)
def test_what_ibex_does_not_compute_is_no_name(name: str) -> None:
    assert split_ibex_name(name) is None


def test_headers_of_ibexs_tables_become_names() -> None:
    assert name_from_table("F3-GrayLevelCooccurenceMatrix25", "45-7Contrast") == "ibex_glcm25_45-7Contrast"
    assert name_from_table("F3-GrayLevelCooccurenceMatrix25", "-333-1Energy") == "ibex_glcm25_-333-1Energy"
    assert name_from_table("F2-IntensityHistogram", " 5PercentileArea") == "ibex_histogram_5PercentileArea"
    assert name_from_table("F5-IntensityDirect", "Kurtosis") is None


def test_the_wanted_few_have_the_bits_of_all() -> None:
    rng = np.random.default_rng(5)
    mask, hu = rng.random((4, 20, 20)) < 0.9, rng.normal(40, 30, (4, 20, 20))
    everything = measure_ibex(hu, mask, CM, IbexSettings(), ibex_names())
    few = ["ibex_shape_Mass", "ibex_glcm25_45-7InverseVariance", "ibex_glrlm25_90HighGrayLevelRunEmpha"]
    assert measure_ibex(hu, mask, CM, IbexSettings(), few) == {name: everything[name] for name in few}
