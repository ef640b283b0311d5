"""HTML pages about a cohort, in the style of the patient's report; everything that comes from files is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from ...core.resources import resource_path
from ..patient.patient_result import NOTICE


def page(title: str, subtitle: str, sections: Iterable[str]) -> str:
    """A page that opens offline; ``sections`` are HTML, the other texts are escaped here."""
    style = resource_path("Templates", "style.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header>
<div><h1>{escape(title)}</h1><div>{escape(subtitle)}</div></div>
<div class="notice">{escape(NOTICE)}</div>
</header>
{"".join(sections)}
</main>
</body>
</html>
"""


def cards(facts: Iterable[tuple[str, str, str]]) -> str:
    """Boxes of (heading, large text, small text)."""
    boxes = "".join(
        f'<div class="card"><h3>{escape(heading)}</h3><div class="big">{escape(large)}</div>{escape(small)}</div>'
        for heading, large, small in facts
    )
    return f'<section class="cards">{boxes}</section>'


def section(heading: str, body: str, kind: str = "") -> str:
    """A section of HTML under a heading, or nothing without a body."""
    return f'<section class="{kind}"><h2>{escape(heading)}</h2>{body}</section>' if body else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts, or nothing without rows."""
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f"<table><tr>{titles}</tr>{lines}</table>" if lines else ""


def paragraph(text: str) -> str:
    """A paragraph of text."""
    return f"<p>{escape(text)}</p>"


def picture(content: bytes, alt: str, kind: str = "svg+xml") -> str:
    """An SVG, or an image of another ``kind`` (png), inside the page."""
    data = base64.b64encode(content).decode()
    return f'<figure><img alt="{escape(alt)}" src="data:image/{kind};base64,{data}"></figure>'
