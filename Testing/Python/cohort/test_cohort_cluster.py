"""The same run on a real local Dask cluster of several worker processes, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from cohort_factory import write_cohort

from EsoRadiomicsLib.cohort.cohort_run import CohortRun, Workers, local_workers, run_cohort
from EsoRadiomicsLib.cohort.cohort_table import write_results
from EsoRadiomicsLib.cohort.dask_cluster import cluster_workers
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.core.progress import Progress
from EsoRadiomicsLib.studies.study import load_study

distributed = pytest.importorskip("distributed", reason="a Dask cluster needs distributed")
STUDY = load_study("ln-response-crt")


def measure(
    manifest: Path, out: Path, workers: AbstractContextManager[Workers], progress: Progress | None = None
) -> CohortRun:
    assert STUDY.signature is not None
    run = run_cohort(
        read_manifest(manifest),
        STUDY.settings,
        out,
        features=STUDY.signature.names,
        workers=workers,
        progress=progress,
    )
    write_results(run, out, study=STUDY.id)
    return run


def test_a_cluster_gives_the_same_table_and_failures_although_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_cohort(tmp_path / "cohort", 8)
    (manifest.parent / "P005" / "ct.nrrd").write_bytes(b"NRRD0004\nno image\n")
    measure(manifest, tmp_path / "local", local_workers(1))
    library = str(Path(__file__).resolve().parents[3] / "EsoRadiomics")
    monkeypatch.setenv("PYTHONPATH", library)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=tmp_path
    ) as cluster:
        victim = next(iter(cluster.workers.values())).pid
        told = []

        def kill_one(share: float, message: str) -> None:
            told.append(message)
            if len(told) == 3:  # the start and two cases
                os.kill(victim, signal.SIGKILL)

        run = measure(manifest, tmp_path / "cluster", cluster_workers(cluster.scheduler_address), kill_one)
    assert len(told) == 9
    assert [problem.case for problem in run.failures] == ["P005"]
    for name in ("features.csv", "failures.csv", "provenance.json"):
        assert (tmp_path / "cluster" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def test_an_address_without_a_scheduler_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("EsoRadiomicsLib.cohort.dask_cluster.CONNECT_SECONDS", 0.5)
    with (
        pytest.raises(UsageError, match="no Dask scheduler at tcp"),
        cluster_workers("tcp://127.0.0.1:9"),
    ):
        pass
