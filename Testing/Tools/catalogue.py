"""The texts that can be translated, read from code, panel and study cards; called, it brings the catalogues up to date.

New texts come into each ``Resources/Languages/*.po`` without a translation, those that are gone leave it.
"""

from __future__ import annotations

import ast
import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

MODULE = Path(__file__).resolve().parents[2] / "EsoRadiomics"
sys.path.insert(0, str(MODULE))

from EsoRadiomicsLib.core.translation import Catalogue, read_catalogue  # noqa: E402

Text = tuple[str, ...]
"""One text, or the forms for one and for many."""

_OF_UI = {"text", "title", "toolTip", "placeholderText", "nameFilters"}
_OF_CARD = {"title", "description", "intended_use", "label", "probability_of", "reason", "after_baseline", "unit"}
_SENTENCES_OF_CARD = ("limitations", "notes")
_NAMES_OF_CARD = ("endpoint", "signature", "strata")


@cache
def texts() -> dict[Text, list[str]]:
    """Every text with the files, from the module's folder, that hold it; in a fixed order."""
    found: dict[Text, list[str]] = {}
    for path in sorted([*MODULE.glob("*.py"), *MODULE.rglob("EsoRadiomicsLib/**/*.py")]):
        for text in _of_code(ast.parse(path.read_text(encoding="utf-8"))):
            _add(found, text, path)
    for path in sorted(MODULE.glob("Resources/UI/*.ui")):
        for node in ElementTree.parse(path).iter("property"):
            for shown in node.iter("string") if node.get("name") in _OF_UI else ():
                if shown.text and shown.text.strip(" –…"):
                    _add(found, (shown.text,), path)
    for path in sorted(MODULE.glob("Resources/Studies/*.json")):
        for sentence in of_card(json.loads(path.read_text(encoding="utf-8"))):
            _add(found, (sentence,), path)
    return found


def of_card(card: Any) -> Iterator[str]:
    """What a study card says to people: titles, labels, limitations, notes, why a setting could be another."""
    yield from (card[part]["name"] for part in _NAMES_OF_CARD if card.get(part) and "name" in card[part])
    yield from (sentence for part in _SENTENCES_OF_CARD for sentence in card[part])
    yield from (card["signature"][name] for name in ("absent", "table_only") if name in card["signature"])
    yield from (node["group"] for node in card["signature"].get("distribution", ()))
    yield from (node["name"] for node in [*card["covariates"], *(card["outcome"] or {}).get("terms", ())])
    for group in _groups(card):
        yield from (item["cohort"] for item in group.get("medians", ()))
    yield from _named(
        {name: card[name] for name in card if name not in ("roi", "extraction", "protocol", "acquisition")}
    )


def catalogue_text(catalogue: Catalogue, head: str) -> str:
    """A ``.po`` file of all texts with the translations of ``catalogue``, under ``head`` (its comments and header)."""
    blocks = [head]
    for text, files in texts().items():
        lines = [f"#: {file}" for file in files]
        lines.append(f"msgid {_quoted(text[0])}")
        known = catalogue.messages.get(text[0], ())
        if len(text) == 1:
            lines.append(f"msgstr {_quoted(known[0] if known else '')}")
        else:
            lines.append(f"msgid_plural {_quoted(text[1])}")
            lines += [f"msgstr[{i}] {_quoted(form)}" for i, form in enumerate(known or ("",))]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _of_code(tree: ast.AST) -> Iterator[Text]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        constants = [text for argument in node.args for text in _constant(argument)]
        if node.func.id in ("tr", "_", "told") and _constant(node.args[0]):
            yield (constants[0],)
        elif node.func.id == "ntr" and len(constants) == 2:
            yield (constants[0], constants[1])
        elif node.func.id == "counted" and len(constants) == 1:
            yield f"{{n}} {constants[0]}", f"{{n}} {constants[0]}s"
        elif node.func.id == "mark":
            yield from ((text,) for text in _marked(node.args[0]))


def _marked(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Dict):
        node = ast.Tuple(elts=node.values)
    yield from _constant(node)
    yield from (text for child in ast.iter_child_nodes(node) for text in _marked(child))


def _constant(node: ast.AST) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _groups(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        yield from (each for child in node for each in _groups(child))


def _named(node: Any) -> Iterator[str]:
    for group in _groups(node):
        yield from (value for name, value in group.items() if name in _OF_CARD and isinstance(value, str) and value)


def _add(found: dict[Text, list[str]], text: Text, path: Path) -> None:
    files = found.setdefault(text, [])
    name = path.relative_to(MODULE).as_posix()
    if name not in files:
        files.append(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    for path in sorted(MODULE.glob("Resources/Languages/*.po")):
        old = path.read_text(encoding="utf-8")
        new = catalogue_text(read_catalogue(old), old.split("\n\n")[0])
        path.write_text(new, encoding="utf-8")
        messages = read_catalogue(new).messages
        print(f"{path.name}: {len(texts())} texts, {sum(text[0] not in messages for text in texts())} not translated")
