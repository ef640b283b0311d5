"""The engines that turn voxels into features, found by name, behind one door: prepare, extract, and what names mean.

An engine is a folder here with a module ``<name>_engine`` whose ``ENGINE`` fulfils :class:`Engine`. Nothing outside
this room asks which engine it is: settings know theirs, and a study card's settings are those of its engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import SimpleITK as sitk

from ..core.errors import UsageError
from ..core.progress import Progress
from ..core.translation import tr
from ..imaging.case import Case
from .features import Features, Found
from .roi import Roi
from .settings import DEFAULT_ENGINE, ExtractionSettings
from .shared_tasks import Helpers


class Engine(Protocol):
    """What measures. Its module imports nothing heavy: the names of all engines are asked for everywhere.

    Attributes:
        title: what it is called for people, for example in a report.
        about: what a reader of its numbers should know of their origin, in sentences; empty where nothing.
        packages: what must be importable to measure.
        remedy: where they come from in 3D Slicer, in sentences; empty where pip installs them on request (from
            ``Resources/requirements-<name>.txt``), or there is none.
        settings: its settings' class.
        images, classes: first and second part of its features' names, in the order of tables and maps.
        volumes: its features that are the ROI's volume, the best first.
    """

    title: str
    about: str
    packages: tuple[str, ...]
    remedy: str
    settings: type[Any]
    images: tuple[str, ...]
    classes: tuple[str, ...]
    volumes: tuple[str, ...]

    def split_name(self, name: str) -> tuple[str, str, str] | None:
        """Image, class and feature; None if the name is not one of its features."""

    def software(self) -> dict[str, str]:
        """Versions of everything that touches a feature's value.

        Raises:
            ExtractionError: a package that it needs is not installed.
        """

    def warm_up(self) -> None:
        """Import what measuring needs, so that the first case does not wait for it.

        Raises:
            ExtractionError: as :meth:`software`.
        """

    def share(self, case: Case, region: sitk.Image, settings: Any) -> Any | None:
        """See :func:`share`."""

    def prepare(self, case: Case, settings: Any, shared: Any | None) -> Roi:
        """See :func:`prepare`."""

    def parts(self, names: Iterable[str]) -> Mapping[str, Any]:
        """The work for these names, cut into parts that processes can do: label for the progress → what is asked."""

    def measure(self, roi: Roi, settings: Any, label: str, part: Any) -> Found:
        """The features of a part."""


@lru_cache
def engine_names() -> tuple[str, ...]:
    """The engines there are, the default one first."""
    found = {path.parent.name for path in Path(__file__).parent.glob("*/*_engine.py")}
    return (DEFAULT_ENGINE, *sorted(found - {DEFAULT_ENGINE}))


@lru_cache
def engine(name: str = DEFAULT_ENGINE) -> Engine:
    """An engine by name.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in engine_names():
        raise UsageError(f"There is no extraction engine “{name}”. The engines are: {', '.join(engine_names())}.")
    return import_module(f".{name}.{name}_engine", __package__).ENGINE


def settings_from(values: Mapping[str, Any]) -> ExtractionSettings:
    """Settings from a plain mapping as ``to_dict`` gives; without ``engine`` they are the default engine's.

    Raises:
        UsageError: no such engine, a name that is no setting of it, or a value out of its choices.
    """
    values = dict(values)
    return engine(values.pop("engine", DEFAULT_ENGINE)).settings.from_dict(values)


def prepare(case: Case, settings: ExtractionSettings, shared: Any | None = None) -> Roi:
    """From a case to the voxels that are measured, with an account of every step.

    Args:
        case: image and GTV, loaded with the settings' pixel type.
        settings: the study's.
        shared: from :func:`share` for the same image and settings; several masks need not have it computed each.

    Raises:
        RoiError: the ROI is empty, flat or smaller than ``min_voxels`` at any step.
    """
    return engine(settings.engine).prepare(case, settings, shared)


def share(case: Case, region: sitk.Image, settings: ExtractionSettings) -> Any | None:
    """What :func:`prepare` needs of the image alone, for masks inside a region (uint8 0/1, on the case's grid).

    None where there is nothing to share, or sharing it might change a bit.
    """
    return engine(settings.engine).share(case, region, settings)


def extract(
    roi: Roi,
    settings: ExtractionSettings,
    names: Iterable[str] | None = None,
    helpers: Helpers | None = None,
    progress: Progress | None = None,
) -> Features:
    """Compute the features ``names`` (default: all that the settings give).

    Args:
        roi: from :func:`prepare` with the same settings.
        settings: the study's.
        names: names out of ``settings.names``.
        helpers: from :func:`EsoRadiomicsLib.extraction.workers.helpers`; much work is shared with them.
        progress: told after each part.

    Raises:
        UsageError: a name that these settings do not give.
        ExtractionError: a package is missing, or the engine failed as a whole; single features that fail are in
            ``failed``.
    """
    measuring = engine(settings.engine)
    order = settings.names
    wanted = set(order if names is None else names)
    unknown = sorted(wanted - set(order))
    if unknown:
        raise UsageError(f"{', '.join(unknown)} cannot be computed with these settings ({settings.sentence}).")
    parts = measuring.parts(name for name in order if name in wanted)
    found: Found = {}
    for done, (label, result) in enumerate(_run(roi, settings, parts, helpers), start=1):
        found.update(result)
        if progress is not None:
            progress(done / len(parts), tr("features of {label}", label=label))
    values = {name: found[name][0] for name in order if name in wanted and not found[name][1]}
    failed = {name: found[name][1] for name in order if name in wanted and found[name][1]}
    return Features(values, failed, settings, measuring.software())


def is_feature(name: str) -> bool:
    """Whether some engine calls a feature so."""
    return parts_of(name) is not None


def split_name(name: str) -> tuple[str, str, str]:
    """``"wavelet-HLL_glcm_Idn"`` → ``("wavelet-HLL", "glcm", "Idn")``.

    Raises:
        UsageError: no engine has such a feature.
    """
    parts = parts_of(name)
    if parts is None:
        raise UsageError(
            f"“{name}” is not a feature that can be measured (for example “wavelet-HLL_glcm_Idn”). Check the spelling."
        )
    return parts


def images() -> tuple[str, ...]:
    """First parts of all engines' names, in the order of tables and maps."""
    return tuple(dict.fromkeys(image for name in engine_names() for image in engine(name).images))


def classes() -> tuple[str, ...]:
    """Second parts of all engines' names, in the order of tables and maps."""
    return tuple(dict.fromkeys(each for name in engine_names() for each in engine(name).classes))


def volumes() -> tuple[str, ...]:
    """Features of all engines that are the ROI's volume."""
    return tuple(volume for name in engine_names() for volume in engine(name).volumes)


def parts_of(name: str) -> tuple[str, str, str] | None:
    """As :func:`split_name`; None where no engine has such a feature."""
    return next((parts for each in engine_names() if (parts := engine(each).split_name(name))), None)


def _run(
    roi: Roi, settings: ExtractionSettings, parts: Mapping[str, Any], helpers: Helpers | None
) -> Iterator[tuple[str, Found]]:
    measure = partial(_measure, roi, settings)
    tasks = parts.items()
    spread = helpers.spread(measure, tasks) if helpers else ((task, measure(task)) for task in tasks)
    for (label, _), found in spread:
        yield label, found


def _measure(roi: Roi, settings: ExtractionSettings, part: tuple[str, Any]) -> Found:
    return engine(settings.engine).measure(roi, settings, *part)
