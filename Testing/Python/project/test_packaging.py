"""What reaches a user: the files Slicer's build packages, the wheel, and the entry of the Extensions Index."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "EsoRadiomics"


def cmake_values(path: Path, name: str) -> list[str]:
    """Items of ``set(name …)`` in a CMake file, without quotes and comments."""
    text = re.sub(r"(?m)#.*$", "", path.read_text(encoding="utf-8"))
    found = re.search(rf"set\({name}\s(.*?)\)\s*$", text, flags=re.DOTALL | re.MULTILINE)
    assert found, f"{path.name} sets no {name}"
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|([^\s"]+)', found[1])]


def files_below(folder: Path) -> set[str]:
    """Files that belong to the module: not hidden, not compiled; paths from the module's folder."""
    return {
        path.relative_to(MODULE).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and "__pycache__" not in path.parts
    }


def test_every_script_of_the_module_is_named_in_its_cmake_list_and_exists() -> None:
    scripts = {path.name for path in MODULE.glob("*.py")} | files_below(MODULE / "EsoRadiomicsLib")
    named = cmake_values(MODULE / "CMakeLists.txt", "MODULE_PYTHON_SCRIPTS")
    assert sorted(named) == sorted(scripts), "call `make cmake-lists`"


def test_every_resource_of_the_module_is_named_in_its_cmake_list_and_exists() -> None:
    named = cmake_values(MODULE / "CMakeLists.txt", "MODULE_PYTHON_RESOURCES")
    assert sorted(named) == sorted(files_below(MODULE / "Resources")), "call `make cmake-lists`"


def test_the_module_folder_holds_nothing_that_slicer_would_not_package() -> None:
    assert {path.name for path in MODULE.iterdir() if path.is_dir()} - {"__pycache__"} == {
        "EsoRadiomicsLib",
        "Resources",
    }


def test_files_that_the_extension_names_are_there() -> None:
    for name in ("EXTENSION_LICENSE_FILE", "EXTENSION_README_FILE"):
        (path,) = cmake_values(ROOT / "CMakeLists.txt", name)
        assert (ROOT / path.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")).is_file()
    for name in ("EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"):
        for url in filter(None, cmake_values(ROOT / "CMakeLists.txt", name)):
            assert (ROOT / url.partition("/main/")[2]).is_file(), f"{name}: {url}"


@pytest.mark.parametrize("icon", ["Resources/EsoRadiomics.png", "EsoRadiomics/Resources/Icons/EsoRadiomics.png"])
def test_the_icons_are_png_of_128_pixels(icon: str) -> None:
    header = (ROOT / icon).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:]) == (128, 128)


def test_the_catalogue_entry_agrees_with_the_extension() -> None:
    cmake = ROOT / "CMakeLists.txt"
    (project,) = re.findall(r"(?m)^project\((\w+)\)", cmake.read_text(encoding="utf-8"))
    entry = json.loads((ROOT / "Resources" / f"{project}.json").read_text(encoding="utf-8"))
    (homepage,) = cmake_values(cmake, "EXTENSION_HOMEPAGE")
    assert entry["scm_url"] == f"{homepage}.git"
    assert [entry["category"]] == cmake_values(cmake, "EXTENSION_CATEGORY")
    assert [str(entry["tier"])] == cmake_values(cmake, "EXTENSION_TIER")
    # A packaged dependency is found when the extension is installed, not when it is built.
    assert entry["build_dependencies"] == []


@pytest.fixture(scope="module")
def installed_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a fresh environment that holds the project's wheel and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("esoradiomics-*.whl")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True)
    return python


def test_a_wheel_carries_the_library_and_every_resource(installed_wheel: Path) -> None:
    program = (
        "from pathlib import Path; import EsoRadiomicsLib; from EsoRadiomicsLib.core.resources import resource_path\n"
        "library = Path(EsoRadiomicsLib.__file__).parent; root = resource_path()\n"
        "assert root.is_relative_to(library), root\n"
        "print(*(p.relative_to(root.parent).as_posix() for p in root.rglob('*') if p.is_file()), sep='\\n')\n"
        "print(*(p.relative_to(library.parent).as_posix() for p in library.rglob('*.py')), sep='\\n')\n"
    )
    answer = subprocess.run([installed_wheel, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert set(answer.stdout.splitlines()) == files_below(MODULE / "Resources") | files_below(
        MODULE / "EsoRadiomicsLib"
    )


def test_a_wheel_brings_the_shell_command(installed_wheel: Path) -> None:
    command = installed_wheel.with_name("esoradiomics")
    assert "from EsoRadiomicsLib.shell.cli import run_process" in command.read_text(encoding="utf-8")
