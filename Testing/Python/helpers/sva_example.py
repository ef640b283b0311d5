"""The table that R's sva harmonised (``combat_sva.csv``): kinds of columns are x (as it was), default and tight."""

from __future__ import annotations

import numpy as np
import pandas as pd

from EsoRadiomicsLib.extraction.pyradiomics.feature_names import ALL

N = 8
NAMES = ALL[:N]


def columns(table: pd.DataFrame, kind: str) -> np.ndarray:
    """The columns (n, 8) of one kind."""
    return table[[f"{kind}{j}" for j in range(1, N + 1)]].to_numpy(float)
