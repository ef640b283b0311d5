"""Cost of deep features: a patch through the network, patients a minute with 1 and 2 processes, memory of a child.

``python Testing/Benchmarks/bench_deep.py`` prints them. Start-up is left out of patients a minute (the time is between
the first and the last case) and given by itself: the package's weights converted, or the network loaded from the cache.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "Python" / "helpers"), str(ROOT / "EsoRadiomics")]

from cohort_factory import write_cohort  # noqa: E402

from EsoRadiomicsLib.cohort.child_process import Limits  # noqa: E402
from EsoRadiomicsLib.cohort.cohort_run import local_workers, run_cohort, threads_per_case  # noqa: E402
from EsoRadiomicsLib.cohort.manifest import read_manifest  # noqa: E402
from EsoRadiomicsLib.extraction.deep.deep_settings import DeepSettings  # noqa: E402
from EsoRadiomicsLib.extraction.deep.network import FOLDER_VARIABLE, load_network  # noqa: E402
from EsoRadiomicsLib.extraction.engines import extract, prepare  # noqa: E402
from EsoRadiomicsLib.imaging.case import Case, load_case  # noqa: E402

SETTINGS = DeepSettings()
CASES, WARM_UP, ROUNDS = 80, 8, 20
SIZE = (160, 160, 40)


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ[FOLDER_VARIABLE] = str(folder / "networks")
        for what in ("weights converted and checked", "loaded from the cache"):
            start = time.perf_counter()
            load_network.cache_clear()
            load_network(SETTINGS.identity)
            print(f"{what}: {time.perf_counter() - start:.2f} s")
        manifest = write_cohort(folder / "cohort", CASES, SIZE)
        entry = read_manifest(manifest).entries[0]
        case = load_case(entry.image, entry.mask)
        for what, work in (("picture", lambda: prepare(case, SETTINGS)), ("picture and network", lambda: whole(case))):
            print(f"{what}: {1000 * min(timed(work) for _ in range(ROUNDS)):.0f} ms a case, warm")
        for jobs in (1, 2):
            print(f"cohort run, processes: {jobs}: {patients_a_minute(manifest, folder, jobs):.0f} patients a minute")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of a child: {children:.0f} MiB")
    return 0


def patients_a_minute(manifest: Path, folder: Path, jobs: int) -> float:
    """Of a cohort run with an empty store, once each process has loaded the network."""
    ticks: list[float] = []
    run_cohort(
        read_manifest(manifest),
        SETTINGS,
        folder / f"run{jobs}",
        workers=local_workers(jobs),
        limits=Limits(threads=threads_per_case(jobs)),
        progress=lambda share, what: ticks.append(time.perf_counter()),
    )
    warm = ticks[1 + WARM_UP :]  # the first tells of the start
    return 60 * (len(warm) - 1) / (warm[-1] - warm[0])


def whole(case: Case) -> None:
    """From the case to its features."""
    extract(prepare(case, SETTINGS), SETTINGS)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
