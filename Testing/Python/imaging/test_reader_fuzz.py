"""Mutated files of every kind: a sentence or the same mask, never a traceback, a hang or another mask in silence."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import dicom_factory
import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from dicom_factory import contours_of

KINDS = ("gtv.nrrd", "gtv.nii.gz", "gtv.mha", "gtv.seg.nrrd", "rs.dcm", "seg.dcm", "table.csv", "table.xlsx")
MUTANTS = 40
SECONDS, MEGABYTES = 300, 3000

CHILD = """
import hashlib, resource, sys
from pathlib import Path
import SimpleITK as sitk
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) << 20, int(sys.argv[1]) << 20))
from EsoRadiomicsLib.core.errors import EsoRadiomicsError
from EsoRadiomicsLib.extraction.feature_table import read_table
from EsoRadiomicsLib.imaging.case import load_case
for path in map(Path, sys.argv[3:]):
    try:
        if path.suffix in (".csv", ".xlsx"):
            found = "table " + str(len(read_table(path)))
        else:
            case = load_case(sys.argv[2], path)
            found = f"{case.mask_sha256} {len(case.warnings)}"
    except EsoRadiomicsError as error:
        found = "told " + str(error)[:2000].replace(chr(10), " ")
    print(path.name, found, flush=True)
"""


def written(folder: Path, name: str) -> tuple[Path, Path]:
    """A CT and a file of this kind."""
    image = phantoms.ct((24, 20, 8))
    gtv = phantoms.gtv(image)
    series, path = dicom_factory.write_ct(folder / "ct", image), folder / name
    array = sitk.GetArrayFromImage(gtv)
    if name == "rs.dcm":
        dicom_factory.write_rtstruct(path, {"GTV": contours_of(gtv)})
    elif name == "seg.dcm":
        dicom_factory.write_seg(path, series, {"GTV": array})
    elif name == "gtv.seg.nrrd":
        phantoms.write_slicer_segmentation(path, gtv, array[None], [("S1", "GTV", 1, 0)])
    elif name == "table.csv":
        path.write_text("case,original_glcm_Idn\n" + "".join(f"P{i},{i / 7}\n" for i in range(50)))
    elif name == "table.xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in (["case", "original_glcm_Idn"], *(["P", i / 7] for i in range(50))):
            book.active.append(row)
        book.save(path)
    else:
        sitk.WriteImage(gtv, path, useCompression=True)
    return series, path


def mutants(path: Path, folder: Path) -> Iterator[Path]:
    """Copies with flipped bits, zeroed and doubled runs, and ends cut off; the same ones in every run."""
    content = path.read_bytes()
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    for number in range(MUTANTS):
        changed, at = bytearray(content), int(rng.integers(len(content)))
        length = int(rng.integers(1, 64))
        match number % 4:
            case 0:
                changed[at] ^= 1 << int(rng.integers(8))
            case 1:
                changed[at : at + length] = bytes(len(changed[at : at + length]))
            case 2:
                changed[at:at] = changed[at : at + length]
            case _:
                del changed[at:]
        mutant = folder / f"{number:03}-{path.name}"
        mutant.write_bytes(changed)
        yield mutant


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the memory limit is one of POSIX")
@pytest.mark.parametrize("name", KINDS)
def test_a_mutated_file_is_told_or_gives_the_same_mask(name: str, tmp_path: Path) -> None:
    series, sound = written(tmp_path, name)
    (tmp_path / "mutants").mkdir()
    files = [sound, *mutants(sound, tmp_path / "mutants")]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(MEGABYTES), str(series), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    found = [line.split(" ", 1)[1] for line in done.stdout.strip().split("\n")]
    assert len(found) == len(files)
    if name.startswith("table"):
        return
    assert not found[0].startswith("told")
    mask = found[0].split()[0]
    unlike = [
        f"{file.name}: {text}"
        for file, text in zip(files, found, strict=True)
        if not text.startswith("told") and text.split()[0] != mask
    ]
    # Uncompressed voxels, positions and point coordinates carry no checksum: there a changed value is a value.
    if name in ("gtv.nrrd", "gtv.nii.gz", "gtv.mha"):
        assert len(unlike) <= MUTANTS // 8, "\n".join(unlike)
