"""The patient's report as one PDF: the summary in words, then the report's figures, stacked on A4 pages as vectors."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from matplotlib import rc_context
from matplotlib.figure import Figure

from ...core.optional import require
from ...core.translation import fonts, tr
from ...core.wide_text import columns, wrapped
from ...scoring.nomogram import build_nomogram, patient_values
from ...scoring.patient import PatientResult
from ...scoring.patient_curve import patient_curve
from ..figures import (
    contributions_figure,
    nomogram_figure,
    readings_figure,
    robustness_figure,
    roi_figure,
    survival_figure,
)
from ..figures.style import GREY, INK, VERMILLION, WIDTH_MM, add_page, new_figure, prepare_texts, require_typeface
from .patient_result import NOTICE
from .patient_summary import summary_rows

POINTS_PER_MM = 72 / 25.4
A4_MM = (210.0, 297.0)
MARGIN_MM, GAP_MM = 10.0, 5.0
LINE_MM, LABEL_MM, LETTERS, WIDE_LETTERS = 4.6, 42.0, 100, 92


def report_pdf(result: PatientResult) -> bytes:
    """The PDF; the same result gives the same bits.

    Raises:
        UsageError: pypdf is not installed, or no font has the characters of the language.
    """
    pypdf = require("pypdf", "dicom", tr("Writing a PDF"))
    require_typeface()
    writer = pypdf.PdfWriter()
    page, free = None, 0.0
    for figure in _figures(result):
        height = figure.get_size_inches()[1] * 25.4
        if page is None or height > free:
            page = writer.add_blank_page(*(mm * POINTS_PER_MM for mm in A4_MM))
            free = A4_MM[1] - 2 * MARGIN_MM
        place = pypdf.Transformation().translate(MARGIN_MM * POINTS_PER_MM, (MARGIN_MM + free - height) * POINTS_PER_MM)
        page.merge_transformed_page(pypdf.PdfReader(BytesIO(_pdf(figure))).pages[0], place)
        free -= height + GAP_MM
    writer.add_metadata({"/Title": tr(result.score.study.title), "/Producer": "EsoRadiomics"})
    for each in writer.pages:
        each.compress_content_streams()
    stream = BytesIO()
    writer.write(stream)
    return stream.getvalue()


def _figures(result: PatientResult) -> Iterator[Figure]:
    score = result.score
    yield _summary_figure(result)
    nomogram, values = build_nomogram(score.study), patient_values(score.study, score)
    if nomogram is not None:
        yield nomogram_figure(nomogram, nomogram.place(values), demonstration=score.demonstration)
    if curve := patient_curve(score.study, values):
        yield survival_figure(curve, demonstration=score.demonstration)
    yield roi_figure(result.case, result.roi)
    yield contributions_figure(score)
    if result.robustness is not None:
        yield robustness_figure(score, result.robustness)
    if result.paper_readings is not None:
        yield readings_figure(score, result.paper_readings, result.features.settings.labels)


def _summary_figure(result: PatientResult) -> Figure:
    """Title, notice and the summary's rows, and how the numbers came to be."""
    settings, study = result.features.settings, result.score.study
    rows = [
        *summary_rows(result),
        (
            tr("How it was measured"),
            tr("{sentence} Fingerprint {fingerprint}.", sentence=settings.sentence, fingerprint=settings.fingerprint),
        ),
        (tr("Software"), ", ".join(f"{name} {version}" for name, version in result.features.software.items())),
        (tr("Image, mask"), f"SHA-256 {result.case.image_sha256[:16]} …, {result.case.mask_sha256[:16]} …"),
        (tr("Study"), study.citation),
    ]
    lines = [
        (label, wrapped(text, LETTERS if columns(text) == len(text) else WIDE_LETTERS) or [""]) for label, text in rows
    ]
    title = wrapped(tr(study.title), 80)
    top = 8 + 7 * len(title)
    figure = new_figure(top + 8 + LINE_MM * sum(len(texts) for _, texts in lines))
    page = add_page(figure)
    for i, line in enumerate(title):
        page.text(0, 4 + 7 * i, line, size=13, weight="bold", color=INK, va="center")
    page.text(0, top - 3, result.case.name, size=9, color=GREY, va="center")
    page.text(WIDTH_MM, top - 3, tr(NOTICE), size=9, color=VERMILLION, weight="bold", ha="right", va="center")
    y = top + 4.0
    for label, texts in lines:
        page.text(0, y, label, size=8, weight="bold", color=INK, va="center")
        for text in texts:
            page.text(LABEL_MM, y, text, size=8, color=INK, va="center")
            y += LINE_MM
    return figure


def _pdf(figure: Figure) -> bytes:
    prepare_texts(figure)
    stream = BytesIO()
    # Fonts of East Asia hold outlines that PDF readers take as Type 3 only.
    with rc_context({"pdf.fonttype": 3 if fonts() else 42}):
        figure.savefig(stream, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return stream.getvalue()
