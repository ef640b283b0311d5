"""``make bench``: the 348 features of IBEX beside PyRadiomics' full set by its own command, as whole processes."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import SimpleITK as sitk
from bench import ROOT, ROUNDS, STUDY, fastest
from pyradiomics_data import lung_case

from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.studies.study import load_study

IBEX_STUDY = "escc-early-recurrence"


def main() -> int:
    """Print a row for lung2 and, where it is, for the IBSI phantom."""
    cases = {"lung2": (lung_case("lung2").image, lung_case("lung2").mask)}
    phantom = Path(os.environ.get("ESORADIOMICS_SHARED") or ROOT.parent / "shared") / "data/ibsi_ct_phantom"
    if phantom.is_dir():
        cases["IBSI phantom"] = (phantom / "ct.nii.gz", phantom / "mask.nii.gz")
    print(f"Fastest of {ROUNDS} runs each, whole processes; ratio = PyRadiomics' full set / IBEX's 348 features.")
    print(f"{'case':16}{'voxels':>9}{'pyradiomics':>13}{'ibex':>9}{'ratio':>8}{'peak MiB':>14}")
    for name, (image, mask) in cases.items():
        print(row(name, image, mask), flush=True)
    return 0


def row(name: str, image: Path, mask: Path) -> str:
    """One case: seconds and peak memory of both commands."""
    with tempfile.TemporaryDirectory() as folder:
        ct, gtv, parameters = (Path(folder, part) for part in ("ct.nrrd", "gtv.nrrd", "parameters.json"))
        sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(image)), sitk.sitkInt16), str(ct))
        drawn = sitk.Cast(sitk.ReadImage(str(mask)) == 1, sitk.sitkUInt8)
        sitk.WriteImage(drawn, str(gtv))
        settings = load_study(STUDY).settings
        assert isinstance(settings, PyRadiomicsSettings)
        parameters.write_text(json.dumps(settings.pyradiomics_parameters()))
        theirs = [str(Path(sys.executable).with_name("pyradiomics")), str(ct), str(gtv), "--param", str(parameters)]
        theirs += ["--format", "csv", "--out", str(Path(folder, "theirs.csv")), "--verbosity", "1"]
        ours = [sys.executable, "-m", "EsoRadiomicsLib", "extract", str(ct), str(gtv), "--study", IBEX_STUDY]
        ours += ["--progress", "none", "--out", str(Path(folder, "ours.csv"))]
        plain, ibex = fastest([theirs, ours])
    voxels = int(sitk.GetArrayViewFromImage(drawn).sum())
    ratio, memory = plain.seconds / ibex.seconds, f"{plain.peak_mib:.0f} / {ibex.peak_mib:.0f}"
    return f"{name:16}{voxels:9,}{plain.seconds:12.2f}s{ibex.seconds:8.2f}s{ratio:7.1f}×{memory:>14}"


if __name__ == "__main__":
    sys.exit(main())
