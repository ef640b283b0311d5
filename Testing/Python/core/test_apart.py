"""Native work apart: what ends well is known, what raises or crashes is an answer, and nothing outlives its parent."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from EsoRadiomicsLib.core.apart import CAN_FORK, survives
from EsoRadiomicsLib.core.safe_start import safe_environment

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="no fork here")


def raises() -> None:
    raise RuntimeError


def crashes() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def aborts() -> None:
    os.abort()


@pytest.mark.parametrize(("work", "well"), [(int, True), (raises, False), (crashes, False), (aborts, False)])
def test_what_raises_or_crashes_is_an_answer(work: Callable[[], object], well: bool) -> None:
    assert survives(work) is well


def test_what_is_left_in_shared_memory_is_there_and_nothing_else_is() -> None:
    elsewhere = []
    with mmap.mmap(-1, 8) as shared:

        def work() -> None:
            shared[:5] = b"voxel"
            elsewhere.append(1)

        assert survives(work)
        assert shared[:5] == b"voxel"
    assert not elsewhere


def test_what_it_prints_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    assert survives(lambda: os.write(2, b"GDCM says"))
    assert not survives(aborts)
    assert capfd.readouterr() == ("", "")


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import os, time\nfrom EsoRadiomicsLib.core.apart import survives\n"
        f"survives(lambda: (open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())), time.sleep(60)))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], env=safe_environment())
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    child = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not alive(child):
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the fork outlived its parent")


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie, which nobody may wait for in a container, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
