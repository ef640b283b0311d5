"""The folder a person gets for one patient and one study; it appears whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

from .errors import OutputError
from .figures import contributions_figure, nomogram_figure, roi_figure, to_png, to_svg
from .nomogram import build_nomogram, patient_values
from .output import safe_cell
from .page import report_page
from .patient import PatientResult
from .result import result_dict, to_json

FILES = ("features.csv", "result.json", "nomogram.svg", "contributions.svg", "roi.png", "report.html")
"""What the folder holds; ``nomogram.svg`` only where the study has an outcome model."""


def write_report(result: PatientResult, folder: Path) -> None:
    """Write the result into ``folder``, replacing an earlier result of the same case and study.

    The files are written beside it and moved into place together: whatever happens, there is a whole folder or none.

    Raises:
        OutputError: see :func:`check_folder`; the folder holds another case's or study's result; the disk is full.
    """
    folder = Path(folder).absolute()
    document = result_dict(result)
    check_folder(folder)
    _require_same_case(folder, document)
    files = _files(result, document)
    new_parents = [parent for parent in folder.parents if not parent.exists()]
    workshop = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        (workshop / "new").mkdir(parents=True)
        for name, content in files.items():
            (workshop / "new" / name).write_bytes(content)
        _move_into_place(workshop / "new", folder, aside=workshop / "old")
    except OSError as error:
        raise OutputError(_cannot_write(folder, error)) from error
    finally:  # Ctrl-C comes through here too
        shutil.rmtree(workshop, ignore_errors=True)
        if not folder.exists():
            for parent in new_parents:
                _remove_if_empty(parent)


def check_folder(folder: Path) -> None:
    """Check, before any work, that a report may be written into ``folder``.

    Raises:
        OutputError: it is a file, holds anything but an earlier result, or cannot be written.
    """
    folder = Path(folder).absolute()
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; the report needs a folder. Choose another name.")
    try:
        strangers = sorted(path.name for path in folder.iterdir() if path.name not in FILES) if folder.exists() else []
    except OSError as error:
        raise OutputError(_cannot_write(folder, error)) from error
    if strangers:
        listed = ", ".join(strangers[:3]) + (" …" if len(strangers) > 3 else "")
        raise OutputError(f"{folder} holds other files ({listed}). Choose a new or empty folder for the report.")
    existing = next(parent for parent in folder.parents if parent.exists())
    if not existing.is_dir():
        raise OutputError(f"{folder} cannot be made: {existing} is a file. Choose another folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(_cannot_write(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES))))


def _require_same_case(folder: Path, document: dict[str, Any]) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        earlier = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        same = _identity(earlier) == _identity(document)
        name = f"the result of {earlier['case']['name']} by {earlier['study']['id']}"
    except (OSError, ValueError, KeyError, TypeError):
        same, name = False, "files that are not a whole result"
    if not same:
        raise OutputError(f"{folder} already holds {name}. Choose another folder, or remove that one first.")


def _identity(document: dict[str, Any]) -> tuple[str, str, str]:
    case = document["case"]
    return case["image_sha256"], case["mask_sha256"], document["study"]["id"]


def _files(result: PatientResult, document: dict[str, Any]) -> dict[str, bytes]:
    score = result.score
    pictures = {}
    nomogram = build_nomogram(score.study)
    if nomogram is not None:
        place = nomogram.place(patient_values(score.study, score))
        pictures["nomogram.svg"] = to_svg(nomogram_figure(nomogram, place, demonstration=score.demonstration))
    pictures["contributions.svg"] = to_svg(contributions_figure(score))
    pictures["roi.png"] = to_png(roi_figure(result.case, result.roi))
    return {
        "features.csv": _features_csv(result).encode(),
        "result.json": to_json(document).encode(),
        **pictures,
        "report.html": report_page(result, pictures).encode(),
    }


def _features_csv(result: PatientResult) -> str:
    """Name, value, z and what the z is taken against; floats in full."""
    z = {item.feature: item.z for item in result.score.contributions if item.z is not None}
    against = result.score.reference_label or result.score.study.id
    if result.score.demonstration:
        against += " (demonstration, no clinical meaning)"
    stream = io.StringIO(newline="")
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["name", "value", "z", "reference"])
    for name, value in result.features.values.items():
        table.writerow([safe_cell(name), repr(value), *((repr(z[name]), safe_cell(against)) if name in z else ("", ""))])
    return stream.getvalue()


def _move_into_place(new: Path, folder: Path, aside: Path) -> None:
    """Rename ``new`` to ``folder``; what was there goes ``aside``, and comes back if the second step fails."""
    if not folder.exists():
        new.rename(folder)
        return
    folder.rename(aside)
    try:
        new.rename(folder)
    except BaseException:
        aside.rename(folder)
        raise


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # someone else may use it by now
        folder.rmdir()


def _cannot_write(folder: Path, error: OSError) -> str:
    remedy = "Free some space, or choose" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "Choose"
    return f"The report cannot be written to {folder}: {error.strerror}. {remedy} a folder that you may write to."
