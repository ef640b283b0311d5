"""Cost of a cohort run: overhead per case over bare extraction, gain of a second process, memory of the parent.

``python Testing/Benchmarks/bench_cohort.py`` prints ratios. Machines differ and do other things meanwhile, so all are
measured in turn, several times: of each case the fastest time counts for the overhead, of each run the fastest for the
throughput. Start-up of the processes is left out: the time is between the first and the last case.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "Python" / "helpers"), str(ROOT / "EsoRadiomics")]

from cohort_factory import write_cohort  # noqa: E402

from EsoRadiomicsLib.cohort.child_process import Limits  # noqa: E402
from EsoRadiomicsLib.cohort.cohort_run import local_workers, run_cohort, threads_per_case  # noqa: E402
from EsoRadiomicsLib.cohort.manifest import read_manifest  # noqa: E402
from EsoRadiomicsLib.extraction.engines import extract, prepare  # noqa: E402
from EsoRadiomicsLib.imaging.case import load_case  # noqa: E402
from EsoRadiomicsLib.studies.study import load_study  # noqa: E402

STUDY = load_study("escc-lpfs-ccrt")
CASES, ROUNDS = 14, 5
"""Two processes share an even number of cases after their first ones; with an odd one the last runs alone."""
SIZE = (112, 112, 32)
PEAK = """
import json, resource, sys
from EsoRadiomicsLib.shell.cli import (main)
main(sys.argv[1:])
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
"""


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = write_cohort(folder / "cohort", CASES, SIZE)
        assert STUDY.signature is not None
        names: tuple[str, ...] = STUDY.signature.names
        for features, what in ((names, "signature"), (None, "851 features")):
            rounds = [
                [bare(manifest, features), *(cohort(manifest, folder, features, jobs) for jobs in (1, 2))]
                for _ in range(ROUNDS)
            ]
            alone, one, _ = (sum(map(min, zip(*times, strict=True))) for times in zip(*rounds, strict=True))
            seconds, twice = (min(sum(times[jobs]) for times in rounds) for jobs in (1, 2))
            cost = 100 * (one / alone - 1)
            print(f"{what}: bare {alone / (CASES - 1):.2f} s a case; cohort run, 1 process: {cost:+.1f} %")
            ratio = (CASES - 2) / twice / ((CASES - 1) / seconds)
            print(f"{what}: 2 processes: {ratio:.2f} × the throughput of 1", flush=True)
        for cases in (20, 200):
            small = write_cohort(folder / f"small{cases}", cases)
            print(
                f"parent's peak memory with {cases} cases: {peak_mib(small, folder / f'out{cases}'):.0f} MiB",
                flush=True,
            )
    return 0


def bare(manifest: Path, features: tuple[str, ...] | None) -> list[float]:
    """Seconds from case to case of reading and measuring in a plain loop."""
    ticks = []
    for entry in read_manifest(manifest).entries:
        case = load_case(entry.image, entry.mask)
        extract(prepare(case, STUDY.settings), STUDY.settings, features)
        ticks.append(time.perf_counter())
    return [later - earlier for earlier, later in pairwise(ticks)]


def cohort(manifest: Path, folder: Path, features: tuple[str, ...] | None, jobs: int) -> list[float]:
    """Seconds from case to case of a cohort run with an empty store, after the first of each process."""
    ticks = []
    with tempfile.TemporaryDirectory(dir=folder) as out:
        run_cohort(
            read_manifest(manifest),
            STUDY.settings,
            Path(out),
            features=features,
            workers=local_workers(jobs),
            limits=Limits(minutes=60, threads=threads_per_case(jobs)),
            progress=lambda share, message: ticks.append(time.perf_counter()),
        )
    finished = ticks[1:]  # the first tick tells of the start
    return [later - earlier for earlier, later in pairwise(finished[jobs - 1 :])]


def peak_mib(manifest: Path, out: Path) -> float:
    """Peak memory of the shell command's own process, without its children."""
    command = ["cohort", "run", str(manifest), "--study", "ln-response-crt", "--jobs", "2", "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "EsoRadiomics")}
    done = subprocess.run([sys.executable, "-c", PEAK, *command], stdout=subprocess.PIPE, text=True, env=environment)
    return float(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
