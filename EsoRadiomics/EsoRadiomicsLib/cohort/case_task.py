"""One case of a cohort as it is measured, in whatever process or on whatever machine: from paths to a record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from ..core.errors import EsoRadiomicsError, InputError
from ..extraction.engines import engine, extract, prepare, settings_from
from ..extraction.features import Features
from ..extraction.many_settings import extract_each
from ..extraction.roi import Roi
from ..imaging.case import Case, load_case
from ..imaging.mask_header import read_mask_header
from ..imaging.source_files import image_files, mask_files
from .case_pictures import packed
from .case_store import Store
from .problems import fault, split_message

RECORD_VERSION = 2


@dataclass(frozen=True)
class Task:
    """What a process needs to measure a case; JSON values only.

    ``features`` are the names wanted, or None for all that the settings give; ``store`` is the folder of finished
    cases, which this process may or may not see; ``allow_outside``: image headers may name files outside their folder;
    ``readings``: more settings, with which the same features are measured, too.
    """

    name: str
    image: str
    mask: str
    roi: str
    settings: dict[str, Any]
    features: tuple[str, ...] | None
    store: str
    allow_outside: bool = False
    readings: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """A case that is finished (``key`` set; ``record`` None if the store had it already) or failed (``reason`` set)."""

    key: str = ""
    record: dict[str, Any] | None = None
    stage: str = ""
    reason: str = ""
    remedy: str = ""


def measure(task: Task) -> Outcome:
    """Measure a case, unless the store has it; whatever goes wrong becomes an outcome."""
    stage = "image and mask"
    try:
        settings = settings_from(task.settings)
        key = content_key(task)
        if Store(Path(task.store)).read(key) is not None:
            return Outcome(key)
        case = _load(task, settings.pixel_type)
        stage = "ROI"
        roi = prepare(case, settings)
        stage = "features"
        record = _record(case, roi, extract(roi, settings, task.features))
        return Outcome(key, record | ({"readings": _readings(task)} if task.readings else {}))
    except EsoRadiomicsError as error:
        reason, remedy = split_message(str(error))
        return Outcome(stage=stage, reason=reason, remedy=remedy)
    except MemoryError:
        return Outcome(
            stage=stage, reason="The computer has not enough memory for this case.", remedy="Run fewer jobs."
        )
    except Exception as error:
        reason, remedy = split_message(fault(error))
        return Outcome(stage=stage, reason=reason, remedy=remedy)


def content_key(task: Task) -> str:
    """SHA-256 of everything that decides a case's numbers: content of its files, ROI, settings, features, versions.

    The files are those that are read: headers, the data files they name, the slices of one series. Names, places and
    dates of files do not matter; one changed byte of them does, even in a header.

    Raises:
        InputError: the headers of image or mask cannot be read.
    """
    mask = Path(task.mask)
    series = read_mask_header(mask, allow_outside=task.allow_outside).series
    content = {
        "record": RECORD_VERSION,
        "image": _files_sha256(image_files(Path(task.image), series, allow_outside=task.allow_outside)),
        "mask": _files_sha256(mask_files(mask, allow_outside=task.allow_outside)),
        "roi": task.roi,
        "settings": task.settings,
        "features": task.features,
        "software": _software(settings_from(task.settings).engine),
    } | ({"readings": task.readings} if task.readings else {})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@lru_cache
def _software(engine_name: str) -> str:
    """The versions; once a process, as looking them up takes as long as hashing a small case."""
    return json.dumps(engine(engine_name).software())


def _files_sha256(files: Iterable[Path]) -> str:
    """In the order in which they are read: data files that changed places make another volume."""
    return hashlib.sha256("".join(map(file_sha256, files)).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        InputError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check the file and its permissions.") from error
    return digest.hexdigest()


def _load(task: Task, pixel_type: str) -> Case:
    header = read_mask_header(Path(task.mask), allow_outside=task.allow_outside) if task.roi else None
    return load_case(
        task.image,
        task.mask,
        name=task.name,
        pixel_type=pixel_type,
        allow_outside=task.allow_outside,
        **(header.choice(task.roi) if header else {}),
    )


def _readings(task: Task) -> list[dict[str, Any]]:
    """Of each further reading its values, and why there are none."""
    variants = [settings_from(values) for values in task.readings]
    found = dict(extract_each(partial(_load, task), variants, task.features or variants[0].names))
    rows = []
    for i, settings in enumerate(variants):
        features = found[i]
        if isinstance(features, str):
            failed, values = dict.fromkeys(task.features or settings.names, features), {}
        else:
            failed, values = dict(features.failed), dict(features.values)
        rows.append({"settings": settings.fingerprint, "failed": failed, "features": values})
    return rows


def _record(case: Case, roi: Roi, features: Features) -> dict[str, Any]:
    """Everything about a finished case that its content decides: no name, no path, no time."""
    return {
        "record_version": RECORD_VERSION,
        "image_sha256": case.image_sha256,
        "mask_sha256": case.mask_sha256,
        "settings": features.settings.fingerprint,
        "software": dict(features.software),
        "size": list(case.image.GetSize()),
        "spacing_mm": list(case.image.GetSpacing()),
        "acquisition": asdict(case.acquisition),
        "sources": case.sources,
        "roi": asdict(roi.account),
        **({"picture": packed(roi.pictures)} if roi.pictures else {}),
        "warnings": [*case.warnings, *roi.warnings],
        "failed": dict(features.failed),
        "features": dict(features.values),
    }
