"""Several ROIs of a patient in a table, as lymph nodes are: each a row of its own, the largest, or their mean."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..core.errors import InputError, UsageError
from ..extraction.feature_table import ROI_VOLUME

EACH, LARGEST, MEAN = "each", "largest", "mean"


def whose_rows(table: pd.DataFrame, patient: str | None) -> list[str]:
    """What is to be said of a table whose ROIs each stay a row: two rows of one patient must not be two patients.

    Args:
        table: one row an ROI.
        patient: column that says whose ROI it is; None where nobody says so.

    Raises:
        UsageError: the column “patient” says that patients have several rows.
    """
    if patient is not None:
        n = table[patient].astype(str).nunique()
        return [f"The table's {len(table)} ROIs are of {n} patients: each ROI is a row."] if n < len(table) else []
    for column in table.columns:
        named = table[column].dropna().astype(str).str.strip()
        if str(column).casefold() == "patient" and named[named != ""].duplicated().any():
            raise UsageError(
                f"The table's column “{column}” says that patients have several rows. Name it with --patient {column}, "
                "so that none of them counts as two, and choose what becomes of their ROIs (--rois)."
            )
    shared = table["image_sha256"].dropna().duplicated(keep=False).sum() if "image_sha256" in table else 0
    if not shared:
        return []
    return [
        f"{shared} rows are of a CT that another row is of, too. If they are several ROIs of one patient, name the "
        "column that says so (--patient): otherwise they count as different patients."
    ]


def one_row_a_patient(
    table: pd.DataFrame, patient: str, rois: str, features: Sequence[str], others: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    """A row a patient, in the order of the first of each, and a sentence that says how it came about.

    Args:
        table: one row an ROI.
        patient: column that says whose ROI it is.
        rois: ``largest`` or ``mean``.
        features: columns that are averaged.
        others: columns that a patient has only one value of (outcome, clinical variables, split).

    Raises:
        UsageError: ``largest`` without the column of volumes.
        InputError: a patient whose rows differ in one of ``others``.
    """
    groups = table.groupby(table[patient].astype(str), sort=False)
    for column in others:
        several = groups[column].nunique(dropna=False)
        if (several > 1).any():
            raise InputError(
                f"The rows of patient {several.index[several > 1][0]} differ in “{column}”, so they cannot become one "
                "row a patient. Give all ROIs of a patient the same value, or keep a row an ROI (--rois each)."
            )
    if rois == LARGEST:
        if ROI_VOLUME not in table:
            raise UsageError(
                f"The table has no column “{ROI_VOLUME}”, so the largest ROI of a patient is not known. Take a table "
                "of “esoradiomics extract” or “cohort run”, or choose --rois mean."
            )
        volumes = pd.to_numeric(table[ROI_VOLUME], errors="coerce").fillna(0)
        chosen = table.loc[volumes.groupby(table[patient].astype(str), sort=False).idxmax()]
        how = "the largest ROI of each patient was taken"
    else:
        chosen = groups.head(1).copy()
        averaged = [*features, *([ROI_VOLUME] if ROI_VOLUME in table else [])]
        chosen[averaged] = groups[averaged].mean().loc[chosen[patient].astype(str)].to_numpy()
        how = "the features of each patient's ROIs were averaged"
    return chosen, f"The table's {len(table)} ROIs are of {len(chosen)} patients: {how}."
