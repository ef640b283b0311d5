"""ComBat against R's sva, and what it may learn from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sva_example import NAMES, N, columns

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.statistics.combat import fit_combat, load_combat


def test_combat_equals_r_sva_iterated_to_the_end(sva: pd.DataFrame) -> None:
    values, batches = columns(sva, "x"), list(sva["batch"])
    model, left_out = fit_combat(values, batches, NAMES, "scanner")
    assert left_out == []
    np.testing.assert_allclose(model.apply(values, batches), columns(sva, "tight"), rtol=1e-10)


def test_combat_equals_r_sva_as_it_is_to_the_precision_that_sva_stops_at(sva: pd.DataFrame) -> None:
    values, batches = columns(sva, "x"), list(sva["batch"])
    model, _ = fit_combat(values, batches, NAMES, "scanner")
    off = (model.apply(values, batches) - columns(sva, "default")) / values.std(axis=0)
    assert np.abs(off).max() < 1e-4


def test_combat_that_keeps_covariates_equals_r_sva_with_a_model_matrix(golden: Callable[[str], Any]) -> None:
    table = golden("combat_covariates_sva.csv")
    values, batches = columns(table, "x"), list(table["batch"])
    kept = {name: table[name].to_numpy(float) for name in ("stage", "age")}
    model, _ = fit_combat(values, batches, NAMES, "scanner", kept)
    found = model.apply(values, batches, np.column_stack(list(kept.values())))
    np.testing.assert_allclose(found, columns(table, "tight"), rtol=1e-9)
    with pytest.raises(InputError, match="keeps stage, age"):
        model.apply(values, batches)
    some = model.only(NAMES[2:5])
    np.testing.assert_array_equal(some.apply(values[:, 2:5], batches, table[["stage", "age"]]), found[:, 2:5])
    with pytest.raises(InputError, match="already tells it"):
        fit_combat(values, batches, NAMES, "scanner", {"centre": (table["batch"] == "B").to_numpy(float)})


def test_rows_outside_the_training_set_change_nothing_that_is_learned(sva: pd.DataFrame) -> None:
    values, batches = columns(sva, "x"), list(sva["batch"])
    train = np.arange(len(sva)) % 5 != 0
    model, _ = fit_combat(values[train], list(sva["batch"][train]), NAMES, "scanner")
    wild = values.copy()
    wild[~train] *= 50
    again, _ = fit_combat(wild[train], list(sva["batch"][train]), NAMES, "scanner")
    assert model == again
    one = model.apply(values[:1], batches[:1])
    np.testing.assert_array_equal(one, model.apply(values, batches)[:1], "a row does not depend on its neighbours")


def test_a_saved_model_gives_the_same_bits(sva: pd.DataFrame, tmp_path: Path) -> None:
    values, batches = columns(sva, "x"), list(sva["batch"])
    model, _ = fit_combat(values, batches, NAMES, "scanner")
    model.save(tmp_path / "combat.json")
    loaded = load_combat(tmp_path / "combat.json")
    assert loaded == model
    assert loaded.fingerprint == model.fingerprint


def test_features_that_cannot_be_learned_from_are_left_out_and_named(sva: pd.DataFrame) -> None:
    values, batches = columns(sva, "x"), list(sva["batch"])
    values[3, 2] = np.nan
    values[sva["batch"] == "B", 5] = 7.0
    model, left_out = fit_combat(values, batches, NAMES, "scanner")
    assert left_out == [NAMES[2], NAMES[5]]
    assert len(model.features) == N - 2


@pytest.mark.parametrize("batches", [["A"] * 28, ["A"] * 26 + ["B"] * 2, ["A"] * 20 + [""] * 8])
def test_too_few_batches_or_rows_are_refused(sva: pd.DataFrame, batches: list[str]) -> None:
    with pytest.raises(InputError, match="at least two batches with 3 training rows"):
        fit_combat(columns(sva, "x"), batches, NAMES, "scanner")


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"column": "c", "features": ["a"], "mean": [], "sd": [], "batches": {}}']
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="is no harmonisation"):
        load_combat(tmp_path / "model.json")
