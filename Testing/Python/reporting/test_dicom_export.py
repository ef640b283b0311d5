"""A result as DICOM and PDF, read back: the same voxels, the same numbers, the patient's own study."""

from __future__ import annotations

import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from dicom_factory import PATIENT_ID, PATIENT_NAME, write_ct

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.extraction.engines import prepare, settings_from
from EsoRadiomicsLib.extraction.pyradiomics.feature_names import ALL
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.imaging.dicom_series import read_series_headers
from EsoRadiomicsLib.reporting.dicom.dicom_objects import gtv_segmentation, write_dicom
from EsoRadiomicsLib.reporting.dicom.feature_codes import _IBSI, PRIVATE_SCHEME, feature_code, feature_unit
from EsoRadiomicsLib.scoring.patient import score_patient
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

hd = pytest.importorskip("highdicom")
pypdf = pytest.importorskip("pypdf")
pydicom = pytest.importorskip("pydicom")
STUDY = "ln-response-crt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DICOM CT, its GTV as a labelmap, and what a scored patient leaves as DICOM."""
    folder = tmp_path_factory.mktemp("export")
    image = phantoms.ct()
    write_ct(folder / "ct", image)
    sitk.WriteImage(phantoms.gtv(image), str(folder / "gtv.nrrd"))
    score = ["score", str(folder / "ct"), str(folder / "gtv.nrrd"), "--study", STUDY]
    assert main([*score, "--pdf", str(folder / "report.pdf"), "--dicom", str(folder / "dicom")]) == 0
    return folder


def test_the_seg_holds_the_voxels_of_the_gtv_on_the_cts_slices(folder: Path) -> None:
    drawn = load_case(folder / "ct", folder / "gtv.nrrd")
    again = load_case(folder / "ct", folder / "dicom" / "gtv-seg.dcm")
    assert again.mask_sha256 == drawn.mask_sha256
    segmentation = hd.seg.segread(folder / "dicom" / "gtv-seg.dcm")
    description = segmentation.get_segment_description(1)
    assert (description.segment_label, description.segmented_property_type.value) == ("GTV", "108369006")


def test_where_hu_were_excluded_the_seg_holds_what_was_measured_too(tmp_path: Path) -> None:
    image = phantoms.ct()
    write_ct(tmp_path / "ct", image)
    sitk.WriteImage(phantoms.gtv(image), str(tmp_path / "gtv.nrrd"))
    case, series = load_case(tmp_path / "ct", tmp_path / "gtv.nrrd"), read_series_headers(tmp_path / "ct")
    as_scanned = settings_from({**load_study("escc-lpfs-ccrt").settings.to_dict(), "voxel_mm": None})
    for settings in (as_scanned, load_study("escc-lpfs-ccrt").settings):
        roi = prepare(case, settings)
        segmentation = gtv_segmentation(case, roi, series)
        drawn, measured = (
            segmentation.get_pixels_by_source_instance(
                [each.SOPInstanceUID for each in series.slices], segment_numbers=[number], combine_segments=False
            )
            for number in (1, 2)
        )
        hu = sitk.GetArrayFromImage(case.image)[..., None]
        inside = sitk.GetArrayFromImage(case.mask)[..., None] != 0
        assert np.array_equal(drawn != 0, inside) and not (measured > drawn).any()
        if settings is as_scanned:
            assert np.array_equal(measured != 0, inside & (hu >= -50))
        else:  # on a finer grid: most of what is below the limit is out, most of the rest is in
            assert (measured[inside & (hu < -50)] == 0).mean() > 0.6
            assert (measured[inside & (hu >= -50)] != 0).mean() > 0.85


def test_the_structured_report_holds_every_feature_and_the_score(folder: Path) -> None:
    document = hd.sr.srread(folder / "dicom" / "measurements-sr.dcm")
    (group,) = document.content.get_volumetric_roi_measurement_groups()
    found = {m.name.value: float(m.value) for m in group.get_measurements()}
    result = score_patient(load_case(folder / "ct", folder / "gtv.nrrd"), load_study(STUDY))
    for name, value in result.features.values.items():
        assert found[feature_code(name)[0]] == pytest.approx(value, rel=1e-9)  # DS holds 16 letters
    assert found["RAD-SCORE"] == pytest.approx(result.score.rad_score, rel=1e-9)
    (group_of_patient,) = group.get_qualitative_evaluations()
    assert result.score.group is not None
    assert group_of_patient.value.meaning == result.score.group.label
    segment = pydicom.dcmread(folder / "dicom" / "gtv-seg.dcm").SOPInstanceUID
    assert group.referenced_segment.referenced_sop_instance_uid == segment


def test_the_pdf_inside_is_the_pdf_beside_and_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    document = pydicom.dcmread(folder / "dicom" / "report-pdf.dcm")
    pdf = (folder / "report.pdf").read_bytes()
    assert document.EncapsulatedDocument[: document.EncapsulatedDocumentLength] == pdf
    text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf)).pages)
    assert "Research use only" in text and PATIENT_NAME not in text and PATIENT_ID not in text
    score = ["score", str(folder / "ct"), str(folder / "gtv.nrrd"), "--study", STUDY]
    assert main([*score, "--pdf", str(tmp_path / "again.pdf")]) == 0
    assert (tmp_path / "again.pdf").read_bytes() == pdf


