"""An agreement study as the panel shows it above its table: rich text made of ``agreement.json`` alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ....reporting.palette import GREY, VERMILLION
from ...language import tr as _

SHOWN = 6
"""So many warnings are shown; all are in the files."""


def agreement_html(summary: Mapping[str, Any]) -> str:
    """What was kept by which rule, what was compared, counts by class and image, what to distrust."""
    rule = f"{escape(summary['rule_in_words'])}, {escape(summary['form_in_words'])}"
    none = _(", {n} without an ICC").format(n=summary["n_not_computed"]) if summary["n_not_computed"] else ""
    lines = [
        _("<b>{n} of {count} features kept</b>").format(n=summary["n_kept"], count=summary["n_features"]) + none,
        f'<span style="color:{GREY}">{rule}</span>',
        *(f'<span style="color:{GREY}">{line}</span>' for line in _comparisons(summary)),
    ]
    return "<br/>".join(lines) + _counts(summary["counts"]) + "".join(_distrust(summary))


def _comparisons(summary: Mapping[str, Any]) -> Iterator[str]:
    for item in summary["comparisons"]:
        kind = _("sessions") if item["name"].startswith("intra") else _("readers")
        values = {"name": item["name"], "kind": kind, "raters": ", ".join(item["raters"]), "n": item["n_cases"]}
        yield escape(_("{name}: {kind} {raters}; {n} cases").format(**values))


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
        _("{case}, reader {reader}, session {session}: {reason} {remedy}").format(**item).strip()
        for item in summary["failures"]
    ]
    sentences = [*(_("Not measured: {text}").format(text=text) for text in failed), *summary["warnings"]]
    for text in sentences[:SHOWN]:
        yield f'<p style="color:{VERMILLION}">⚠&nbsp;{escape(text).replace("_", "_&#8203;")}</p>'
    if len(sentences) > SHOWN:
        more = _("… and {n} more in agreement.json (Save…).").format(n=len(sentences) - SHOWN)
        yield f'<p style="color:{GREY}">{more}</p>'
