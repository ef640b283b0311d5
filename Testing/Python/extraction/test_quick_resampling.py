"""The quick way to resample has SimpleITK's bits, or says that it does not know them."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.extraction.pyradiomics.quick_resampling import Resampler

SIZE, SPACING, ORIGIN = (23, 31, 19), (0.977, 0.8, 3.0), (-12.5, 3.1, 40.0)


def noise(size: tuple[int, int, int] = SIZE, seed: int = 0) -> sitk.Image:
    """An image with edges and noise, as a CT has."""
    values = np.random.default_rng(seed).normal(0, 30, size[::-1])
    values[:, : size[1] // 2] -= 900
    image = sitk.GetImageFromArray(np.rint(values).astype(np.int16))
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    return image


def both(image: sitk.Image, spacing: tuple[float, float, float], start: float, size: tuple[int, ...]) -> Resampler:
    """A filter whose grid begins ``start`` voxels of the image from its first one."""
    resampler = Resampler()
    resampler.SetOutputSpacing(spacing)
    resampler.SetOutputDirection(image.GetDirection())
    resampler.SetOutputOrigin(image.TransformContinuousIndexToPhysicalPoint((start,) * 3))
    resampler.SetSize(size)
    resampler.SetOutputPixelType(sitk.sitkInt16)
    resampler.SetInterpolator(sitk.sitkBSpline)
    return resampler


@pytest.mark.parametrize("start", [-0.49, 0.123, 2.7])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.7, 1.3, 2.1), (2, 2, 5)])
@pytest.mark.parametrize("size", [SIZE, (6, 5, 4)])
def test_values_equal_simpleitk_s_inside_and_at_the_rim(
    start: float, spacing: tuple[float, float, float], size: tuple[int, int, int]
) -> None:
    image = noise(size)
    extent = [(n - 0.55 - start) * old for n, old in zip(size, SPACING, strict=True)]
    count = tuple(max(1, int(mm / new)) for mm, new in zip(extent, spacing, strict=True))
    resampler = both(image, spacing, start, count)
    quick, plain = resampler._quick(image), sitk.ResampleImageFilter.Execute(resampler, image)
    assert quick is not None
    assert (sitk.GetArrayViewFromImage(quick) == sitk.GetArrayViewFromImage(plain)).all()
    assert quick.GetSpacing() == plain.GetSpacing() and quick.GetOrigin() == plain.GetOrigin()


def test_where_the_last_bits_decide_simpleitk_is_asked() -> None:
    flat = noise((70, 20, 10))
    flat[5:65, :, :] = -1024  # interpolated, it is -1024 or -1024 + 1e-13, which is cut off to -1023
    on_voxels = both(noise(), (*SPACING,), 0.0, (10, 10, 10))
    for resampler, image in ((both(flat, (1, 1, 1), 0.2, (50, 10, 15)), flat), (on_voxels, noise())):
        assert resampler._quick(image) is None
        plain = sitk.ResampleImageFilter.Execute(resampler, image)
        assert (sitk.GetArrayFromImage(resampler.Execute(image)) == sitk.GetArrayViewFromImage(plain)).all()


@pytest.mark.parametrize("start", [-0.8, 15.0])
def test_beyond_the_image_simpleitk_is_asked(start: float) -> None:
    assert both(noise(), (1, 1, 1), start, (15, 20, 30))._quick(noise()) is None


def test_other_kinds_of_images_and_interpolators_are_simpleitk_s() -> None:
    resampler = both(noise(), (1, 1, 1), 0.2, (5, 5, 5))
    assert resampler._quick(sitk.Cast(noise(), sitk.sitkFloat32)) is None
    resampler.SetInterpolator(sitk.sitkLinear)
    assert resampler._quick(noise()) is None
