"""The model report as one HTML page that opens offline; everything that comes from files is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from string import Template
from typing import Any

import numpy as np

from ...core.formatting import number, p_value
from ...core.resources import resource_path
from ..patient.patient_result import NOTICE
from .model_tables import Row

_WORDS = {"sd": "SD"}


def page(
    title: str,
    subtitle: str,
    cards: Iterable[tuple[str, str]],
    short: Sequence[str],
    warnings: Sequence[str],
    sections: Iterable[str],
) -> str:
    """The whole page: ``cards`` are (label, text), ``short`` sentences, ``sections`` HTML from the functions below."""
    template = Template(resource_path("Templates", "model-report.html").read_text(encoding="utf-8"))
    boxes = (
        f'<div class="card"><h3>{escape(label)}</h3><div class="big">{escape(text)}</div></div>'
        for label, text in cards
    )
    told = "".join(f"<li>{escape(sentence)}</li>" for sentence in short)
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in warnings)
    return template.substitute(
        title=escape(title),
        style=resource_path("Templates", "style.css").read_text(encoding="utf-8"),
        subtitle=escape(subtitle),
        notice=escape(NOTICE),
        cards="\n".join(boxes),
        short=f'<section class="short"><h2>In short</h2><ul>{told}</ul></section>' if told else "",
        warnings=f'<section class="warnings"><h2>Read this first</h2><ul>{items}</ul></section>' if items else "",
        sections="\n".join(sections),
    )


def section(heading: str, *parts: str) -> str:
    """A heading and its parts; nothing where all parts are empty."""
    body = "\n".join(part for part in parts if part)
    return f"<section><h2>{escape(heading)}</h2>\n{body}\n</section>" if body else ""


def folded(heading: str, *parts: str) -> str:
    """A section that opens at a click on its heading; nothing where all parts are empty."""
    body = "\n".join(part for part in parts if part)
    return f"<details><summary>{escape(heading)}</summary>\n{body}\n</details>" if body else ""


def paragraph(text: str) -> str:
    """A paragraph of text."""
    return f"<p>{escape(text)}</p>"


def table(rows: Sequence[Row], caption: str = "", note: str = "") -> str:
    """Rows of named cells, with a ``note`` below; numbers to four digits, p to three, as people read them."""
    if not rows:
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(_WORDS.get(name, name.replace('_', ' ')))}</th>" for name in columns)
    body = "".join("<tr>" + "".join(_cell(name, row.get(name)) for name in columns) + "</tr>" for row in rows)
    heading = f"<h3>{escape(caption)}</h3>" if caption else ""
    below = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"{heading}<table><tr>{head}</tr>{body}</table>{below}"


def figures(pictures: Mapping[str, bytes], wanted: Mapping[str, str]) -> str:
    """The ``wanted`` figures (file stem → caption) that are among the SVG ``pictures`` (file stem → content)."""
    parts = []
    for stem, caption in wanted.items():
        if stem in pictures:
            data = base64.b64encode(pictures[stem]).decode()
            text = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
            parts.append(
                f'<figure><img alt="{escape(caption or stem)}" src="data:image/svg+xml;base64,{data}">{text}</figure>'
            )
    return f'<div class="figures">{"".join(parts)}</div>' if parts else ""


def with_limits(rows: Sequence[Row], value: str) -> list[Row]:
    """The rows with ``value``, ``lower`` and ``upper`` joined into one readable cell."""
    joined = []
    for row in rows:
        rest = {name: cell for name, cell in row.items() if name not in ("lower", "upper")}
        rest[value] = "" if np.isnan(row[value]) else limits(row[value], row.get("lower"), row.get("upper"))
        joined.append(rest)
    return joined


def without_repeats(rows: Sequence[Row], *names: str) -> list[Row]:
    """The rows with each of ``names`` said once where it is the same in the rows below."""
    shown = []
    for k, row in enumerate(rows):
        repeated = {name: "" for name in names if k and row[name] == rows[k - 1][name]}
        shown.append({**row, **repeated})
    return shown


def limits(value: float, lower: float | None, upper: float | None, digits: int = 3) -> str:
    """``"0.712 (0.640 to 0.784)"``."""
    if abs(value) >= 100:
        digits = 1
    text = _fixed(value, digits)
    if lower is not None and upper is not None and np.isfinite([lower, upper]).all():
        text += f" ({_fixed(lower, digits)} to {_fixed(upper, digits)})"
    return text


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def _cell(name: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "<td></td>"
    if isinstance(value, float):
        is_p = name == "p" or name.startswith("p of ")
        text = p_value(value).removeprefix("p ").removeprefix("= ") if is_p else number(value)
        return f'<td class="number">{escape(text)}</td>'
    return f"<td>{escape(str(value))}</td>"
