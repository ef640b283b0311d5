"""IBEX as an engine: what a case gives through the common door, from every storage and for every odd ROI."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.core.errors import RoiError, UsageError
from EsoRadiomicsLib.extraction.engines import engine, extract, prepare, settings_from, split_name
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.extraction.ibex.ibex_settings import IbexSettings
from EsoRadiomicsLib.extraction.workers import helpers
from EsoRadiomicsLib.imaging.case import make_case
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

SETTINGS = IbexSettings()


def measured(image: sitk.Image, mask: sitk.Image, **changes: Any) -> Features:
    settings = SETTINGS.changed(**changes)
    return extract(prepare(make_case(image, mask), settings), settings)


@pytest.fixture(scope="module")
def image() -> sitk.Image:
    return phantoms.ct()


@pytest.fixture(scope="module")
def mask(image: sitk.Image) -> sitk.Image:
    return phantoms.gtv(image)


@pytest.fixture(scope="module")
def plain(image: sitk.Image, mask: sitk.Image) -> Features:
    return measured(image, mask)


def drawn(image: sitk.Image, voxels: np.ndarray) -> sitk.Image:
    """A mask on the image's grid, (z, y, x)."""
    mask = sitk.GetImageFromArray(voxels.astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def test_the_study_measures_348_features_and_all_of_its_signature(plain: Features) -> None:
    study = load_study("escc-early-recurrence")
    assert study.settings == SETTINGS
    assert len(plain.values) == 348 and not plain.failed
    assert {item["name"] for item in study.card["signature"]["features"]} <= set(plain.values)
    assert all(math.isfinite(value) for value in plain.values.values())


@pytest.mark.parametrize("orientation", ["RAS", "LPI", "ASL", "PIR", "SLA"])
def test_directions_are_the_patients_whatever_the_storage(
    image: sitk.Image, mask: sitk.Image, plain: Features, orientation: str
) -> None:
    stored = [sitk.DICOMOrient(volume, orientation) for volume in (image, mask)]
    assert measured(*stored).values == plain.values


def test_an_oblique_series_is_measured_along_its_own_axes(image: sitk.Image, mask: sitk.Image, plain: Features) -> None:
    turn = math.radians(12)
    direction = (math.cos(turn), -math.sin(turn), 0, math.sin(turn), math.cos(turn), 0, 0, 0, 1)
    oblique = [sitk.Image(volume) for volume in (image, mask)]
    for volume in oblique:
        volume.SetDirection(direction)
    assert measured(*oblique).values == plain.values


def test_pixels_that_are_not_square_change_lengths_and_no_texture(
    image: sitk.Image, mask: sitk.Image, plain: Features
) -> None:
    wide = [sitk.Image(volume) for volume in (image, mask)]
    for volume in wide:
        volume.SetSpacing((2 * phantoms.SPACING[0], *phantoms.SPACING[1:]))
    found = measured(*wide)
    changed = {name for name, value in plain.values.items() if found.values[name] != value}
    assert found.values["ibex_shape_Volume"] == pytest.approx(2 * plain.values["ibex_shape_Volume"])
    assert found.values["ibex_shape_Mass"] == pytest.approx(2 * plain.values["ibex_shape_Mass"])
    assert {name.split("_")[1] for name in changed} == {"shape"}
    assert "ibex_shape_Orientation" not in changed  # IBEX's ellipses are of pixels


def test_processes_and_the_wanted_few_give_the_same_bits(image: sitk.Image, mask: sitk.Image, plain: Features) -> None:
    roi = prepare(make_case(image, mask), SETTINGS)
    with helpers(2) as helping:
        assert extract(roi, SETTINGS, helpers=helping).values == plain.values
    few = ["ibex_histogram_Kurtosis", "ibex_glcm25_45-7DifferenceEntropy"]
    assert extract(roi, SETTINGS, few).values == {name: plain.values[name] for name in reversed(few)}


def test_several_components_are_one_roi(image: sitk.Image) -> None:
    voxels = np.zeros(sitk.GetArrayViewFromImage(image).shape)
    voxels[4:8, 10:20, 10:20] = voxels[4:8, 10:20, 30:40] = 1
    found = measured(image, drawn(image, voxels)).values
    assert found["ibex_shape_NumberOfObjects"] == 2
    assert found["ibex_shape_Orientation"] == 0  # one ellipse around both
    assert found["ibex_shape_Convex"] == pytest.approx(200 / 300)


def test_an_roi_at_the_border_of_the_image_is_measured_as_one_inside(image: sitk.Image) -> None:
    voxels = np.zeros(sitk.GetArrayViewFromImage(image).shape)
    voxels[:5, :12, :12] = 1
    padded = sitk.ConstantPad(image, (3, 3, 3), (3, 3, 3), -1000)
    inside = np.pad(voxels, 3)
    assert measured(image, drawn(image, voxels)).values == measured(padded, drawn(padded, inside)).values


def test_hu_beyond_what_16_unsigned_bits_hold_are_the_ends_of_the_scale(image: sitk.Image, mask: sitk.Image) -> None:
    def with_voxels(low: int, high: int) -> Features:
        voxels = sitk.GetArrayFromImage(image)
        inside = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0)
        voxels[tuple(inside[100])], voxels[tuple(inside[200])] = low, high
        changed = sitk.GetImageFromArray(voxels)
        changed.CopyInformation(image)
        return measured(changed, mask)

    assert with_voxels(-1024, 300).values == with_voxels(-1000, 300).values
    metal, bone = with_voxels(-100, 3000).values, with_voxels(-100, 1100).values
    textures = [name for name in metal if name.split("_")[1] in ("glcm25", "glrlm25")]
    assert [metal[name] for name in textures] == [bone[name] for name in textures]
    assert metal["ibex_histogram_Range"] > bone["ibex_histogram_Range"]


