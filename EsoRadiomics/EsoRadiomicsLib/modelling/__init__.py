"""Statistics from a cohort's table to a model: survival, LASSO, Cox, discrimination, calibration, tables.

Every number follows R as the studies used it (glmnet, survival, rms, pROC, maxstat). Each file is one subject and
knows nothing of studies, cards or figures: numpy arrays or pandas frames go in, frozen dataclasses come out.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ..errors import UsageError


def require(package: str) -> ModuleType:
    """Import a package that only model building needs; raise UsageError with the command that installs it."""
    try:
        return import_module(package)
    except ImportError as error:
        raise UsageError(
            f"Building a model needs {package}, which cannot be imported here ({error}): pip install "
            '"esoradiomics[modelling]".'
        ) from error
