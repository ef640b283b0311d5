"""A study as the panel shows it: what it predicts, who published it, and the settings it locks."""

from __future__ import annotations

from html import escape

from ....extraction.engines import engine
from ....reporting.palette import GREY, VERMILLION
from ....studies.study import Study


def study_html(study: Study) -> str:
    """Endpoint, citation with a link to its DOI, settings, and why it cannot be scored if it cannot."""
    doi = study.card["citation"].get("doi")
    link = f' <a href="https://doi.org/{escape(doi)}">doi:{escape(doi)}</a>' if doi else ""
    lines = [
        f"<b>{escape(study.title)}</b>",
        f"Predicts: {escape(study.endpoint)}",
        f'<span style="color:{GREY}">{escape(study.citation)}</span>{link}',
        f'<span style="color:{GREY}">Settings, locked by the study: {escape(study.settings.sentence)}</span>',
    ]
    if about := engine(study.settings.engine).about:
        lines.append(f'<span style="color:{GREY}">{escape(about)}</span>')
    if study.absent:
        lines.append(f'<span style="color:{VERMILLION}">{escape(study.absent)}</span>')
    return "<br/>".join(lines)
