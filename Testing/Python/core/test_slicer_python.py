"""Which interpreter other processes get."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from EsoRadiomicsLib.core.slicer_python import slicer_python


@pytest.fixture
def slicer_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / ("PythonSlicer.exe" if os.name == "nt" else "PythonSlicer")
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "slicer", raising=False)
    return program


def test_outside_slicer_it_is_the_one_at_work_even_where_a_slicer_is_on_the_path(slicer_on_path: Path) -> None:
    assert slicer_python() == sys.executable


def test_inside_slicer_it_is_slicers_own(slicer_on_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slicer", ModuleType("slicer"))
    assert slicer_python() == str(slicer_on_path)
