"""Whether the CTs of a cohort were acquired alike: slice thickness, contrast, kernel, and what spoils features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ..core.formatting import some
from ..imaging.volumes import Acquisition
from .manifest import Entry
from .problems import Problem

STAGE = "acquisition"
THICKNESS_STEP_MM = 0.1
LEAST_TILT_DEG = 0.5


def mixed_acquisitions(
    entries: Iterable[Entry], scans: Mapping[tuple[str, str, str], tuple[Acquisition, float]]
) -> Iterator[Problem]:
    """Problems of a cohort whose CTs are not alike; what is not known of a CT is not compared.

    Args:
        entries: lines of the manifest.
        scans: by :attr:`Entry.key`: how the CT was acquired, and its slice spacing in mm.
    """
    cases = {entry.case: (entry, *scans[entry.key]) for entry in entries if entry.key in scans}
    for what, ask in _QUESTIONS:
        answers = {case: ask(*known) for case, known in cases.items()}
        counts = Counter(filter(None, answers.values()))
        if len(counts) < 2:
            continue
        usual = counts.most_common(1)[0][0]
        others = [case for case, answer in answers.items() if answer not in ("", usual)]
        listed = ", ".join(f"{answer} ({n})" for answer, n in counts.most_common())
        yield Problem(
            "",
            STAGE,
            f"The cohort mixes CTs by {what}: {listed}; unlike most: {some(others)}.",
            "Features depend on it: split the cohort, harmonise it, or leave these cases out.",
            blocking=False,
        )


def _thickness(entry: Entry, acquisition: Acquisition, slice_spacing_mm: float) -> str:
    mm = acquisition.slice_thickness_mm or slice_spacing_mm
    return f"{round(mm / THICKNESS_STEP_MM) * THICKNESS_STEP_MM:g} mm"


def _phase(entry: Entry, acquisition: Acquisition, slice_spacing_mm: float) -> str:
    return entry.clinical.get("contrast_phase", "").lower() or acquisition.contrast_phase or ""


def _contrast(entry: Entry, acquisition: Acquisition, slice_spacing_mm: float) -> str:
    # Only DICOM names an agent, and a header that names none is no “no”: this is a hint, not a verdict.
    named = "named in the DICOM header" if acquisition.contrast else "not named in the DICOM header"
    return named if acquisition.modality else ""


def _kernel(entry: Entry, acquisition: Acquisition, slice_spacing_mm: float) -> str:
    return acquisition.kernel or ""


def _compression(entry: Entry, acquisition: Acquisition, slice_spacing_mm: float) -> str:
    return ("with loss" if acquisition.lossy else "without loss") if acquisition.modality else ""


def _making(entry: Entry, acquisition: Acquisition, slice_spacing_mm: float) -> str:
    return (acquisition.derived or "as reconstructed") if acquisition.modality else ""


def _tilt(entry: Entry, acquisition: Acquisition, slice_spacing_mm: float) -> str:
    tilt = acquisition.gantry_tilt_deg
    return "" if tilt is None else "tilted" if abs(tilt) > LEAST_TILT_DEG else "straight"


_QUESTIONS = (
    ("slice thickness", _thickness),
    ("contrast phase", _phase),
    ("contrast agent", _contrast),
    ("reconstruction kernel", _kernel),
    ("compression", _compression),
    ("kind of series", _making),
    ("gantry tilt", _tilt),
)
