"""The terminal gets text it can show, and no commands from files."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from EsoRadiomicsLib.core.terminal import safe_terminal, visible

LIBRARY = Path(__file__).resolve().parents[3] / "EsoRadiomics"


def test_control_characters_are_shown_as_their_codes() -> None:
    assert visible("a\x1b[31mred\x07\x9b2J\x7f\r‮evil\n\tend") == (
        "a\\u001b[31mred\\u0007\\u009b2J\\u007f\\u000d\\u202eevil\n\tend"
    )


def test_json_stays_json_with_the_same_content(capsys: pytest.CaptureFixture[str]) -> None:
    content = {"name": "a\x9bb‮c\x1bd"}
    with safe_terminal():
        print(json.dumps(content, ensure_ascii=False))
    shown = capsys.readouterr().out
    assert "\x9b" not in shown
    assert json.loads(shown) == content


def test_names_of_any_bytes_and_any_encoding_can_be_shown() -> None:
    raw = io.BytesIO()
    before, sys.stdout = sys.stdout, io.TextIOWrapper(raw, encoding="ascii")
    try:
        with safe_terminal():
            print("µ", os.fsdecode(b"\xff"), "≥")
            sys.stdout.flush()
            written = raw.getvalue()
    finally:
        sys.stdout = before
    assert written == b"\\xb5 \\udcff \\u2265\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_the_command_speaks_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "EsoRadiomicsLib", "score", "ct\x1b[2J\n.nrrd", "no", "--study", "ln-response-crt"],
        env={**os.environ, "PYTHONPATH": str(LIBRARY), "PYTHONIOENCODING": encoding},
        cwd=tmp_path,
        capture_output=True,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stderr
