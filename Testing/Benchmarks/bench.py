"""``make bench``: speed and memory side by side with PyRadiomics' own command, as whole processes in one run.

Prints ratios of wall time and of processor time, which feels the machine's other work less; the commands run several
times in turn and the fastest of each counts. The targets, as ratios: full set in one process 2 (lung2) and 2.5, in two
2.5 and 4, signature 4 and 8; no ROI slower and no peak higher than PyRadiomics'.

    python Testing/Benchmarks/bench.py [case …]
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
from dataclasses import astuple, dataclass
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
    """Wall and processor seconds, and the peak memory (MiB) of the largest process, of one command."""

    seconds: float
    processor: float
    peak_mib: float


def main() -> int:
    """Measure every case there is and print one row each."""
    cases = {"lung2": (lung_case("lung2").image, lung_case("lung2").mask)}
    shared = Path(os.environ.get("ESORADIOMICS_SHARED") or ROOT.parent / "shared") / "data"
    for folder in [shared / "ibsi_ct_phantom", *sorted(shared.glob("sts/STS_*"))]:
        if folder.is_dir():
            cases[folder.name] = (folder / "ct.nii.gz", folder / "mask.nii.gz")
    print(
        f"Fastest of {ROUNDS} runs each, whole processes: wall seconds and PyRadiomics' command / ours, then the ratio"
    )
    print("of processor time. Peak memory in MiB: PyRadiomics / full / full in two processes / signature.")
    print(
        f"{'case':16}{'voxels':>9}{'pyradiomics':>13}{'full':>20}{'full, 2 jobs':>20}{'signature':>20}{'peak MiB':>24}"
    )
    for name, (image, mask) in cases.items():
        if name in sys.argv[1:] or not sys.argv[1:]:
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
        ours += ["--progress", "none", "--out"]
        ours, few = [*ours, str(Path(folder, "full.csv"))], [*ours, str(Path(folder, "signature.csv")), "--signature"]
        theirs = [str(Path(sys.executable).with_name("pyradiomics")), str(ct), str(gtv), "--param", str(parameters)]
        theirs += ["--format", "csv", "--out", str(Path(folder, "theirs.csv")), "--verbosity", "1"]
        plain, full, two, signature = fastest([theirs, ours, [*ours, "--jobs", "2"], few])
    cells = "".join(
        f"{c.seconds:8.2f}s {plain.seconds / c.seconds:4.1f}× {plain.processor / c.processor:4.1f}×"
        for c in (full, two, signature)
    )
    memory = " / ".join(f"{c.peak_mib:.0f}" for c in (plain, full, two, signature))
    return f"{name:16}{voxels:9,}{plain.seconds:12.2f}s{cells}{memory:>24}"


def fastest(commands: Sequence[list[str]]) -> list[Cost]:
    """The commands in turn, several rounds, so that a slow minute of the machine hits all alike; each figure's best."""
    rounds = [[measure(command) for command in commands] for _ in range(ROUNDS)]
    return [
        Cost(*(min(figures) for figures in zip(*map(astuple, each), strict=True))) for each in zip(*rounds, strict=True)
    ]


def measure(command: list[str]) -> Cost:
    """Run one command in a process of its own that waits for it, so that peak memory is of this command alone."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        start = time.perf_counter()
        # Bytecode is kept, as in an installation.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        code = subprocess.run(command, stdout=subprocess.DEVNULL, env=environment).returncode
        seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        cost = Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
        os.write(write, json.dumps([*astuple(cost), code]).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        *figures, code = json.loads(pipe.read())
    if code:
        raise SystemExit(f"the command failed with exit code {code}: {' '.join(command)}")
    return Cost(*figures)


if __name__ == "__main__":
    sys.exit(main())
