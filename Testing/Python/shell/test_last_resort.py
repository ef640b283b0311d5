"""What nobody foresaw ends in a sentence, an exit code of its own and a file with the traceback."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.shell import studies_command
from EsoRadiomicsLib.shell.cli import main


def raising(error: BaseException) -> Any:
    def run(options: Namespace) -> int:
        raise error

    return run


def test_a_fault_is_a_sentence_and_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(studies_command, "run", raising(KeyError("nobody foresaw\x1b[2J this")))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["studies"]) == 70
    told = capsys.readouterr().err
    assert told.startswith("esoradiomics: this is a fault in EsoRadiomics: KeyError: ")
    assert "\x1b" not in told
    assert "Traceback" not in told
    (file,) = tmp_path.iterdir()
    assert str(file) in told
    assert re.search(r"Traceback.*in run", file.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "not enough memory"),
        (PermissionError(13, "Permission denied", "/x/ct.nrrd"), "/x/ct.nrrd: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_what_the_computer_refuses_is_no_fault(
    error: BaseException, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(studies_command, "run", raising(error))
    assert main(["studies"]) == 1
    assert told in capsys.readouterr().err


def test_an_error_that_quotes_a_whole_file_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        studies_command, "run", raising(InputError(f"ct.nrrd says “{'x' * 100_000}”. Export it again."))
    )
    assert main(["studies"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("esoradiomics: ct.nrrd says") and told.endswith("Export it again.\n")
    assert len(told) < 2100


def test_ctrl_c_while_the_command_is_imported_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("EsoRadiomicsLib.shell.cli.build_parser", raising(KeyboardInterrupt()))
    assert main(["studies"]) == 1
    assert capsys.readouterr().err == "esoradiomics: interrupted; nothing was written.\n"
