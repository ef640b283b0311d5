"""The panel's language: Slicer's own translation of a text where there is one, else the library's catalogue."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from ..core.translation import nearest_language, use_language
from ..core.translation import tr as library_tr

PROPERTIES = ("text", "title", "toolTip", "placeholderText", "windowTitle", "prefix", "suffix")


def speak_as_slicer() -> None:
    """From here on the library speaks the application's language, if it can."""
    import slicer

    use_language(nearest_language(slicer.app.applicationLocaleName))


def tr(text: str) -> str:
    """``slicer.i18n.tr`` with the catalogue behind it: a Slicer language pack can override every text.

    Slicer calls a text by the file that it stands in, so this passes its caller's on.
    """
    i18n = _slicer_i18n()
    if i18n is not None:
        told = i18n.translate(i18n.getContext(sys._getframe(1).f_code.co_filename), text)
        if told != text:
            return told
    return library_tr(text)


def translate_widgets(root: Any) -> None:
    """Widgets of a ``.ui`` file, which Qt has loaded in the language of Slicer's packs: the rest by the catalogue."""
    import qt

    for widget in [root, *root.findChildren(qt.QWidget)]:
        names = {widget.metaObject().property(i).name() for i in range(widget.metaObject().propertyCount())}
        for name in names.intersection(PROPERTIES):
            text = getattr(widget, name)
            if isinstance(text, str) and text and library_tr(text) != text:
                setattr(widget, name, library_tr(text))


@cache
def _slicer_i18n() -> Any:
    """Slicer's module; None outside of Slicer."""
    try:
        from slicer import i18n
    except ImportError:
        return None
    return i18n
