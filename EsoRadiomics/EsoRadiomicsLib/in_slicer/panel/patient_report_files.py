"""What is drawn of a result of the scene when it is asked for: its report as files, and single figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...reporting.patient.kept_result import whole_result
from ...scoring.patient import PatientResult

if TYPE_CHECKING:
    from ..scene.scene_access import SceneAccess
    from ..scene.scene_results import StoredResult


def write_files(scene: SceneAccess, stored: StoredResult, folder: Path) -> None:
    """Write the report into a new or empty folder.

    Raises:
        OutputError: it holds other files, or cannot be written.
        InputError: the nodes that it was computed from cannot be read.
    """
    from ...reporting.patient.patient_report import check_folder, write_report  # matplotlib takes its time

    check_folder(folder)
    write_report(_whole(scene, stored), folder)


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
