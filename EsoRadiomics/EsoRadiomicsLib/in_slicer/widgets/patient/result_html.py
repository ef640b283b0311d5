"""A result as the panel shows it: rich text made of ``result.json`` alone, so that a reopened scene shows the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ....core.translation import mark
from ....reporting.palette import GREY, OUTLOOK, SHAPE, VERMILLION
from ....reporting.patient.kept_result import row_label
from ...language import tr as _

_SENTENCES = mark(("Warning", "Not computed"))


def result_html(document: Mapping[str, Any]) -> str:
    """Rad-score against its cut-off, risk group in words, colour and shape, survival, then what to distrust."""
    sentences = [row_label(document, label) for label in _SENTENCES]
    rows = [row for row in document["summary"] if row[0] not in sentences]
    table = "".join(_row(label, text, document) for label, text in rows)
    return f'<table cellspacing="0" cellpadding="3" width="100%">{table}</table>' + "".join(_sentences(document))


def is_demonstration(document: Mapping[str, Any]) -> bool:
    """Whether the result rests on a generated reference cohort."""
    return bool(document["reference"] and document["reference"]["demonstration"])


def _row(label: str, text: str, document: Mapping[str, Any]) -> str:
    value = _text(text)
    group = document["score"]["group"]
    if group and label == row_label(document, mark("Risk group")):
        colour, shape = OUTLOOK[group["outlook"]], SHAPE[group["outlook"]]
        value = f'<span style="color:{colour}; font-size:large"><b>{shape}&nbsp;{value}</b></span>'
    elif label == row_label(document, document["score"]["name"]):
        value = f"<b>{value}</b>"
    return f'<tr><td style="color:{GREY}; padding-right:8px">{escape(label)}</td><td>{value}</td></tr>'


def _sentences(document: Mapping[str, Any]) -> Iterator[str]:
    for text in document["warnings"]:
        yield f'<p style="color:{VERMILLION}">⚠&nbsp;{_text(text)}</p>'
    for text in document["not_computed"]:
        yield f'<p style="color:{GREY}">{_("Not computed")}: {_text(text)}</p>'


def _text(text: str) -> str:
    """Escaped; a feature's name may be broken after its underscores, or it would widen the whole panel."""
    return escape(text).replace("_", "_&#8203;")
