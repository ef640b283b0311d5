"""Tables for the tests of fitting: the golden cohort under PyRadiomics' names, whole or with a few of its features."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from EsoRadiomicsLib.extraction.pyradiomics.feature_names import ALL
from EsoRadiomicsLib.modelling.card_curve import curve
from EsoRadiomicsLib.modelling.card_outcome import baseline, quantity
from EsoRadiomicsLib.statistics.cox import fit_cox
from EsoRadiomicsLib.statistics.inputs import survival
from EsoRadiomicsLib.studies.study import Study, check_card, load_study

Golden = Callable[[str], Any]


def golden_names(golden: Golden) -> dict[str, str]:
    """The generated cohort's own feature names → PyRadiomics' names, in the same order."""
    return dict(zip(golden("cohort_features.csv.gz").columns[1:], ALL, strict=True))


def golden_table(golden: Golden) -> pd.DataFrame:
    """155 training and 66 validation patients with 851 features, R's folds, survival and a binary outcome."""
    clinical = golden("cohort_clinical.csv").rename(
        columns={"id": "case", "time": "lpfs_months", "event": "lpfs", "N": "N stage", "CR": "CR status"}
    )
    features = golden("cohort_features.csv.gz").drop(columns="id").rename(columns=golden_names(golden))
    return pd.concat([clinical, features], axis=1)


def generated_table(n: int = 120, n_features: int = 12, seed: int = 7) -> pd.DataFrame:
    """Patients whose first two features carry the hazard and the odds; ``stage`` and ``HRR status`` matter too."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(rng.normal(size=(n, n_features)), columns=list(ALL[20 : 20 + n_features]))
    features["original_shape_VoxelVolume"] = np.exp(rng.normal(3, 0.5, n))
    mutated, stage = rng.integers(0, 2, n), rng.integers(1, 4, n)
    risk = features.iloc[:, 0] - 0.8 * features.iloc[:, 1] + 0.7 * mutated + 0.3 * stage
    time = rng.exponential(20 * np.exp(-risk.to_numpy() + 1.5))
    censored = rng.uniform(8, 70, n)
    odds = 1 / (1 + np.exp(-(1.2 * features.iloc[:, 0] + features.iloc[:, 1] + 0.5 * (stage - 2))))
    table = pd.DataFrame(
        {
            "case": [f"P{i:03d}" for i in range(n)],
            "months": np.round(np.maximum(np.minimum(time, censored), 0.1), 1),
            "event": (time <= censored).astype(int),
            "outcome": (rng.uniform(size=n) < odds).astype(int),
            "HRR status": mutated,
            "stage": stage,
            "cohort": np.where(np.arange(n) < 2 * n // 3, "training", "validation"),
        }
    )
    return pd.concat([table, features], axis=1)


def written(table: pd.DataFrame, folder: Path, name: str = "cohort.csv") -> Path:
    """The table as a CSV file with all digits."""
    path = folder / name
    table.to_csv(path, index=False)
    return path


def study_with_a_curve(golden: Golden) -> Study:
    """The card of escc-lpfs-ccrt with its outcome model refitted to the golden cohort, whose curves R has drawn too."""
    table = golden("analysis_table.csv").query("cohort == 'train'")
    x = table[["N", "CR", "rad"]].to_numpy(dtype=float)
    outcome = survival(table.time, table.event)
    fitted = fit_cox(table[["N", "CR", "rad"]].astype(float), outcome)
    card = deepcopy(dict(load_study("escc-lpfs-ccrt").card))
    for term, coefficient in zip(card["outcome"]["terms"], fitted.coefficients, strict=True):
        term["coefficient"] = quantity(coefficient)
    hazards = fitted.baseline.at([12, 24, 36])
    card["outcome"]["baseline"] = baseline(np.exp(-hazards), [12, 24, 36], "generated")
    card["outcome"]["curve"] = curve(x, outcome, fitted.coefficients, fitted.covariance, "generated")
    card |= {"id": "refitted", "title": "Refitted to a generated cohort"}
    return check_card(card, Path("refitted.json"))


def card_for_phantoms(card: Path, folder: Path) -> Path:
    """A card of generated patients with SDs so wide that a phantom, which is far from them, is scored."""
    node = json.loads(card.read_text(encoding="utf-8"))
    for feature in node["signature"]["features"]:
        feature["sd"]["value"] = 1e9
    path = folder / "card.json"
    path.write_text(json.dumps(node), encoding="utf-8")
    return path
