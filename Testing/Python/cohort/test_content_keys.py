"""The key of a case is the bytes that are read: its headers, the data files they name, the slices of its series."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import cohort_factory
import dicom_factory
import phantoms
import SimpleITK as sitk

from EsoRadiomicsLib.cohort.case_task import Task, content_key
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study


def key(image: Path, mask: Path) -> str:
    settings = load_study("ln-response-crt").settings.to_dict()
    return content_key(Task("case", str(image), str(mask), "", settings, None, ""))


def detached(folder: Path, name: str, seed: int) -> None:
    image = phantoms.ct(cohort_factory.SIZE, seed=seed)
    sitk.WriteImage(image, str(folder / f"{name}_ct.mhd"))
    sitk.WriteImage(cohort_factory.ragged_gtv(image, seed), str(folder / f"{name}_gtv.nhdr"))


def test_cases_of_detached_files_in_one_folder_get_their_own_features(tmp_path: Path) -> None:
    names = ["P1", "P2", "P3"]
    for seed, name in enumerate(names):
        detached(tmp_path, name, seed)
    rows = [{"case": name, "image": f"{name}_ct.mhd", "mask": f"{name}_gtv.nhdr"} for name in names]
    manifest = cohort_factory.write_manifest(tmp_path / "m.csv", rows)
    assert main(["cohort", "run", str(manifest), "--study", "ln-response-crt", "--out", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "features.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len({row["image_sha256"] for row in table}) == 3
    assert len({row["original_firstorder_Kurtosis"] for row in table} | {str(row) for row in table}) > 3


def test_changed_data_of_an_unchanged_header_is_another_key(tmp_path: Path) -> None:
    detached(tmp_path, "P1", 1)
    image, mask = tmp_path / "P1_ct.mhd", tmp_path / "P1_gtv.nhdr"
    before = key(image, mask)
    for data in (tmp_path / "P1_ct.raw", next(tmp_path.glob("P1_gtv.raw*"))):
        content = bytearray(data.read_bytes())
        content[20] ^= 1
        data.write_bytes(content)
        after = key(image, mask)
        assert after != before
        before = after


def test_what_lies_beside_the_files_does_not_matter(tmp_path: Path) -> None:
    detached(tmp_path, "P1", 1)
    before = key(tmp_path / "P1_ct.mhd", tmp_path / "P1_gtv.nhdr")
    detached(tmp_path, "P2", 2)
    assert key(tmp_path / "P1_ct.mhd", tmp_path / "P1_gtv.nhdr") == before


def test_two_series_in_one_folder_have_a_key_each_and_the_same_one_alone(tmp_path: Path) -> None:
    for series, seed in (("soft", 1), ("sharp", 2)):
        image = phantoms.ct(cohort_factory.SIZE, seed=seed)
        dicom_factory.write_ct(tmp_path / series, image, series=series)
        (tmp_path / "both").mkdir(exist_ok=True)
        for file in (tmp_path / series).iterdir():
            shutil.copy(file, tmp_path / "both" / f"{series}{file.name}")
    sitk.WriteImage(cohort_factory.ragged_gtv(image, 1), str(tmp_path / "gtv.nrrd"))
    soft, sharp = (
        key(next((tmp_path / "both").glob(f"{series}*")), tmp_path / "gtv.nrrd") for series in ("soft", "sharp")
    )
    assert soft != sharp
    assert soft == key(tmp_path / "soft", tmp_path / "gtv.nrrd")
