"""Where results go: nothing that is there is destroyed, whatever stands in the way is told before the work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from EsoRadiomicsLib.core.claims import check_apart, check_new_file, only_run
from EsoRadiomicsLib.core.errors import OutputError
from EsoRadiomicsLib.core.output import PARTIAL, check_replaceable_folder, write_folder, write_text


@pytest.mark.parametrize("what", ["file", "link", "broken link", "folder"])
def test_what_has_the_name_already_is_kept(what: str, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    if what == "file":
        path.write_text("mine")
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "target")
        if what == "link":
            (tmp_path / "target").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        check_new_file(path)


def test_names_and_places_that_cannot_be_are_sentences(tmp_path: Path) -> None:
    check_new_file(tmp_path / "new.csv")
    for path in (tmp_path / ("a" * 300), tmp_path / "none" / "x.csv", tmp_path / "x\0y"):
        with pytest.raises(OutputError, match="cannot be written"):
            check_new_file(path)


def test_an_input_never_lies_where_files_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    check_apart(tmp_path / "out", [tmp_path / "table.csv"])
    with pytest.raises(OutputError, match="where results go"):
        check_apart(tmp_path / "link", [tmp_path / "out" / "table.csv"])


def test_a_link_is_followed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_folder(tmp_path / "link", {"a.txt": b"new"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_bytes() == b"new"


def test_files_that_came_during_the_work_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    check_replaceable_folder(folder, ())
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="other files"):
        write_folder(folder, {"a.txt": b"new"})
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_mount_point_and_the_current_folder_are_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="folder you are in"):
        check_replaceable_folder(Path("."), ())
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "drive")
    (tmp_path / "drive").mkdir()
    with pytest.raises(OutputError, match="cannot be replaced"):
        check_replaceable_folder(tmp_path / "drive", ())


def test_a_leftover_with_this_process_number_is_neither_used_nor_in_the_way(tmp_path: Path) -> None:
    leftover = tmp_path / f".out.{os.getpid()}{PARTIAL}"
    (leftover / "new").mkdir(parents=True)
    (leftover / "new" / "old.txt").write_text("of a killed run")
    write_folder(tmp_path / "out", {"a.txt": b"new"})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f".a.txt.{os.getpid()}{PARTIAL}").symlink_to(victim)
    write_text(tmp_path / "a.txt", "new")
    assert victim.read_text() == "mine"
    assert (tmp_path / "a.txt").read_text() == "new"


HOLD = """
import sys
from pathlib import Path
from EsoRadiomicsLib.core.claims import only_run
with only_run(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_on_a_place_is_refused_until_the_first_has_ended_or_been_killed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    library = str(Path(__file__).resolve().parents[3] / "EsoRadiomics")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)],
        env={**os.environ, "PYTHONPATH": library},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="Another run"), only_run(out):
            pass
        first.kill()
        first.wait()
    with only_run(out), only_run(tmp_path / "other"):
        assert list(tmp_path.iterdir()) == []
