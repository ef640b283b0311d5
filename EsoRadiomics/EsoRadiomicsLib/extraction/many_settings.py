"""One case measured with many settings: what does not depend on a changed setting is measured once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..core.errors import EsoRadiomicsError
from ..core.progress import Progress
from ..imaging.case import Case
from .engines import engine, extract, prepare, split_name
from .features import Features, Found
from .roi import Roi
from .settings import ExtractionSettings

Load = Callable[[str], Case]
"""The case in a pixel type."""


def extract_each(
    load: Load, variants: Sequence[ExtractionSettings], names: Sequence[str], progress: Progress | None = None
) -> Iterator[tuple[int, Features | str]]:
    """The features ``names`` under each of ``variants``, with the bits that each alone would give.

    Args:
        load: loads the case in a pixel type; called once for each.
        variants: settings of one engine.
        names: features that all of them give.
        progress: told after each variant.

    Yields:
        Place in ``variants`` and the features, or the sentence that says why there are none; in the order that shares
        the most work, not that of ``variants``.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        groups.setdefault(split_name(name)[:2], []).append(name)
    cases: dict[str, Case] = {}
    measured: dict[Any, Found] = {}
    roi: Roi | str = ""
    last: Any = None
    for done, (i, settings) in enumerate(sorted(enumerate(variants), key=lambda item: _roi_key(item[1])), start=1):
        if _roi_key(settings) != last:
            last = _roi_key(settings)
            roi = _prepared(load, cases, settings)
        found: Found = {}
        try:
            for group in groups.values():
                if isinstance(roi, str):
                    break
                key = (tuple(group), _key(settings, settings.idle(group)))
                if key not in measured:
                    measured[key] = _measured(roi, settings, group)
                found |= measured[key]
            failed = roi if isinstance(roi, str) else ""
        except EsoRadiomicsError as error:
            failed = str(error)
        if progress is not None:
            progress(done / len(variants), f"settings {done} of {len(variants)}")
        yield i, failed or _features(found, names, settings)


def _prepared(load: Load, cases: dict[str, Case], settings: ExtractionSettings) -> Roi | str:
    try:
        if settings.pixel_type not in cases:
            cases[settings.pixel_type] = load(settings.pixel_type)
        return prepare(cases[settings.pixel_type], settings)
    except EsoRadiomicsError as error:
        return str(error)


def _measured(roi: Roi, settings: ExtractionSettings, group: Sequence[str]) -> Found:
    features = extract(roi, settings, group)
    return {name: (features.values.get(name, float("nan")), features.failed.get(name, "")) for name in group}


def _features(found: Found, names: Sequence[str], settings: ExtractionSettings) -> Features:
    values = {name: found[name][0] for name in names if not found[name][1]}
    failed = {name: found[name][1] for name in names if found[name][1]}
    return Features(values, failed, settings, engine(settings.engine).software())


def _roi_key(settings: ExtractionSettings) -> str:
    return _key(settings, settings.after_roi)


def _key(settings: ExtractionSettings, without: frozenset[str]) -> str:
    return repr([item for item in settings.to_dict().items() if item[0] not in without])
