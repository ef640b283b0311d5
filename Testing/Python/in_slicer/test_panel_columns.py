"""Which columns of a table are offered, and which are proposed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohort_tables import generated_table, golden_table, written

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.in_slicer.panel.table_columns import Proposal, propose, table_columns
from EsoRadiomicsLib.studies.study import load_study

pytestmark = pytest.mark.usefixtures("golden")


def test_the_studies_own_columns_are_proposed(golden: object, tmp_path: Path) -> None:
    table = table_columns(str(written(golden_table(golden), tmp_path)))  # type: ignore[arg-type]
    assert (table.n_features, table.n_rows) == (851, 221)
    assert "case" not in table.names and "original_shape_VoxelVolume" not in table.names
    found = propose(table, load_study("escc-lpfs-ccrt"))
    assert found == Proposal("lpfs_months", "lpfs", "resp", "cohort", ("N stage", "CR status"))


def test_columns_of_another_table_are_proposed_by_name_and_values(tmp_path: Path) -> None:
    table = table_columns(str(written(generated_table(), tmp_path)))
    assert propose(table, load_study("escc-pfs-dcrt")) == Proposal(
        "months", "event", "outcome", "cohort", ("HRR status",)
    )
    names = dict(zip(("months", "event", "outcome", "cohort"), "abcd", strict=True))
    unlike = generated_table().rename(columns=names).drop(columns="HRR status")
    assert propose(table_columns(str(written(unlike, tmp_path, "b.csv"))), load_study("escc-pfs-dcrt")) == Proposal(
        split="d"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing.csv", "cannot be read"),
        ("folder", "a file is needed"),
        ("table.xlsx", "is no XLSX file"),
        ("binary.csv", "is no XLSX file"),
    ],
)
def test_what_is_no_table_is_a_sentence(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for binary in ("table.xlsx", "binary.csv"):
        (tmp_path / binary).write_bytes(b"PK\x03\x04\xff\xfe\xfd")
    with pytest.raises(InputError, match=said):
        table_columns(str(tmp_path / name))
