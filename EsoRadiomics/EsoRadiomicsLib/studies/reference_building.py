"""Reference cohorts from feature tables: means and SDs, and how the features of a signature hang together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from ..core.formatting import some
from ..extraction.engines import is_feature
from ..extraction.settings import ExtractionSettings
from .reference_cohort import FEWEST_CASES, ReferenceCohort, ReferenceFeature, SignatureSpread
from .study import Study

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)


def build_reference(
    table: pd.DataFrame,
    settings: ExtractionSettings,
    *,
    label: str,
    software: Mapping[str, str] | None = None,
    demonstration: bool = False,
) -> ReferenceCohort:
    """A reference cohort from a table with one row a case and the engine's names as columns.

    A ``settings`` column (fingerprints, written by ``esoradiomics extract``) must name ``settings`` in every row.

    Raises:
        InputError: fewer than 3 cases, no feature columns, cells that are not numbers, or rows of other settings.
    """
    columns = [column for column in table.columns if is_feature(str(column))]
    if not columns:
        raise InputError(
            "The feature table has no column with the name of a feature (image_class_Feature). Give a table with one "
            "row a case, as “esoradiomics extract” writes it."
        )
    if len(table) < FEWEST_CASES:
        raise InputError(
            f"The feature table has {len(table)} case(s); a reference cohort needs at least {FEWEST_CASES}."
        )
    if "case" in table.columns and table["case"].duplicated().any():
        twice = sorted(set(table.loc[table["case"].duplicated(), "case"].astype(str)))
        raise InputError(f"The feature table has several rows of {some(twice)}. Keep one row a case.")
    if "settings" in table.columns:
        others = sorted(set(table["settings"].astype(str)) - {settings.fingerprint})
        if others:
            raise InputError(
                f"The feature table has rows measured with other settings (fingerprint {', '.join(others)}, wanted "
                f"{settings.fingerprint}). Extract those cases again with the study's settings."
            )
    features = {}
    for column in columns:
        try:
            values = table[column].to_numpy(dtype=float)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"Column {column} of the feature table holds a cell that is no number: {error}."
            ) from error
        values = values[np.isfinite(values)]
        if len(values) >= FEWEST_CASES:
            features[str(column)] = _describe(values)
    return ReferenceCohort(label, demonstration, len(table), settings, dict(software or {}), features)


def build_with_readings(
    table: pd.DataFrame,
    settings: ExtractionSettings,
    readings: Iterable[ExtractionSettings],
    *,
    label: str,
    software: Mapping[str, str] | None = None,
    demonstration: bool = False,
) -> ReferenceCohort:
    """As :func:`build_reference`, from a table that may hold the same cases in other readings of the paper, too.

    Args:
        table: its column ``settings`` tells the readings apart.
        settings: those of the study.
        readings: the settings of its other readings.
        label, software, demonstration: as :func:`build_reference`.

    Raises:
        InputError: as :func:`build_reference`; a reading with other cases than the study's own settings.
    """
    about: dict[str, Any] = {"label": label, "software": software, "demonstration": demonstration}
    if "settings" not in table.columns:
        return build_reference(table, settings, **about)
    found = {str(name): rows for name, rows in table.groupby(table["settings"].astype(str), sort=False)}
    others = {each.fingerprint: each for each in readings if each.fingerprint in found}
    own = build_reference(table[~table["settings"].astype(str).isin(others.keys())], settings, **about)
    parts = []
    for fingerprint, each in others.items():
        if len(found[fingerprint]) != own.cases:
            raise InputError(
                f"The reading {fingerprint} has {len(found[fingerprint])} cases, the study's own settings {own.cases}. "
                "Measure them together: “esoradiomics cohort run … --all-readings”."
            )
        parts.append(build_reference(found[fingerprint], each, **about))
    return replace(own, readings=tuple(parts))


def _describe(values: np.ndarray) -> ReferenceFeature:
    return ReferenceFeature(
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)),
        n=len(values),
        minimum=float(values.min()),
        maximum=float(values.max()),
        quantiles={f"{q:g}": float(np.quantile(values, q)) for q in QUANTILES},
    )


def cohort_scores(reference: ReferenceCohort, table: pd.DataFrame, study: Study) -> np.ndarray:
    """The z-scored Rad-score of each row (rows,) against a reference that has all its features; NaN where one lacks."""
    signature = study.signature
    assert signature is not None
    names = list(signature.names)
    means = np.array([reference.features[name].mean for name in names])
    sds = np.array([reference.features[name].sd for name in names])
    coefficients = np.array([feature.coefficient.value for feature in signature.features])
    return signature.intercept + ((table[names].to_numpy(dtype=float) - means) / sds) @ coefficients


def with_signature(
    reference: ReferenceCohort, table: pd.DataFrame, study: Study, *, keep_patients: bool = False
) -> ReferenceCohort:
    """Add what a z-scored study's signature needs to tell how sure a z-score against this cohort is.

    Args:
        reference: made of ``table``.
        table: one row a case.
        study: any; one without a z-scored signature changes nothing.
        keep_patients: keep the cases' values of the signature, without names, for intervals by bootstrap.
    """
    signature = study.signature
    if signature is None or signature.normalisation != "z-score":
        return reference
    names = [name for name in signature.names if name in reference.features and reference.features[name].sd > 0]
    if len(names) < len(signature.names):
        return reference
    scores = cohort_scores(reference, table, study)
    complete = np.isfinite(scores)
    if complete.sum() < FEWEST_CASES:
        return reference
    values, scores = table[names].to_numpy(dtype=float)[complete], scores[complete]
    spread = SignatureSpread(
        tuple(names),
        tuple(map(tuple, np.corrcoef(values, rowvar=False).reshape(len(names), -1).tolist())),
        tuple(sorted(scores.tolist())),
        tuple(map(tuple, values.tolist())) if keep_patients else (),
    )
    return replace(reference, signatures={**reference.signatures, study.id: spread})
