"""What the headers of a CT series tell before its pixels are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from dicom_factory import write_ct

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.dicom_series import read_series, read_series_headers


def test_headers_give_the_grid_that_the_volume_has(tmp_path: Path) -> None:
    image = phantoms.ct((12, 10, 6))
    headers = read_series_headers(write_ct(tmp_path / "ct", image))
    assert headers.size == image.GetSize()
    np.testing.assert_allclose(headers.spacing_mm, image.GetSpacing())
    np.testing.assert_allclose(headers.origin, image.GetOrigin())
    np.testing.assert_allclose(headers.direction, image.GetDirection())
    volume = read_series(tmp_path / "ct")
    assert volume.acquisition == headers.acquisition
    assert (sitk.GetArrayFromImage(volume.image) == sitk.GetArrayFromImage(image)).all()


def test_a_file_s_header_is_read_once_until_the_file_is_changed(tmp_path: Path) -> None:
    folder = write_ct(tmp_path / "ct", phantoms.ct((12, 10, 6)))
    first = read_series_headers(folder)
    again = read_series_headers(folder)
    assert all(a is b for a, b in zip(first.slices, again.slices, strict=True))
    write_ct(folder, phantoms.ct((12, 10, 6)), series="another day")
    changed = read_series_headers(folder)
    assert {slice_.SeriesDescription for slice_ in changed.slices} == {"another day"}


@pytest.mark.parametrize(
    ("description", "phase"),
    [
        ("Thorax arteriell 3.0 B31f", "arterial"),
        ("late_arterial", "arterial"),
        ("Portal venous 5mm", "venous"),
        ("ABDOMEN PORTOVENOUS", "venous"),
        ("Thorax nativ", "native"),
        ("Non-contrast chest", "native"),
        ("delayed 3 min", "delayed"),
        ("Chest template ventral", None),
        ("ART planning CT", None),
    ],
)
def test_the_contrast_phase_is_read_from_the_series_description(
    tmp_path: Path, description: str, phase: str | None
) -> None:
    folder = write_ct(tmp_path / "ct", phantoms.ct((6, 5, 3)), series=description)
    assert read_series_headers(folder).acquisition.contrast_phase == phase


@pytest.mark.parametrize("content", [b"", b"not DICOM" * 100])
def test_a_first_or_last_slice_that_is_no_dicom_is_not_left_out_in_silence(tmp_path: Path, content: bytes) -> None:
    folder = write_ct(tmp_path / "ct", phantoms.ct((6, 5, 4)))
    (folder / "000.dcm").write_bytes(content)
    for path in (folder, folder / "007.dcm"):
        with pytest.raises(InputError, match=r"000\.dcm is called a DICOM file but does not begin as one"):
            read_series_headers(path)


def test_files_that_a_mac_leaves_beside_the_slices_do_no_harm(tmp_path: Path) -> None:
    folder = write_ct(tmp_path / "ct", phantoms.ct((6, 5, 4)))
    (folder / "._000.dcm").write_bytes(b"a resource fork")
    assert len(read_series_headers(folder).slices) == 4
