"""Real CTs through the cohort: the same bits from DICOM and NIfTI, and as each case alone."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from cohort_factory import write_manifest

from EsoRadiomicsLib.cohort.folder_scan import manifest_text, scan_folder
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

STUDY = load_study("escc-lpfs-ccrt")
BOTH = {"ibsi": ("ibsi_ct_phantom", "GTV-1"), **{f"STS_{n}": (f"sts/STS_{n}", "GTV*") for n in ("001", "002", "008")}}
"""Patients that are there as DICOM and as NIfTI: their folder, and the GTV in the RTSTRUCT."""
ALONE = "STS_008 dicom"


@pytest.fixture(scope="module")
def manifest(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All real cases, which lie outside the manifest's folder."""
    folder = tmp_path_factory.mktemp("real")
    rows = []
    for patient in sorted([*(shared_data / "sts").iterdir(), shared_data / "ibsi_ct_phantom"]):
        name = "ibsi" if "ibsi" in patient.name else patient.name
        places = {"image": patient / "ct.nii.gz", "mask": patient / "mask.nii.gz"}
        rows.append({"case": f"{name} nifti", **{key: os.path.relpath(place, folder) for key, place in places.items()}})
    for name, (place, roi) in BOTH.items():
        dicom = Path(os.path.relpath(shared_data / place / "dicom", folder))
        rows.append({"case": f"{name} dicom", "image": f"{dicom}/image", "rtstruct": f"{dicom}/mask", "roi": roi})
    lung = os.path.relpath(shared_data / "lung1_002" / "dicom", folder)
    rows.append({"case": "lung1 dicom", "image": lung, "rtstruct": lung, "roi": "GTV-1"})
    return write_manifest(folder / "manifest.csv", rows)


@pytest.mark.slow
def test_real_cases_give_the_same_rows_from_every_format_and_as_each_alone(manifest: Path, tmp_path: Path) -> None:
    command = ["cohort", "run", str(manifest), "--allow-outside", "--study", STUDY.id, "--jobs", "2"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "features.csv", float_precision="round_trip").set_index("case")
    assert len(table) == len(read_manifest(manifest, allow_outside=True).entries)
    assert table["failed"].isna().all()
    for name in BOTH:
        pd.testing.assert_series_equal(
            table.loc[f"{name} dicom"], table.loc[f"{name} nifti"], check_exact=True, check_names=False
        )
    assert STUDY.signature is not None
    entry = next(e for e in read_manifest(manifest, allow_outside=True).entries if e.case == ALONE)
    case = load_case(entry.image, entry.mask, roi=entry.roi)
    alone = extract(prepare(case, STUDY.settings), STUDY.settings, STUDY.signature.names)
    assert {name: table.loc[ALONE, name] for name in alone.values} == dict(alone.values)


def test_all_headers_of_real_cases_pass_the_check(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cohort", "check", str(manifest), "--allow-outside"]) == 0
    said = capsys.readouterr().out
    assert "slice thickness: 3.3 mm (9), 3 mm (3)" in said
    assert "These cases have the same image" not in said, "another format is another file; only voxels tell"


def test_a_scan_of_real_patients_finds_image_and_gtv(shared_data: Path, tmp_path: Path) -> None:
    lines = {line["case"]: line for line in scan_folder(shared_data / "sts", tmp_path)}
    assert sorted(lines) == [f"STS_{number}" for number in ("001", "002", "003", "005", "006", "008")]
    assert lines["STS_003"]["mask"].endswith("STS_003/mask.nii.gz")
    assert lines["STS_008"]["roi"] == "GTV_Mass_CT"
    assert manifest_text(list(lines.values())).count("\n") == 7
