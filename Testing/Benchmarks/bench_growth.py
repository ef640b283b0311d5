"""How the cost grows with the ROI: seconds and memory against its voxels, full set and signature, beside PyRadiomics.

    python Testing/Benchmarks/bench_growth.py [voxels …]

Ellipsoids of soft tissue with noise, 1 mm voxels, one run each of whole processes. PyRadiomics' command compares all
pairs of surface vertices, which are voxels^(2/3); where it would take more than ten minutes by that, it is not run, and
the table says what it would take. The table is also drawn, into ``bench-output/growth.png`` and ``.svg``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import SimpleITK as sitk
from bench import ROOT, STUDY, Cost, measure

from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings

VOXELS = (1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000)
PAIRS = 4 / 3
LONGEST_S = 600.0
COMMANDS = ("pyradiomics", "full", "signature")
OUTPUT = ROOT / "bench-output"


def main() -> None:
    """Print a row for each size, and draw them all."""
    print("Processor seconds and peak MiB of whole processes")
    print(f"{'voxels':>10}" + "".join(f"{command:>22}" for command in COMMANDS))
    found: dict[int, list[Cost | None]] = {}
    expected = 0.0
    for voxels in sorted(map(int, sys.argv[1:])) if sys.argv[1:] else VOXELS:
        if found:
            last, plain = next((n, row[0]) for n, row in reversed(found.items()) if row[0])
            expected = plain.processor * (voxels / last) ** PAIRS
        found[voxels] = costs(voxels, plain=expected < LONGEST_S)
        not_run = f"not run, about {expected:.0f} s"
        cells = (f"{c.processor:12.1f} s{c.peak_mib:8.0f}" if c else f"{not_run:>22}" for c in found[voxels])
        print(f"{voxels:10,}" + "".join(cells), flush=True)
    draw(found)


def draw(found: dict[int, list[Cost | None]]) -> None:
    """Seconds and memory against voxels, a line for each command."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, what, label in zip(
        axes, ("processor", "peak_mib"), ("processor time (s)", "peak memory (MiB)"), strict=True
    ):
        for i, (command, marker) in enumerate(zip(COMMANDS, "so^", strict=True)):
            points = [(voxels, getattr(row[i], what)) for voxels, row in found.items() if row[i] is not None]
            name = "PyRadiomics' command" if command == "pyradiomics" else f"esoradiomics, {command}"
            axis.plot(*zip(*points, strict=True), marker=marker, label=name)
        axis.set(xscale="log", xlabel="voxels of the ROI", ylabel=label)
        axis.grid(alpha=0.3, which="both")
    axes[0].set_yscale("log")
    axes[1].set_ylim(bottom=0)
    axes[0].legend()
    not_run = [f"{voxels:,}" for voxels, row in found.items() if row[0] is None]
    if not_run:
        figure.suptitle(
            f"PyRadiomics' command takes over {LONGEST_S / 60:g} minutes for {' and '.join(not_run)} voxels"
        )
    OUTPUT.mkdir(exist_ok=True)
    for ending in ("png", "svg"):
        figure.savefig(OUTPUT / f"growth.{ending}", dpi=150)
    print(f"drawn in {OUTPUT / 'growth.png'}")


def costs(voxels: int, *, plain: bool) -> list[Cost | None]:
    """Of one size what each command costs; None where it is not run, as PyRadiomics' perhaps is not."""
    with tempfile.TemporaryDirectory() as folder:
        ct, gtv, parameters = (Path(folder, name) for name in ("ct.nrrd", "gtv.nrrd", "parameters.json"))
        write_case(voxels, ct, gtv)
        parameters.write_text(json.dumps(PyRadiomicsSettings().pyradiomics_parameters()))
        ours = [sys.executable, "-m", "EsoRadiomicsLib", "extract", str(ct), str(gtv), "--study", STUDY]
        ours += ["--progress", "none", "--out"]
        ours, few = [*ours, str(Path(folder, "full.csv"))], [*ours, str(Path(folder, "signature.csv")), "--signature"]
        theirs = [str(Path(sys.executable).with_name("pyradiomics")), str(ct), str(gtv), "--param", str(parameters)]
        theirs += ["--format", "csv", "--out", str(Path(folder, "theirs.csv")), "--verbosity", "1"]
        commands = [theirs if plain else None, ours, few]
        return [measure(command) if command else None for command in commands]


def write_case(voxels: int, ct: Path, gtv: Path) -> None:
    """An ellipsoid of about so many voxels in fat."""
    radii = np.array([0.8, 1.0, 1.25]) * (voxels * 3 / (4 * np.pi)) ** (1 / 3)
    size = 2 * np.ceil(radii).astype(int) + 20
    axes = np.ogrid[tuple(slice(0, n) for n in size)]
    inside = sum(((a - n / 2) / r) ** 2 for a, n, r in zip(axes, size, radii, strict=True)) < 1
    noise = np.random.default_rng(0).normal(0, 40, size)
    hu = np.where(inside, 40, -110) + noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 2)
    hu[0] = -1000
    sitk.WriteImage(sitk.GetImageFromArray(np.rint(hu).astype(np.int16)), str(ct))
    sitk.WriteImage(sitk.GetImageFromArray(inside.astype(np.uint8)), str(gtv))


if __name__ == "__main__":
    main()
