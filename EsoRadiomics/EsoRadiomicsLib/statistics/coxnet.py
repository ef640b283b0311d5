"""The LASSO-Cox path by scikit-survival's Coxnet (GPL; imported only here and when asked for), beside our own solver.

Its objective is glmnet's. It descends coordinate by coordinate, so that its tolerance decides how far from the optimum
it ends. The one taken here leaves 3e-4 of a standardised coefficient; the default 100 λ of 155 × 851 take 9 s, ours
0.3 s.
"""

from __future__ import annotations

import warnings

import numpy as np

from ..core.errors import InputError, UsageError
from ..core.optional import require
from .inputs import FloatArray
from .lasso import LambdaGrid, LassoPath, where_glmnet_stops
from .likelihood import CoxLikelihood, Likelihood

_TOLERANCE = 1e-10
_MAX_STEPS = 10**8


def coxnet_path(
    names: tuple[str, ...], x: FloatArray, likelihood: Likelihood, lambdas: LambdaGrid | FloatArray
) -> LassoPath:
    """The path of features in rows ``x`` (p, n), as :func:`.lasso.own_path` gives it.

    Raises:
        UsageError: scikit-survival is missing, or the outcome is not survival.
        InputError: it does not converge.
    """
    if not isinstance(likelihood, CoxLikelihood):
        raise UsageError("scikit-survival solves the LASSO of Cox models only; leave --solver out.")
    coxnet = require("sksurv.linear_model", "modelling", "--solver scikit-survival", "scikit-survival")
    values = lambdas.values(x, likelihood) if isinstance(lambdas, LambdaGrid) else lambdas
    outcome = likelihood.outcome
    y = np.fromiter(zip(outcome.event, outcome.time, strict=True), dtype=[("event", "?"), ("time", "f8")])
    solver = coxnet.CoxnetSurvivalAnalysis(l1_ratio=1.0, alphas=values, tol=_TOLERANCE, max_iter=_MAX_STEPS)
    try:
        with warnings.catch_warnings():
            # It warns where it ends early; the path it returns is then shorter, as glmnet's.
            warnings.simplefilter("ignore")
            solver.fit(x.T, y)
    except (ArithmeticError, ValueError) as error:
        raise InputError(
            f"scikit-survival finds no LASSO path ({error}); look for features with extreme values."
        ) from error
    beta = np.asarray(solver.coef_.T, dtype=np.float64)
    deviances = likelihood.deviances(np.column_stack([np.zeros(likelihood.n), (beta @ x).T]))
    explained = 1 - deviances[1:] / deviances[0]
    n = where_glmnet_stops(explained, likelihood) if isinstance(lambdas, LambdaGrid) else len(beta)
    return LassoPath(names, values[:n], beta[:n], np.zeros(n), explained[:n])
