"""Checking a cohort before hours of work: all headers, no voxels, and every problem in one pass."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import EsoRadiomicsError, InputError
from ..core.progress import Progress
from ..imaging.header_checks import read_volume_header
from ..imaging.volumes import is_dicom
from .acquisitions import mixed_acquisitions
from .case_headers import Headers, read_headers
from .case_task import file_sha256
from .manifest import Manifest, shared_between_cases
from .problems import Problem, fault

STAGE = "headers"
_SAMPLE = 1 << 16


@dataclass(frozen=True)
class Check:
    """All problems of a manifest, and by :attr:`Entry.key` the headers of the cases that have none."""

    problems: tuple[Problem, ...]
    headers: Mapping[tuple[str, str, str], Headers]


def check_cohort(manifest: Manifest, progress: Progress | None = None) -> Check:
    """Read the headers of all cases and compare them."""
    problems = list(manifest.problems)
    headers: dict[tuple[str, str, str], Headers] = {}
    for done, entry in enumerate(manifest.entries, start=1):
        try:
            headers[entry.key] = read_headers(entry)
        except EsoRadiomicsError as error:
            problems.append(entry.problem(STAGE, str(error)))
        except Exception as error:  # one case is one case
            problems.append(entry.problem(STAGE, fault(error)))
        if progress is not None:
            progress(done / len(manifest.entries), f"headers of {entry.case}")
    problems += _copies(manifest, headers)
    scans = {key: (header.acquisition, header.slice_spacing_mm) for key, header in headers.items()}
    problems += mixed_acquisitions(manifest.entries, scans)
    return Check(tuple(problems), headers)


def _copies(manifest: Manifest, headers: Mapping[tuple[str, str, str], Headers]) -> Iterator[Problem]:
    """Cases with the same image or mask under different paths: one DICOM series, or voxel files of the same bytes."""
    same = _same_bytes(
        {
            path: files
            for entry in manifest.entries
            for path in (entry.image, entry.mask)
            if (files := _voxel_files(path, entry.allow_outside))
        }
    )
    contents = {}
    for entry in manifest.entries:
        series = headers[entry.key].series if entry.key in headers else ""
        image, mask = same.get(entry.image, ""), same.get(entry.mask, "")
        contents[entry.key] = series or image or str(entry.image), mask or str(entry.mask)
    return shared_between_cases(manifest.entries, "content", contents, STAGE)


def _voxel_files(path: Path, allow_outside: bool) -> tuple[Path, ...]:
    """The files with the voxels of a volume, or a DICOM file; none for a folder, or where the headers' check told."""
    try:
        if path.is_dir() or is_dicom(path):
            return (path,) if path.is_file() else ()
        return read_volume_header(path, allow_outside=allow_outside).data_files
    except InputError:
        return ()


def _same_bytes(volumes: Mapping[Path, tuple[Path, ...]]) -> dict[Path, str]:
    """Digests of those volumes that have a copy; only files of one size and one middle are read whole."""
    groups: Iterable[list[Path]] = [list(volumes)]
    for digest in (_size, _middle, file_sha256):
        found: dict[tuple[str, ...], list[Path]] = defaultdict(list)
        for group in groups:
            for path in group:
                found[tuple(map(digest, volumes[path]))].append(path)
        groups = [group for group in found.values() if len(group) > 1]
    return {path: f"copy {number}" for number, group in enumerate(groups) for path in group}


def _size(path: Path) -> str:
    return str(path.stat().st_size)


def _middle(path: Path) -> str:
    """In the middle two CTs differ, while many begin with the same air."""
    with path.open("rb") as file:
        file.seek(path.stat().st_size // 2)
        return f"{_size(path)} {hashlib.sha256(file.read(_SAMPLE)).hexdigest()}"
