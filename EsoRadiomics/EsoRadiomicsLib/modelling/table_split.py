"""What a table says of its rows: who trains the model, who validates it, and the folds of the first."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..core.errors import InputError
from ..core.formatting import some
from ..statistics.inputs import BoolArray, IntArray, numbers

_TRAINING = ("train", "training", "development", "derivation")
_VALIDATION = ("valid", "validation", "test", "testing")


def training_rows(column: pd.Series) -> BoolArray:
    """Who trains the model (n,).

    Raises:
        InputError: another word than those for training and validation, or all rows on one side.
    """
    labels = column.astype(str).str.strip().str.lower()
    if unknown := sorted(set(labels) - {*_TRAINING, *_VALIDATION}):
        raise InputError(
            f"The split column “{column.name}” holds “{some(unknown)}”; write “training” or “validation” in each row."
        )
    training = labels.isin(_TRAINING).to_numpy()
    if training.all() or not training.any():
        raise InputError(f"All rows of the split column “{column.name}” are on one side.")
    return training


def fold_numbers(column: pd.Series, training: BoolArray | None) -> IntArray:
    """Fold numbers; validation patients need none and get 0."""
    needed = column if training is None else column[training]
    found = numbers(needed, f"the fold in “{column.name}”")
    if (odd := (found != np.round(found)) | (np.abs(found) > len(column))).any():
        raise InputError(f"“{column.name}” numbers folds, but holds {found[odd][0]:g}; give whole numbers from 1 on.")
    folds = np.zeros(len(column), dtype=np.int64)
    folds[slice(None) if training is None else training] = found
    return folds
