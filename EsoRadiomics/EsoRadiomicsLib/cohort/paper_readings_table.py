"""The further readings of a paper in which a cohort was measured: a table, one row a case and reading."""

from __future__ import annotations

from pathlib import Path

from ..core.output import csv_line, writing
from .cohort_run import CohortRun
from .cohort_table import READINGS_CSV, finished_cases


def write_readings(run: CohortRun, folder: Path) -> None:
    """Write ``readings.csv`` into ``folder``: identity, fingerprint of the settings, features; empty cells failed.

    Raises:
        OutputError: the folder cannot be written.
    """
    columns = [*run.manifest.identity, "settings", "failed"]
    with writing(folder / READINGS_CSV) as file:
        file.write(csv_line([*columns, *run.features]).encode())
        for entry, record in finished_cases(run):
            identity = {"case": entry.case, "reader": entry.reader, "session": entry.session}
            for reading in record["readings"]:
                reasons = "; ".join(f"{name}: {reason}" for name, reason in reading["failed"].items())
                row = identity | {"settings": reading["settings"], "failed": reasons}
                values = [repr(reading["features"][n]) if n in reading["features"] else "" for n in run.features]
                file.write(csv_line([*(row[name] for name in columns), *values]).encode())
