"""How firm is a score: 30 perturbations against one signature run, as whole commands side by side in one run.

    python Testing/Benchmarks/bench_robustness.py

The target is “30 perturbations of escc-lpfs-ccrt in at most 6× the time of one signature run”: wall time of
``esoradiomics robustness`` ≤ 6 × wall time of ``esoradiomics score``, both in one process. Start-up, reading the CT and
the score itself are in both. It is met where these weigh most (lung2); in a large ROI every perturbation counts its
textures anew, which costs as much as the signature run's own. The commands take turns; the fastest of each counts. Wall
time needs an idle machine; processor time, which feels the neighbours less, is printed beside it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "Tools"), str(ROOT / "EsoRadiomics")]

from pyradiomics_data import lung_case  # noqa: E402

from EsoRadiomicsLib.extraction.engines import extract, prepare  # noqa: E402
from EsoRadiomicsLib.imaging.case import load_case  # noqa: E402
from EsoRadiomicsLib.studies.reference_cohort import ReferenceCohort, ReferenceFeature  # noqa: E402
from EsoRadiomicsLib.studies.study import load_study  # noqa: E402

STUDY = load_study("escc-lpfs-ccrt")
COUNT, ROUNDS, TARGET = 30, 2, 6.0


def main() -> None:
    """Print both times and the ratio of every case there is."""
    lung2 = lung_case("lung2")
    cases = {"lung2": (lung2.image, lung2.mask)}
    shared = Path(os.environ.get("ESORADIOMICS_SHARED") or ROOT.parent / "shared") / "data"
    for folder in (shared / "ibsi_ct_phantom", shared / "sts" / "STS_005"):
        if folder.is_dir():
            cases[folder.name] = (folder / "ct.nii.gz", folder / "mask.nii.gz")
    print(f"{STUDY.id}, whole commands, fastest of {ROUNDS} runs in turn; ratios: target at most {TARGET:g}")
    print(f"  {'':50}{'wall':>8}{'processor':>11}{'wall × processes / signature':>31}{'processor':>11}")
    for name, (image, mask) in cases.items():
        print_case(name, image, mask)


def print_case(case: str, image: Path, mask: Path) -> None:
    """A line for the signature run, and one for the perturbations in one process and in as many as there are cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder, "reference.json")
        made_up_reference(image, mask).save(reference)
        arguments = [str(image), str(mask), "--label", "1", "--study", STUDY.id, "--progress", "none"]
        arguments += ["--reference", str(reference)]
        commands = [["score", *arguments]]
        for jobs in (1, cores):
            commands.append(["robustness", *arguments, "--count", str(COUNT), "--jobs", str(jobs)])
        rounds = [[cost(command) for command in commands] for _ in range(ROUNDS)]
    signature, *perturbed = (min(costs) for costs in zip(*rounds, strict=True))
    print(f"  {case + ', one signature run':50}{signature[0]:7.2f}s{signature[1]:10.2f}s")
    for jobs, (wall, processor) in zip((1, cores), perturbed, strict=True):
        name = f"{case}, {COUNT} perturbations, {jobs} process{'es' * (jobs > 1)}"
        ratios = f"{wall * jobs / signature[0]:31.1f}{processor / signature[1]:11.1f}"
        print(f"  {name:50}{wall:7.2f}s{processor:10.2f}s{ratios}", flush=True)


def made_up_reference(image: Path, mask: Path) -> ReferenceCohort:
    """A reference cohort around this patient, which the z-scored signature cannot be scored without."""
    assert STUDY.signature is not None
    case = load_case(image, mask, label=1)
    features = extract(prepare(case, STUDY.settings), STUDY.settings, STUDY.signature.names)
    described = {}
    for name, value in features.values.items():
        sd = abs(value) / 5 or 1.0
        described[name] = ReferenceFeature(value, sd, 30, value - 2 * sd, value + 2 * sd, {})
    return ReferenceCohort("made up", True, 30, STUDY.settings, features.software, described)


def cost(arguments: list[str]) -> tuple[float, float]:
    """Wall seconds of one shell command, and processor seconds of it and its processes."""
    command = [sys.executable, "-m", "EsoRadiomicsLib", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "EsoRadiomics")}
    start, used = time.perf_counter(), processor_seconds()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - start, processor_seconds() - used


def processor_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
