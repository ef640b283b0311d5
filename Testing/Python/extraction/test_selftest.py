"""The self-test agrees here, notices what it is there to notice, and says it readably."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from selftest_reference import chosen_features, plain_pyradiomics

from EsoRadiomicsLib.extraction import selftest
from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.extraction.pyradiomics.feature_names import feature_names
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_package import radiomics
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.extraction.selftest import AGREES, BY_DESIGN, DIFFERS, Row, SelfTest
from EsoRadiomicsLib.imaging.case import make_case
from EsoRadiomicsLib.shell.cli import main

DEFAULT = PyRadiomicsSettings()


@pytest.fixture(scope="module")
def outcome() -> SelfTest:
    return selftest.run()


@pytest.fixture(scope="module")
def plain() -> dict[str, float]:
    return plain_pyradiomics()


def rows(outcome: SelfTest, part: int) -> dict[str, Row]:
    return {row.feature: row for row in outcome.parts[part].rows}


def with_values(monkeypatch: pytest.MonkeyPatch, change: Callable[[Features], Features]) -> SelfTest:
    """A self-test on an installation that measures something else."""
    monkeypatch.setattr(selftest, "extract", lambda *arguments: change(extract(*arguments)))
    return selftest.run()


def test_everything_agrees_or_differs_by_design_on_this_installation(outcome: SelfTest) -> None:
    assert [row for part in outcome.parts for row in part.rows if row.verdict == DIFFERS] == []
    assert outcome.passed


def test_only_the_axis_lengths_kurtosis_and_total_energy_differ_from_ibsi_by_design(outcome: SelfTest) -> None:
    by_design = {row.feature: row for row in rows(outcome, 0).values() if row.verdict == BY_DESIGN}
    assert set(by_design) == {
        "original_shape_MajorAxisLength",
        "original_shape_MinorAxisLength",
        "original_shape_LeastAxisLength",
        "original_firstorder_Kurtosis",
        "original_firstorder_TotalEnergy",
    }
    assert all(row.reason and row.converted is not None for row in by_design.values())


def test_every_feature_of_the_original_image_is_compared_with_ibsi_or_with_plain_pyradiomics(outcome: SelfTest) -> None:
    assert set(feature_names(("original",))) <= set(rows(outcome, 0)) | set(rows(outcome, 1))


def test_the_generated_ct_covers_every_published_signature_in_the_default_settings(outcome: SelfTest) -> None:
    stored = json.loads(selftest.resource_path("SelfTest", "generated-ct.json").read_text(encoding="utf-8"))
    assert list(stored["values"]) == chosen_features()
    assert PyRadiomicsSettings.from_dict(stored["settings"]) == DEFAULT
    assert set(rows(outcome, 1)) == set(stored["values"])


def test_the_stored_values_are_those_of_a_plain_pyradiomics_run(outcome: SelfTest, plain: dict[str, float]) -> None:
    for name, row in rows(outcome, 1).items():
        assert row.expected == pytest.approx(plain[name], rel=1e-9, abs=0), name


def test_all_851_features_of_the_generated_ct_equal_a_plain_pyradiomics_run(plain: dict[str, float]) -> None:
    case = make_case(*selftest.reference_images())
    assert extract(prepare(case, DEFAULT), DEFAULT).values == plain


def test_the_generated_ct_is_resampled_and_loses_voxels_to_the_hu_exclusion() -> None:
    account = prepare(make_case(*selftest.reference_images()), DEFAULT).account
    assert [step.voxels for step in account.steps] == [3496, 12545, 11360]


def test_no_voxel_of_the_generated_ct_is_so_near_a_limit_that_another_processor_could_see_it_otherwise() -> None:
    image, mask = selftest.reference_images()
    operations, spacing = radiomics().imageoperations, [1, 1, 1]
    exact, _ = operations.resampleImage(sitk.Cast(image, sitk.sitkFloat64), mask, resampledPixelSpacing=spacing)
    hu = sitk.GetArrayFromImage(exact)
    hu = hu[hu != 0]  # beyond the image
    assert np.abs(hu - np.rint(hu)).min() > 1e-6
    roi = prepare(make_case(image, mask), DEFAULT)
    inside = sitk.GetArrayFromImage(roi.mask) == 1
    for band, name, _ in operations.getWaveletImage(roi.image, roi.mask, wavelet=DEFAULT.wavelet):
        bins = sitk.GetArrayFromImage(band)[inside] / DEFAULT.bin_width
        assert np.abs(bins - np.rint(bins)).min() > 1e-7, name


def test_a_value_off_by_a_millionth_fails_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(features: Features) -> Features:
        name = "wavelet-HLL_glcm_Idn"
        if name not in features.values:
            return features
        return replace(features, values={**features.values, name: features.values[name] * (1 + 1e-6)})

    outcome = with_values(monkeypatch, change)
    assert not outcome.passed
    (row,) = [row for part in outcome.parts for row in part.rows if row.verdict == DIFFERS]
    assert (row.feature, row.reason) == ("wavelet-HLL_glcm_Idn", "off by 1e-06 of the expected value")
    lines = selftest.format_table(outcome).splitlines()
    assert lines[-1] == "Self-test FAILED: 149 agree, 5 differ by design, 1 differ that should agree."
    assert any("wavelet-HLL Idn" in line and line.endswith(DIFFERS) for line in lines)


@pytest.mark.parametrize("name", ["original_glcm_Contrast", "original_firstorder_Kurtosis", "original_shape_Flatness"])
def test_an_ibsi_value_off_by_a_hundredth_fails_also_after_conversion(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def change(features: Features) -> Features:
        values = features.values
        return replace(features, values={**values, name: values[name] * 1.01} if name in values else values)

    row = rows(with_values(monkeypatch, change), 0)[name]
    assert row.verdict == DIFFERS
    assert row.reason


def test_a_feature_without_a_value_fails_with_pyradiomics_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(features: Features) -> Features:
        return replace(features, values={}, failed=dict.fromkeys(features.values, "PyRadiomics returned nan"))

    outcome = with_values(monkeypatch, change)
    assert outcome.count(DIFFERS) == sum(len(part.rows) for part in outcome.parts)
    assert {row.reason for part in outcome.parts for row in part.rows} == {"PyRadiomics returned nan"}
    assert "PyRadiomics returned nan" in selftest.format_table(outcome)


def test_the_table_fits_110_columns_and_ends_with_the_verdict(outcome: SelfTest) -> None:
    lines = selftest.format_table(outcome).splitlines()
    assert max(map(len, lines)) <= 110
    assert lines[-1] == "Self-test passed: 150 agree, 5 differ by design, 0 differ that should agree."
    headings = [line.split()[0] for line in lines if line.endswith("verdict")]
    assert headings == ["shape", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"] * 2


def test_the_command_prints_the_table_or_json_and_its_exit_code_is_the_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, outcome: SelfTest
) -> None:
    monkeypatch.setattr("EsoRadiomicsLib.shell.selftest_command.run_selftest", lambda: outcome)
    assert main(["selftest"]) == 0
    assert capsys.readouterr().out == selftest.format_table(outcome) + "\n"
    assert main(["selftest", "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["passed"] is True
    assert document["counts"] == {AGREES: 150, BY_DESIGN: 5, DIFFERS: 0}
    found = {row["feature"]: row["found"] for row in document["parts"][1]["rows"]}
    assert found == {name: row.found for name, row in rows(outcome, 1).items()}
    assert all(math.isfinite(value) for value in found.values())

    failed = replace(outcome, parts=(replace(outcome.parts[0], rows=(wrong(outcome),)),))
    monkeypatch.setattr("EsoRadiomicsLib.shell.selftest_command.run_selftest", lambda: failed)
    assert main(["selftest"]) == 1


def wrong(outcome: SelfTest) -> Row:
    return replace(outcome.parts[0].rows[0], verdict=DIFFERS)
