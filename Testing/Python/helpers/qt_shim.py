"""PythonQt's flat ``qt`` module made of PySide6, so that the project's widgets run off-screen in the tests.

Only what PythonQt and PySide6 call alike works: calls and enumerations, not properties (``w.width`` is a number in
PythonQt and a method in PySide6).
"""

from __future__ import annotations

import ctypes
import os
import sys
import types
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if sys.version_info < (3, 12):
    # PySide6 6.12 takes a reference of None with each call that returns nothing: a few thousand lines drawn, and the
    # process aborts as it ends. From Python 3.12 on None is immortal; here it gets references to spare.
    ctypes.c_ssize_t.from_address(id(None)).value += 1 << 30
pytest.importorskip("PySide6", reason="PySide6 draws the panel off-screen; `make test` installs it")

try:
    from PySide6 import QtCore, QtGui, QtSvg, QtTest, QtWidgets
except ImportError as error:  # PySide6 is there, a library of the system that it needs is not
    pytest.skip(f"Qt cannot start here: {error}", allow_module_level=True)


def application() -> Any:
    """The one QApplication."""
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication(["test"])


def install() -> types.ModuleType:
    """Make ``import qt`` give PySide6's classes."""
    application()
    shim = types.ModuleType("qt")
    for module in (QtCore, QtGui, QtSvg, QtWidgets):
        shim.__dict__.update({name: getattr(module, name) for name in dir(module) if name.startswith("Q")})
    return sys.modules.setdefault("qt", shim)


def drag(widget: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press the left button at ``start``, move to ``end`` and release there (pixels in the widget)."""
    left, none = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier
    points = [QtCore.QPoint(round(x), round(y)) for x, y in (start, end)]
    QtTest.QTest.mousePress(widget, left, none, points[0])
    QtTest.QTest.mouseMove(widget, points[1])
    QtTest.QTest.mouseRelease(widget, left, none, points[1])


def hover(widget: Any, at: tuple[float, float]) -> None:
    """Move the pointer, no button pressed."""
    QtTest.QTest.mouseMove(widget, QtCore.QPoint(round(at[0]), round(at[1])))


def double_click(widget: Any, at: tuple[float, float]) -> None:
    """Double-click with the left button."""
    left, none = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier
    QtTest.QTest.mouseDClick(widget, left, none, QtCore.QPoint(round(at[0]), round(at[1])))
