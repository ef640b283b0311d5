"""The Python that Slicer brings, for work in other processes."""

from __future__ import annotations

import shutil
import sys


def slicer_python() -> str:
    """Path of Slicer's Python interpreter; inside Slicer ``sys.executable`` can be Slicer itself.

    Outside Slicer it is the interpreter at work, even where a Slicer is on the PATH.
    """
    if "slicer" not in sys.modules:
        return sys.executable
    return shutil.which("PythonSlicer") or shutil.which("python-real") or sys.executable
