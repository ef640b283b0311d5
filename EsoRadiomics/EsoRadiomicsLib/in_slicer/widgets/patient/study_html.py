"""A study as the panel shows it: what it predicts, who published it, and the settings it locks."""

from __future__ import annotations

from html import escape

from ....core.formatting import plain
from ....extraction.settings import ExtractionSettings
from ....reporting.palette import GREY, VERMILLION
from ....studies.study import Study

_ORDER = {"after-resampling": "after resampling", "before-resampling": "before resampling"}


def study_html(study: Study) -> str:
    """Endpoint, citation with a link to its DOI, settings, and why it cannot be scored if it cannot."""
    doi = study.card["citation"].get("doi")
    link = f' <a href="https://doi.org/{escape(doi)}">doi:{escape(doi)}</a>' if doi else ""
    lines = [
        f"<b>{escape(study.endpoint)}</b>",
        f'<span style="color:{GREY}">{escape(study.citation)}</span>{link}',
        f'<span style="color:{GREY}">Settings, locked by the study: {escape(settings_sentence(study.settings))}</span>',
    ]
    if study.absent:
        lines.append(f'<span style="color:{VERMILLION}">{escape(study.absent)}</span>')
    return "<br/>".join(lines)


def settings_sentence(settings: ExtractionSettings) -> str:
    """The settings in the order of the work: voxels, HU exclusion, images, bins."""
    voxel = "×".join(plain(mm) for mm in settings.voxel_mm) + " mm voxels" if settings.voxel_mm else "voxels as scanned"
    excluded = (
        "no HU exclusion"
        if settings.hu_min is None
        else f"voxels below {plain(settings.hu_min)} HU removed {_ORDER[settings.hu_order]}"
    )
    images = " + ".join(f"{i} ({settings.wavelet})" if i == "wavelet" else i for i in settings.image_types)
    return f"{voxel}, {excluded}, {images}, bin width {plain(settings.bin_width)} HU, {settings.pixel_type}."
