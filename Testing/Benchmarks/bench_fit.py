"""10-fold cross-validated LASSO-Cox of 155 patients × 851 features, side by side with R's glmnet in one run.

    python Testing/Benchmarks/bench_fit.py

R is no part of the project. Without Rscript or glmnet (Debian: r-base-core, r-cran-glmnet) only ours is measured.
Both get the same z-scores, fold numbers and 100 default values of λ, and take turns; the fastest run of each counts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from EsoRadiomicsLib.modelling.crossvalidation import LassoCv, cross_validate_cox
from EsoRadiomicsLib.modelling.inputs import survival

GOLDEN = Path(__file__).resolve().parents[1] / "Data" / "golden"
ROUNDS = 3
PROGRAM = """
suppressPackageStartupMessages({library(glmnet); library(survival)})
x <- as.matrix(read.csv("x.csv")); y <- read.csv("y.csv")
outcome <- Surv(y$time, y$event)
seconds <- system.time(cv <- cv.glmnet(x, outcome, family = "cox", foldid = y$foldid, standardize = FALSE))["elapsed"]
cat(seconds, cv$lambda.min, sum(coef(cv, s = "lambda.min") != 0), as.character(packageVersion("glmnet")))
"""


def main() -> None:
    """Print both times, their ratio, and whether both choose the same λ and number of features."""
    clinical = pd.read_csv(GOLDEN / "cohort_clinical.csv")
    features = pd.read_csv(GOLDEN / "cohort_features.csv.gz").drop(columns="id")
    training = clinical.cohort == "train"
    x, y = features[training], clinical[training]
    x = (x - x.mean()) / x.std(ddof=1)
    print(f"cv LASSO-Cox, 10 folds, {x.shape[0]} × {x.shape[1]}, fastest of {ROUNDS} runs in turn")
    with tempfile.TemporaryDirectory() as folder:
        x.to_csv(Path(folder, "x.csv"), index=False)
        y.to_csv(Path(folder, "y.csv"), index=False)
        available = glmnet_available()
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(time_ours(x, y))
            if available:
                theirs.append(time_glmnet(folder))
    seconds, cv = min(ours, key=lambda run: run[0])
    index = cv.curve.index_min
    print(f"  EsoRadiomics   {seconds:7.2f} s   λ min {cv.curve.lambda_min:.6f}, {cv.path.n_selected[index]} features")
    if not available:
        print("  glmnet         skipped: Rscript or its package glmnet is not installed here")
        return
    r_seconds, r_lambda, r_features, version = min(theirs, key=lambda run: float(run[0]))
    print(f"  glmnet {version:8}{float(r_seconds):7.2f} s   λ min {float(r_lambda):.6f}, {r_features} features")
    print(f"  glmnet / ours  {float(r_seconds) / seconds:7.2f} ×   (above 1: ours is faster)")


def time_ours(x: pd.DataFrame, y: pd.DataFrame) -> tuple[float, LassoCv]:
    """Wall seconds and the result of one run."""
    outcome, folds = survival(y.time, y.event), np.asarray(y.foldid)
    start = perf_counter()
    cv = cross_validate_cox(x, outcome, folds)
    return perf_counter() - start, cv


def time_glmnet(folder: str) -> list[str]:
    """Elapsed seconds, λ min, number of features and version, of glmnet's call alone (not of starting R)."""
    command = ["Rscript", "-e", PROGRAM]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=os.environ)
    return done.stdout.split()


def glmnet_available() -> bool:
    """Whether Rscript can load glmnet and survival."""
    if shutil.which("Rscript") is None:
        return False
    command = ["Rscript", "-e", "library(glmnet); library(survival)"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
