"""HU are not believed: what a CT cannot look like is refused, what it hardly looks like is warned of."""

from __future__ import annotations

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import Case, make_case
from EsoRadiomicsLib.imaging.hounsfield import histogram

IMAGE = phantoms.ct()
HU = sitk.GetArrayFromImage(IMAGE).astype(float)
NOISE = np.random.default_rng(0).normal(0, 20, HU.shape)
CORNERS = np.zeros(HU.shape, bool)
CORNERS[:, :6, :6] = CORNERS[:, -6:, -6:] = True


def case(array: np.ndarray, kind: type = np.int16, pixel_type: str = "int16") -> Case:
    image = sitk.GetImageFromArray(array.astype(kind))
    image.CopyInformation(IMAGE)
    return make_case(image, phantoms.gtv(IMAGE), pixel_type=pixel_type)


def padded(array: np.ndarray, value: float) -> np.ndarray:
    return np.where(CORNERS, value, array)


@pytest.mark.parametrize("padding", [-2000, -2048, -3024, -32768, -1500])
def test_padding_is_no_value_of_the_image(padding: int) -> None:
    assert histogram(padded(HU, padding).astype(np.int16)).padding == (padding,)
    assert not case(padded(HU, padding)).warnings
    with pytest.raises(InputError, match=rf"no value below 0 \(but for padding of −{-padding}\)"):
        case(padded(np.maximum(HU + 1024, 0), padding))


def test_padding_of_several_values_is_padding() -> None:
    array = padded(HU, -2000)
    array[:, :3, :3] = -2048
    assert histogram(array.astype(np.int16)).padding == (-2048, -2000)
    assert not case(array).warnings


@pytest.mark.parametrize("pixel_type", ["int16", "float32", "float64"])
@pytest.mark.parametrize(
    ("array", "kind", "told"),
    [
        ((HU - HU.mean()) / HU.std(), np.float32, "z-scored, scaled, or a constant"),
        (2 * (HU - HU.min()) / np.ptp(HU) - 1, np.float64, "holds values from −1 to 1, which are no Hounsfield"),
        ((HU - HU.min()) / np.ptp(HU), np.float32, "no value below 0.*scaled to 0 … 1"),
        (255 * (HU - HU.min()) / np.ptp(HU), np.uint8, "no value below 0.*0 … 255"),
        (np.maximum(HU + 1024, 0), np.int16, "no value below 0.*without its rescale"),
        (HU + 1000, np.int16, "no air near −1000 HU, and .* between 850 and 1300"),
        (padded(HU + 1000, -2000), np.int16, "no air near −1000 HU .but for padding"),
        (padded(HU + 1024, -1024), np.int16, "no air near −1000 HU, and"),
        (padded(HU + 1000, -1000), np.int16, "no air near −1000 HU, and"),
        (HU % 65536, np.uint16, "values were stored without their sign"),
        (np.where(HU > -200, HU, HU % 65536), np.int32, "values were stored without their sign"),
    ],
)
def test_what_no_ct_can_look_like_is_refused(array: np.ndarray, kind: type, told: str, pixel_type: str) -> None:
    with pytest.raises(InputError, match=told):
        case(array, kind, pixel_type)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (HU.clip(-160, 240).clip(max=60), "is cut at −160 and 60 HU: it was windowed"),
        (HU.clip(-1000, 50), "is cut at 50 HU: it was windowed"),
        (HU.clip(-160), "is cut at −160 HU: it was windowed or masked"),
        (HU - 1024, "lie below −1100 HU, where"),
        (HU * 2, "lie below −1100 HU, where"),
        (np.where(np.arange(HU.shape[2]) < 40, NOISE - 20, HU + 1024), "its voxels lie between 850 and 1300"),
        (np.abs(HU) * 3 - 5, "lies below −20 HU: it has neither air nor fat"),
        (padded(np.abs(HU) * 3, -1000), "lies below −20 HU: it has neither air nor fat"),
        (HU / 2, "between −900 and −300 HU and hardly any below"),
        (HU * 0.65, "as in cone-beam CT or with a wrong slope"),
        (HU * 2.2 - 400, "Check slope and intercept"),
        (np.where(HU > 0, HU + 2400, HU), "lie above 2000 HU"),
    ],
)
def test_what_a_ct_hardly_looks_like_is_warned_of(array: np.ndarray, told: str) -> None:
    assert any(told in text for text in case(array).warnings)


def test_ct_as_it_is_is_not_warned_of(shared_data: object) -> None:
    from pathlib import Path

    from EsoRadiomicsLib.imaging.case import load_case

    folder = Path(str(shared_data))
    lung = load_case(folder / "lung1_002" / "dicom", folder / "lung1_002" / "dicom" / "1.dcm", roi="GTV-1")
    phantom = load_case(folder / "ibsi_ct_phantom" / "ct.nii.gz", folder / "ibsi_ct_phantom" / "mask.nii.gz")
    for each in (lung, phantom):
        assert not any("HU" in text for text in each.warnings)


def test_a_part_of_a_ct_without_air_is_a_ct() -> None:
    """Of soft tissue alone, or of the dense part of a bone."""
    image, mask = (part[16:32, 12:28, :] for part in (IMAGE, phantoms.gtv(IMAGE)))
    assert not any("HU" in text for text in make_case(image, mask).warnings)
    cortical = np.where(np.arange(HU.shape[2]) % 2, 1000, 600) + NOISE
    assert not any("HU" in text for text in case(np.where(np.arange(HU.shape[2]) < 20, 3 * NOISE, cortical)).warnings)
