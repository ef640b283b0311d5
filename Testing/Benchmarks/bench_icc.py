"""ICC(2,1) with 95 % confidence intervals of 851 features × 30 cases × 2 readers, side by side with pingouin.

    python Testing/Benchmarks/bench_icc.py [--venv FOLDER]

pingouin (GPL) is no part of the project. ``--venv`` names a folder for an environment of its own, which is made
there if need be; without it pingouin is used if this Python happens to have it, and left out otherwise.
It computes one feature a call, so its time is measured on the first 40 features and scaled to all.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

CASES, READERS, FEATURES, MEASURED = 30, 2, 851, 40
LIBRARY = Path(__file__).resolve().parents[2] / "EsoRadiomics"


def generated_readings() -> np.ndarray:
    """(cases, readers, features); agreement from poor to excellent."""
    rng = np.random.default_rng(851)
    cases = rng.normal(size=(CASES, 1, FEATURES))
    noise = rng.normal(size=(CASES, READERS, FEATURES)) * rng.uniform(0.05, 1.5, FEATURES)
    return cases + noise


def time_ours(readings: np.ndarray) -> tuple[float, np.ndarray]:
    """Seconds for all features, median of five runs, and the ICCs."""
    sys.path.insert(0, str(LIBRARY))
    from EsoRadiomicsLib.agreement.icc import icc

    seconds = []
    for _ in range(5):
        start = perf_counter()
        result = icc(readings, "2,1")
        seconds.append(perf_counter() - start)
    return median(seconds), result.value


def time_pingouin(readings: np.ndarray) -> tuple[float, list[float], str]:
    """Seconds for the measured features, their ICC(2,1), and pingouin's version."""
    import pandas as pd
    import pingouin  # type: ignore[import-not-found, unused-ignore]

    case, reader = np.indices(readings.shape[:2]).reshape(2, -1)
    tables = [
        pd.DataFrame({"case": case, "reader": reader, "value": readings[:, :, i].ravel()}) for i in range(MEASURED)
    ]
    arguments = {"targets": "case", "raters": "reader", "ratings": "value"}
    pingouin.intraclass_corr(tables[0], **arguments)
    start = perf_counter()
    results = [pingouin.intraclass_corr(table, **arguments) for table in tables]
    seconds = perf_counter() - start
    # Releases name the rows differently; their order is ICC(1,1), ICC(2,1), ICC(3,1), …
    return seconds, [float(result["ICC"].iloc[1]) for result in results], pingouin.__version__


def pingouin_python(folder: Path | None) -> str | None:
    """The Python that has pingouin, or None."""
    if folder is None:
        return sys.executable if find_spec("pingouin") else None
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pingouin"], check=True)
    return str(python)


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, help="folder of an environment with pingouin; made if it is not there")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(time_pingouin(np.load(options.worker))))
        return
    readings = generated_readings()
    ours, values = time_ours(readings)
    print(f"{FEATURES} features × {CASES} cases × {READERS} readers, ICC(2,1) with 95 % CI")
    print(f"  EsoRadiomics           {ours:9.4f} s   (all {FEATURES} features, median of 5 runs)")
    python = pingouin_python(options.venv)
    if python is None:
        print("  pingouin               skipped: not installed here; give --venv FOLDER to have it installed there")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "readings.npy"
        np.save(path, readings)
        output = subprocess.run([python, __file__, "--worker", path], check=True, capture_output=True, text=True)
    seconds, theirs, version = json.loads(output.stdout.splitlines()[-1])
    scaled = seconds * FEATURES / MEASURED
    print(
        f"  pingouin {version:13} {scaled:9.4f} s   ({seconds:.2f} s for {MEASURED} features × {FEATURES}/{MEASURED})"
    )
    print(f"  ratio                  {scaled / ours:9.0f} ×")
    print(f"  largest difference of the ICC: {np.max(np.abs(values[:MEASURED] - np.array(theirs))):.1e}")


if __name__ == "__main__":
    main()
