"""Every text of panel, report and study cards is translated, as the catalogues' tool finds them; none is left bare."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from EsoRadiomicsLib.core.resources import resource_path
from EsoRadiomicsLib.core.translation import languages, read_catalogue

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "Testing" / "Tools"))

import catalogue  # noqa: E402

LANGUAGES = [code for code in languages() if code != "en"]
LIBRARY = ROOT / "EsoRadiomics" / "EsoRadiomicsLib"
FIGURES = ("contributions", "histogram", "nomogram", "pictures", "readings", "robustness", "roi", "survival")
SHOWN = (
    *(LIBRARY / "reporting" / "patient").glob("*.py"),
    LIBRARY / "reporting" / "nomogram_text.py",
    *(LIBRARY / "reporting" / "figures" / f"{name}_plot.py" for name in FIGURES),
    *sorted({*(LIBRARY / "scoring").glob("*.py")} - {LIBRARY / "scoring" / "reference_worth.py"}),
    LIBRARY / "studies" / "conformity.py",
    *(path for part in ("panel", "scene", "widgets") for path in sorted((LIBRARY / "in_slicer" / part).rglob("*.py"))),
)
"""Files whose texts people read in the panel and in the patient's report."""
NO_TEXTS = {
    *(
        "offset points",
        "upper right",
        "normal theory",
        "upper bound",
        "in the scene",
        "soft tissue",
        " written to ",
        "Binary labelmap",
    ),
    *(
        "calibration slope",
        "hazard ratio",
        "Grow from seeds",
        "Fill between slices",
        " (demonstration, no clinical meaning)",
    ),
    *("EsoRadiomics temporary", "Generated thorax (not a patient)", " study card", "Agreement of readings"),
    *(" contributions chart", "The sample could not be downloaded: %s"),
}
"""What looks like a text and is a word of code, the name of a node, or stands in a table or a log for machines."""
TRANSLATES = {"tr", "_", "ntr", "told", "mark", "counted"}
PROSE = re.compile(r"[A-Za-z“”,;:]{2,}[,;:]? [a-z]{2,}")
PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def po(code: str) -> str:
    return resource_path("Languages", f"{code}.po").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_text_is_translated_and_no_entry_is_stale(code: str) -> None:
    messages, wanted = read_catalogue(po(code)).messages, {text[0] for text in catalogue.texts()}
    assert sorted(wanted - set(messages)) == [], "run Testing/Tools/catalogue.py and translate these"
    assert sorted(set(messages) - wanted) == [], "run Testing/Tools/catalogue.py"


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_catalogue_is_as_its_tool_writes_it(code: str) -> None:
    text = po(code)
    assert text == catalogue.catalogue_text(read_catalogue(text), text.split("\n\n")[0])


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_translation_holds_the_same_placeholders_and_markup(code: str) -> None:
    messages = read_catalogue(po(code)).messages
    for pattern in (PLACEHOLDER, re.compile(r"</?[a-z][^>]*>"), re.compile(r"^\n")):
        wrong = {
            text[0]: form
            for text in catalogue.texts()
            for form in messages.get(text[0], ())
            if sorted(pattern.findall(text[-1])) != sorted(pattern.findall(form))
        }
        assert wrong == {}


def test_chinese_says_something_in_chinese_wherever_english_says_a_sentence() -> None:
    messages = read_catalogue(po("zh")).messages
    left = [text for text, forms in messages.items() if PROSE.search(text) and not re.search("[一-鿿]", forms[0])]
    assert left == []


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_no_text_that_people_read_is_left_without_a_translation(path: Path) -> None:
    assert [text for text in bare_texts(ast.parse(path.read_text(encoding="utf-8"))) if text not in NO_TEXTS] == []


def bare_texts(node: ast.AST) -> Iterator[str]:
    """Texts outside docstrings and outside what translates."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and getattr(child.func, "id", "") in TRANSLATES:
            for part in child.keywords:
                yield from bare_texts(part)
        elif isinstance(child, ast.Compare) or (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            continue
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            words = re.sub(r"<[^>]*>?|^[^<>]*>", " ", child.value) if re.search("[<>]", child.value) else child.value
            if PROSE.search(words):
                yield child.value
        else:
            yield from bare_texts(child)


@pytest.mark.parametrize("path", [*LIBRARY.rglob("*.py")], ids=lambda path: path.stem)
def test_a_text_gets_exactly_the_values_that_it_names(path: Path) -> None:
    for call in (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", "")
        texts = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if name in ("tr", "told", "ntr") and texts and "language.py" not in path.name:
            wanted = set(re.findall(r"\{(\w+)[^{}]*\}", texts[-1])) - ({"n"} if name == "ntr" else set())
            assert wanted == {keyword.arg for keyword in call.keywords}, texts[-1]
