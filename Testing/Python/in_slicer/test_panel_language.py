"""The panel in the application's language: Slicer's packs first, the library's catalogue behind them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from EsoRadiomicsLib.core.translation import language
from EsoRadiomicsLib.in_slicer import language as panel_language
from EsoRadiomicsLib.in_slicer.language import tr, translate_widgets
from EsoRadiomicsLib.in_slicer.panel.choices import Inputs, score_options
from EsoRadiomicsLib.studies.study import load_study


class Packs:
    """Slicer's i18n with a language pack that has one text."""

    def __init__(self) -> None:
        self.contexts: list[str] = []

    def getContext(self, path: str) -> str:  # noqa: N802 — Slicer's name
        self.contexts.append(path)
        return "context"

    def translate(self, context: str, text: str) -> str:
        return {"Risk group": "Slicer 的风险组"}.get(text, text)


@pytest.fixture
def packs(monkeypatch: pytest.MonkeyPatch) -> Packs:
    packs = Packs()
    monkeypatch.setattr(panel_language, "i18n", packs)
    return packs


def test_outside_of_slicer_and_without_a_language_the_panel_is_english() -> None:
    assert tr("Risk group") == "Risk group"


def test_a_language_pack_overrides_the_catalogue_under_the_file_that_the_text_stands_in(packs: Packs) -> None:
    with language("zh"):
        assert [tr("Risk group"), tr("Total points")] == ["Slicer 的风险组", "总分"]
    assert set(packs.contexts) == {__file__}


PANEL = sorted({*Path(panel_language.__file__).parent.rglob("*.py")} - {Path(panel_language.__file__)})


@pytest.mark.parametrize("path", PANEL, ids=lambda path: path.stem)
def test_slicers_own_tool_finds_the_texts_of_the_panel(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    # Slicer, Utilities/Scripts/update_translations.py: patch_python_source
    found = re.findall(r'[^_]_\((\s*?".+?"\s*?)\)', source, flags=re.DOTALL)
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    texts = [call.args[0].value for call in calls if getattr(call.func, "id", "") == "_"]  # type: ignore[attr-defined]
    assert sorted(ast.literal_eval(f"({text})") for text in found) == sorted(texts)
    assert not [call for call in calls if getattr(call.func, "id", "") == "tr"]


class Widget:
    """A widget as PythonQt shows it: Qt's properties are attributes."""

    def __init__(self, children: tuple[Widget, ...] = (), **properties: Any) -> None:
        self._children, self._names = children, list(properties)
        vars(self).update(properties)

    def findChildren(self, kind: object) -> tuple[Widget, ...]:  # noqa: N802 — Qt's name
        return self._children

    def metaObject(self) -> SimpleNamespace:  # noqa: N802 — Qt's name
        names = [SimpleNamespace(name=lambda name=name: name) for name in self._names]
        return SimpleNamespace(property=lambda i: names[i], propertyCount=lambda: len(names))


def test_widgets_of_a_ui_file_get_the_catalogues_words_and_keep_those_of_a_pack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "qt", SimpleNamespace(QWidget=object))
    score: Any = Widget(text="Score", objectName="Score", toolTip="")
    translated: Any = Widget(text="Punktzahl", toolTip="<p>1 = event, 0 = censored.</p>")
    path: Any = Widget(nameFilters=("Study card (*.json)",))
    with language("zh"):
        translate_widgets(Widget((score, translated, path), title="3  Score"))
    assert (score.text, score.objectName) == ("评分", "Score")
    assert (translated.text, translated.toolTip) == ("Punktzahl", "1 = 事件，0 = 删失。")
    assert path.nameFilters == ("研究卡 (*.json)",)


def test_scoring_is_told_the_language_and_covariates_by_names_that_a_card_knows() -> None:
    study = load_study("escc-lpfs-ccrt")
    volume = SimpleNamespace(GetName=lambda: "CT")
    inputs = Inputs(volume=volume, study=study.id, covariates={"N stage": 1.0})
    assert not [option for option in score_options(inputs, study, study.id) if "language" in option]
    with language("zh"):
        options = score_options(inputs, study, study.id)
    assert "--language=zh" in options and "--covariate=N stage=1.0" in options
