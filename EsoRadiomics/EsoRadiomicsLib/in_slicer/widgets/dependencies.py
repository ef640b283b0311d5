"""What this Slicer lacks, said in sentences; Python packages are installed only when the user asks for it."""

from __future__ import annotations

import platform
from importlib.util import find_spec
from pathlib import Path

import slicer

from ...core.errors import EsoRadiomicsError

REMEDY = {
    "Darwin": (
        "SlicerRadiomics, which brings it, is not offered for macOS. Score with the shell command “esoradiomics” "
        "instead (see the README), or install a PyRadiomics that was built for Slicer's Python."
    ),
    "": (
        "Open View > Extensions Manager, install SlicerRadiomics, and restart Slicer. Until then nothing can be "
        "measured; results in saved scenes can be read."
    ),
}


def missing_packages(requirements: Path) -> dict[str, str]:
    """Requirement → what it is for, of every line of ``requirements`` that is not met.

    Each requirement stands below a comment that says what it is for.
    """
    missing, purpose = {}, ""
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            purpose = line.lstrip("# ")
        elif line and not _is_met(line):
            missing[line] = purpose
    return missing


def packages_sentence(missing: dict[str, str]) -> str:
    """What is missing and why; empty if nothing is."""
    if not missing:
        return ""
    listed = "; ".join(f"{requirement.split('>')[0]} ({purpose})" for requirement, purpose in missing.items())
    return f"Python packages that this Slicer does not have yet are needed: {listed}."


def install_packages(requirements: Path, missing: dict[str, str]) -> None:
    """Install with the user's consent.

    Raises:
        RuntimeError: the user declined.
        subprocess.CalledProcessError: pip failed.
    """
    try:
        from slicer.packaging import load_requirements, pip_ensure
    except ImportError:  # Slicer 5.10
        question = f"{packages_sentence(missing)} Install them into Slicer's Python?"
        if not slicer.util.confirmOkCancelDisplay(question, "EsoRadiomics"):
            raise RuntimeError("The installation was declined.") from None
        slicer.util.pip_install(list(missing))
    else:
        pip_ensure(load_requirements(requirements), requester="EsoRadiomics")


def engine_sentence(study: str) -> str:
    """What to do where a package that measures for this study (identifier or path) is missing; empty if none is."""
    from ...extraction.engines import engine  # not before: this module says what such imports need

    try:
        if study:
            from ..panel.choices import study_of

            measuring = engine(study_of(study).settings.engine)
        else:
            measuring = engine()
    except EsoRadiomicsError:  # another sentence says what is wrong with the study
        return ""
    missing = [package for package in measuring.packages if find_spec(package) is None]
    if not missing:
        return ""
    if measuring.packages != engine().packages:
        names = ", ".join(missing)
        return f"{measuring.title}, which measures this study's features, needs Python packages not there: {names}."
    remedy = REMEDY.get(platform.system(), REMEDY[""])
    return f"PyRadiomics, which measures the features, is not installed. {remedy}"


def _is_met(requirement: str) -> bool:
    try:
        from slicer.packaging import pip_check
    except ImportError:  # Slicer 5.10
        return find_spec(requirement.split(">")[0]) is not None
    return bool(pip_check(requirement))
