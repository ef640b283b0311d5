"""The panel's exports beside the report's folder: one PDF, and DICOM in the study that the CT was loaded from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mrml import edit_volume, save_and_reopen, scene, slicer
from panel_desk import Desk, FakeRunner, desk, reference, scored_desk

pypdf = pytest.importorskip("pypdf")
pydicom = pytest.importorskip("pydicom")
pytest.importorskip("highdicom")

from dicom_factory import PATIENT_NAME, write_ct  # noqa: E402
from phantoms import ct, gtv  # noqa: E402
from SimpleITK import WriteImage  # noqa: E402

from EsoRadiomicsLib.imaging.case import load_case, make_case  # noqa: E402
from EsoRadiomicsLib.in_slicer.panel.patient_panel import Panel  # noqa: E402
from EsoRadiomicsLib.in_slicer.panel.patient_report_files import DICOM, PDF  # noqa: E402
from EsoRadiomicsLib.in_slicer.scene.dicom_source import INSTANCES  # noqa: E402
from EsoRadiomicsLib.in_slicer.scene.scene_access import SceneAccess  # noqa: E402

__all__ = ["desk", "reference", "scene"]
OBJECTS = {"gtv-seg.dcm", "measurements-sr.dcm", "report-pdf.dcm"}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Slicer's DICOM database, which knows the phantom's CT: SOP instance UID → file."""
    write_ct(tmp_path / "ct", ct())
    files = {str(pydicom.dcmread(file).SOPInstanceUID): str(file) for file in sorted((tmp_path / "ct").iterdir())}
    known = SimpleNamespace(fileForInstance=lambda uid: files.get(uid, ""))
    monkeypatch.setattr(slicer, "dicomDatabase", known, raising=False)
    return files


def from_dicom(desk: Desk, files: dict[str, str], capsys: Any) -> Panel:
    """The desk's scored patient, whose CT says that it was loaded from these files."""
    desk.inputs.volume.SetAttribute(INSTANCES, " ".join(files))
    return scored_desk(desk, capsys)


def test_a_reopened_scene_exports_dicom_into_the_study_of_its_ct(
    desk: Desk, database: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from_dicom(desk, database, capsys)
    desk.panel.scene_closing()
    save_and_reopen(desk.scene, tmp_path / "patient.mrb")
    panel = Panel(SceneAccess(desk.scene), FakeRunner(), on_change=desk.count)
    assert panel.restore() is not None and panel.missing_for_dicom() == ""
    assert panel.export(tmp_path / "dicom", DICOM), panel.error
    assert {path.name for path in (tmp_path / "dicom").iterdir()} == OBJECTS
    again = load_case(tmp_path / "ct", tmp_path / "dicom" / "gtv-seg.dcm", segment="GTV")
    assert again.mask_sha256 == make_case(ct(), gtv(ct())).mask_sha256
    report = pydicom.dcmread(tmp_path / "dicom" / "measurements-sr.dcm")
    assert str(report.PatientName) == PATIENT_NAME


def test_a_ct_loaded_from_dicom_is_scored_with_what_its_headers_tell_of_the_scanner(
    desk: Desk, database: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = from_dicom(desk, database, capsys).result
    assert result is not None
    assert result["case"]["acquisition"]["kvp"] == load_case(*_files(tmp_path)).acquisition.kvp is not None


def _files(folder: Path) -> tuple[Path, Path]:
    """The database's CT, and a GTV as a file."""
    WriteImage(gtv(ct()), str(folder / "gtv.nrrd"))
    return folder / "ct", folder / "gtv.nrrd"


def test_a_ct_that_is_not_its_series_any_more_is_not_exported_as_dicom(
    desk: Desk, database: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_volume(desk.inputs.volume, 5)
    panel = from_dicom(desk, database, capsys)
    assert not panel.export(tmp_path / "dicom", DICOM)
    assert "not the DICOM series" in panel.error and not (tmp_path / "dicom").exists()


def test_why_dicom_is_not_possible_is_a_sentence(
    desk: Desk, database: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = scored_desk(desk, capsys)
    assert "was not loaded from DICOM" in panel.missing_for_dicom()
    desk.inputs.volume.SetAttribute(INSTANCES, "1.2.3")
    assert "not in this Slicer's DICOM database" in panel.missing_for_dicom()
    assert not panel.export(tmp_path / "dicom", DICOM) and panel.error == panel.missing_for_dicom()


def test_the_pdf_is_one_file_without_identity(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    panel = scored_desk(desk, capsys)
    assert panel.export(tmp_path / "report.pdf", PDF), panel.error
    text = "".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "report.pdf").pages)
    assert "Research use only" in text
    assert not panel.export(tmp_path / "nowhere" / "report.pdf", PDF) and panel.error
