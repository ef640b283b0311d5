"""10-fold cross-validated LASSO-Cox of 155 patients × 851 features: ours, R's glmnet and scikit-survival's Coxnet.

    python Testing/Benchmarks/bench_fit.py

R and scikit-survival are no parts of the project: without Rscript and glmnet (Debian: r-base-core, r-cran-glmnet), or
without scikit-survival, their lines are left out. All get the same z-scores, folds and 100 default values of λ, and
take turns in one run; the fastest of three runs counts, except of Coxnet at 1e-10, which takes a minute and runs once.
The last column is the largest distance of the curve from R's converged one (golden values) down to λ min.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from EsoRadiomicsLib.statistics.crossvalidation import cross_validate_cox
from EsoRadiomicsLib.statistics.inputs import FloatArray, IntArray, Survival, survival
from EsoRadiomicsLib.statistics.lasso import DEFAULT_GRID, LassoPath
from EsoRadiomicsLib.statistics.likelihood import CoxLikelihood

GOLDEN = Path(__file__).resolve().parents[1] / "Data" / "golden"
ROUNDS = 3
QUICK, EXACT = 1e-7, 1e-10
"""Coxnet's default tolerance, and the loosest that comes near R's converged solution."""
Run = tuple[float, float, int, FloatArray]
"""Seconds, λ min, number of features there, and the cross-validated deviance at each λ."""
PROGRAM = """
suppressPackageStartupMessages({library(glmnet); library(survival)})
x <- as.matrix(read.csv("x.csv")); y <- read.csv("y.csv")
outcome <- Surv(y$time, y$event)
seconds <- system.time(cv <- cv.glmnet(x, outcome, family = "cox", foldid = y$foldid, standardize = FALSE))["elapsed"]
cat(seconds, cv$lambda.min, sum(coef(cv, s = "lambda.min") != 0), format(cv$cvm, digits = 15))
"""


def main() -> None:
    """Print the time of each, its λ min and number of features, and how far it is from R's converged curve."""
    clinical = pd.read_csv(GOLDEN / "cohort_clinical.csv")
    features = pd.read_csv(GOLDEN / "cohort_features.csv.gz", float_precision="round_trip").drop(columns="id")
    training = clinical.cohort == "train"
    x, y = features[training], clinical[training]
    x = (x - x.mean()) / x.std(ddof=1)
    outcome, folds = survival(y.time, y.event), np.asarray(y.foldid)
    print(f"cv LASSO-Cox, 10 folds, {x.shape[0]} × {x.shape[1]}, 100 values of λ, fastest of {ROUNDS} runs in turn")
    runs: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory() as folder:
        x.to_csv(Path(folder, "x.csv"), index=False)
        y.to_csv(Path(folder, "y.csv"), index=False)
        with_r, with_coxnet = glmnet_available(), find_spec("sksurv") is not None
        for turn in range(ROUNDS):
            runs.setdefault("EsoRadiomics", []).append(ours(x, outcome, folds))
            if with_r:
                runs.setdefault("glmnet", []).append(glmnet(folder))
            for tolerance in (QUICK, EXACT) if with_coxnet else ():
                if tolerance == QUICK or turn == 0:
                    found = coxnet(x, outcome, folds, tolerance)
                    runs.setdefault(f"Coxnet, tol {tolerance:g}", []).append(found)
    expected = pd.read_csv(GOLDEN / "cox_lasso_cv_default.csv").cvm.to_numpy()
    upto = int(expected.argmin()) + 1
    for name, found_runs in runs.items():
        seconds, chosen, n_features, curve = min(found_runs, key=lambda run: run[0])
        off = np.abs(curve[:upto] - expected[:upto]).max()
        print(f"  {name:18}{seconds:7.2f} s   λ min {chosen:.6f}, {n_features} features   off by {off:.1e}")


def ours(x: pd.DataFrame, outcome: Survival, folds: IntArray) -> Run:
    """The project's own."""
    start = perf_counter()
    cv = cross_validate_cox(x, outcome, folds, standardize=False)
    index = cv.curve.index_min
    return perf_counter() - start, cv.curve.lambda_min, int(cv.path.n_selected[index]), cv.curve.mean


def glmnet(folder: str) -> Run:
    """``cv.glmnet`` as a user calls it; the seconds are those of the call alone, not of starting R."""
    command = ["Rscript", "-e", PROGRAM]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=os.environ)
    seconds, chosen, n_features, *curve = map(float, done.stdout.split())
    return seconds, chosen, int(n_features), np.array(curve)


def coxnet(x: pd.DataFrame, outcome: Survival, folds: IntArray, tolerance: float) -> Run:
    """scikit-survival's solver in the project's cross-validation; each fold walks its own λ."""
    from sksurv.linear_model import CoxnetSurvivalAnalysis

    def path(rows: IntArray) -> LassoPath:
        lambdas = DEFAULT_GRID.values(values[rows].T, likelihood[rows])
        solver = CoxnetSurvivalAnalysis(l1_ratio=1.0, alphas=lambdas, tol=tolerance, max_iter=10**8)
        beta = solver.fit(values[rows], y[rows]).coef_.T
        return LassoPath(tuple(x.columns), lambdas, beta, np.zeros(len(beta)), np.zeros(len(beta)))

    values, likelihood = x.to_numpy(), CoxLikelihood(outcome)
    y = np.array(list(zip(outcome.event, outcome.time, strict=True)), dtype=[("event", "?"), ("time", "f8")])
    start = perf_counter()
    everybody = path(np.arange(len(x)))
    losses = []
    for fold in np.unique(folds):
        rest = np.flatnonzero(folds != fold)
        kept = likelihood[rest]
        eta = values @ path(rest).at(everybody.lambdas)[0].T
        losses.append([likelihood.deviance(likelihood(e)) - kept.deviance(kept(e[rest])) for e in eta.T])
    curve = np.sum(losses, axis=0) / outcome.n_events
    best = int(curve.argmin())
    return perf_counter() - start, float(everybody.lambdas[best]), int(everybody.n_selected[best]), curve


def glmnet_available() -> bool:
    """Whether Rscript can load glmnet and survival."""
    if shutil.which("Rscript") is None:
        return False
    command = ["Rscript", "-e", "library(glmnet); library(survival)"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
