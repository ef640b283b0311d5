"""The long table of an agreement study (``case, reader, session, feature…``), read and checked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..core.errors import InputError, UsageError
from ..core.formatting import some
from ..extraction.engines import classes, parts_of
from ..extraction.feature_table import ROI_VOLUME

OTHER = "other"
# PyRadiomics' own names, and plain ones: "settings…", "version…", "…_version", "software…".
_SETTINGS = re.compile(r"settings|diagnostics_Configuration_", re.IGNORECASE)
_VERSIONS = re.compile(r"version|software|diagnostics_Versions_|.*_version$", re.IGNORECASE)
_EMPTY = "(empty)"
IMAGE_HASH, MASK_HASH = "image_sha256", "mask_sha256"


@dataclass(frozen=True)
class Readings:
    """A checked table, one row per reading.

    Attributes:
        keys: columns ``case``, ``reader``, ``session`` as text.
        values: (rows, features); NaN where the table has no value.
        features: names of the columns of ``values``.
        settings: value of each column of extraction settings, the same in all rows.
        versions: the values found in each column of software versions.
        warnings: what the user should know, as sentences.
    """

    keys: pd.DataFrame
    values: NDArray[np.float64]
    features: tuple[str, ...]
    settings: dict[str, str]
    versions: dict[str, tuple[str, ...]]
    warnings: tuple[str, ...]


def feature_parts(name: str) -> tuple[str, str]:
    """``"wavelet-HLL_glcm_Idn"`` → ``("wavelet-HLL", "glcm")``; ``("other", "other")`` for any other name.

    Wider than the engines' own names: any image type counts (``log-sigma-2-0-mm-3D`` …), not only those measured here.
    """
    known = parts_of(name)
    if known is not None:
        return known[:2]
    match = re.fullmatch(rf"([^_]+)_({'|'.join(map(re.escape, classes()))})_[A-Za-z0-9]+", name)
    return (match[1], match[2]) if match else (OTHER, OTHER)


def check_table(
    table: pd.DataFrame,
    case: str = "case",
    reader: str = "reader",
    session: str = "session",
    features: Sequence[str] | None = None,
) -> Readings:
    """The readings of a table, once nothing speaks against comparing them.

    Args:
        table: one row per case, reader and session; the column ``session`` may be missing.
        case, reader, session: names of these columns.
        features: columns to use; by default those named as an engine does (``image_class_Feature``).

    Raises:
        UsageError: a column that is asked for is not there.
        InputError: no rows, no features, a row without case or reader, cells that are no numbers, a reading that is
            there twice, two readings with one mask, or rows from different extraction settings.
    """
    if table.empty:
        raise InputError("The table has no rows. Give one row per case, reader and session.")
    doubled = table.columns[table.columns.duplicated()]
    if len(doubled):
        raise InputError(f"The table has two columns named {some(doubled)}. Rename or remove one.")
    keys = reading_keys(table, case, reader, session)
    names, ignored = _feature_columns(table, features, (case, reader, session))
    if MASK_HASH in table.columns:
        images = _texts(table[IMAGE_HASH]) if IMAGE_HASH in table.columns else [""] * len(table)
        refuse_copies(keys, list(zip(images, _texts(table[MASK_HASH]), strict=True)))
    warnings = list(table.attrs.get("remarks", ()))
    if ignored:
        warnings.append(f"Columns not used, because they are not named as features: {some(ignored)}.")
    versions = {name: tuple(dict.fromkeys(_texts(table[name]))) for name in table.columns if _VERSIONS.match(name)}
    for name, found in versions.items():
        if len(found) > 1:
            warnings.append(f"The readings come from different software: column “{name}” has {some(found)}.")
    if IMAGE_HASH in table.columns:
        images = pd.Series(_texts(table[IMAGE_HASH])).groupby(keys["case"], sort=False).nunique()
        if (images > 1).any():
            warnings.append(
                f"The readings of case {some(images.index[images > 1])} come from different images (column "
                f"“{IMAGE_HASH}”): what differs between the images counts as disagreement."
            )
    return Readings(keys, _numbers(table, names, keys), names, _settings(table, keys), versions, tuple(warnings))


def reading_keys(
    table: pd.DataFrame, case: str = "case", reader: str = "reader", session: str = "session"
) -> pd.DataFrame:
    """``case, reader, session`` of each row as text; an empty session is the first one.

    Raises:
        UsageError: no column of the case or of the reader.
        InputError: a row without case or reader, or a reading that is there twice.
    """
    keys = _keys(table, case, reader, session)
    repeated = keys[keys.duplicated()].drop_duplicates()
    if len(repeated):
        raise InputError(
            f"The same reading is there more than once: {some(map(_label, repeated.itertuples()), 3)}. Keep "
            "one row per case, reader and session."
        )
    return keys


def refuse_copies(keys: pd.DataFrame, contents: Sequence[object]) -> None:
    """Refuse two readings of one case whose image and mask are the same, as ``contents`` tells of each.

    Raises:
        InputError: their agreement would be perfect by mistake.
    """
    first: dict[tuple[str, object], object] = {}
    for key, content in zip(keys.itertuples(), contents, strict=True):
        other = first.setdefault((key.case, content), key)
        if other is not key:
            raise InputError(
                f"{_label(other)} and {_label(key)} have the same image and mask, which would fake an ICC of 1. Give "
                "each reading its own mask, or leave one of them out."
            )


def _texts(column: pd.Series) -> list[str]:
    return [_EMPTY if pd.isna(value) else str(value).strip() or _EMPTY for value in column]


def _label(row: object) -> str:
    return f"case {row.case} (reader {row.reader}, session {row.session})"  # type: ignore[attr-defined]


def _keys(table: pd.DataFrame, case: str, reader: str, session: str) -> pd.DataFrame:
    for what, name in (("case", case), ("reader", reader), ("session", session)):
        if name not in table.columns and name != "session":
            raise UsageError(
                f"The table has no column “{name}” for the {what}. Its columns are {some(table.columns)}; "
                f"rename the right one to “{what}”, or say which it is."
            )
    sessions = _texts(table[session]) if session in table.columns else [_EMPTY] * len(table)
    keys = pd.DataFrame({"case": _texts(table[case]), "reader": _texts(table[reader]), "session": sessions})
    keys["session"] = keys["session"].replace(_EMPTY, "1")
    for name in ("case", "reader"):
        empty = keys.index[keys[name] == _EMPTY]
        if len(empty):
            raise InputError(f"The {name} is missing in row {some(empty + 1)} below the header. Fill it in.")
    return keys


def _feature_columns(
    table: pd.DataFrame, asked: Sequence[str] | None, keys: Sequence[str]
) -> tuple[tuple[str, ...], list[str]]:
    """Columns to use, and numeric ones that are left out because nobody named them."""
    columns = [name for name in table.columns if name not in keys]
    if asked is not None:
        unknown = [name for name in asked if name not in columns]
        if unknown:
            close = difflib.get_close_matches(unknown[0], columns, n=1)
            raise UsageError(
                f"The table has no feature column {some(f'“{name}”' for name in unknown)}. "
                + (f"Did you mean “{close[0]}”?" if close else f"Its columns are {some(table.columns)}.")
            )
        return tuple(dict.fromkeys(asked)), []
    names = tuple(name for name in columns if feature_parts(name) != (OTHER, OTHER))
    ignored = [
        name
        for name in columns
        if name not in names
        and not name.startswith("diagnostics_")
        and name != ROI_VOLUME
        and not _SETTINGS.match(name)
        and not _VERSIONS.match(name)
        and pd.api.types.is_numeric_dtype(table[name])
        and table[name].notna().any()
    ]
    if not names:
        raise InputError(
            "No column is named as a feature that can be measured (image_class_Feature, for example "
            f"“original_glcm_Idn”). Say which columns are features; numeric are: {some(ignored) or 'none'}."
        )
    return names, ignored


def _numbers(table: pd.DataFrame, features: Sequence[str], keys: pd.DataFrame) -> NDArray[np.float64]:
    values = np.empty((len(table), len(features)))
    for j, name in enumerate(features):
        column = table[name]
        values[:, j] = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        wrong = np.flatnonzero((column.notna().to_numpy() & np.isnan(values[:, j])) | np.isinf(values[:, j]))
        if len(wrong):
            raise InputError(
                f"Column “{name}” holds “{column.iloc[wrong[0]]}” in {_label(keys.iloc[wrong[0]])}, "
                "no finite number. Write numbers with a decimal point, and leave a missing value empty."
            )
    return values


def _settings(table: pd.DataFrame, keys: pd.DataFrame) -> dict[str, str]:
    """The extraction settings that all rows share."""
    settings = {}
    for name in table.columns:
        if not _SETTINGS.match(name):
            continue
        texts = _texts(table[name])
        found = list(dict.fromkeys(texts))
        if len(found) > 1:
            first = [f"“{_from_difference(v, found)}” in {_label(keys.iloc[texts.index(v)])}" for v in found]
            raise InputError(
                f"The readings were extracted with different settings: column “{name}” has {some(first, 3)}. "
                "Such values cannot be compared; extract all readings with the same settings."
            )
        settings[name] = found[0]
    return settings


def _from_difference(text: str, texts: Sequence[str]) -> str:
    """A long text of settings, shown from shortly before where it stops being like the others."""
    alike = next((i for i, letters in enumerate(zip(*texts, strict=False)) if len(set(letters)) > 1), 0)
    start = max(alike - 20, 0)
    return "…" * (start > 0) + text[start : start + 60]
