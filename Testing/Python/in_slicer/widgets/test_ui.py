"""The panel without Slicer: every name it uses of Qt, CTK and Slicer exists there, and Qt can build it.

``Testing/Data/slicer-api.json`` holds the properties, signals, slots and methods of these classes as a running Slicer
5.13 listed them. A class that is not in it must first be looked up in a running Slicer.
"""

from __future__ import annotations

import ast
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest

from EsoRadiomicsLib.in_slicer.widgets.patient.result_html import is_demonstration, result_html
from EsoRadiomicsLib.in_slicer.widgets.patient.study_html import study_html
from EsoRadiomicsLib.studies.study import builtin_studies, load_study

ROOT = Path(__file__).resolve().parents[4]
MODULE = ROOT / "EsoRadiomics"
UI = sorted((MODULE / "Resources" / "UI").glob("*.ui"))
PANEL = "EsoRadiomics.ui"
CODE = [MODULE / "EsoRadiomics.py", *sorted((MODULE / "EsoRadiomicsLib" / "in_slicer" / "widgets").rglob("*.py"))]
API: dict[str, dict[str, Any]] = json.loads((ROOT / "Testing" / "Data" / "slicer-api.json").read_text(encoding="utf-8"))
MADE_BY = {
    "cohort_view.py": {"table": "QTableWidget"},
    "segment_editor.py": {"self._editor": "qMRMLSegmentEditorWidget", "self._section": "ctkCollapsibleButton"},
    "model_fields.py": {"combo": "QComboBox", "edit": "ctkPathLineEdit"},
    "nomogram_painter.py": {"self._painter": "QPainter", "painter": "QPainter", "metrics": "QFontMetricsF"},
    "figures_view.py": {"self.widget": "QTabWidget"},
    "layout.py": {"self._manager": "qSlicerLayoutManager"},
    "icc_table.py": {
        "table": "QTableWidget",
        "self._table": "QTableWidget",
        "filter_edit": "QLineEdit",
        "self._filter_edit": "QLineEdit",
        "verdict_combo": "QComboBox",
        "self._verdict_combo": "QComboBox",
    },
    "small_table.py": {"table": "QTableWidget", "header": "QHeaderView", "font": "QFont"},
    "readings_table.py": {"table": "QTableWidget", "self._table": "QTableWidget"},
    "run_row.py": {
        "self._button": "QPushButton",
        "self._cancel": "QPushButton",
        "self._bar": "QProgressBar",
        "self._label": "QLabel",
    },
}
"""Variables whose class the code does not show, by file."""
assert MADE_BY.keys() <= {path.name for path in CODE}


def chain(name: str) -> Iterator[dict[str, Any]]:
    """A class and its bases."""
    current: str | None = name
    while current:
        assert current in API, f"{current} (for {name}) is not in Testing/Data/slicer-api.json"
        yield API[current]
        current = API[current].get("base")


def properties(name: str) -> dict[str, bool]:
    """Property → whether it can be set."""
    return {key: writable for each in reversed(list(chain(name))) for key, writable in each["properties"].items()}


def signatures(name: str, kind: str) -> set[str]:
    return {text for each in chain(name) for text in each[kind]}


def members(name: str) -> set[str]:
    """All that Python can write behind the dot."""
    written = "\n".join(text for kind in ("signals", "slots", "invokables") for text in signatures(name, kind))
    called = set(re.findall(r"(\w+)\(", written))
    return called | set(properties(name)) | {text for each in chain(name) for text in each["python_names"]}


every_ui_file = pytest.mark.parametrize("ui", UI, ids=lambda path: path.name)
every_code_file = pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)


def ui_widgets(ui: Path) -> dict[str, str]:
    """Object name → class, of a .ui file's widgets and layouts."""
    tree = ET.parse(ui).getroot()
    return {node.attrib["name"]: node.attrib["class"] for tag in ("widget", "layout") for node in tree.iter(tag)}


def wired_widgets(code: Path) -> dict[str, str]:
    """As ``ui_widgets``, of the file that the code wires: the one it names, or else the panel's."""
    named = re.findall(r'["`]([A-Z]\w*\.ui)["`]', code.read_text(encoding="utf-8"))
    return ui_widgets(MODULE / "Resources" / "UI" / (named[0] if named else PANEL))


@every_ui_file
def test_every_widget_class_and_property_of_the_ui_file_exists_in_slicer(ui: Path) -> None:
    for node in ET.parse(ui).getroot().iter("widget"):
        known = properties(node.attrib["class"])
        for item in node.findall("property"):
            name = item.attrib["name"]
            if item.attrib.get("stdset") == "0":  # a dynamic property, which any QObject takes
                assert name == "SlicerParameterName"
                continue
            assert known.get(name), f"{node.attrib['name']}: {node.attrib['class']} has no property {name} to set"