@pytest.mark.parametrize("size", [(6, 1, 1), (1, 1, 12), (12, 1, 1)])
def test_a_column_of_voxels_is_refused_with_its_account(image: sitk.Image, size: tuple[int, int, int]) -> None:
    voxels = np.zeros(sitk.GetArrayViewFromImage(image).shape)
    voxels[2 : 2 + size[0], 20 : 20 + size[1], 20 : 20 + size[2]] = 1
    with pytest.raises(RoiError, match="line of voxels" if max(size) > 9 else "at least 10 are needed"):
        measured(image, drawn(image, voxels))


def test_one_slice_has_texture_and_says_what_it_has_not(image: sitk.Image, mask: sitk.Image) -> None:
    voxels = sitk.GetArrayFromImage(mask)
    voxels[np.arange(voxels.shape[0]) != 8] = 0
    found = measured(image, drawn(image, voxels))
    assert len(found.values) == 340
    assert set(found.failed.values()) == {"the ROI lies in one slice"}
    assert "ibex_shape_Compactness1" in found.failed


@pytest.mark.parametrize(
    "change",
    [
        {"adapt_limit_level": True},
        {"symmetric": True},
        {"kurtosis": "bin-probabilities"},
        {"nonuniformity": "per-run-and-voxel"},
        {"gray_levels": 64},
        {"gray_limits": [850, 2000]},
        {"histogram_bins": 128},
    ],
)
def test_every_choice_changes_features_fingerprint_and_sentence_or_table(
    image: sitk.Image, mask: sitk.Image, plain: Features, change: dict[str, Any]
) -> None:
    other = SETTINGS.changed(**change)
    assert other.fingerprint != SETTINGS.fingerprint
    assert set(SETTINGS.differences(other)) == set(change)
    assert settings_from(other.to_dict()) == other
    found = measured(image, mask, **change)
    assert any(found.values[name] != value for name, value in plain.values.items())


def test_every_output_names_the_choices_that_are_not_the_studys(
    image: sitk.Image, mask: sitk.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd"]
    sitk.WriteImage(image, files[0])
    sitk.WriteImage(mask, files[1])
    choices = ["--study", "escc-early-recurrence", "--set", "symmetric=true", "--progress", "none"]
    assert main(["extract", *map(str, files), *choices, "--out", str(tmp_path / "one.csv")]) == 0
    with (tmp_path / "one.csv").open(encoding="utf-8", newline="") as table:
        (row,) = csv.DictReader(table)
    assert row["settings_changed"] == "symmetric=true"
    assert row["settings"] == SETTINGS.changed(symmetric=True).fingerprint
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("case,image,mask\none,ct.nrrd,gtv.nrrd\n")
    assert main(["cohort", "run", str(manifest), "--full", *choices, "--out", str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<td>yes</td><td>changed; study: no</td>" in page
    assert "IBEX&#x27;s definitions, recomputed" in page
    assert capsys.readouterr().out.count("The setting symmetric was changed from the study's False to True") == 2


def test_only_two_of_the_selected_features_depend_on_symmetric(
    image: sitk.Image, mask: sitk.Image, plain: Features
) -> None:
    found = measured(image, mask, symmetric=True).values
    selected = [item["name"] for item in load_study("escc-early-recurrence").card["signature"]["features"]]
    changed = [name for name in selected if found[name] != pytest.approx(plain.values[name], rel=1e-12)]
    assert changed == ["ibex_glcm25_0-1InformationMeasureCorr1", "ibex_glcm25_90-7InformationMeasureCorr2"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gray_limits": [2100, 0]}, "the lower first"),
        ({"gray_limits": [0, 1e-308]}, "at least 1 apart"),
        ({"gray_limits": [0, 1e300]}, "two CT numbers"),
        ({"gray_levels": 1}, "from 2 to 65536"),
        ({"gray_levels": True}, "finite number"),
        ({"symmetric": 1}, "true or false"),
        ({"kurtosis": "excess"}, "choose from intensities, bin-probabilities"),
        ({"feature_classes": ["glcm"]}, "choose from"),
        ({"bin_width": 25}, "no extraction setting"),
        ({"gray_limits": ["a", "b"]}, "finite numbers"),
        ({"gray_levels": float("nan")}, "finite number"),
    ],
)
def test_a_setting_out_of_its_choices_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings_from({"engine": "ibex", **change})


def test_names_are_split_for_tables_and_figures() -> None:
    assert split_name("ibex_glcm25_45-7DifferenceEntropy") == ("ibex", "glcm25", "45-7DifferenceEntropy")
    assert engine("ibex").split_name("original_glcm_Idn") is None
    assert "pyradiomics" not in engine("ibex").software()
