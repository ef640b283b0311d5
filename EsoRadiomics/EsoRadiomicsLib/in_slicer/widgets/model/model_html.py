"""A fit or a validation as the panel shows it: main numbers side by side for the cohorts, then what to distrust."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ....core.translation import tr as library_tr
from ....reporting.palette import GREY, VERMILLION
from ...language import tr as _
from ...panel.model_result import ModelResult


def model_html(result: ModelResult) -> str:
    """Signature and terms of a fitted model, measures with 95 % limits, warnings."""
    title = _("Validation") if result.study is None else library_tr(result.study.title)
    lines = [f"<b>{escape(title)}</b>"]
    lines += [escape(line) for line in (result.signature_line, result.model_line) if line]
    head = "".join(f'<td style="color:{GREY}">{escape(cohort)}</td>' for cohort in result.measures.cohorts)
    rows = "".join(_rows(result))
    table = f'<table cellspacing="0" cellpadding="2" width="100%"><tr><td></td>{head}</tr>{rows}</table>'
    notes = "<br/>".join(escape(line) for line in (_("with 95 % limits"), *result.notes))
    warnings = "".join(f'<p style="color:{VERMILLION}">⚠&nbsp;{escape(text)}</p>' for text in result.warnings)
    below = f'<span style="color:{GREY}">{notes}</span>'
    return f"<p>{'<br/>'.join(lines)}</p>{table}{below}{warnings}"


def _rows(result: ModelResult) -> Iterator[str]:
    for i, (name, cells) in enumerate(result.measures.rows):
        weight = "b" if i == 0 else "span"
        shown = "".join(f"<td><{weight}>{escape(cell)}</{weight}></td>" for cell in cells)
        yield f'<tr><td style="color:{GREY}">{escape(name)}</td>{shown}</tr>'
