"""IBEX's features, recomputed: against IBEX's own results, IBSI, PyRadiomics, and values worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from ibex_example import IbexExample, read_examples
from ibex_masks import measured
from scipy import ndimage

from EsoRadiomicsLib.extraction.ibex.ibex_glcm import GLCM_FORMULAS, pair_matrix
from EsoRadiomicsLib.extraction.ibex.ibex_histogram import bin_probabilities, percentile_area
from EsoRadiomicsLib.extraction.ibex.ibex_levels import GrayLevels
from EsoRadiomicsLib.extraction.ibex.ibex_measure import measure_ibex
from EsoRadiomicsLib.extraction.ibex.ibex_names import name_from_table
from EsoRadiomicsLib.extraction.ibex.ibex_settings import IbexSettings


@pytest.fixture(scope="module")
def ct_examples(shared_data: Path) -> list[IbexExample]:
    return _examples(shared_data, "CT")


@pytest.fixture(scope="module")
def mr_examples(shared_data: Path) -> list[IbexExample]:
    return _examples(shared_data, "MR")


def _examples(shared_data: Path, modality: str) -> list[IbexExample]:
    if not (shared_data / "ibex_example").is_dir():
        pytest.skip("IBEX's example data are not there")
    return list(read_examples(shared_data / "ibex_example", modality))


def _compare(example: IbexExample, mask: np.ndarray, choices: IbexSettings, tolerance: float) -> int:
    """Compare every printed value of our categories; how many there were."""
    expected = {
        name: value for (upper, lower), value in example.results.items() if (name := name_from_table(upper, lower))
    }
    expected = {name: value for name, value in expected.items() if "Percentile" not in name and "Volume" not in name}
    spacing_mm = tuple(10 * cm for cm in example.spacing_cm)
    found = measure_ibex(example.ct - 1000, mask, spacing_mm, choices, expected)  # type: ignore[arg-type]
    assert {name: value for name, (value, _) in found.items()} == pytest.approx(expected, rel=tolerance)
    return len(expected)


def test_pairs_voxels_and_surface_of_the_ct_example_are_ibexs_own(ct_examples: list[IbexExample]) -> None:
    choices = IbexSettings(gray_limits=(850, 2000), gray_levels=115)
    for example in ct_examples:
        mask = example.mask & (example.ct >= 850) & (example.ct <= 2000)
        assert _compare(example, mask, choices, 1e-12) == 22


def test_pairs_at_three_offsets_with_adaptive_levels_are_ibexs_own(mr_examples: list[IbexExample]) -> None:
    for example in mr_examples:
        # IBEX adds 16 million squares one by one for its energy; 5e-12 is that sum's own rounding.
        assert _compare(example, example.mask, IbexSettings(adapt_limit_level=True), 5e-12) == 60


def test_intensity_statistics_of_the_ct_example_are_ibexs_own(ct_examples: list[IbexExample]) -> None:
    for example in ct_examples:
        mask = example.mask & (example.ct >= 850) & (example.ct <= 2000)
        found = measured(mask, example.ct - 1000)
        for feature in ("Kurtosis", "Range", "Skewness"):
            assert found[f"histogram_{feature}"] == pytest.approx(
                example.results["F4-IntensityDirect", feature], rel=1e-10
            )


def test_bins_of_the_ct_example_have_ibexs_own_entropy(ct_examples: list[IbexExample]) -> None:
    for example in ct_examples:
        values = example.ct[example.mask & (example.ct >= 850) & (example.ct <= 2000)]
        _, p = bin_probabilities(values, (850, 2000), 1150)
        p = p[p > 0]
        assert -(p * np.log2(p)).sum() == pytest.approx(
            example.results["F4-IntensityDirect", "GlobalEntropy"], rel=1e-12
        )


def test_volumes_are_ibexs_own_bit_for_bit_in_its_single_precision(
    ct_examples: list[IbexExample], mr_examples: list[IbexExample]
) -> None:
    for example in (*ct_examples, *mr_examples):
        spacing_mm = tuple(10 * cm for cm in example.spacing_cm)
        found = measured(example.mask, example.ct - 1000, spacing_mm)  # type: ignore[arg-type]
        assert np.float32(found["shape_Volume"]) == np.float32(example.volume_cm3)
    for example in ct_examples:
        mask = example.mask & (example.ct >= 850) & (example.ct <= 2000)
        found = measured(mask, example.ct - 1000, tuple(10 * cm for cm in example.spacing_cm))  # type: ignore[arg-type]
        assert np.float32(found["shape_Volume"]) == np.float32(example.results["F1-Shape", "Volume"])


def test_percentile_areas_of_the_mr_example_are_ibexs_own_to_a_fraction_of_a_bin(
    mr_examples: list[IbexExample],
) -> None:
    # IBEX halved the pixels before and filled the contours anew, by code of its own that is not public: the voxels are
    # not exactly these, but borders half a bin off would show.
    for example in mr_examples:
        halves = [(np.arange(2 * n) - 0.5) / 2 for n in example.ct.shape[1:]]
        at = np.meshgrid(np.arange(len(example.ct)), *halves, indexing="ij")
        fine = np.floor(ndimage.map_coordinates(example.ct, at, order=1, mode="nearest"))
        values = fine[example.mask.repeat(2, axis=1).repeat(2, axis=2)]
        limits = (values.min(), values.max())
        bins = bin_probabilities(values, limits, 256)
        found = [percentile_area(*bins, percent) for percent in range(5, 100, 5)]
        expected = [value for (_, lower), value in example.results.items() if lower.endswith("PercentileArea")]
        width = (limits[1] - limits[0]) / 256
        assert np.abs(np.subtract(found, expected)).mean() < 0.2 * width


# --- IBSI


def test_symmetric_pairs_of_the_ibsi_phantom_have_the_values_of_the_ibsi_manual() -> None:
    from EsoRadiomicsLib.extraction.selftest import ibsi_phantom

    case = ibsi_phantom()
    inside = sitk.GetArrayViewFromImage(case.mask) > 0
    levels = GrayLevels(np.where(inside, sitk.GetArrayViewFromImage(case.image), 0).astype(np.int64), 6)
    by_direction = [pair_matrix(levels, direction, 1, symmetric=True) for direction in (0, 45, 90, 135)]
    merged = pair_matrix(levels, -333, 1, symmetric=True)
    for feature, (mean, of_merged) in IBSI_2_5D.items():
        formula = GLCM_FORMULAS[feature]
        assert f"{np.mean([formula(m) for m in by_direction if m]):.3g}" == f"{mean:.3g}", feature
        assert merged is not None
        assert f"{formula(merged):.3g}" == f"{of_merged:.3g}", feature


# IBSI manual (arXiv 1612.07003), digital phantom, 2.5D: “direction-merged” and “merged”.
IBSI_2_5D = {
    "MaxProbability": (0.489, 0.492),
    "Entropy": (2.48, 2.61),
    "Dissimilarity": (1.46, 1.44),
    "DifferenceEntropy": (1.61, 1.67),
    "SumAverage": (4.41, 4.41),
    "SumEntropy": (2.01, 2.14),
    "Energy": (0.286, 0.277),
    "Contrast": (5.39, 5.29),
    "Homogeneity": (0.668, 0.673),
    "InverseDiffNorm": (0.847, 0.85),
    "Homogeneity2": (0.606, 0.613),
    "InverseDiffMomentNorm": (0.897, 0.899),
    "InverseVariance": (0.0597, 0.0582),
    "Correlation": (0.178, 0.182),
    "ClusterTendendcy": (7.48, 7.65),
}


# --- PyRadiomics


@pytest.fixture(scope="module")
def lattice() -> tuple[np.ndarray, np.ndarray]:
    """Levels 1–9 and a ragged mask: 5 slices, all levels and none missing."""
    rng = np.random.default_rng(7)
    levels = rng.integers(1, 10, (5, 12, 14))
    mask = rng.random(levels.shape) < 0.8
    levels[0, 0, 0], mask[0, 0, 0] = 1, True
    return levels, mask


def _pyradiomics(kind: Any, lattice: tuple[np.ndarray, np.ndarray], **settings: Any) -> Any:
    image, mask = (sitk.GetImageFromArray(array.astype(np.int16)) for array in lattice)
    return kind(image, mask, binWidth=1, force2D=True, force2Ddimension=0, **settings)


PYRADIOMICS_GLCM = {
    "AutoCorrelation": "Autocorrelation",
    "ClusterProminence": "ClusterProminence",
    "ClusterShade": "ClusterShade",
    "ClusterTendendcy": "ClusterTendency",
    "Contrast": "Contrast",
    "Correlation": "Correlation",
    "DifferenceEntropy": "DifferenceEntropy",
    "Dissimilarity": "DifferenceAverage",
    "Energy": "JointEnergy",
    "Entropy": "JointEntropy",
    "Homogeneity": "Id",
    "Homogeneity2": "Idm",
    "InformationMeasureCorr1": "Imc1",
    "InformationMeasureCorr2": "Imc2",
    "InverseVariance": "InverseVariance",
    "MaxProbability": "MaximumProbability",
    "SumAverage": "SumAverage",
    "SumEntropy": "SumEntropy",
    "Variance": "ClusterTendency",
}


@pytest.mark.parametrize("symmetric", [False, True])
def test_features_of_pairs_with_pyradiomics_formula_have_its_values(
    lattice: tuple[np.ndarray, np.ndarray], symmetric: bool
) -> None:
    from radiomics.glcm import RadiomicsGLCM

    theirs = _pyradiomics(RadiomicsGLCM, lattice, symmetricalGLCM=symmetric)
    for name in set(PYRADIOMICS_GLCM.values()):
        theirs.enableFeatureByName(name)
    expected = theirs.execute()
    levels = GrayLevels(np.where(lattice[1], lattice[0], 0), 9)
    matrices = [pair_matrix(levels, direction, 1, symmetric) for direction in (0, 45, 90, 135)]
    for ours, name in PYRADIOMICS_GLCM.items():
        value = np.mean([GLCM_FORMULAS[ours](m) for m in matrices if m])
        assert value == pytest.approx(float(expected[name]), rel=1e-9, abs=1e-12), ours


PYRADIOMICS_GLRLM = {
    "GrayLevelNonuniformity": "GrayLevelNonUniformity",
    "HighGrayLevelRunEmpha": "HighGrayLevelRunEmphasis",
    "LongRunEmphasis": "LongRunEmphasis",
    "LongRunHighGrayLevelEmpha": "LongRunHighGrayLevelEmphasis",
    "LongRunLowGrayLevelEmpha": "LongRunLowGrayLevelEmphasis",
    "LowGrayLevelRunEmpha": "LowGrayLevelRunEmphasis",
    "RunLengthNonuniformity": "RunLengthNonUniformity",
    "RunPercentage": "RunPercentage",
    "ShortRunEmphasis": "ShortRunEmphasis",
    "ShortRunHighGrayLevelEmpha": "ShortRunHighGrayLevelEmphasis",
    "ShortRunLowGrayLevelEmpha": "ShortRunLowGrayLevelEmphasis",
}


@pytest.mark.parametrize("direction", [0, 90])
def test_features_of_runs_have_pyradiomics_values_in_the_same_direction(
    lattice: tuple[np.ndarray, np.ndarray], direction: int
) -> None:
    from radiomics.glrlm import RadiomicsGLRLM

    # One line of voxels a slice: the diagonals and the other direction hold runs of one voxel only, so PyRadiomics is
    # asked for a single line, whose only direction is the one meant.
    line = (slice(0, 1), slice(0, 1), slice(None)) if direction == 0 else (slice(0, 1), slice(None), slice(0, 1))
    levels, mask = (array[line].copy() for array in lattice)
    levels[:] = np.minimum(levels, 3)
    mask[0, 0, 0] = True
    theirs = _pyradiomics(RadiomicsGLRLM, (levels, mask))
    theirs.enableAllFeatures()
    expected = theirs.execute()
    found = measured(mask, levels * 100.0 - 1000, gray_limits=(100, 300), gray_levels=3)
    for ours, name in PYRADIOMICS_GLRLM.items():
        assert found[f"glrlm25_{direction}{ours}"] == pytest.approx(float(expected[name]), rel=1e-9), ours


# --- Worked out by hand
