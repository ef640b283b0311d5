"""Every door with 2,000 hostile inputs: a sentence and an exit code each, and nothing else happens.

Each input goes through the command in a process of its own with limits of time and memory: no traceback, no crash, no
hang, nothing half-written, and compressed voxels that were damaged never become another image or mask.
"""

from __future__ import annotations

import csv
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cohort_factory
import dicom_factory
import phantoms
import pytest
import SimpleITK as sitk
from mutations import mutate_bytes, mutate_json, mutate_text
from pydicom.uid import JPEGLSLossless

from EsoRadiomicsLib.core.resources import resource_path
from EsoRadiomicsLib.extraction.engines import is_feature
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_package import radiomics
from EsoRadiomicsLib.shell.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")]

SIZE = (16, 14, 6)
STUDY = "ln-response-crt"
MEMORY, SECONDS = 6 << 30, 60
Mutate = Callable[[bytes, int], bytes]


@dataclass(frozen=True)
class Door:
    """A file that is mutated, the command that reads it, and how often; ``same``: exit 0 must mean the same voxels."""

    file: str
    arguments: tuple[str, ...]
    mutate: Mutate
    times: int
    same: bool = False


def header_of(content: bytes) -> int:
    """Where a header of text ends."""
    local = content.find(b"ElementDataFile")
    return content.find(b"\n", local) + 1 if local >= 0 else content.find(b"\n\n") + 2


def in_header(content: bytes, seed: int) -> bytes:
    return mutate_text(content, seed, header_of(content))


def in_payload(content: bytes, seed: int) -> bytes:
    return mutate_bytes(content, seed, start=max(header_of(content), 10))


def in_gzip(content: bytes, seed: int) -> bytes:
    return mutate_bytes(content, seed, start=10)


def in_binary_header(content: bytes, seed: int) -> bytes:
    return mutate_bytes(content, seed, end=352)


def in_dicom(content: bytes, seed: int) -> bytes:
    return mutate_bytes(content, seed, start=132, end=3000 if seed % 4 else None)


def extract(image: str, mask: str) -> tuple[str, ...]:
    return ("extract", image, mask, "--study", STUDY, "--signature", "--out", "out.csv", "--progress", "none")


HARMONISE = ("cohort", "harmonise", "table.csv", "--model", "combat.json", "--out", "out.csv")
SCORE = ("cohort", "score", "table.csv", "--study", "card.json", "--reference", "reference.json", "--out", "out.csv")
DOORS = {
    "nrrd header": Door("ct.nrrd", extract("ct.nrrd", "gtv.nrrd"), in_header, 200),
    "nrrd mask header": Door("gtv.nrrd", extract("ct.nrrd", "gtv.nrrd"), in_header, 100),
    "nhdr header": Door("ct.nhdr", extract("ct.nhdr", "gtv.nrrd"), in_header, 60),
    "mha header": Door("ct.mha", extract("ct.mha", "gtv.nrrd"), in_header, 120),
    "mhd header": Door("ct.mhd", extract("ct.mhd", "gtv.nrrd"), in_header, 60),
    "nifti header": Door("ct.nii", extract("ct.nii", "gtv.nrrd"), in_binary_header, 100),
    "nrrd packed voxels": Door("ct.nrrd", extract("ct.nrrd", "gtv.nrrd"), in_payload, 80, same=True),
    "nrrd packed mask": Door("gtv.nrrd", extract("ct.nrrd", "gtv.nrrd"), in_payload, 80, same=True),
    "mha packed voxels": Door("ct.mha", extract("ct.mha", "gtv.nrrd"), in_payload, 80, same=True),
    "nifti packed voxels": Door("ct.nii.gz", extract("ct.nii.gz", "gtv.nrrd"), in_gzip, 80, same=True),
    "dicom slice": Door("dicom/000.dcm", extract("dicom", "gtv.nrrd"), in_dicom, 130),
    "packed dicom slice": Door("packed/000.dcm", extract("packed", "gtv.nrrd"), in_dicom, 70),
    "rtstruct": Door("rt.dcm", extract("dicom", "rt.dcm"), in_dicom, 110),
    "dicom seg": Door("seg.dcm", extract("dicom", "seg.dcm"), in_dicom, 40),
    "card": Door("card.json", ("studies", "card.json"), mutate_json, 150),
    "card that scores": Door("card.json", SCORE, mutate_json, 100),
    "reference": Door("reference.json", SCORE, mutate_json, 100),
    "feature table": Door("table.csv", SCORE, mutate_text, 100),
    "harmonised table": Door("table.csv", HARMONISE, mutate_text, 20),
    "harmonisation": Door("combat.json", HARMONISE, mutate_json, 40),
    "readings": Door("readings.csv", ("icc", "readings.csv", "--threshold", "0.75", "--out", "out"), mutate_text, 40),
    "manifest": Door("manifest.csv", ("cohort", "check", "manifest.csv", "--out", "out.csv"), mutate_text, 100),
    "manifest that runs": Door(
        "manifest.csv", ("cohort", "check", "manifest.csv", "--allow-outside", "--out", "out.csv"), mutate_text, 40
    ),
}


