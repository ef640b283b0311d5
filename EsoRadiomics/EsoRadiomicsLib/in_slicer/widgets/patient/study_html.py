"""A study as the panel shows it: what it predicts, who published it, and the settings it locks."""

from __future__ import annotations

from html import escape

from ....core.translation import tr as library_tr
from ....extraction.engines import engine
from ....reporting.palette import GREY, VERMILLION
from ....studies.study import Study
from ...language import tr as _


def study_html(study: Study) -> str:
    """Endpoint, citation with a link to its DOI, settings, and why it cannot be scored if it cannot."""
    doi = study.card["citation"].get("doi")
    link = f' <a href="https://doi.org/{escape(doi)}">doi:{escape(doi)}</a>' if doi else ""
    settings = _("Settings, locked by the study: {settings}").format(settings=escape(study.settings.sentence))
    lines = [
        f"<b>{escape(library_tr(study.title))}</b>",
        _("Predicts: {endpoint}").format(endpoint=escape(library_tr(study.endpoint))),
        f'<span style="color:{GREY}">{escape(study.citation)}</span>{link}',
        f'<span style="color:{GREY}">{settings}</span>',
    ]
    if about := engine(study.settings.engine).about:
        lines.append(f'<span style="color:{GREY}">{escape(library_tr(about))}</span>')
    if study.absent:
        lines.append(f'<span style="color:{VERMILLION}">{escape(library_tr(study.absent))}</span>')
    return "<br/>".join(lines)
