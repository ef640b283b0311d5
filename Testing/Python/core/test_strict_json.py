"""JSON from elsewhere: one meaning or none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from EsoRadiomicsLib.core.errors import EsoRadiomicsError, StudyError
from EsoRadiomicsLib.core.numbers import finite, is_number, whole
from EsoRadiomicsLib.core.strict_json import parse_json, read_json


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        "[Infinity]",
        "[1e400]",
        f"[1{'0' * 5000}]",
        f"[-1{'0' * 400}]",
        '["\\ud800"]',
        '{"\\udc00": 1}',
        "[" * 200_000,
        "",
        "[1,]",
    ],
)
def test_what_has_no_meaning_or_two_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        parse_json(text)
    (tmp_path / "card.json").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match="The card is"):
        read_json(tmp_path / "card.json", "The card", "Give another.")


def test_a_number_that_is_too_large_is_found_by_its_path() -> None:
    with pytest.raises(ValueError, match=r"broken at \$\.features\[1\]\.value: the number is too large"):
        parse_json('{"features": [1, {"value": 1' + "0" * 400 + "}]}")


def test_what_json_can_say_is_read_as_it_is() -> None:
    text = '{"a": [1, -2.5e-3, true, null, "µ 😀 \\ud83d\\ude00"], "b": 123456789012345678901234567890}'
    assert parse_json(text) == {"a": [1, -0.0025, True, None, "µ 😀 😀"], "b": 123456789012345678901234567890}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "card.json")
    with pytest.raises(EsoRadiomicsError, match="no regular file"):
        read_json(tmp_path / "card.json", "The card", "Give another.")


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e400", "", " ", "1_000", "0x10", "1,5", "١"])
def test_only_decimal_numbers_are_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="no finite number"):
        finite(text)


def test_numbers_are_read_to_their_last_bit() -> None:
    assert [finite(text) for text in ("0.1", " -2.5e-3 ", "+7", ".5", "5.")] == [0.1, -0.0025, 7.0, 0.5, 5.0]
    assert whole("007") == 7
    assert [whole(text) for text in ("-1", "1.0", "9" * 5000, "²", "")] == [None] * 5
    assert [is_number(value) for value in (1, 0.5, 10**400, float("nan"), True, "1", None)] == [True] * 2 + [False] * 5
