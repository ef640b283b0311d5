"""The front door: its names, what importing it costs, and every example of a docstring or the README, run.

The README's lines for Slicer's console are run by ``in_slicer/test_console.py``.
"""

from __future__ import annotations

import doctest
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import phantoms
import pytest
from cohort_factory import write_cohort
from cohort_tables import generated_table
from patients import scored

import EsoRadiomicsLib as eso
from EsoRadiomicsLib.studies.reference_building import build_reference
from EsoRadiomicsLib.studies.study import load_study

ROOT = Path(__file__).resolve().parents[3]
CALLS = [name for name in dir(eso) if inspect.isfunction(getattr(eso, name))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    manifest = write_cohort(folder, 3)
    if manifest.name != "manifest.csv":
        manifest.rename(folder / "manifest.csv")
    phantoms.write_phantom(folder)
    study = load_study("escc-lpfs-ccrt")
    assert study.signature is not None
    values = scored(study).features.values
    rows = pd.DataFrame(
        {name: [0.8 * values[name], values[name], 1.3 * values[name]] for name in study.signature.names}
    )
    build_reference(rows, study.settings, label="Generated").save(folder / "cohort.json")
    rng = np.random.default_rng(5)
    readings = [
        {
            "case": f"P{i}",
            "reader": reader,
            "original_glcm_Idn": i + rng.normal(0, 0.1),
            "original_shape_Elongation": 1 + i,
        }
        for i in range(8)
        for reader in "AB"
    ]
    pd.DataFrame(readings).to_csv(folder / "readings.csv", index=False)
    table = generated_table(140)
    node = load_study("ln-response-crt")
    assert node.signature is not None
    for name in node.signature.names:
        if name not in table:
            table[name] = rng.normal(1, 0.3, len(table))
    table.to_csv(folder / "cohort.csv", index=False)
    return folder


def test_importing_the_library_imports_none_of_its_rooms() -> None:
    program = (
        "import sys; import EsoRadiomicsLib as eso; before = set(sys.modules); "
        "assert not {'numpy', 'SimpleITK', 'pandas', 'matplotlib'} & before, before; "
        "assert not [name for name in before if name.startswith('EsoRadiomicsLib.')]; print(len(dir(eso)))"
    )
    environment = {"PYTHONPATH": str(ROOT / "EsoRadiomics"), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in dir(eso) if name != "__version__"])
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    found: Any = getattr(eso, name)
    assert found.__doc__
    if inspect.isfunction(found):
        gives_nothing = inspect.signature(found).return_annotation in ("None", "Iterator[None]")
        assert [
            part for part in ("Args:", "Returns:", "Raises:", "Example:") if f"    {part}" not in found.__doc__
        ] == (["Returns:"] if gives_nothing else [])


def test_other_names_are_not_offered() -> None:
    with pytest.raises(AttributeError, match="no attribute 'secret'"):
        _ = eso.secret


@pytest.mark.parametrize("name", ["EsoRadiomicsLib", *CALLS])
def test_the_examples_of_the_front_door_run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    subject = eso if name == "EsoRadiomicsLib" else getattr(eso, name)
    examples = doctest.DocTestParser().get_doctest(subject.__doc__ or "", {}, name, None, 0)
    assert examples.examples, f"{name} shows no example"
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples)
    assert result.failed == 0


def test_the_readmes_python_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ct.nrrd", "gtv.nrrd", "cohort.json"):
        shutil.copy(folder / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    library = [block for block in blocks if "import EsoRadiomicsLib as eso" in block]
    assert library
    for block in library:
        exec(compile(block, "README.md", "exec"), {})
    assert "risk of local recurrence" in capsys.readouterr().out
    assert (tmp_path / "patient1" / "report.html").is_file()
