"""What the tests share: golden values of the repository, and real CT that is there or is a reason to skip."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import settings
from pyradiomics_data import DataUnavailableError, LungCase, baseline_folder, lung_case

ROOT = Path(__file__).resolve().parents[2]

# The same examples in every run, and no verdict from a slow machine.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_reaches_child_processes() -> None:
    """A shell that starts the tests in the background makes them, and all they start, deaf to Ctrl-C."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    """``golden("icc_psych.csv")``: a file of ``Testing/Data/golden``, JSON as it is, CSV as a DataFrame."""

    def read(name: str) -> Any:
        path = ROOT / "Testing" / "Data" / "golden" / name
        if path.suffix == ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        return pd.read_csv(path, float_precision="round_trip")

    return read


@pytest.fixture
def sva(golden: Callable[[str], Any]) -> pd.DataFrame:
    """The table that R's sva harmonised; see ``helpers/sva_example.py``."""
    return golden("combat_sva.csv")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real cases that developers may have beside the project; nothing in the project needs it."""
    shared = Path(os.environ.get("ESORADIOMICS_SHARED") or ROOT.parent / "shared")
    if not (shared / "data").is_dir():
        pytest.skip(f"there is no folder of real cases ({shared / 'data'}); ESORADIOMICS_SHARED names another")
    return shared / "data"


@pytest.fixture(scope="session")
def lung1() -> LungCase:
    """PyRadiomics' small CT case: ``.image`` and ``.mask`` are NRRD files, the label is 1."""
    return _or_skip(lambda: lung_case("lung1"))


@pytest.fixture(scope="session")
def lung2() -> LungCase:
    """PyRadiomics' large CT case: ``.image`` and ``.mask`` are NRRD files, the label is 1."""
    return _or_skip(lambda: lung_case("lung2"))


@pytest.fixture(scope="session")
def pyradiomics_baselines() -> Path:
    """Folder with the feature values that PyRadiomics publishes for ``lung1`` and ``lung2``."""
    return _or_skip(baseline_folder)


def _or_skip(get: Callable[[], Any]) -> Any:
    try:
        return get()
    except DataUnavailableError as error:
        pytest.skip(str(error))
