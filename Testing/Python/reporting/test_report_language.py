"""A report in another language: every sentence is in it, and every number, key and name as in the English one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from patients import scored

from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.core.schemas import check_schema
from EsoRadiomicsLib.core.translation import language
from EsoRadiomicsLib.reporting.figures import style
from EsoRadiomicsLib.reporting.patient.kept_result import joined, read_document
from EsoRadiomicsLib.reporting.patient.patient_pdf import report_pdf
from EsoRadiomicsLib.reporting.patient.patient_report import write_report
from EsoRadiomicsLib.reporting.patient.patient_result import result_dict, to_json
from EsoRadiomicsLib.reporting.patient.patient_summary import summary
from EsoRadiomicsLib.scoring.perturbed_scores import assess

GIVEN = {"N stage": 1}
SENTENCES = ("language", "summary", "warnings", "not_computed")
ENGLISH_WORDS = re.compile(r"\b(?:the|of|and|is|are|not|with|this|by|no|for)\b")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A patient's report with perturbations, by language."""
    root = tmp_path_factory.mktemp("languages")
    for code in ("en", "zh"):
        with language(code):
            result = scored("escc-lpfs-ccrt", GIVEN, z=0.3)
            write_report(result, root / code)
    return {code: root / code for code in ("en", "zh")}


def test_the_chinese_page_has_no_english_sentence_left(folders: dict[str, Path]) -> None:
    page = (folders["zh"] / "report.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in page
    body = re.sub(r"<style>.*?</style>|<svg.*?</svg>|src=\"[^\"]*\"", "", page, flags=re.DOTALL)
    texts = [text for text in re.findall(r">([^<]+)<|alt=\"([^\"]*)\"", body) for text in text]
    citation = json.loads((folders["zh"] / "result.json").read_text(encoding="utf-8"))["study"]["citation"]
    assert [text for text in texts if ENGLISH_WORDS.search(text) and not text.startswith(citation[:20])] == []
    for words in ("局部复发高风险", "同步放化疗后的局部无进展生存期", "未提供 CR状态", "仅供科研使用", "线性预测值"):
        assert words in page or words == "线性预测值"


def test_names_of_files_tables_and_all_values_are_the_same_in_every_language(folders: dict[str, Path]) -> None:
    names = {code: sorted(path.name for path in folder.iterdir()) for code, folder in folders.items()}
    assert names["zh"] == names["en"]
    assert (folders["zh"] / "features.csv").read_bytes() == (folders["en"] / "features.csv").read_bytes()
    english, chinese = (json.loads((folders[c] / "result.json").read_text(encoding="utf-8")) for c in ("en", "zh"))
    assert chinese["language"] == "zh"
    assert "language" not in english
    for document in (english, chinese):
        for name in SENTENCES:
            document.pop(name, None)
    assert chinese == english


def test_the_same_language_gives_the_same_bytes(folders: dict[str, Path], tmp_path: Path) -> None:
    with language("zh"):
        write_report(scored("escc-lpfs-ccrt", GIVEN, z=0.3), tmp_path / "again")
    for path in folders["zh"].iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_result_in_one_language_is_joined_with_a_later_one_in_another() -> None:
    first = result_dict(scored("ln-response-crt"))
    with language("zh"):
        result = scored("ln-response-crt")
        later = result_dict(replace(result, robustness=assess(result, count=8)))
        chinese = result_dict(result)
    whole = joined(first, later)
    labels = [label for label, _ in whole["summary"]]
    assert labels[labels.index("Firmness") + 1 :] in ([], ["Warning"] * len(first["warnings"]))
    assert "次扰动" in dict(whole["summary"])["Firmness"]
    assert joined(chinese, later)["summary"][-1 - len(chinese["warnings"])][0] == "稳健性"
    check_schema(json.loads(to_json(whole)), "result.schema.json", "The result")
    assert read_document(to_json(later)) == json.loads(to_json(later))


def test_the_summary_lines_up_chinese_labels() -> None:
    from EsoRadiomicsLib.core.wide_text import columns

    with language("zh"):
        lines = summary(scored("escc-lpfs-ccrt", GIVEN, z=0.3)).splitlines()
    starts = {columns(match[0]) for line in lines[1:] if (match := re.match(r" {2}\S+ {2,}|\s+(?=\S)", line))}
    assert len(starts) == 1
    assert max(map(columns, lines)) <= 110


def test_without_a_font_svg_is_text_pixels_are_english_and_a_pdf_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(style, "_first_here", lambda families: None)
    with language("zh"):
        result = scored("ln-response-crt")
        with pytest.raises(UsageError, match="Noto Sans CJK SC"):
            report_pdf(result)
        write_report(result, tmp_path / "zh")
    write_report(scored("ln-response-crt"), tmp_path / "en")
    nomogram = (tmp_path / "zh" / "nomogram.svg").read_text(encoding="utf-8")
    assert "该患者</text>" in nomogram.replace("</tspan>", "")
    assert (tmp_path / "zh" / "roi.png").read_bytes() == (tmp_path / "en" / "roi.png").read_bytes()


def test_with_a_font_a_pdf_holds_chinese_letters() -> None:
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("matplotlib", "3.11", reason="matplotlib before 3.11 draws them as shapes, without their text")
    with language("zh"):
        if style.typeface() is None:
            pytest.skip("no Chinese font is installed")
        pages = pypdf.PdfReader(BytesIO(report_pdf(scored("ln-response-crt")))).pages
    assert "缓解可能性" in "".join(page.extract_text() for page in pages)
