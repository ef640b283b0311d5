"""The report folder: what is in it, that it says what must be said, and that it is whole or not there."""

from __future__ import annotations

import csv
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from patients import changed_card, scored

from EsoRadiomicsLib.core.errors import OutputError
from EsoRadiomicsLib.core.schemas import check_schema
from EsoRadiomicsLib.reporting.patient.patient_report import FILES, check_folder, write_report
from EsoRadiomicsLib.reporting.patient.patient_result import NOTICE, result_dict, to_json
from EsoRadiomicsLib.scoring.patient import PatientResult

LPFS = {"N stage": 2, "CR status": 0}
BANNER = "Demonstration reference cohort: this Rad-score means nothing clinically."


class Page(HTMLParser):
    """Visible text of a page, its addresses, and whether every element is closed."""

    VOID = ("meta", "img", "br", "path", "circle", "link", "input")

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "title"):
            self.words.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a patient with one covariate missing."""
    folder = tmp_path_factory.mktemp("reports") / "patient"
    write_report(scored("escc-lpfs-ccrt", {"N stage": 1}, z=0.3), folder)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def page(result: PatientResult, folder: Path) -> Page:
    write_report(result, folder)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_the_folder_holds_exactly_the_promised_files(folder: Path, tmp_path: Path) -> None:
    promised = sorted(set(FILES) - {"pictures.png", "readings.svg", "robustness.svg", "survival.svg"})
    assert sorted(read(folder)) == promised
    write_report(scored("ln-response-crt"), tmp_path / "node")
    assert sorted(read(tmp_path / "node")) == promised
    assert [path.name for path in tmp_path.iterdir()] == ["node"]


def test_the_same_input_gives_the_same_bits(folder: Path, tmp_path: Path) -> None:
    write_report(scored("escc-lpfs-ccrt", {"N stage": 1}, z=0.3), tmp_path / "again")
    assert read(tmp_path / "again") == read(folder)


@pytest.mark.parametrize(
    ("study", "covariates"),
    [("escc-lpfs-ccrt", LPFS), ("escc-lpfs-ccrt", {}), ("escc-pfs-dcrt", {}), ("ln-response-crt", {})],
)
def test_result_json_fulfils_its_schema(study: str, covariates: dict[str, Any]) -> None:
    check_schema(json.loads(to_json(result_dict(scored(study, covariates)))), "result.schema.json", "result.json")


def test_numbers_in_files_for_machines_come_back_bit_for_bit(folder: Path) -> None:
    result = scored("escc-lpfs-ccrt", {"N stage": 1}, z=0.3)
    with (folder / "features.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["name"]: float(row["value"]) for row in rows} == result.features.values
    assert {row["name"]: float(row["z"]) for row in rows} == {c.feature: c.z for c in result.score.contributions}
    document = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert document["features"] == result.features.values
    assert (document["case"]["image_sha256"], document["case"]["mask_sha256"]) == (
        result.case.image_sha256,
        result.case.mask_sha256,
    )
    assert document["score"]["rad_score"] == result.score.rad_score
    assert [at["low"] for at in document["outcome"]["survival"]] == [at.bounds.low for at in result.score.survival]


def test_no_cell_of_the_table_starts_a_formula(tmp_path: Path) -> None:
    result = scored("escc-lpfs-ccrt", z=0.3)
    evil = replace(result, score=replace(result.score, reference_label="=cmd|' /C calc'!A0"))
    write_report(evil, tmp_path / "out")
    with (tmp_path / "out" / "features.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [cell for cell in cells if cell[:1] in "=+@" and cell] == []
    assert all(_is_number(cell) for cell in cells if cell.startswith("-"))
    assert any(cell.startswith("'=cmd") for cell in cells)


def _is_number(text: str) -> bool:
    try:
        return float(text) < 0
    except ValueError:
        return False


def test_the_page_needs_nothing_from_outside_and_runs_nothing(folder: Path) -> None:
    source = (folder / "report.html").read_text(encoding="utf-8")
    found = Page(source)
    assert all(address.startswith("data:image/") for address in found.addresses)
    assert not {"script", "link", "iframe", "object", "form"} & set(found.tags)
    assert "url(" not in source and "@import" not in source
    assert found.tags.count("img") == 3


def test_the_page_says_once_that_it_is_for_research_only(folder: Path) -> None:
    assert Page((folder / "report.html").read_text(encoding="utf-8")).text.count(NOTICE) == 1


@pytest.mark.parametrize("demonstration", [True, False])
def test_a_demonstration_cohort_puts_a_banner_on_the_page(demonstration: bool, tmp_path: Path) -> None:
    result = scored("escc-lpfs-ccrt", LPFS, demonstration=demonstration)
    assert (BANNER in page(result, tmp_path / "out").text) == demonstration
    assert ("demonstration" in (tmp_path / "out" / "features.csv").read_text(encoding="utf-8")) == demonstration


def test_every_survival_percentage_on_the_page_says_that_it_is_reconstructed(tmp_path: Path) -> None:
    text = page(scored("escc-lpfs-ccrt", LPFS, z=0.3), tmp_path / "out").text
    for year in (1, 2, 3):
        assert f"{year}-year LPFS reconstructed" in text


def test_less_than_one_percent_is_text_not_markup(tmp_path: Path) -> None:
    text = page(scored("escc-lpfs-ccrt", LPFS, z=8.0), tmp_path / "out").text
    assert "<1 %" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "&lt;1&nbsp;%" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_page_shows_score_cut_off_group_inputs_strata_and_what_is_missing(folder: Path, tmp_path: Path) -> None:
    text = Page((folder / "report.html").read_text(encoding="utf-8")).text
    result = scored("escc-lpfs-ccrt", {"N stage": 1}, z=0.3)
    assert result.score.group is not None
    assert result.score.group.label in text
    assert "(≥ cut-off 0.1411)" in text
    assert "N1" in text and "not given" in text
    for sentence in (*result.warnings, *result.score.not_computed):
        assert sentence in text
    both = page(scored("escc-pfs-dcrt", {}), tmp_path / "strata").text
    assert " or high risk of progression" in both


def test_a_changed_setting_is_shown_beside_the_studys_own() -> None:
    study = scored("ln-response-crt").score.study
    result = scored("ln-response-crt")
    changed = replace(result, features=replace(result.features, settings=study.settings.changed(bin_width=10)))
    assert result_dict(changed)["settings"]["changed"] == {"bin_width": {"study": 25.0, "used": 10.0}}


def test_text_from_files_is_escaped(tmp_path: Path) -> None:
    evil = '<script>alert("x")</script><img src=x onerror=alert(1)> $title &amp;'
    group = {"id": "a", "label": evil, "outlook": "worse"}
    card = scored("escc-lpfs-ccrt").score.study.card
    cutoff = {**card["signature"]["cutoff"], "above": group, "below": {**group, "id": "b"}}
    study = changed_card(
        "escc-lpfs-ccrt",
        {
            "title": evil,
            "citation": {"text": evil},
            "limitations": [evil],
            "notes": [evil],
            "signature": {**card["signature"], "name": evil, "cutoff": cutoff},
        },
    )
    result = scored(study, LPFS)
    result = replace(result, case=replace(result.case, name=evil, sources={evil: evil}), warnings=(evil,))
    found = page(result, tmp_path / "out")
    assert "script" not in found.tags
    assert found.tags.count("img") == 3
    assert found.text.count('<script>alert("x")</script>') >= 8


def test_a_second_run_of_the_same_case_and_study_replaces_the_first(tmp_path: Path) -> None:
    write_report(scored("escc-lpfs-ccrt", {"N stage": 1}), tmp_path / "out")
    write_report(scored("escc-lpfs-ccrt", LPFS), tmp_path / "out")
    document = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert document["covariates"]["given"] == {"N stage": 2.0, "CR status": 0.0}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_report(scored("ln-control-2y"), tmp_path / "out")
    assert (tmp_path / "out" / "report.html").exists()


def test_another_case_or_study_in_the_folder_is_refused_and_stays(tmp_path: Path) -> None:
    write_report(scored("ln-control-2y"), tmp_path / "out")
    before = read(tmp_path / "out")
    for other in (scored("ln-control-2y", seed=1), scored("ln-response-crt")):
        with pytest.raises(OutputError, match="already holds the result of phantom by ln-control-2y"):
            write_report(other, tmp_path / "out")
    assert read(tmp_path / "out") == before


def test_a_folder_with_other_files_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(OutputError, match=r"holds other files \(thesis.docx\)"):
        check_folder(tmp_path)
    with pytest.raises(OutputError, match="holds other files"):
        write_report(scored("ln-control-2y"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"case": 3}'])
def test_a_broken_result_in_the_folder_is_not_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(OutputError, match="not a whole result"):
        write_report(scored("ln-control-2y"), tmp_path)
    assert (tmp_path / "result.json").read_text() == content


def test_a_file_in_the_folders_place_or_above_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file, but a folder is needed"):
        check_folder(tmp_path / "file")
    with pytest.raises(OutputError, match=r"cannot be made: .*file is a file"):
        check_folder(tmp_path / "file" / "out")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            check_folder(tmp_path / "out")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond 20 kB, as on a disk that runs full while the report is written.

    No fixture: pytest may write its own output, perhaps to a file, while one is in force.
    """
    if sys.platform == "win32":
        pytest.skip("Windows has no limit on file sizes")
    import resource
    import signal

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_nothing_behind_not_even_new_parent_folders(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(OutputError, match=r"out cannot be written: File too large\. Free some space"):
        write_report(scored("ln-control-2y"), tmp_path / "new" / "deep" / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_the_earlier_result_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(scored("ln-control-2y"), tmp_path / "out")
    before = read(tmp_path / "out")
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(scored("ln-control-2y"), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        write_report(scored("ln-response-crt"), tmp_path / "new folder" / "out")
    assert read(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
