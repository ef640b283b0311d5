"""The environment's pins: they are what pyproject.toml asks for, have hashes, and another content is refused."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from functools import cache
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path

import make_venv
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[3]
FILES = ("build", "run", "test")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


@cache
def pins(name: str) -> dict[str, list[tuple[Requirement, frozenset[str]]]]:
    """Of Testing/Requirements/``name``.txt: by package, what is pinned and its hashes."""
    found: dict[str, list[tuple[Requirement, frozenset[str]]]] = defaultdict(list)
    text = (ROOT / "Testing" / "Requirements" / f"{name}.txt").read_text(encoding="utf-8")
    for block in re.sub(r"\\\n", " ", text).splitlines():
        pinned, *hashes = block.split("--hash=")
        requirement = Requirement(pinned)
        found[canonicalize_name(requirement.name)].append((requirement, frozenset(map(str.strip, hashes))))
    return found


def pinned_version(name: str, package: str, python: str) -> str:
    where = {"python_version": python, "python_full_version": f"{python}.0"}
    (version,) = {
        next(iter(pin.specifier)).version
        for pin, _ in pins(name)[canonicalize_name(package)]
        if pin.marker is None or pin.marker.evaluate(where)
    }
    return version


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_to_one_version_with_hashes(name: str) -> None:
    for pinned in pins(name).values():
        for pin, hashes in pinned:
            assert [each.operator for each in pin.specifier] == ["=="]
            assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes)


@pytest.mark.parametrize("name", ["build", "run"])
def test_the_smaller_environments_hold_the_same_versions_and_hashes_as_the_tests(name: str) -> None:
    for package, pinned in pins(name).items():
        hashes = {str(pin.specifier): each for pin, each in pins("test")[package]}
        assert all(hashes[str(pin.specifier)] == each for pin, each in pinned)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_pins_are_what_pyproject_asks_for(python: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    asked = {"run": project["project"]["dependencies"], "build": groups["build"]}
    asked["test"] = [*asked["run"], *chain(*extras.values(), *groups.values())]
    for name, requirements in asked.items():
        for requirement in map(Requirement, requirements):
            version = pinned_version(name, requirement.name, python)
            assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}: call `make pins`"


def test_the_packages_at_hand_have_the_pinned_versions() -> None:
    python = "{}.{}".format(*sys.version_info)
    for distribution in distributions():
        package = canonicalize_name(distribution.name)
        if package in pins("test"):
            assert distribution.version == pinned_version("test", package, python), package


def test_a_file_with_another_content_than_pinned_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    wheel = tmp_path / "six-1.17.0-py2.py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("six.py", "print('not six')")
        file.writestr("six-1.17.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\n")
        file.writestr("six-1.17.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\n")
        file.writestr("six-1.17.0.dist-info/RECORD", "")
    ((pin, hashes),) = pins("run")["six"]
    (tmp_path / "one.txt").write_text(f"{pin} " + " ".join(f"--hash={each}" for each in hashes))
    monkeypatch.setattr(make_venv, "VENV_PYTHON", Path(sys.executable))
    monkeypatch.setattr(make_venv, "REQUIREMENTS", tmp_path)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(tmp_path), "TARGET": str(tmp_path / "there")}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    with pytest.raises(subprocess.CalledProcessError):
        make_venv.install_pinned("one")
    assert "DO NOT MATCH THE HASHES" in capfd.readouterr().err
    assert not (tmp_path / "there").exists()
