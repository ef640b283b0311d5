"""What this Slicer lacks, said in sentences; Python packages are installed only when the user asks for it."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from ...core.errors import EsoRadiomicsError
from ...core.resources import resource_path
from ...core.translation import tr as library_tr
from ..language import tr as _

if TYPE_CHECKING:
    from ...extraction.engines import Engine


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
    return _("Python packages that this Slicer does not have yet are needed: {listed}.").format(listed=listed)


def install_packages(requirements: Path, missing: dict[str, str]) -> None:
    """Install, if the user agrees; one who does not knows it, and what is missing is still said.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    try:
        from slicer.packaging import load_requirements, pip_ensure
    except ImportError:  # Slicer 5.10
        question = _("{sentence} Install them into Slicer's Python?").format(sentence=packages_sentence(missing))
        if slicer.util.confirmOkCancelDisplay(question, "EsoRadiomics"):
            slicer.util.pip_install(list(missing))
    else:
        with suppress(RuntimeError):  # the user declined
            pip_ensure(load_requirements(requirements), requester="EsoRadiomics")


def engine_requirements(study: str) -> Path | None:
    """The file of what measures for this study (identifier or path), where that is installed on request."""
    measuring = _engine_of(study)
    path = resource_path(f"requirements-{measuring.settings.engine}.txt") if measuring is not None else None
    return path if path is not None and path.is_file() else None


def engine_sentence(study: str) -> str:
    """What to do where a package that measures for this study (identifier or path) is missing; empty if none is."""
    measuring = _engine_of(study)
    missing = [package for package in measuring.packages if find_spec(package) is None] if measuring else []
    if measuring is None or not missing:
        return ""
    if engine_requirements(study) is not None:
        return _(
            "{engine}, which measures this study's features, needs Python packages that are not "
            "there: {missing}. Install them at the top of the panel."
        ).format(engine=measuring.title, missing=", ".join(missing))
    return _("{engine}, which measures the features, is not installed. {remedy}").format(
        engine=measuring.title, remedy=library_tr(measuring.remedy)
    )


def _engine_of(study: str) -> Engine | None:
    """What measures for a study, or where none is chosen; None for a study that cannot be read."""
    from ...extraction.engines import engine  # not before: this module says what such imports need

    if not study:
        return engine()
    from ..panel.choices import study_of

    try:
        return engine(study_of(study).settings.engine)
    except EsoRadiomicsError:  # another sentence says what is wrong with it
        return None


def _is_met(requirement: str) -> bool:
    try:
        from slicer.packaging import pip_check
    except ImportError:  # Slicer 5.10
        return find_spec(requirement.split(">")[0].replace("-", "_")) is not None
    return bool(pip_check(requirement))
