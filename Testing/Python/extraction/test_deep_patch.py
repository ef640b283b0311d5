"""The picture a network is shown: which slice, which box, which gray, checked against values worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import write_ct
from phantoms import ct, gtv

from EsoRadiomicsLib.core.errors import RoiError, UsageError
from EsoRadiomicsLib.extraction.deep.deep_settings import DeepSettings
from EsoRadiomicsLib.extraction.deep.patch import make_pictures, network_input
from EsoRadiomicsLib.extraction.roi import Picture
from EsoRadiomicsLib.imaging.case import load_case, make_case

SMALL = DeepSettings(input_size=8, margin_mm=0, hu_window=(0, 255))


def image_of(array: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    return image


def box(shape: tuple[int, int, int], *part: slice) -> sitk.Image:
    mask = np.zeros(shape, np.uint8)
    mask[part] = 1
    return image_of(mask)


def one(image: sitk.Image, mask: sitk.Image, settings: DeepSettings) -> Picture:
    (picture,), _, _ = make_pictures(image, mask, settings, "the case")
    return picture


def test_the_largest_slice_is_taken_and_of_equals_the_lowest() -> None:
    mask = np.zeros((5, 20, 20), np.uint8)
    mask[1, 4:8, 4:8] = mask[2, 4:9, 4:9] = mask[3, 4:9, 4:9] = 1
    image = image_of(np.zeros((5, 20, 20), np.int16))
    assert one(image, image_of(mask), SMALL).caption.startswith("axial slice 3 of 5")
    every, step, _ = make_pictures(image, image_of(mask), DeepSettings(slices="mean"), "the case")
    assert [picture.caption.split()[2] for picture in every] == ["2", "3", "4"]
    assert (step.name, step.voxels) == ("3 axial slices of 10 pixels or more", 66)


def test_gray_is_the_hu_of_each_pixels_centre_by_linear_interpolation() -> None:
    x = np.arange(30, dtype=np.int16) * 8
    image = image_of(np.broadcast_to(x, (1, 30, 30)).copy())
    picture = one(image, box((1, 30, 30), slice(0, 1), slice(10, 16), slice(8, 12)), SMALL)
    # 6 mm high, so 6 mm wide around the middle at 9.5 mm: from 6.5 to 12.5 mm, in 8 pixels of 0.75 mm.
    assert picture.caption == "axial slice 1 of 1 from the feet, 6 × 6 mm"
    expected = 8 * (6.5 + 0.75 * (np.arange(8) + 0.5))
    np.testing.assert_allclose(picture.gray, np.broadcast_to(expected, (8, 8)), rtol=1e-6)


def test_the_box_is_square_in_millimetres_with_the_margin_on_every_side() -> None:
    spacing = (2.0, 1.0, 3.0)
    mask = box((1, 60, 60), slice(0, 1), slice(20, 30), slice(20, 30))
    mask.SetSpacing(spacing)
    image = image_of(np.zeros((1, 60, 60), np.int16), spacing)
    picture = one(image, mask, DeepSettings(input_size=30, margin_mm=5))
    assert picture.caption.endswith("30 × 30 mm")  # 10 pixels of 2 mm, and twice 5 mm
    assert (picture.inside.any(axis=1).sum(), picture.inside.any(axis=0).sum()) == (10, 20)


def test_the_window_maps_to_black_and_white_and_clips() -> None:
    hu = np.full((1, 20, 20), -500, np.int16)
    hu[0, :, 10:] = 500
    mask = box((1, 20, 20), slice(0, 1), slice(6, 14), slice(6, 14))
    gray = one(image_of(hu), mask, DeepSettings(input_size=8, margin_mm=0)).gray
    assert gray[0].tolist() == [0, 0, 0, 0, 255, 255, 255, 255]
    assert (one(image_of(np.full((1, 20, 20), 40, np.int16)), mask, DeepSettings(input_size=8)).gray == 127.5).all()


def test_a_masked_background_is_black() -> None:
    image, mask = image_of(np.full((1, 20, 20), 9, np.int16)), box((1, 20, 20), slice(0, 1), slice(8, 12), slice(8, 12))
    picture = one(image, mask, DeepSettings(background="masked", input_size=28))
    assert (picture.gray[~picture.inside] == 0).all() and (picture.gray[picture.inside] > 0).all()


def test_a_box_beyond_the_edge_shows_air_and_says_so() -> None:
    image, settings = image_of(np.full((1, 20, 20), 200, np.int16)), DeepSettings(input_size=28)
    corner, centre = (box((1, 20, 20), slice(0, 1), slice(k, k + 4), slice(k, k + 4)) for k in (0, 8))
    (picture,), _, warnings = make_pictures(image, corner, settings, "the case")
    assert picture.gray[0, 0] == 0 and picture.gray[14, 14] > 0
    assert "reaches beyond the edge of the CT" in warnings[0]
    assert make_pictures(image, centre, settings, "the case")[2] == ()


def test_an_roi_of_too_few_pixels_is_refused() -> None:
    image = image_of(np.zeros((4, 20, 20), np.int16))
    with pytest.raises(RoiError, match="largest axial slice of the ROI of node 3 has 9 pixels; at least 10 are needed"):
        make_pictures(image, box((4, 20, 20), slice(0, 4), slice(4, 7), slice(4, 7)), DeepSettings(), "node 3")


def test_the_network_gets_each_channel_with_its_own_mean_and_sd() -> None:
    settings = DeepSettings(gray_mean=(127, 100, 0), gray_sd=(128, 50, 1))
    values = network_input(np.full((2, 3, 3), 255, np.float32), settings)
    assert values.shape == (2, 3, 3, 3) and values.dtype == np.float32
    assert values[1, :, 0, 0].tolist() == [1.0, np.float32(3.1), 255.0]


def test_every_format_and_orientation_gives_the_same_picture(tmp_path: Path) -> None:
    image = ct()
    mask = gtv(image)
    direct = make_case(image, mask)
    bits = one(direct.image, direct.mask, DeepSettings()).gray.tobytes()
    for suffix in ("nrrd", "nii.gz"):
        sitk.WriteImage(image, str(tmp_path / f"ct.{suffix}"))
        sitk.WriteImage(mask, str(tmp_path / f"gtv.{suffix}"))
    flipped = sitk.Flip(image, (True, True, True)), sitk.Flip(mask, (True, True, True))
    series = write_ct(tmp_path / "dicom", image)
    cases = [
        load_case(tmp_path / "ct.nrrd", tmp_path / "gtv.nrrd"),
        load_case(tmp_path / "ct.nii.gz", tmp_path / "gtv.nii.gz"),
        load_case(series, tmp_path / "gtv.nrrd"),
        make_case(*flipped),
    ]
    for case in cases:
        assert one(case.image, case.mask, DeepSettings()).gray.tobytes() == bits


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"slices": "middle"}, "slices is “middle”; choose from largest, mean"),
        ({"background": "blurred"}, "choose from kept, masked"),
        ({"interpolator": "cubic"}, "choose from sitkLinear"),
        ({"input_channels": 2}, "network of 1 or 3 channels"),
        ({"gray_mean": (1, 2)}, "gray_mean has 2 values; give one, or one for each channel"),
        ({"gray_sd": (1, 1, 0)}, "gray_sd"),
        ({"hu_window": (240, -160)}, "black below white"),
        ({"margin_mm": -1}, "margin_mm is -1; give at least 0"),
        ({"min_pixels": 0}, "min_pixels is 0"),
        ({"n_features": 0}, "n_features is 0"),
        ({"n_features": 10**9}, "at most 100000"),
        ({"input_size": 10**6}, "at most 2048"),
        ({"margin_mm": 1e9}, "at most 1000"),
        ({"hu_window": (0, 1e-320)}, "by at least 1"),
        ({"hu_window": (0, 1e300)}, "by at least 1"),
    ],
)
def test_settings_that_make_no_picture_are_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        DeepSettings(**changes)  # type: ignore[arg-type]


def test_feature_names_are_numbered_as_the_networks_output() -> None:
    assert DeepSettings().names[0] == "deep_0001" and DeepSettings().names[-1] == "deep_1000"
    assert DeepSettings(n_features=12345).names[-1] == "deep_12345"
