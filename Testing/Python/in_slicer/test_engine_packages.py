"""What measures for the chosen study is asked for in the panel, and is what the package's extra brings."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from EsoRadiomicsLib.core.resources import resource_path

PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


@pytest.fixture
def dependencies(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "slicer", ModuleType("slicer"))
    name = "EsoRadiomicsLib.in_slicer.widgets.dependencies"
    monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name)


def test_a_study_measured_by_a_network_has_packages_to_install_on_request(dependencies: Any) -> None:
    assert dependencies.engine_requirements("escc-lnm-deep") == resource_path("requirements-deep.txt")
    for other in ("escc-lpfs-ccrt", "escc-early-recurrence", "", "no-such-study"):
        assert dependencies.engine_requirements(other) is None


def test_what_is_missing_for_the_study_is_said_with_where_to_install_it(
    dependencies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "find_spec", lambda name: None)
    said = dependencies.engine_sentence("escc-lnm-deep")
    assert "onnx, onnxruntime" in said and "at the top of the panel" in said
    missing = dependencies.missing_packages(resource_path("requirements-deep.txt"))
    assert "runs the network" in dependencies.packages_sentence(missing)
    assert dependencies.engine_sentence("no-such-study") == ""
    said = dependencies.engine_sentence("escc-lpfs-ccrt")
    assert said.startswith("PyRadiomics, which measures the features, is not installed.") and "SlicerRadiomics" in said
    assert dependencies.engine_sentence("escc-early-recurrence") == ""  # measured without any package


@pytest.mark.parametrize("slicer_has_packaging", [True, False])
def test_a_user_who_declines_the_packages_gets_neither_them_nor_an_error(
    dependencies: Any, monkeypatch: pytest.MonkeyPatch, slicer_has_packaging: bool
) -> None:
    asked = []

    def declined(*question: Any, **more: Any) -> bool:
        asked.append(question)
        if slicer_has_packaging:
            raise RuntimeError("User declined package installation")
        return False

    packaging = ModuleType("slicer.packaging")
    if slicer_has_packaging:
        packaging.load_requirements, packaging.pip_ensure = Path, declined  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    monkeypatch.setattr(dependencies, "slicer", SimpleNamespace(util=SimpleNamespace(confirmOkCancelDisplay=declined)))
    dependencies.install_packages(resource_path("requirements-deep.txt"), {"onnx>=1.16": "looks at a network"})
    assert len(asked) == 1


def test_the_panel_asks_for_the_packages_of_the_extra() -> None:
    lines = resource_path("requirements-deep.txt").read_text(encoding="utf-8").splitlines()
    asked = {re.split("[>=]", line)[0] for line in lines if not line.startswith("#")}
    extra = re.search(r"^deep = \[(.*)\]", PYPROJECT.read_text(encoding="utf-8"), re.MULTILINE)
    assert extra is not None
    assert asked == {re.split("[>=]", item)[0] for item in re.findall(r'"([^"]+)"', extra[1])}