def test_these_are_2000_inputs() -> None:
    assert sum(door.times for door in DOORS.values()) == 2000


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one sound file of every kind."""
    folder = tmp_path_factory.mktemp("sound")
    radiomics()  # once, before the forks
    image = phantoms.ct(SIZE, seed=1)
    mask = phantoms.gtv(image)
    for name in ("ct.nrrd", "ct.mha", "ct.nii.gz"):
        sitk.WriteImage(image, str(folder / name), useCompression=True)
    for name in ("ct.nhdr", "ct.mhd", "ct.nii"):
        sitk.WriteImage(image, str(folder / name), useCompression=False)
    sitk.WriteImage(mask, str(folder / "gtv.nrrd"), useCompression=True)
    dicom_factory.write_ct(folder / "dicom", image)
    dicom_factory.write_ct(folder / "packed", image, change=lambda slice_, _: slice_.compress(JPEGLSLossless))
    dicom_factory.write_rtstruct(folder / "rt.dcm", {"GTV": dicom_factory.contours_of(mask)})
    dicom_factory.write_seg(folder / "seg.dcm", folder / "dicom", {"GTV": sitk.GetArrayFromImage(mask)})
    rows = [{"case": name, "image": "ct.nrrd", "mask": "gtv.nrrd", "age": "60"} for name in ("A", "B")]
    cohort_factory.write_manifest(folder / "manifest.csv", rows)
    here = Path.cwd()
    os.chdir(folder)
    try:
        full = ("extract", "ct.nrrd", "gtv.nrrd", "--study", "escc-lpfs-ccrt", "--out", "row.csv", "--progress", "none")
        assert main(full) == 0
        _write_tables(folder)
        card = resource_path("Studies", "escc-lpfs-ccrt.json")
        (folder / "card.json").write_bytes(card.read_bytes())
        made = ("reference", "build", "table.csv", "--study", "card.json", "--label", "x", "--out", "reference.json")
        assert main(made) == 0
        fitted = ("cohort", "harmonise", "table.csv", "--batch", "scanner", "--model", "combat.json", "--out", "h.csv")
        assert main(fitted) == 0
    finally:
        os.chdir(here)
    return folder


def _write_tables(folder: Path) -> None:
    """Eight cases, and eight readings of four cases: each number of the one row changed a little."""
    with (folder / "row.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    for name in ("table.csv", "readings.csv"):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, ["case", "reader", "session", "scanner", *list(row)[1:]])
            writer.writeheader()
            for i in range(8):
                changed = {
                    key: repr(float(cell) * (1 + 0.01 * i * i) + i) if is_feature(key) else cell
                    for key, cell in row.items()
                }
                case = i if name == "table.csv" else i // 2
                who = {"case": f"P{case}", "reader": "AB"[i % 2], "session": "1", "scanner": "XY"[i % 2]}
                writer.writerow({**changed, **who, "mask_sha256": str(i), "image_sha256": str(case)})


@pytest.mark.parametrize("name", DOORS)
def test_a_hostile_input_is_a_sentence_and_nothing_else(name: str, sound: Path, tmp_path: Path) -> None:
    door = DOORS[name]
    work = tmp_path / "work"
    for path in sound.rglob("*"):
        if path.is_file() and path.name != "out.csv":
            (work / path.relative_to(sound)).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, work / path.relative_to(sound))
    content = (sound / door.file).read_bytes()
    (work / door.file).unlink()
    names = {path.relative_to(work) for path in work.rglob("*")} | {Path(door.file)}
    expected = _voxels(work, door, content, 0) if door.same else ""
    faults = []
    for seed in range(door.times):
        mutated = door.mutate(content, seed)
        code, errors = _run(work, door, mutated)
        if code not in (0, 1, 2) or "Traceback" in errors or "fault in EsoRadiomics" in errors:
            faults.append(f"seed {seed}: {code} {errors[-600:]}")
        elif door.same and code == 0 and _sha256(work) != expected:
            faults.append(f"seed {seed}: other voxels with exit 0")
        faults += [f"seed {seed}: left {path}" for path in work.rglob("*.partial")]
        _clean(work, names)
    assert not faults, "\n".join(faults[:10])


def _voxels(work: Path, door: Door, content: bytes, code: int) -> str:
    assert _run(work, door, content)[0] == code
    return _sha256(work)


def _sha256(work: Path) -> str:
    with (work / "out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    (work / "out.csv").unlink()
    return row["image_sha256"] + row["mask_sha256"]


def _clean(work: Path, names: set[Path]) -> None:
    for path in sorted(work.rglob("*"), reverse=True):
        if path.relative_to(work) not in names:
            path.rmdir() if path.is_dir() else path.unlink()


def _run(work: Path, door: Door, content: bytes) -> tuple[int, str]:
    """Exit code (negative: the signal that ended it) and standard error of the command on this content."""
    (work / door.file).write_bytes(content)
    log = work.parent / "errors.txt"
    child = os.fork()
    if child == 0:
        code = 99
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.alarm(SECONDS)
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
            os.chdir(work)
            code = main(door.arguments)
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), log.read_text(errors="replace")