@every_ui_file
def test_every_enumerator_of_the_ui_file_exists(ui: Path) -> None:
    for item in (*ET.parse(ui).getroot().iter("enum"), *ET.parse(ui).getroot().iter("set")):
        for text in (item.text or "").split("|"):
            owner, _, name = text.partition("::")
            assert owner == "Qt" or name in members(owner), text


@every_ui_file
def test_every_connection_of_the_ui_file_exists_in_slicer(ui: Path) -> None:
    classes = ui_widgets(ui)
    for each in ET.parse(ui).getroot().findall("connections/connection"):
        part = {child.tag: child.text or "" for child in each}
        assert part["signal"] in signatures(classes[part["sender"]], "signals")
        assert part["slot"] in signatures(classes[part["receiver"]], "slots")


@every_ui_file
def test_every_node_selector_of_the_ui_file_gets_the_scene(ui: Path) -> None:
    connected = {each.findtext("receiver") for each in ET.parse(ui).getroot().iter("connection")}
    selectors = {name for name, kind in ui_widgets(ui).items() if kind.startswith("qMRML") and name != ui.stem}
    assert selectors == connected
    assert selectors or ui.name != PANEL


@every_code_file
def test_every_qt_and_slicer_member_that_the_code_uses_exists_in_slicer(path: Path) -> None:
    tree, variables = read_code(path)
    widgets = wired_widgets(path)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner = ast.unparse(node.value)
        where = f"{path.name}:{node.lineno}"
        if owner == "qt":
            assert node.attr in API, f"{where}: qt.{node.attr} is not in Testing/Data/slicer-api.json"
        elif owner == "self.ui":
            assert node.attr in widgets, f"{where}: the .ui file has no {node.attr}"
        elif owner in variables:
            assert node.attr in members(variables[owner]), f"{where}: {variables[owner]} has no {node.attr}"


@every_code_file
def test_every_signal_that_the_code_connects_exists_in_slicer(path: Path) -> None:
    tree, variables = read_code(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "connect":
            owner, signal = ast.unparse(node.func.value), ast.literal_eval(node.args[0])
            if owner == "slicer.app":
                assert signal == "startupCompleted()"
                continue
            assert owner in variables, f"{path.name}:{node.lineno}: of which class is {owner}?"
            assert signal in signatures(variables[owner], "signals"), f"{path.name}:{node.lineno}: {signal}"


def read_code(path: Path) -> tuple[ast.AST, dict[str, str]]:
    """A file's code, and expression → class: the .ui file's widgets, what is assigned from ``qt.X()``, and MADE_BY."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {f"self.ui.{name}": kind for name, kind in wired_widgets(path).items()} | MADE_BY.get(path.name, {})
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        made = re.fullmatch(r"(?:qt|ctk|slicer)\.([qQ]\w+|ctk\w+)", ast.unparse(node.value.func))
        if made:
            found.update({ast.unparse(target): made[1] for target in node.targets})
    return tree, found


@every_ui_file
def test_qt_builds_the_panel(ui: Path, tmp_path: Path) -> None:
    """With stand-ins for the widgets of CTK and Slicer; the picture is there to be looked at."""
    import ui_stand_ins

    panel = ui_stand_ins.load(ui)
    panel.resize(460, 1000)
    picture = panel.grab()
    assert picture.save(str(tmp_path / f"{ui.stem}.png"))
    colours = {picture.toImage().pixel(x, y) for x in range(0, 460, 3) for y in range(0, 1000, 3)}
    assert len(colours) > 10


def test_the_sections_stand_in_the_order_of_the_work() -> None:
    import ui_stand_ins

    text = ui_stand_ins.visible_text(ui_stand_ins.load(MODULE / "Resources" / "UI" / PANEL))
    assert text.count("Research use only — not a medical device") == 1
    headings = ["1  Patient", "2  Study", "3  Score", "4  Reproducibility", "5  Cohort"]
    assert [line for line in text if re.match(r"\d  ", line)] == headings


def test_a_result_is_shown_from_its_document_alone_with_shape_and_colour_and_nothing_unescaped() -> None:
    document = {
        "summary": [["Rad-score", "0.3 (≥ cut-off 0.1411)"], ["Risk group", "high <risk>"], ["Warning", "x < y"]],
        "score": {"name": "Rad-score", "group": {"id": "high", "label": "high <risk>", "outlook": "worse"}},
        "reference": {"label": "generated", "demonstration": True},
        "warnings": ["x < y"],
        "not_computed": [],
    }
    html = result_html(document)
    assert "▲&nbsp;high &lt;risk&gt;" in html and "#D55E00" in html
    assert html.count("x &lt; y") == 1
    assert is_demonstration(document)
    assert not is_demonstration(document | {"reference": None})


@pytest.mark.parametrize("study", builtin_studies())
def test_a_study_is_shown_with_citation_endpoint_and_locked_settings(study: str) -> None:
    card = load_study(study)
    html = study_html(card)
    assert escape(card.endpoint) in html and escape(card.citation) in html
    assert escape(card.settings.sentence) in html
    assert escape(card.absent) in html
