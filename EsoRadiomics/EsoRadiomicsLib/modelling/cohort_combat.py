"""ComBat of a cohort's features: learned from its rows by scanner or centre, and applied to the rows of any other."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import InputError, UsageError
from ..statistics.combat import Combat, fit_combat
from ..statistics.inputs import FloatArray, select_columns
from .model_cohort import Cohort


def learn(cohort: Cohort, features: Sequence[str], covariates: Sequence[str]) -> tuple[Combat, list[str]]:
    """The harmonisation of ``features`` over the cohort's batches, and the features that do not vary in each batch.

    Raises:
        UsageError: nobody said which column holds the batches, or a covariate that is no clinical variable here.
        InputError: too few rows or batches, or a covariate with a gap; see
            :func:`EsoRadiomicsLib.statistics.combat.fit_combat`.
    """
    if cohort.batches is None:
        raise UsageError("ComBat needs the column that says which scanner or centre a row comes from: --batch.")
    if unknown := [name for name in covariates if name not in cohort.clinical]:
        raise UsageError(f"ComBat is to keep “{unknown[0]}”, which is no clinical variable here (--clinical).")
    if lacking := [name for name in covariates if name in cohort.gaps]:
        raise InputError(
            f"ComBat cannot keep “{lacking[0]}”, which {cohort.gaps[lacking[0]]} of {len(cohort)} training patients "
            "lack: it is learned before gaps are filled. Do not keep it, or take complete cases (--missing complete)."
        )
    values = select_columns(cohort.features, features)
    kept = {name: select_columns(cohort.clinical, [name])[:, 0] for name in covariates}
    return fit_combat(values, list(cohort.batches), features, str(cohort.batches.name), kept)


def harmonised(cohort: Cohort, combat: Combat, values: FloatArray) -> FloatArray:
    """The ``values`` (n, k) of the harmonisation's features without what their scanners did to them.

    Raises:
        InputError: no batches, a batch that the harmonisation does not know, or no value of a covariate it keeps.
    """
    if cohort.batches is None:
        raise InputError(
            f"The features are to be harmonised, but no column “{combat.column}” says which of "
            f"{', '.join(combat.batches)} a row comes from."
        )
    kept = select_columns(cohort.clinical, combat.covariates) if combat.covariates else None
    return combat.apply(values, list(cohort.batches), kept)
