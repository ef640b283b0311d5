"""The folder a person gets for one patient and one study; it appears whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from ...core.errors import OutputError
from ...core.output import check_replaceable_folder, safe_cell, write_folder
from ...core.translation import tr
from ...scoring.nomogram import build_nomogram, patient_values
from ...scoring.patient import PatientResult
from ...scoring.patient_curve import patient_curve
from ..figures import (
    contributions_figure,
    histogram_figure,
    nomogram_figure,
    pictures_figure,
    readings_figure,
    robustness_figure,
    roi_figure,
    survival_figure,
    to_png,
    to_svg,
)
from ..figures.style import drawable_language
from .patient_page import report_page
from .patient_result import result_dict, to_json

FILES = (
    "features.csv",
    "result.json",
    "nomogram.svg",
    "survival.svg",
    "contributions.svg",
    "robustness.svg",
    "readings.svg",
    "roi.png",
    "pictures.png",
    "report.html",
)
"""What the folder holds; ``nomogram.svg`` only with an outcome model, ``survival.svg`` only where the card holds the
whole baseline, ``robustness.svg`` and ``readings.svg`` only where that was assessed, ``pictures.png`` only where
pictures were measured."""


def write_report(result: PatientResult, folder: Path | str) -> None:
    """Write the result into ``folder``, replacing an earlier result of the same case and study.

    The files are written beside it and moved into place together: whatever happens, there is a whole folder or none.

    Args:
        result: from :func:`EsoRadiomicsLib.scoring.patient.score_patient`.
        folder: new, empty, or with an earlier result of this case and study.

    Raises:
        OutputError: see :func:`check_folder`; the folder holds another case's or study's result; the disk is full.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> case = eso.load_case("ct.nrrd", "gtv.nrrd")
        >>> eso.write_report(eso.score_patient(case, eso.load_study("ln-control-2y")), "node1")
    """
    folder = Path(folder).absolute()
    document = result_dict(result)
    check_folder(folder)
    _require_same_case(folder, document)
    write_folder(folder, _files(result, document), FILES)


def check_folder(folder: Path) -> None:
    """Check, before any work, that a report may be written into ``folder``.

    Raises:
        OutputError: it is a file, holds anything but an earlier result, or cannot be written.
    """
    check_replaceable_folder(folder, FILES)


def _require_same_case(folder: Path, document: dict[str, Any]) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        earlier = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        same = _identity(earlier) == _identity(document)
        name = tr("the result of {case} by {study}", case=earlier["case"]["name"], study=earlier["study"]["id"])
    except (OSError, ValueError, KeyError, TypeError):
        same, name = False, tr("files that are not a whole result")
    if not same:
        raise OutputError(
            tr(
                "{folder} already holds {name}. Choose another folder, or remove that one first.",
                folder=folder,
                name=name,
            )
        )


def _identity(document: dict[str, Any]) -> tuple[str, str, str]:
    case = document["case"]
    return case["image_sha256"], case["mask_sha256"], document["study"]["id"]


def _files(result: PatientResult, document: dict[str, Any]) -> dict[str, bytes]:
    score = result.score
    pictures = {}
    nomogram, values = build_nomogram(score.study), patient_values(score.study, score)
    if nomogram is not None:
        drawn = nomogram_figure(nomogram, nomogram.place(values), demonstration=score.demonstration)
        pictures["nomogram.svg"] = to_svg(drawn)
    if curve := patient_curve(score.study, values):
        pictures["survival.svg"] = to_svg(survival_figure(curve, demonstration=score.demonstration))
    pictures["contributions.svg"] = to_svg(contributions_figure(score))
    if result.robustness is not None:
        pictures["robustness.svg"] = to_svg(robustness_figure(score, result.robustness))
    if result.paper_readings is not None:
        pictures["readings.svg"] = to_svg(
            readings_figure(score, result.paper_readings, result.features.settings.labels)
        )
    with drawable_language():
        pictures["roi.png"] = to_png(roi_figure(result.case, result.roi))
        if result.roi.pictures:
            pictures["pictures.png"] = to_png(pictures_figure(result.roi.pictures))
    return {
        "features.csv": _features_csv(result).encode(),
        "result.json": to_json(document).encode(),
        **pictures,
        "report.html": report_page(
            result, pictures | {"histogram.svg": to_svg(histogram_figure(result.case))}
        ).encode(),
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
        table.writerow(
            [safe_cell(name), repr(value), *((repr(z[name]), safe_cell(against)) if name in z else ("", ""))]
        )
    return stream.getvalue()
