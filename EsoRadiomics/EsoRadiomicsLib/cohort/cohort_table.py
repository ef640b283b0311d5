"""Results of a cohort: the wide table (CSV, and Parquet where pyarrow is there), failures, remarks and provenance.

Cases come in the manifest's order and are read from the store one by one, so that memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.errors import OutputError
from ..core.output import check_output_folder, csv_line, write_text, writing
from ..extraction.feature_table import ROI_VOLUME, SOFTWARE
from .case_store import CASES
from .cohort_run import CohortRun
from .manifest import Manifest
from .problems import write_problems

FEATURES_CSV, FEATURES_PARQUET = "features.csv", "features.parquet"
FAILURES_CSV, REMARKS_CSV, PROVENANCE_JSON = "failures.csv", "remarks.csv", "provenance.json"
READINGS_CSV, SCORES_CSV, REPORT_HTML = "readings.csv", "scores.csv", "report.html"
RESULTS = (
    *(FEATURES_CSV, FEATURES_PARQUET, READINGS_CSV, FAILURES_CSV, REMARKS_CSV),
    *(PROVENANCE_JSON, SCORES_CSV, REPORT_HTML),
)
_ROWS_AT_ONCE = 64


def check_run_folder(folder: Path, manifest: Manifest) -> None:
    """Check, before any work, that a run may write its results into ``folder``; an earlier run's are replaced.

    Raises:
        OutputError: it is a file, cannot be written, or holds files of these names that no run wrote, or the manifest.
    """
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    check_output_folder(folder, there)
    taken = [name for name in RESULTS if name in there]
    if taken and not there & {CASES, PROVENANCE_JSON}:
        raise OutputError(f"{folder} holds {', '.join(taken)}, but no run's finished cases. Choose another folder.")
    if any((folder / name).samefile(manifest.path) for name in taken):
        raise OutputError(f"The manifest {manifest.path} would be replaced by the results. Choose another folder.")


def write_results(run: CohortRun, folder: Path, *, study: str | None) -> None:
    """Write table, failures, remarks and provenance into ``folder``, each whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    software: dict[str, str] = next((record["software"] for _, record in finished_cases(run)), {})
    columns = _text_columns(run, software)
    with writing(folder / FEATURES_CSV) as file:
        file.write(csv_line([*columns, *run.features]).encode())
        for row in _rows(run):
            values = [repr(row[name]) if name in row else "" for name in run.features]
            file.write(csv_line([*(row.get(name, "") for name in columns), *values]).encode())
    if find_spec("pyarrow"):
        _write_parquet(folder / FEATURES_PARQUET, run, columns)
    else:
        (folder / FEATURES_PARQUET).unlink(missing_ok=True)  # an earlier run's, which no longer fits the CSV
    write_problems(folder / FAILURES_CSV, run.failures)
    write_problems(folder / REMARKS_CSV, run.remarks)
    write_text(folder / PROVENANCE_JSON, json.dumps(_provenance(run, study, software), indent=1) + "\n")


def finished_cases(run: CohortRun) -> Iterator[tuple[Any, dict[str, Any]]]:
    """(manifest entry, record) of every finished case, in the manifest's order.

    Raises:
        OutputError: a record has been damaged since; no row is left out in silence.
    """
    for entry in run.manifest.entries:
        if entry.key in run.finished:
            record = run.store.read(run.finished[entry.key])
            if record is None:
                raise OutputError(f"The finished case {entry.case} cannot be read back: disk trouble? Run again.")
            yield entry, record


def _text_columns(run: CohortRun, software: Mapping[str, str]) -> list[str]:
    facts = ["image_sha256", "mask_sha256", ROI_VOLUME, "settings", *(SOFTWARE + name for name in software), "failed"]
    return [*run.manifest.identity, *run.manifest.clinical, *facts]


def _rows(run: CohortRun) -> Iterator[dict[str, Any]]:
    for entry, record in finished_cases(run):
        yield {
            "case": entry.case,
            "reader": entry.reader,
            "session": entry.session,
            **entry.clinical,
            "image_sha256": record["image_sha256"],
            "mask_sha256": record["mask_sha256"],
            ROI_VOLUME: repr(record["roi"]["steps"][0]["cm3"]),
            "settings": record["settings"],
            **{SOFTWARE + name: version for name, version in record["software"].items()},
            "failed": "; ".join(f"{name}: {reason}" for name, reason in record["failed"].items()),
            **record["features"],
        }


def _write_parquet(path: Path, run: CohortRun, columns: Sequence[str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    fields = [(name, pa.string()) for name in columns] + [(name, pa.float64()) for name in run.features]
    schema = pa.schema(fields)
    with writing(path) as file, parquet.ParquetWriter(file, schema) as writer:
        block: list[dict[str, Any]] = []
        for row in _rows(run):
            block.append({name: row.get(name) for name in schema.names})
            if len(block) == _ROWS_AT_ONCE:
                writer.write_table(pa.Table.from_pylist(block, schema))
                block = []
        writer.write_table(pa.Table.from_pylist(block, schema))


def _provenance(run: CohortRun, study: str | None, software: Mapping[str, str]) -> dict[str, Any]:
    """What it takes to repeat the table; no times and no places, so that the same run gives the same file."""
    return {
        "provenance_version": 1,
        "manifest": {
            "name": run.manifest.path.name,
            "sha256": hashlib.sha256(run.manifest.path.read_bytes()).hexdigest(),
        },
        "study": study,
        "settings": {"fingerprint": run.settings.fingerprint, "values": run.settings.to_dict()},
        "features": list(run.features),
        "software": dict(software),
        "cases": {"finished": len(run.finished), "failed": len(run.failures)},
    }
