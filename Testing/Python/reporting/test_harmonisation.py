"""The command that harmonises tables: what it learns, saves and applies, and what it says of rows it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sva_example import NAMES, columns

from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.statistics.combat import batch_share, fit_combat, load_combat


def write_table(path: Path, sva: pd.DataFrame, rows: slice = slice(None)) -> Path:
    lines = [f"case,scanner,set,settings,{','.join(NAMES)}"]
    for i in range(len(sva))[rows]:
        cells = ",".join(repr(float(value)) for value in columns(sva, "x")[i])
        lines.append(f"P{i},{sva['batch'][i]},{'test' if i % 5 == 0 else 'train'},abc,{cells}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_shell_command_fits_saves_shows_and_applies_to_new_patients(sva: pd.DataFrame, tmp_path: Path) -> None:
    table = write_table(tmp_path / "features.csv", sva)
    fit = ["cohort", "harmonise", str(table), "--batch", "scanner", "--train", "set=train", "--out"]
    assert main([*fit, str(tmp_path / "out.csv"), "--model", str(tmp_path / "m.json")]) == 0
    harmonised = pd.read_csv(tmp_path / "out.csv", float_precision="round_trip")
    assert list(harmonised["case"]) == [f"P{i}" for i in range(len(sva))]
    model = load_combat(tmp_path / "m.json")
    assert sum(batch.rows for batch in model.batches.values()) == sum(i % 5 != 0 for i in range(len(sva)))
    assert set(harmonised["harmonised"]) == {model.fingerprint}
    before, after = columns(sva, "x"), harmonised[list(NAMES)].to_numpy(float)
    assert batch_share(after, list(sva["batch"])) < batch_share(before, list(sva["batch"])) / 2
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "before" in page
    assert "after" in page

    new = write_table(tmp_path / "new.csv", sva, slice(3, 5))
    apply = [
        "cohort",
        "harmonise",
        str(new),
        "--model",
        str(tmp_path / "m.json"),
        "--out",
        str(tmp_path / "new-out.csv"),
    ]
    assert main(apply) == 0
    again = pd.read_csv(tmp_path / "new-out.csv", float_precision="round_trip")
    np.testing.assert_array_equal(again[list(NAMES)].to_numpy(float), after[3:5])


def test_a_scanner_that_the_model_does_not_know_is_refused(
    sva: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values, batches = columns(sva, "x"), list(sva["batch"])
    fit_combat(values, batches, NAMES, "scanner")[0].save(tmp_path / "m.json")
    table = write_table(tmp_path / "new.csv", sva.assign(batch="D"))
    command = ["cohort", "harmonise", str(table), "--model", str(tmp_path / "m.json"), "--out", str(tmp_path / "o.csv")]
    assert main(command) == 1
    assert "knows no scanner “D”; it was fitted on A, B, C" in capsys.readouterr().err
    assert json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))["combat_version"] == 1
    assert not (tmp_path / "o.csv").exists()
