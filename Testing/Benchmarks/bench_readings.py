"""All readings of a paper in one command against a command for each: whole processes, side by side in one run.

    python Testing/Benchmarks/bench_readings.py

The target is “32 readings of escc-lpfs-ccrt on lung2 at least 4× as fast as 32 separate scores”. Three of the separate
scores, spread over the readings, stand for all. Both read the CT and score against the same made-up reference.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "Tools"), str(ROOT / "Testing" / "Benchmarks"), str(ROOT / "EsoRadiomics")]

from bench_robustness import STUDY, cost, made_up_reference  # noqa: E402
from pyradiomics_data import lung_case  # noqa: E402

from EsoRadiomicsLib.studies.paper_readings import paper_readings  # noqa: E402

SAMPLES, TARGET = 3, 4.0


def main() -> None:
    """Print both times and the ratio."""
    lung2 = lung_case("lung2")
    readings = paper_readings(STUDY).readings
    with tempfile.TemporaryDirectory() as folder:
        made_up = made_up_reference(lung2.image, lung2.mask)
        parts = [replace(made_up, settings=reading.settings) for reading in readings]
        everything = Path(folder, "all.json")
        replace(parts[0], readings=tuple(parts[1:])).save(everything)
        case = [str(lung2.image), str(lung2.mask), "--label", "1", "--study", STUDY.id, "--progress", "none"]
        together = cost(["readings", *case, "--reference", str(everything)])
        alone = []
        for i in range(0, len(readings), len(readings) // SAMPLES):
            one = Path(folder, f"{i}.json")
            parts[i].save(one)
            changes = [f"--set={name}={value}" for name, value in readings[i].values.items()]
            alone.append(cost(["score", *case, "--reference", str(one), *changes]))
    wall, processor = (len(readings) * sum(each) / len(alone) for each in zip(*alone, strict=True))
    print(f"{len(readings)} readings of {STUDY.id} on lung2, whole commands; ratio: target at least {TARGET:g}")
    print(f"  together {together[0]:6.1f} s wall, {together[1]:6.1f} s processor")
    print(f"  apart    {wall:6.1f} s wall, {processor:6.1f} s processor (from {len(alone)} of them)")
    print(f"  ratio    {wall / together[0]:6.1f}         {processor / together[1]:6.1f}")


if __name__ == "__main__":
    main()
