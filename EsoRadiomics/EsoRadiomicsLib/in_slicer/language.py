"""The panel's language: Slicer's own translation of a text where there is one, else the library's catalogue.

Slicer chooses its language when it starts; from the first import of this module on the library speaks it, if it can.
"""

from __future__ import annotations

import sys
from html import unescape
from typing import Any

from ..core.translation import nearest_language, use_language
from ..core.translation import tr as library_tr

try:
    from slicer import app, i18n
except ImportError:  # outside of Slicer
    app = i18n = None
else:
    use_language(nearest_language(str(getattr(app, "applicationLocaleName", ""))))

PROPERTIES = ("text", "title", "toolTip", "placeholderText", "nameFilters")


def tr(text: str) -> str:
    """``slicer.i18n.tr`` with the catalogue behind it: a Slicer language pack can override every text.

    Slicer's packs file a text under the Python file that it stands in, so the caller's is passed on. Slicer's tools
    find ``_("…")`` with nothing but the text in it; values are filled in by ``.format``.
    """
    if i18n is not None:
        told = i18n.translate(i18n.getContext(sys._getframe(1).f_code.co_filename), text)
        if told != text:
            return str(told)
    return library_tr(text)


def translate_widgets(root: Any) -> None:
    """Give the widgets of a ``.ui`` file the catalogue's words; what Slicer's packs translated is theirs already."""
    import qt

    for widget in [root, *root.findChildren(qt.QWidget)]:
        meta = widget.metaObject()
        for name in {meta.property(i).name() for i in range(meta.propertyCount())}.intersection(PROPERTIES):
            english = getattr(widget, name)
            if name == "toolTip":  # Slicer makes them rich text as they are set, and will again
                english = _plain(english)
            several = not isinstance(english, str)
            told = tuple(map(library_tr, english)) if several else library_tr(english)
            if told != (tuple(english) if several else english):
                setattr(widget, name, told)


def _plain(rich: str) -> str:
    inside = rich.removeprefix("<p>").removesuffix("</p>") if rich.startswith("<p>") else rich
    return unescape(inside.replace("<br>", ""))
