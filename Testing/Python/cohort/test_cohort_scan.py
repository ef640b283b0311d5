"""A manifest from a folder: what is clear is filled in, what is not is left to the user with a remark."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import phantoms
import pytest
import SimpleITK as sitk
from cohort_factory import SIZE, write_patient
from dicom_factory import contours_of, write_ct, write_rtstruct

from EsoRadiomicsLib.cohort import folder_scan
from EsoRadiomicsLib.cohort.cohort_check import check_cohort
from EsoRadiomicsLib.cohort.folder_scan import scan_folder
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.shell.cli import main


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """A volume patient, a DICOM patient, one with two masks, one without a mask, and one in loose files."""
    image = phantoms.ct(SIZE)
    gtv = phantoms.gtv(image)
    write_patient(tmp_path / "nrrd", seed=1)
    write_ct(tmp_path / "dicom" / "a" / "ct", image)
    rois = {"Lung": contours_of(gtv), "GTV-1": contours_of(gtv)}
    write_rtstruct(tmp_path / "dicom" / "b.dcm", rois)
    write_patient(tmp_path / "two", seed=2)
    sitk.WriteImage(gtv, str(tmp_path / "two" / "lymph-mask.nii.gz"))
    (tmp_path / "bare").mkdir()
    sitk.WriteImage(image, str(tmp_path / "bare" / "scan.mha"))
    sitk.WriteImage(image, str(tmp_path / "P7_CT.nii.gz"))
    sitk.WriteImage(gtv, str(tmp_path / "P7_GTV.nii.gz"))
    (tmp_path / "readme.txt").write_text("not a patient", encoding="utf-8")
    return tmp_path


def test_patients_are_found_with_image_mask_and_roi(patients: Path) -> None:
    lines = {line["case"]: line for line in scan_folder(patients, patients)}
    assert sorted(lines) == ["P7", "bare", "dicom", "nrrd", "two"]
    assert (lines["P7"]["image"], lines["P7"]["mask"]) == ("P7_CT.nii.gz", "P7_GTV.nii.gz")
    assert (lines["nrrd"]["image"], lines["nrrd"]["mask"]) == ("nrrd/ct.nrrd", "nrrd/gtv.nrrd")
    dicom = lines["dicom"]
    assert (dicom["image"], dicom["rtstruct"], dicom["roi"]) == ("dicom/a/ct", "dicom/b.dcm", "GTV-1")
    assert (lines["two"]["mask"], lines["bare"]["mask"]) == ("", "")
    assert "2 masks: two/gtv.nrrd, two/lymph-mask.nii.gz" in lines["two"]["remark"]
    assert "No mask found" in lines["bare"]["remark"]
    assert not any(lines[name]["remark"] for name in ("P7", "nrrd", "dicom"))


def test_the_manifest_of_a_scan_passes_the_check_where_nothing_was_unclear(
    patients: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cohort", "scan", str(patients)]) == 0
    assert "5 cases written" in capsys.readouterr().out
    check = check_cohort(read_manifest(patients / "manifest.csv"))
    assert sorted(key[0] for key in check.headers) == ["P7", "dicom", "nrrd"]
    assert {problem.case for problem in check.problems if problem.blocking} == {"two", "bare"}
    assert main(["cohort", "scan", str(patients)]) == 2, "an existing manifest is not overwritten"


def test_a_folder_without_patients_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="holds no patients"):
        scan_folder(tmp_path, tmp_path)


def test_a_patient_that_cannot_be_looked_at_is_a_line_and_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i, name in enumerate(("A", "B", "C")):
        write_patient(tmp_path / name, seed=i)
    before = folder_scan._sort

    def sort(files: Sequence[Path], is_mask: re.Pattern[str]) -> object:
        if files[0].parent.name == "B":
            raise ZeroDivisionError("nobody foresaw this")
        return before(files, is_mask)

    monkeypatch.setattr(folder_scan, "_sort", sort)
    lines = folder_scan.scan_folder(tmp_path, tmp_path)
    assert [line["case"] for line in lines] == ["A", "B", "C"]
    assert [bool(line["image"]) for line in lines] == [True, False, True]
    assert "fault in EsoRadiomics" in lines[1]["remark"]


def test_a_file_whose_name_is_no_text_is_told_of(tmp_path: Path) -> None:
    write_patient(tmp_path / "A", seed=1)
    (tmp_path / "A" / os.fsdecode(b"other\xff_ct.nrrd")).write_bytes(b"")
    (line,) = folder_scan.scan_folder(tmp_path, tmp_path)
    assert line["image"] == "A/ct.nrrd"
    assert "Rename it" in line["remark"]


def test_an_empty_gtv_beside_a_drawn_ptv_is_told_of(tmp_path: Path) -> None:
    image = phantoms.ct(SIZE)
    write_ct(tmp_path / "P1" / "ct", image)
    rois = {"GTV": [], "Heart": [], "PTV": contours_of(phantoms.gtv(image))}
    write_rtstruct(tmp_path / "P1" / "rs.dcm", rois)
    (line,) = scan_folder(tmp_path, tmp_path)
    assert (line["roi"], line["remark"]) == ("PTV", "Not drawn: “GTV” has no closed contour.")


def test_a_structure_set_of_another_frame_of_reference_is_found_by_its_headers(tmp_path: Path) -> None:
    image = phantoms.ct(SIZE)
    write_ct(tmp_path / "P1" / "ct", image)
    write_rtstruct(tmp_path / "P1" / "rs.dcm", {"GTV": contours_of(phantoms.gtv(image))}, frame="another")
    manifest = tmp_path / "m.csv"
    manifest.write_text("case,image,rtstruct\nP1,P1/ct,P1/rs.dcm\n")
    (problem,) = check_cohort(read_manifest(manifest)).problems
    assert problem.blocking and "another frame of reference" in str(problem)
