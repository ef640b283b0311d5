"""``make bench``: speed and memory side by side with PyRadiomics' own command, as whole processes in one run.

Prints ratios; machines differ and are noisy, so the commands run several times in turn and the fastest of each counts.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk
from pyradiomics_data import lung_case

from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.studies.study import load_study

ROOT = Path(__file__).resolve().parents[2]
STUDY = "escc-lpfs-ccrt"
ROUNDS = 3


@dataclass(frozen=True)
class Cost:
    """Wall seconds and the peak memory (MiB) of the largest process of one command."""

    seconds: float
    peak_mib: float


def main() -> int:
    """Measure every case there is and print one row each."""
    cases = {"lung2": (lung_case("lung2").image, lung_case("lung2").mask)}
    shared = Path(os.environ.get("ESORADIOMICS_SHARED") or ROOT.parent / "shared") / "data"
    for folder in [shared / "ibsi_ct_phantom", *sorted(shared.glob("sts/STS_*"))]:
        if folder.is_dir():
            cases[folder.name] = (folder / "ct.nii.gz", folder / "mask.nii.gz")
    print(f"Fastest of {ROUNDS} runs each, whole processes; ratio = PyRadiomics' command / ours (higher is better).")
    print(
        f"{'case':16}{'voxels':>9}{'pyradiomics':>13}{'full':>14}{'full, 2 jobs':>15}{'signature':>15}{'peak MiB':>22}"
    )
    for name, (image, mask) in cases.items():
        print(row(name, image, mask), flush=True)
    return 0


def row(name: str, image: Path, mask: Path) -> str:
    """One case: seconds, ratios and peak memory of the four commands."""
    with tempfile.TemporaryDirectory() as folder:
        # Both sides read the same int16 NRRD, so that the pixel type and the file format are not what is compared.
        ct, gtv = Path(folder, "ct.nrrd"), Path(folder, "gtv.nrrd")
        sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(image)), sitk.sitkInt16), str(ct))
        drawn = sitk.Cast(sitk.ReadImage(str(mask)) == 1, sitk.sitkUInt8)
        sitk.WriteImage(drawn, str(gtv))
        voxels = int(sitk.GetArrayViewFromImage(drawn).sum())
        parameters = Path(folder, "parameters.json")
        settings = load_study(STUDY).settings
        assert isinstance(settings, PyRadiomicsSettings)
        parameters.write_text(json.dumps(settings.pyradiomics_parameters()))
        ours = [sys.executable, "-m", "EsoRadiomicsLib", "extract", str(ct), str(gtv), "--study", STUDY]
        ours += ["--progress", "none", "--out", str(Path(folder, "ours.csv"))]
        theirs = [str(Path(sys.executable).with_name("pyradiomics")), str(ct), str(gtv), "--param", str(parameters)]
        theirs += ["--format", "csv", "--out", str(Path(folder, "theirs.csv")), "--verbosity", "1"]
        plain, full, two, signature = fastest([theirs, ours, [*ours, "--jobs", "2"], [*ours, "--signature"]])
    cells = "".join(f"{c.seconds:8.2f}s {plain.seconds / c.seconds:4.1f}×" for c in (full, two, signature))
    memory = " / ".join(f"{c.peak_mib:.0f}" for c in (plain, full, two, signature))
    return f"{name:16}{voxels:9,}{plain.seconds:12.2f}s{cells}{memory:>22}"


def fastest(commands: Sequence[list[str]]) -> list[Cost]:
    """The commands in turn, several rounds, so that a slow minute of the machine hits all alike."""
    rounds = [[measure(command) for command in commands] for _ in range(ROUNDS)]
    return [min(costs, key=lambda cost: cost.seconds) for costs in zip(*rounds, strict=True)]


def measure(command: list[str]) -> Cost:
    """Run one command in a process of its own that waits for it, so that peak memory is of this command alone."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        start = time.perf_counter()
        code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        os.write(write, json.dumps([time.perf_counter() - start, peak, code]).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        seconds, peak, code = json.loads(pipe.read())
    if code:
        raise SystemExit(f"the command failed with exit code {code}: {' '.join(command)}")
    return Cost(seconds, peak)


if __name__ == "__main__":
    sys.exit(main())
