"""Manifests as hospitals save them: encodings, separators, decimal commas, Excel, patterns and links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cohort_factory import write_manifest

from EsoRadiomicsLib.cohort.manifest import read_manifest, shared_between_cases
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.core.sheet import read_sheet

ROWS = [["case", "image", "mask", "Größe", "center"], ["Müller-1", "ct.nrrd", "gtv.nrrd", "1,75", "Évry"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ct.nrrd").touch()
    (tmp_path / "gtv.nrrd").touch()
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_text_tables_of_excel_are_read_alike(folder: Path, encoding: str, separator: str, newline: str) -> None:
    text = newline.join(separator.join(cells) for cells in [*ROWS, [""] * 5]) + newline
    path = folder / "manifest.csv"
    path.write_bytes(text.encode(encoding))
    manifest = read_manifest(path)
    (entry,) = manifest.entries
    assert entry.case == "Müller-1"
    assert entry.clinical == {"Größe": "1.75", "center": "Évry"}
    told = " ".join(problem.reason for problem in manifest.problems)
    assert "Decimal commas in column “Größe” were read as decimal points (cells: 1)" in told
    assert ("Windows-1252" in told) == (encoding == "cp1252")


def test_an_excel_file_is_read_like_text(folder: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="XLSX needs openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["Case", "Image", "Mask", "ROI", "age", "weight", None])
    book.active.append([7, "ct.nrrd", "gtv.nrrd", 1, 63, 71.5, None])
    book.save(folder / "manifest.xlsx")
    (entry,) = read_manifest(folder / "manifest.xlsx").entries
    assert (entry.case, entry.roi, entry.clinical) == ("7", "1", {"age": "63", "weight": "71.5"})


def test_what_is_no_excel_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="XLSX needs openpyxl")
    (tmp_path / "manifest.xlsx").write_bytes(b"not a workbook")
    with pytest.raises(InputError, match="is no XLSX file"):
        read_manifest(tmp_path / "manifest.xlsx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("case,case\nA,B\n", "case more than once"),
        ("case,image,mask\nA,ct.nrrd,gtv.nrrd,extra\n", "Line 2 .* more cells"),
        ('case,image,mask\n"A,ct.nrrd,gtv.nrrd\n', "cannot be read as a CSV"),
        ("case\0,image", "not a text table"),
    ],
)
def test_a_broken_table_is_refused_in_a_sentence(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_sheet(path) if "mask" not in content else read_manifest(path)


def test_a_pattern_must_fit_one_file(folder: Path) -> None:
    rows = [
        {"case": "one", "image": "c?.nrrd", "mask": "gtv*"},
        {"case": "two", "image": "*.nrrd", "mask": "gtv.nrrd"},
        {"case": "none", "image": "x*.nrrd", "mask": "gtv.nrrd"},
    ]
    manifest = read_manifest(write_manifest(folder / "manifest.csv", rows))
    assert [entry.case for entry in manifest.entries] == ["one"]
    assert {p.case: "fits 2 files" in p.reason for p in manifest.problems} == {"two": True, "none": False}


@pytest.mark.parametrize("place", ["../ct.nrrd", "sub/../../ct.nrrd", "link/ct.nrrd", "{absolute}"])
def test_a_path_out_of_the_manifests_folder_needs_permission(folder: Path, place: str) -> None:
    inner = folder / "cohort"
    (inner / "sub").mkdir(parents=True)
    (inner / "gtv.nrrd").touch()
    os.symlink(folder, inner / "link", target_is_directory=True)
    row = {"case": "A", "image": place.format(absolute=folder / "ct.nrrd"), "mask": "gtv.nrrd"}
    path = write_manifest(inner / "manifest.csv", [row])
    refused = read_manifest(path)
    assert not refused.entries
    assert "outside the manifest's folder" in refused.problems[0].reason
    assert "--allow-outside" in refused.problems[0].remedy
    assert read_manifest(path, allow_outside=True).entries[0].image == folder / "ct.nrrd"


def test_readings_of_one_case_are_told_apart_by_reader_and_session(folder: Path) -> None:
    rows = [
        {"case": "A", "image": "ct.nrrd", "mask": "gtv.nrrd", "reader": reader, "session": session}
        for reader, session in (("1", "1"), ("1", "2"), ("2", "1"), ("2", "1"))
    ]
    manifest = read_manifest(write_manifest(folder / "manifest.csv", rows))
    assert [(entry.reader, entry.session) for entry in manifest.entries] == [("1", "1"), ("1", "2")]
    assert all("Case A, reader 2, session 1 is on lines 4, 5" in problem.reason for problem in manifest.problems)


def test_nodes_of_one_patient_have_the_same_image_by_right(folder: Path) -> None:
    whose = {"a": "P1", "b": "P1", "c": "P2", "d": "P3", "e": ""}
    line = {"image": "ct.nrrd", "mask": "gtv.nrrd"}
    rows = [{"case": case, **line, "Patient": patient} for case, patient in whose.items()]
    entries = read_manifest(write_manifest(folder / "manifest.csv", rows)).entries
    images = {"a": "same", "b": "same", "c": "other", "d": "other", "e": "third"}

    def told(masks: dict[str, str]) -> list[tuple[str, str]]:
        contents = {entry.key: (images[entry.case], masks.get(entry.case, entry.case)) for entry in entries}
        return [
            (problem.case, problem.reason) for problem in shared_between_cases(entries, "voxels", contents, "content")
        ]

    assert told({}) == [("c, d", "These cases have the same image (voxels).")]
    assert ("a, b", "These cases have the same mask (voxels).") in told({"a": "copied", "b": "copied"})