@pytest.mark.parametrize("name", ["gtv-seg.dcm", "measurements-sr.dcm", "report-pdf.dcm"])
def test_every_object_belongs_to_the_patients_study_in_a_series_of_its_own(folder: Path, name: str) -> None:
    document = pydicom.dcmread(folder / "dicom" / name)
    first = read_series_headers(folder / "ct").slices[0]
    for keyword in ("PatientID", "StudyInstanceUID", "StudyDate"):
        assert document.get(keyword) == first.get(keyword)
    assert str(document.PatientName) == str(first.PatientName)
    assert document.SeriesInstanceUID != first.SeriesInstanceUID


@pytest.mark.parametrize(
    ("keyword", "value", "kept"),
    [
        ("PatientBirthDate", "19xx0101", ""),
        ("StudyDate", "00000000", ""),
        ("StudyTime", "ab", ""),
        ("PatientSex", "QQ", ""),
        ("PatientSex", "F", "F"),
        ("SpecificCharacterSet", ["", "ISO 2022 IR 87"], "ISO_IR 192"),
        ("SpecificCharacterSet", "XYZ", "ISO_IR 192"),
    ],
)
def test_headers_that_dicom_does_not_know_are_left_out(
    keyword: str, value: Any, kept: str, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "ct", tmp_path / "ct")
    with pydicom.config.disable_value_validation():
        for path in (tmp_path / "ct").iterdir():
            dataset = pydicom.dcmread(path)
            setattr(dataset, keyword, value)
            dataset.save_as(path)
    case = load_case(tmp_path / "ct", folder / "gtv.nrrd")
    series, pdf = read_series_headers(tmp_path / "ct"), (folder / "report.pdf").read_bytes()
    write_dicom(score_patient(case, load_study(STUDY)), series, pdf, tmp_path / "dicom")
    for path in (tmp_path / "dicom").iterdir():
        written = pydicom.dcmread(path)
        assert (written.get(keyword) or "") == kept
        assert (written.PatientName, written.PatientID) == (PATIENT_NAME, PATIENT_ID)


def test_dicom_of_a_ct_that_is_no_dicom_is_refused_before_any_work(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score = ["score", *map(str, phantoms.write_phantom(tmp_path)), "--study", STUDY]
    assert main([*score, "--dicom", str(tmp_path / "dicom")]) == InputError.exit_code
    assert "DICOM" in capsys.readouterr().err
    assert not (tmp_path / "dicom").exists()


def test_a_pdf_that_is_there_already_is_not_overwritten(folder: Path) -> None:
    before = (folder / "report.pdf").read_bytes()
    score = ["score", str(folder / "ct"), str(folder / "gtv.nrrd"), "--study", STUDY]
    assert main([*score, "--pdf", str(folder / "report.pdf")]) == 2
    assert (folder / "report.pdf").read_bytes() == before


def test_ibsi_codes_stand_once_and_only_for_features_that_exist() -> None:
    originals = {name.removeprefix("original_") for name in ALL if name.startswith("original_")}
    assert set(_IBSI) <= originals
    codes = [code for code, _ in _IBSI.values()]
    assert len(codes) == len(set(codes)) and all(len(code) == 4 for code in codes)
    # The four that other tables mix up; IBSI reference manual, sections 3.6.13 to 3.6.16.
    mixed = {"Id": "IB1Z", "Idn": "NDRX", "Idm": "WF0Z", "Idmn": "1QCO"}
    assert {name: feature_code(f"original_glcm_{name}")[0] for name in mixed} == mixed
    assert feature_code("original_firstorder_Kurtosis")[1] == PRIVATE_SCHEME
    value, scheme, meaning = feature_code("wavelet-LHL_glcm_Idmn")
    assert (len(value), scheme, meaning) == (16, PRIVATE_SCHEME, "wavelet-LHL_glcm_Idmn")
    assert (feature_unit("original_shape_MeshVolume"), feature_unit("wavelet-LLL_firstorder_Mean")) == ("mm3", "1")
    assert np.isin([feature_unit(name) for name in ALL], ["1", "mm", "mm2", "mm3", "/mm", "[hnsf'U]"]).all()


def test_dcmqi_reads_the_same_voxels_and_numbers(folder: Path, tmp_path: Path) -> None:
    read_seg, read_report = shutil.which("segimage2itkimage"), shutil.which("tid1500reader")
    if read_seg is None or read_report is None:
        pytest.skip("dcmqi is not installed (pip install dcmqi)")
    seg, report = folder / "dicom" / "gtv-seg.dcm", folder / "dicom" / "measurements-sr.dcm"
    subprocess.run([read_seg, "--inputDICOM", seg, "--outputDirectory", tmp_path, "-t", "nrrd"], check=True)
    subprocess.run([read_report, "--inputDICOM", report, "--outputMetadata", tmp_path / "sr.json"], check=True)
    drawn = load_case(folder / "ct", folder / "gtv.nrrd")
    assert load_case(folder / "ct", tmp_path / "1.nrrd").mask_sha256 == drawn.mask_sha256
    (group,) = json.loads((tmp_path / "sr.json").read_text(encoding="utf-8"))["Measurements"]
    read = {item["quantity"]["CodeValue"]: float(item["value"]) for item in group["measurementItems"]}
    result = score_patient(drawn, load_study(STUDY))
    for name, value in result.features.values.items():
        assert read[feature_code(name)[0]] == pytest.approx(value, rel=1e-9)
    assert read["RAD-SCORE"] == pytest.approx(result.score.rad_score, rel=1e-9)
    assert group["ReferencedSegment"] == 1 and group["Finding"]["CodeValue"] == "108369006"
