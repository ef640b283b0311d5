"""Checking a cohort before hours of work: all headers, no voxels, and every problem in one pass."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import EsoRadiomicsError
from ..progress import Progress
from .headers import Headers, read_headers
from .manifest import Entry, Manifest, shared_between_cases
from .problems import Problem
from .task import file_sha256

STAGE = "headers"
THICKNESS_TOLERANCE_MM = 0.1
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
        if progress is not None:
            progress(done / len(manifest.entries), f"headers of {entry.case}")
    problems += _copies(manifest, headers)
    problems += mixed(manifest.entries, headers)
    return Check(tuple(problems), headers)


def mixed(entries: Iterable[Entry], headers: Mapping[tuple[str, str, str], Headers]) -> Iterator[Problem]:
    """Problems of a cohort whose slice thickness, contrast phase or use of contrast agent is not one."""

    def thickness(entry: Entry, header: Headers) -> str:
        mm = header.acquisition.slice_thickness_mm or header.spacing_mm[2]
        return f"{round(mm / THICKNESS_TOLERANCE_MM) * THICKNESS_TOLERANCE_MM:g} mm"

    def phase(entry: Entry, header: Headers) -> str:
        return entry.clinical.get("contrast_phase", "").lower() or header.acquisition.contrast_phase or header.phase

    def contrast(entry: Entry, header: Headers) -> str:
        # A header that names no agent is no “no”, so only what DICOM says is compared, and only as a hint.
        return ("named" if header.acquisition.contrast else "not named") if header.series else ""

    questions: dict[str, Callable[[Entry, Headers], str]] = {
        "slice thickness": thickness,
        "contrast phase": phase,
        "contrast agent in the DICOM header": contrast,
    }
    known = [(entry, headers[entry.key]) for entry in entries if entry.key in headers]
    for what, ask in questions.items():
        answers = {entry.key: ask(entry, header) for entry, header in known}
        counts = Counter(answer for answer in answers.values() if answer)
        if len(counts) < 2:
            continue
        usual = counts.most_common(1)[0][0]
        others = [entry.case for entry, _ in known if answers[entry.key] not in ("", usual)]
        listed = ", ".join(f"{answer} ({n})" for answer, n in counts.most_common())
        named = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        yield Problem(
            "",
            "acquisition",
            f"The cohort mixes {what}: {listed}; unlike most: {named}.",
            "Features depend on it: split the cohort, harmonise it (“cohort harmonise”), or leave these cases out.",
            blocking=False,
        )


def _copies(manifest: Manifest, headers: Mapping[tuple[str, str, str], Headers]) -> Iterator[Problem]:
    """Cases with the same image or mask under different paths: one DICOM series, or files of the same bytes."""
    files = {path for entry in manifest.entries for path in (entry.image, entry.mask) if path.is_file()}
    same = _same_bytes(files)
    contents = {}
    for entry in manifest.entries:
        series = headers[entry.key].series if entry.key in headers else ""
        image, mask = same.get(entry.image, ""), same.get(entry.mask, "")
        contents[entry.key] = series or image or str(entry.image), mask or str(entry.mask)
    return shared_between_cases(manifest.entries, "content", contents, STAGE)


def _same_bytes(files: Iterable[Path]) -> dict[Path, str]:
    """Digests of those files that have a copy; only files of one size and one middle are read whole."""
    groups: Iterable[list[Path]] = [list(files)]
    for digest in (_size, _middle, file_sha256):
        found: dict[str, list[Path]] = defaultdict(list)
        for group in groups:
            for path in group:
                found[digest(path)].append(path)
        groups = [group for group in found.values() if len(group) > 1]
    return {path: f"copy {number}" for number, group in enumerate(groups) for path in group}


def _size(path: Path) -> str:
    return str(path.stat().st_size)


def _middle(path: Path) -> str:
    """In the middle two CTs differ, while many begin with the same air."""
    with path.open("rb") as file:
        file.seek(path.stat().st_size // 2)
        return f"{_size(path)} {hashlib.sha256(file.read(_SAMPLE)).hexdigest()}"
