"""Features ranked by a random forest (scikit-learn's), the mean decrease in impurity over its trees."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..core.optional import require
from .inputs import BoolArray, FloatArray


def forest_importance(features: pd.DataFrame, event: BoolArray, *, trees: int, seed: int) -> FloatArray:
    """Importance (p,) of each feature for telling who has the event; they sum to 1.

    Breiman's (Machine Learning 45:5, 2001) forest of ``trees`` trees as scikit-learn grows it by default: √p candidates
    a split, bootstrap samples, leaves of one class. The same seed and version give the same numbers.

    Raises:
        UsageError: scikit-learn is missing.
    """
    ensemble = require("sklearn.ensemble", "forest", "A random forest", "scikit-learn")
    forest = ensemble.RandomForestClassifier(n_estimators=trees, random_state=seed, n_jobs=1)
    return np.asarray(forest.fit(features.to_numpy(), event).feature_importances_, dtype=np.float64)
