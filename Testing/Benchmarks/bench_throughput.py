"""Cases an hour: the twelve shared CTs measured by ``esoradiomics cohort`` and by a loop over PyRadiomics' command.

    python Testing/Benchmarks/bench_throughput.py

All 851 features. Ours reads the files as they are (seven NIfTI, five DICOM series with RTSTRUCT) in two processes;
PyRadiomics' command cannot read DICOM series and gets all twelve as NRRD, one after the other. The target is 4 ×.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from pathlib import Path

import SimpleITK as sitk
from bench import ROOT, STUDY, Cost, measure

from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.imaging.case import load_case

SHARED = Path(os.environ.get("ESORADIOMICS_SHARED") or ROOT.parent / "shared") / "data"
JOBS = 2


def main() -> int:
    """Measure and print."""
    cases = shared_cases()
    if not cases:
        print(f"cases an hour: not measured, as {SHARED} is not there")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        theirs = [plain(folder, case, image, mask, roi) for case, (image, mask, roi) in cases.items()]
        costs = [ours(folder, cases), *(measure(command) for command in theirs)]
    print(f"cases an hour, all 851 features of {len(cases)} shared cases")
    for title, parts in ((f"cohort run, {JOBS} processes", costs[:1]), ("loop over pyradiomics", costs[1:])):
        wall, processor = sum(c.seconds for c in parts), sum(c.processor for c in parts)
        rate = 3600 * len(cases) / wall
        print(f"  {title:26}{wall:8.1f} s{processor:8.1f} s processor{rate:8.0f} cases an hour")
    ratios = [sum(getattr(c, what) for c in costs[1:]) / getattr(costs[0], what) for what in ("seconds", "processor")]
    print(f"  ratio: wall {ratios[0]:.1f} × (target 4), processor {ratios[1]:.1f} ×")
    return 0


def shared_cases() -> dict[str, tuple[Path, Path, str]]:
    """Name → image, mask and ROI."""
    found: dict[str, tuple[Path, Path, str]] = {}
    for folder in [SHARED / "ibsi_ct_phantom", *sorted(SHARED.glob("sts/STS_*")), SHARED / "lung1_002"]:
        if (folder / "ct.nii.gz").is_file():
            found[folder.name] = (folder / "ct.nii.gz", folder / "mask.nii.gz", "1")
        if (folder / "dicom").is_dir():
            roi = "GTV-1" if folder.parent.name != "sts" else "GTV_Mass_CT"
            found[f"{folder.name}_dicom"] = (folder / "dicom", folder / "dicom", roi)
    return found


def ours(folder: Path, cases: dict[str, tuple[Path, Path, str]]) -> Cost:
    """One cohort run over all cases."""
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["case", "image", "mask", "roi"])
        rows.writerows([case, *parts] for case, parts in cases.items())
    command = [sys.executable, "-m", "EsoRadiomicsLib", "cohort", "run", str(manifest), "--study", STUDY, "--full"]
    command.append("--allow-outside")
    return measure([*command, "--jobs", str(JOBS), "--progress", "none", "--out", str(folder / "out")])


def plain(folder: Path, case: str, image: Path, mask: Path, roi: str) -> list[str]:
    """PyRadiomics' command for one case."""
    chosen = {"roi": roi} if image.is_dir() else {"label": int(roi)}
    loaded = load_case(image, mask, **chosen)
    ct, gtv, parameters = folder / f"{case}.nrrd", folder / f"{case}_gtv.nrrd", folder / "parameters.json"
    sitk.WriteImage(loaded.image, ct)
    sitk.WriteImage(loaded.mask, gtv)
    parameters.write_text(json.dumps(PyRadiomicsSettings().pyradiomics_parameters()))
    command = [str(Path(sys.executable).with_name("pyradiomics")), str(ct), str(gtv), "--param", str(parameters)]
    return [*command, "--format", "csv", "--out", str(folder / f"{case}.csv"), "--verbosity", "1"]


if __name__ == "__main__":
    sys.exit(main())
