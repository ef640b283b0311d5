"""What is made of a result of the scene when it is asked for: its report as folder, PDF or DICOM, and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InputError
from ...core.output import writing
from ...imaging.case import Case, make_case
from ...imaging.dicom_series import read_series, read_series_headers
from ...reporting.patient.kept_result import whole_result
from ...scoring.patient import PatientResult
from ..language import tr as _

if TYPE_CHECKING:
    from ..scene.scene_access import SceneAccess
    from ..scene.scene_results import StoredResult

FOLDER, PDF, DICOM = "folder", "pdf", "dicom"
"""What a result can be exported as."""
_SAME_PLACE_MM = 0.01


def write_files(scene: SceneAccess, stored: StoredResult, path: Path, what: str = FOLDER) -> None:
    """Write the report as a new or empty folder, as one PDF, or as DICOM objects into a new folder.

    Raises:
        OutputError: the folder holds other files, or cannot be written.
        InputError: the nodes that it was computed from cannot be read, or for DICOM are not those of a series.
        UsageError: PDF and DICOM need packages that are not installed.
    """
    if what == FOLDER:
        from ...reporting.patient.patient_report import check_folder, write_report  # matplotlib takes its time

        check_folder(path)
        write_report(_whole(scene, stored), path)
        return
    from ...reporting.patient.patient_pdf import report_pdf

    if what == PDF:
        pdf = report_pdf(_whole(scene, stored))
        with writing(path) as file:
            file.write(pdf)
        return
    from ...reporting.dicom.dicom_objects import write_dicom

    source = scene.dicom_file(stored.volume)
    result = _whole(scene, stored)
    _require_same_ct(result.case, source, stored)
    write_dicom(result, read_series_headers(source), report_pdf(result), path)


def drawn_part(scene: SceneAccess, stored: StoredResult, part: str) -> bytes:
    """The figure of ``robustness`` or ``paper_readings`` as SVG; empty where the result has no such part."""
    from ...reporting.figures import readings_figure, robustness_figure, to_svg

    if not stored.document.get(part):
        return b""
    result = _whole(scene, stored)
    if part == "robustness" and result.robustness is not None:
        return to_svg(robustness_figure(result.score, result.robustness))
    assert result.paper_readings is not None
    return to_svg(readings_figure(result.score, result.paper_readings, result.features.settings.labels))


def _whole(scene: SceneAccess, stored: StoredResult) -> PatientResult:
    nodes = stored.volume, stored.segmentation, stored.segment_id
    case = scene.case(*nodes, stored.document["settings"]["values"]["pixel_type"])
    return whole_result(stored.document, stored.study, case)


def _require_same_ct(case: Case, source: Path, stored: StoredResult) -> None:
    """The scene's CT is that of the files: numbers of a changed or moved one must not enter the patient's record."""
    image = read_series(source).image
    same = image.GetSize() == case.image.GetSize() and np.allclose(
        image.GetOrigin(), case.image.GetOrigin(), rtol=0, atol=_SAME_PLACE_MM
    )
    if same:
        pixel_type = stored.document["settings"]["values"]["pixel_type"]
        same = make_case(image, case.mask, pixel_type=pixel_type).image_sha256 == case.image_sha256
    if not same:
        raise InputError(
            _(
                "“{volume}” is not the DICOM series it was loaded from any more: its voxels or its place "
                "were changed. Score the unchanged series to export DICOM."
            ).format(volume=stored.volume.GetName())
        )
