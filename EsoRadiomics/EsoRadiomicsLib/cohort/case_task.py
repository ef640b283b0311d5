"""One case of a cohort as it is measured, in whatever process or on whatever machine: from paths to a record."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..core.errors import EsoRadiomicsError, InputError
from ..extraction.engines import engine, extract, prepare, settings_from
from ..extraction.features import Features
from ..extraction.roi import Roi
from ..extraction.settings import ExtractionSettings
from ..imaging.case import Case, load_case
from ..imaging.mask_header import read_mask_header
from ..imaging.volumes import is_dicom
from .case_store import Store
from .problems import split_message

RECORD_VERSION = 1
DETACHED = (".mhd", ".nhdr")
"""Headers whose voxels are in another file of the folder."""


@dataclass(frozen=True)
class Task:
    """What a process needs to measure a case; JSON values only.

    ``features`` are the names wanted, or None for all that the settings give; ``store`` is the folder of finished
    cases, which this process may or may not see.
    """

    name: str
    image: str
    mask: str
    roi: str
    settings: dict[str, Any]
    features: tuple[str, ...] | None
    store: str


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
    stage = "files"
    try:
        settings = settings_from(task.settings)
        key = content_key(task)
        if Store(Path(task.store)).read(key) is not None:
            return Outcome(key)
        stage = "image and mask"
        case = _load(task, settings)
        stage = "ROI"
        roi = prepare(case, settings)
        stage = "features"
        return Outcome(key, _record(case, roi, extract(roi, settings, task.features)))
    except EsoRadiomicsError as error:
        reason, remedy = split_message(str(error))
        return Outcome(stage=stage, reason=reason, remedy=remedy)
    except MemoryError:
        return Outcome(
            stage=stage, reason="The computer has not enough memory for this case.", remedy="Run fewer jobs."
        )
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome(
            stage=stage,
            reason=f"Unexpected {type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno}).",
            remedy="This is a fault of the software: please report it with this line.",
        )


def content_key(task: Task) -> str:
    """SHA-256 of everything that decides a case's numbers: content of its files, ROI, settings, features, versions.

    Names, places and dates of files do not matter; one changed byte of them does, even in a header.
    """
    content = {
        "record": RECORD_VERSION,
        "image": _files_sha256(Path(task.image)),
        "mask": _files_sha256(Path(task.mask)),
        "roi": task.roi,
        "settings": task.settings,
        "features": task.features,
        "software": _software(settings_from(task.settings).engine),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@lru_cache
def _software(engine_name: str) -> str:
    """The versions; once a process, as looking them up takes as long as hashing a small case."""
    return json.dumps(engine(engine_name).software())


def _files_sha256(path: Path) -> str:
    digests = sorted(file_sha256(file) for file in _files(path))
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _files(path: Path) -> Iterator[Path]:
    """The files a path stands for; of a DICOM slice or a detached header, all of its folder."""
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
    elif path.suffix.lower() in DETACHED or _is_slice(path):
        yield from (file for file in path.parent.iterdir() if file.is_file())
    else:
        yield path


def _is_slice(path: Path) -> bool:
    if not is_dicom(path):
        return False
    from ..imaging.dicom_files import read_header
    from ..imaging.dicom_series import NOT_IMAGES

    return read_header(path).get("Modality") not in NOT_IMAGES


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


def _load(task: Task, settings: ExtractionSettings) -> Case:
    choice = read_mask_header(Path(task.mask)).choice(task.roi) if task.roi else {}
    return load_case(task.image, task.mask, name=task.name, pixel_type=settings.pixel_type, **choice)


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
        "warnings": [*case.warnings, *roi.warnings],
        "failed": dict(features.failed),
        "features": dict(features.values),
    }
