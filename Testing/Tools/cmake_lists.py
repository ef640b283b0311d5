"""The scripts and resources that ``EsoRadiomics/CMakeLists.txt`` must name; called, it writes them there anew.

The digests of the study cards, which one of the resources lists, are renewed first.
"""

from __future__ import annotations

import re
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "EsoRadiomics"
SCRIPTS, RESOURCES = "MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"


def files_to_package() -> dict[str, list[str]]:
    """What lies in the module's folder, by the name of its CMake list; paths from that folder, sorted."""
    scripts = [*MODULE.glob("*.py"), *(MODULE / "EsoRadiomicsLib").rglob("*.py")]
    resources = [path for path in (MODULE / "Resources").rglob("*") if path.is_file()]
    return {
        name: sorted(path.relative_to(MODULE).as_posix() for path in paths if not path.name.startswith("."))
        for name, paths in ((SCRIPTS, scripts), (RESOURCES, resources))
    }


def write_lists(cmake_file: Path) -> None:
    """Replace the names in both lists."""
    text = cmake_file.read_text(encoding="utf-8")
    for name, files in files_to_package().items():
        entries = "".join(f"  {file}\n" for file in files)
        text = re.sub(rf"(set\({name}\n)[^)]*?( *\))", rf"\g<1>{entries}\g<2>", text)
    cmake_file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    from checked_cards import write_digests

    write_digests()
    write_lists(MODULE / "CMakeLists.txt")
