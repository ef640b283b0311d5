"""A package that is missing is named together with the command that installs it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from EsoRadiomicsLib.cohort.child_process import Limits
from EsoRadiomicsLib.cohort.dask_cluster import cluster_workers
from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.core.optional import require
from EsoRadiomicsLib.core.sheet import read_sheet


def test_a_package_that_is_there_is_imported() -> None:
    assert require("json", "cohort", "Nothing") is sys.modules["json"]


@pytest.mark.parametrize(
    ("package", "extra"), [("openpyxl", "cohort"), ("psutil", "cohort"), ("distributed", "cluster")]
)
def test_a_missing_package_is_refused_with_the_commands_that_install_it(
    package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "manifest.xlsx").touch()
    with pytest.raises(UsageError) as refused:
        if package == "openpyxl":
            read_sheet(tmp_path / "manifest.xlsx")
        elif package == "psutil":
            monkeypatch.setattr("EsoRadiomicsLib.cohort.child_process._PROC", tmp_path / "none")
            Limits(memory_gib=4)
        else:
            cluster_workers("tcp://127.0.0.1:8786").__enter__()
    assert f"needs the Python package {package}" in str(refused.value)
    assert f'pip install "esoradiomics[{extra}]"' in str(refused.value)
    assert f'slicer.util.pip_install("{package}")' in str(refused.value)
    project = (Path(__file__).resolve().parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(rf'^{extra} = \[.*"{package}>=', project, re.MULTILINE)
