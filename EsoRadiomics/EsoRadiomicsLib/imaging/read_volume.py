"""Reading a CT from whatever it is: a volume file, a folder with a DICOM series, or one file of the series."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from .grid import canonical_grid
from .volumes import Volume, existing, is_dicom, read_image, require_volume


def read_volume(path: Path | str, series: Collection[str] = (), *, allow_outside: bool = False) -> Volume:
    """Read a CT.

    Args:
        path: a volume file, a folder with a DICOM series, or one file of the series.
        series: SeriesInstanceUIDs that decide where a folder holds several CT series.
        allow_outside: accept that a volume file's header names data files outside its folder.

    Raises:
        InputError: missing, damaged, not a 3-D CT volume, or a DICOM series with gaps.
    """
    path = existing(path)
    if path.is_dir() or is_dicom(path):
        from .dicom_series import read_series

        return read_series(path, series)
    image, source = read_image(path, allow_outside=allow_outside)
    require_volume(image, f"The image {path}")
    return Volume(path, canonical_grid(image), source)
