"""Features equal a plain PyRadiomics run with the same settings, bit for bit, however they are computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pywt
import SimpleITK as sitk
from pyradiomics_data import LungCase

from EsoRadiomicsLib.core.errors import ExtractionError, RoiError, UsageError
from EsoRadiomicsLib.extraction.engines import extract, prepare, split_name
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.extraction.pyradiomics.feature_names import ALL, FEATURES_OF_CLASS
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_features import check_value
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_package import radiomics
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.extraction.workers import helpers
from EsoRadiomicsLib.imaging.case import Case, load_case, make_case
from EsoRadiomicsLib.studies.study import load_study

DEFAULT = PyRadiomicsSettings()


def plain_pyradiomics(image: sitk.Image, mask: sitk.Image, settings: PyRadiomicsSettings) -> dict[str, float]:
    extractor = radiomics().featureextractor.RadiomicsFeatureExtractor(settings.pyradiomics_parameters())
    values = extractor.execute(image, mask)
    return {name: float(value) for name, value in values.items() if not name.startswith("diagnostics")}


def extracted(case: Case, settings: PyRadiomicsSettings, **options: Any) -> Features:
    return extract(prepare(case, settings), settings, **options)


@pytest.fixture(scope="module")
def lung1_case(lung1: LungCase) -> Case:
    return load_case(lung1.image, lung1.mask, label=1)


@pytest.fixture(scope="module")
def lung2_case(lung2: LungCase) -> Case:
    return load_case(lung2.image, lung2.mask, label=1)


@pytest.fixture(scope="module")
def lung2_plain(lung2: LungCase) -> dict[str, float]:
    return plain_pyradiomics(sitk.ReadImage(str(lung2.image)), sitk.ReadImage(str(lung2.mask)), DEFAULT)


def test_the_851_names_are_the_ones_pyradiomics_has() -> None:
    classes = radiomics().getFeatureClasses()
    assert len(ALL) == len(set(ALL)) == 851
    for feature_class, features in FEATURES_OF_CLASS.items():
        ours = sorted(features)
        assert ours == sorted(n for n, old in classes[feature_class].getFeatureNames().items() if not old)
    assert split_name("wavelet-HLL_glcm_Idn") == ("wavelet-HLL", "glcm", "Idn")


def test_all_851_features_of_a_real_ct_equal_a_plain_pyradiomics_run_on_its_files(
    lung2_case: Case, lung2_plain: dict[str, float]
) -> None:
    ours = extracted(lung2_case, DEFAULT)
    assert not ours.failed
    assert tuple(ours.values) == ALL
    assert dict(ours.values) == lung2_plain


def test_a_signature_alone_gives_the_bits_of_the_full_set(lung2_case: Case, lung2_plain: dict[str, float]) -> None:
    signature = load_study("escc-lpfs-ccrt").signature
    assert signature is not None
    ours = extracted(lung2_case, DEFAULT, names=signature.names)
    assert set(ours.values) == set(signature.names)
    assert all(ours.values[name] == lung2_plain[name] for name in signature.names)


def test_processes_give_the_bits_of_one_process_and_report_each_image(lung1_case: Case) -> None:
    told: list[float] = []
    with helpers(2) as helping:
        spread = extracted(lung1_case, DEFAULT, helpers=helping, progress=lambda share, what: told.append(share))
    assert spread == extracted(lung1_case, DEFAULT)
    assert len(told) == 9 and told == sorted(told) and told[-1] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"shape_mask": "drawn", "hu_min": None},
        {"hu_min": None, "voxel_mm": None, "image_types": ["original"]},
        {"bin_width": 10, "voxel_mm": [2, 2, 2], "wavelet": "haar"},
        {"pixel_type": "float64"},
        {"interpolator": "sitkLinear", "hu_min": -200},
    ],
    ids=str,
)
def test_other_settings_equal_plain_pyradiomics_too(lung1: LungCase, changes: dict[str, Any]) -> None:
    settings = DEFAULT.changed(**changes)
    case = load_case(lung1.image, lung1.mask, label=1, pixel_type=settings.pixel_type)
    assert dict(extracted(case, settings).values) == plain_pyradiomics(case.image, case.mask, settings)


@pytest.mark.parametrize("spacing", [(1, 1, 3), (0.5, 0.5, 2), (1.25, 1.25, 2.5), (1, 1, 1)], ids=str)
def test_spacings_whose_voxel_centres_meet_the_new_grid_equal_plain_pyradiomics_too(
    lung1_case: Case, spacing: tuple[float, float, float]
) -> None:
    image, mask = sitk.Image(lung1_case.image), sitk.Image(lung1_case.mask)
    image.SetSpacing(spacing)
    mask.SetSpacing(spacing)
    settings = DEFAULT.changed(image_types=("original",), feature_classes=("firstorder", "shape"))
    ours = extracted(make_case(image, mask), settings)
    assert dict(ours.values) == plain_pyradiomics(image, mask, settings)


def test_exclusion_before_resampling_equals_a_mask_thresholded_beforehand(lung1_case: Case) -> None:
    settings = DEFAULT.changed(hu_order="before-resampling")
    thresholded = sitk.And(lung1_case.mask, sitk.Cast(lung1_case.image >= -50, sitk.sitkUInt8))
    assert dict(extracted(lung1_case, settings).values) == plain_pyradiomics(lung1_case.image, thresholded, settings)


def test_the_order_of_exclusion_and_resampling_matters_on_real_ct(lung1_case: Case) -> None:
    after = extracted(lung1_case, DEFAULT).values
    before = extracted(lung1_case, DEFAULT.changed(hu_order="before-resampling")).values
    moved = [name for name in ALL if abs(after[name] - before[name]) > 0.01 * abs(after[name])]
    assert len(moved) > 400


def cube_with_a_core(core_hu: int = 40) -> Case:
    voxels = np.full((40, 40, 40), -100, np.int16)
    voxels += np.random.default_rng(7).integers(-20, 20, voxels.shape, dtype=np.int16)
    voxels[0] = -1000
    voxels[12:28, 12:28, 12:28] += core_hu + 100
    mask = np.zeros(voxels.shape, np.uint8)
    mask[8:32, 8:32, 8:32] = 1
    return make_case(sitk.GetImageFromArray(voxels), sitk.GetImageFromArray(mask))


def test_shape_is_of_the_mask_that_is_stated_and_not_of_a_crop_of_it() -> None:
    case = cube_with_a_core()
    volume = ["original_shape_VoxelVolume"]
    assert extracted(case, DEFAULT, names=volume).values[volume[0]] == 16**3
    for order in ("after-resampling", "before-resampling"):
        drawn = DEFAULT.changed(shape_mask="drawn", hu_order=order)
        assert extracted(case, drawn, names=volume).values[volume[0]] == 24**3


def test_the_account_states_voxels_and_cm3_after_each_step_and_the_share_removed() -> None:
    roi = prepare(cube_with_a_core(), DEFAULT)
    assert [step.voxels for step in roi.account.steps] == [24**3, 24**3, 16**3]
    assert [step.cm3 for step in roi.account.steps] == pytest.approx([13.824, 13.824, 4.096])
    assert roi.account.removed_percent == pytest.approx(100 * (1 - 16**3 / 24**3))
    assert len(roi.warnings) == 1 and "70.4 %" in roi.warnings[0]


def test_a_voxel_of_exactly_minus_50_hu_stays() -> None:
    case = cube_with_a_core()
    voxels = sitk.GetArrayFromImage(case.image)
    voxels[8:32, 8:32, 8:32] = -50
    flat = make_case(sitk.GetImageFromArray(voxels), case.mask)
    assert prepare(flat, DEFAULT).account.removed_percent == 0


def test_features_do_not_depend_on_where_the_scanner_puts_the_origin(lung1_case: Case) -> None:
    moved = sitk.Image(lung1_case.image)
    moved.SetOrigin((123.456, -987.654321, 1e4 / 3))
    mask = sitk.Image(lung1_case.mask)
    mask.CopyInformation(moved)
    assert extracted(make_case(moved, mask), DEFAULT).values == extracted(lung1_case, DEFAULT).values


def test_an_roi_emptied_by_the_exclusion_is_refused_with_its_account() -> None:
    case = cube_with_a_core(core_hu=-100)
    with pytest.raises(RoiError, match=r"drawn: 13,824 voxels.*−50 HU: 0 voxels"):
        prepare(case, DEFAULT)


def test_a_tiny_roi_is_refused() -> None:
    case = cube_with_a_core()
    mask = np.zeros((40, 40, 40), np.uint8)
    mask[20, 20, 20:22] = 1
    with pytest.raises(RoiError, match="at least 10"):
        prepare(make_case(case.image, sitk.GetImageFromArray(mask)), DEFAULT)


def test_a_line_of_voxels_is_refused() -> None:
    case = cube_with_a_core()
    mask = np.zeros((40, 40, 40), np.uint8)
    mask[20, 20, 5:25] = 1
    with pytest.raises(RoiError, match="line"):
        prepare(make_case(case.image, sitk.GetImageFromArray(mask)), DEFAULT)


def test_a_name_that_the_settings_do_not_give_is_a_usage_error(lung1_case: Case) -> None:
    settings = DEFAULT.changed(image_types=("original",))
    with pytest.raises(UsageError, match="wavelet-HLL_glcm_Idn"):
        extracted(lung1_case, settings, names=["wavelet-HLL_glcm_Idn"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.5, 1.5), (np.float64(-2), -2.0), (np.array(3.0), 3.0), ("(0.787+0j)", 0.787), (0.25 + 1e-17j, 0.25)],
)
def test_complex_and_text_values_become_the_real_number(value: Any, expected: float) -> None:
    assert check_value(value) == (expected, "")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "", "(1+1j)", "None"])
def test_a_value_that_is_no_number_has_a_reason(value: Any) -> None:
    number, reason = check_value(value)
    assert np.isnan(number) and "PyRadiomics returned" in reason


def test_a_feature_that_pyradiomics_cannot_compute_is_named_with_its_reason(
    lung1_case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any) -> float:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(radiomics().glcm.RadiomicsGLCM, "getIdnFeatureValue", broken)
    features = extracted(lung1_case, DEFAULT, names=["original_glcm_Idn", "original_glcm_Id"])
    assert list(features.values) == ["original_glcm_Id"]
    assert "planted" in features.failed["original_glcm_Idn"]
    with pytest.raises(ExtractionError, match=r"original_glcm_Idn.*planted"):
        features.require(["original_glcm_Idn"])


def test_a_pyradiomics_that_breaks_down_is_one_sentence(lung1_case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise ValueError("planted")

    monkeypatch.setattr(pywt, "swt", broken)
    with pytest.raises(ExtractionError, match=r"wavelet-LLH.*planted"):
        extracted(lung1_case, DEFAULT.changed(wavelet="db2"), names=["wavelet-LLH_glcm_Idn"])


SIGNATURE = load_study("escc-lpfs-ccrt").signature


def signature_of(case: Case) -> dict[str, float]:
    assert SIGNATURE is not None
    return dict(extracted(case, DEFAULT, names=SIGNATURE.names).values)


@pytest.mark.parametrize("axes", ["LPS", "RAS", "RAI", "SPL"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".mha"])
def test_a_real_ct_stored_in_another_format_with_other_axes_gives_the_same_bits(
    lung1: LungCase, lung1_case: Case, tmp_path: Path, axes: str, suffix: str
) -> None:
    files = []
    for name, path in (("ct", lung1.image), ("gtv", lung1.mask)):
        stored = sitk.DICOMOrient(sitk.ReadImage(str(path)), axes)
        files.append(tmp_path / f"{name}{suffix}")
        sitk.WriteImage(sitk.Cast(stored, sitk.sitkFloat32 if name == "ct" else sitk.sitkUInt8), str(files[-1]))
    assert signature_of(load_case(*files, label=1)) == signature_of(lung1_case)


@pytest.mark.parametrize("patient", ["ibsi_ct_phantom", "sts/STS_001", "sts/STS_002"])
def test_dicom_with_rtstruct_and_nifti_of_a_real_patient_give_the_same_bits(shared_data: Path, patient: str) -> None:
    folder = shared_data / patient
    nifti = load_case(folder / "ct.nii.gz", folder / "mask.nii.gz")
    dicom = load_case(folder / "dicom" / "image", folder / "dicom" / "mask", roi="GTV*")
    assert signature_of(dicom) == signature_of(nifti)
