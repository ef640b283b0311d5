"""The house as CONTRIBUTING.md describes it: a file's name, first line and length, and tests that mirror the rooms."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = ROOT / "EsoRadiomics" / "EsoRadiomicsLib"
FILES = sorted(LIBRARY.rglob("*.py"))
TESTS = ROOT / "Testing" / "Python"


def test_a_file_name_stands_once_so_that_it_says_what_is_in_it_without_its_folder() -> None:
    names = Counter(path.name for path in FILES if path.name != "__init__.py")
    assert [name for name, times in names.items() if times > 1] == []


def test_a_file_says_its_one_purpose_in_its_first_line() -> None:
    first = {path: path.read_text(encoding="utf-8").partition("\n")[0] for path in FILES}
    assert [path for path, line in first.items() if not re.fullmatch(r'""".+[.?:)](""")?', line)] == []


def test_no_file_is_longer_than_400_lines() -> None:
    assert [path for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_every_room_is_in_the_houses_picture_and_has_tests_of_its_own() -> None:
    rooms = {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").is_file()}
    picture = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1]
    assert [room for room in sorted(rooms) if room not in picture.split()] == []
    assert [room for room in sorted(rooms) if not list((TESTS / room).glob("test_*.py"))] == []
