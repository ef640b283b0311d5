"""What is handed on names no folder, no file and no free text of a header; whoever runs the cohort sees all of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import cohort_factory
import dicom_factory
import phantoms
import pytest
import SimpleITK as sitk

from EsoRadiomicsLib.cohort.exported_text import LONGEST, shortened, without_names
from EsoRadiomicsLib.shell.cli import main

HANDED_ON = ("failures.csv", "remarks.csv", "report.html", "provenance.json", "scores.csv", "features.csv")


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Cases that fail or are remarked on for reasons whose sentences name paths, series or ROIs."""
    folder = tmp_path / "Doe^Jane folder"
    image = phantoms.ct(cohort_factory.SIZE, seed=1)
    gtv = cohort_factory.ragged_gtv(image, 1)
    for series in ("SECRET one", "SECRET two"):
        dicom_factory.write_ct(folder / series, image, series=series)
        (folder / "both").mkdir(exist_ok=True)
        for file in (folder / series).iterdir():
            shutil.copy(file, folder / "both" / f"{series[-3:]} {file.name}")
    sitk.WriteImage(gtv, str(folder / "SECRET gtv.nrrd"))
    sitk.WriteImage(image, str(folder / "SECRET ct.nrrd"))
    contours = dicom_factory.contours_of(gtv)
    dicom_factory.write_rtstruct(folder / "SECRET rt.dcm", {"SECRET GTV": contours, "SECRET PTV": contours})
    rows = [
        {"case": "two series", "image": "both", "mask": "SECRET gtv.nrrd"},
        {"case": "two ROIs", "image": "SECRET one", "mask": "SECRET rt.dcm"},
        {"case": "no label", "image": "SECRET ct.nrrd", "mask": "SECRET gtv.nrrd", "roi": "7"},
        {"case": "not there", "image": "SECRET none.nrrd", "mask": "SECRET gtv.nrrd"},
        {"case": "several", "image": "SECRET*", "mask": "SECRET gtv.nrrd"},
        {"case": "remarked", "image": "SECRET ct.nrrd", "mask": "SECRET rt.dcm", "roi": "SECRET GTV"},
    ]
    return cohort_factory.write_manifest(folder / "manifest.csv", rows)


def test_tables_and_pages_name_no_folder_no_file_and_no_free_text(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["cohort", "run", str(cohort), "--study", "ln-response-crt", "--out", str(out)]) == 1
    told = capsys.readouterr().out
    assert "SECRET one" in told and "SECRET PTV" in told, "the terminal says what is needed to mend it"
    assert main(["cohort", "check", str(cohort), "--out", str(out / "problems.csv")]) == 1
    for name in (*HANDED_ON, "problems.csv"):
        text = (out / name).read_text(encoding="utf-8")
        for secret in ("SECRET", "Doe", str(tmp_path), "folder/", "gtv.nrrd"):
            assert secret not in text.replace("manifest.csv", ""), f"{name} tells {secret}"
    assert (out / "failures.csv").read_text(encoding="utf-8").count("\n") == 6


def test_own_words_and_what_the_manifest_says_stay() -> None:
    text = "The ROI “GTV-1” of /data/Smith/rt.dcm and “Smith” (see “cohort scan”). Fill in “mask”."
    assert without_names(text, [(Path("/data/Smith/rt.dcm"), "the mask")], {"GTV-1"}) == (
        "The ROI “GTV-1” of the mask and “…” (see “cohort scan”). Fill in “mask”."
    )


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("could not convert string to float: 'Doe^Jane'", "could not convert string to float: “…”"),
        ("Unable to convert b'Doe' to 'DA' object", "Unable to convert “…” to “…” object"),
        ('value "Doe" is invalid', "value “…” is invalid"),
        ("the CT's first slice and the mask's grid", "the CT's first slice and the mask's grid"),
    ],
)
def test_a_value_that_a_library_stumbles_over_is_not_handed_on(said: str, kept: str) -> None:
    assert without_names(said, [], set()) == kept


def test_a_message_that_a_file_made_endless_is_cut() -> None:
    assert len(shortened("x" * 100_000)) < LONGEST + 10
