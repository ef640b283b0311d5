"""An agreement study as the panel shows it above its table: rich text made of ``agreement.json`` alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ....reporting.palette import GREY, VERMILLION

SHOWN = 6
"""So many warnings are shown; all are in the files."""


def agreement_html(summary: Mapping[str, Any]) -> str:
    """What was kept by which rule, what was compared, counts by class and image, what to distrust."""
    rule = f"{escape(summary['rule_in_words'])}, {escape(summary['form_in_words'])}"
    none = f", {summary['n_not_computed']} without an ICC" if summary["n_not_computed"] else ""
    lines = [
        f"<b>{summary['n_kept']} of {summary['n_features']} features kept</b>{none}",
        f'<span style="color:{GREY}">{rule}</span>',
        *(f'<span style="color:{GREY}">{line}</span>' for line in _comparisons(summary)),
    ]
    return "<br/>".join(lines) + _counts(summary["counts"]) + "".join(_distrust(summary))


def _comparisons(summary: Mapping[str, Any]) -> Iterator[str]:
    for item in summary["comparisons"]:
        kind = "sessions" if item["name"].startswith("intra") else "readers"
        yield escape(f"{item['name']}: {kind} {', '.join(item['raters'])}; {item['n_cases']} cases")


def _counts(counts: list[dict[str, Any]]) -> str:
    """Kept features by class and by image, side by side."""
    sides = []
    for name in ("class", "image"):
        totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for row in counts:
            totals[row[name]][0] += row["kept"]
            totals[row[name]][1] += row["n"]
        rows = (
            f'<tr><td style="color:{GREY}">{escape(key)}</td><td>&nbsp;{kept}&nbsp;of&nbsp;{n}</td></tr>'
            for key, (kept, n) in totals.items()
        )
        sides.append(f'<td width="50%"><table cellspacing="0" cellpadding="1">{"".join(rows)}</table></td>')
    return f'<table width="100%"><tr>{"".join(sides)}</tr></table>'


def _distrust(summary: Mapping[str, Any]) -> Iterator[str]:
    failed = [
        f"{item['case']}, reader {item['reader']}, session {item['session']}: {item['reason']} {item['remedy']}".strip()
        for item in summary["failures"]
    ]
    sentences = [*(f"Not measured: {text}" for text in failed), *summary["warnings"]]
    for text in sentences[:SHOWN]:
        yield f'<p style="color:{VERMILLION}">⚠&nbsp;{escape(text).replace("_", "_&#8203;")}</p>'
    if len(sentences) > SHOWN:
        yield f'<p style="color:{GREY}">… and {len(sentences) - SHOWN} more in agreement.json (Save…).</p>'
