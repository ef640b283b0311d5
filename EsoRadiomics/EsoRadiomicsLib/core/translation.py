"""What people read, in their language: gettext's catalogues in ``Resources/Languages``, one ``.po`` file a language.

A sentence is written in English, where it is needed, as ``tr("… {n} …", n=n)``: the English text is the key, so
without a catalogue, or without an entry, it stays English. Keys of JSON, headers of tables, names of files and numbers
are never translated. The language belongs to the context (:mod:`contextvars`) of whoever asked for a report, and is
English unless someone asks for another.
"""

from __future__ import annotations

import gettext
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from .errors import UsageError
from .resources import resource_path

Texts = TypeVar("Texts")
ENGLISH = "en"
_current: ContextVar[str] = ContextVar("language", default=ENGLISH)


@dataclass(frozen=True)
class Catalogue:
    """Translations by English text (plural forms in the order of ``plural(n)``).

    ``fonts`` are families that have the language's characters (header ``X-Fonts``); empty where any font has them.
    """

    messages: Mapping[str, tuple[str, ...]]
    plural: Callable[[int], int]
    fonts: tuple[str, ...]


def languages() -> tuple[str, ...]:
    """Codes of the languages there are, English first."""
    return (ENGLISH, *sorted(path.stem for path in resource_path("Languages").glob("*.po")))


def nearest_language(locale: str) -> str:
    """The language of a locale such as ``zh_CN``; English where there is none for it."""
    code = re.split("[-_.]", locale)[0].lower()
    return code if code in languages() else ENGLISH


def current_language() -> str:
    """The language of this context."""
    return _current.get()


def fonts() -> tuple[str, ...]:
    """Font families that have the characters of this context's language; empty where any font has them."""
    return () if (code := _current.get()) == ENGLISH else catalogue(code).fonts


def use_language(code: str) -> None:
    """From here on this context speaks ``code``.

    Raises:
        UsageError: there is no such language.
    """
    _current.set(_known(code))


@contextmanager
def language(code: str) -> Iterator[None]:
    """Speak a language within a ``with`` block: reports are written, and warnings worded, in it.

    Args:
        code: as in :func:`languages`, for example ``"zh"``.

    Raises:
        UsageError: there is no such language.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> case = eso.load_case("ct.nrrd", "gtv.nrrd")
        >>> with eso.language("zh"):
        ...     eso.write_report(eso.score_patient(case, eso.load_study("ln-control-2y")), "node1")
    """
    token = _current.set(_known(code))
    try:
        yield
    finally:
        _current.reset(token)


def tr(text: str, /, **values: Any) -> str:
    """A text in this context's language, its ``{placeholders}`` filled in."""
    if isinstance(text, Told):
        values = dict(text.values)
        text = text.template
    code = _current.get()
    said = text if code == ENGLISH else catalogue(code).messages.get(text, (text,))[0]
    return said.format(**values) if values else said


def ntr(one: str, many: str, n: int, **values: Any) -> str:
    """The form of a text that goes with ``n``, filled in with it and with what else it holds."""
    said = one if n == 1 else many
    if (code := _current.get()) != ENGLISH:
        spoken = catalogue(code)
        forms = spoken.messages.get(one)
        said = forms[spoken.plural(n)] if forms else said
    return said.format(n=n, **values)


class Told(str):
    """An English text that remembers what it was made of; see :func:`told`."""

    template: str
    values: Mapping[str, Any]


def told(template: str, **values: Any) -> str:
    """A filled-in text that is English, as a file keeps it, and is translated where it is shown."""
    text = Told(template.format(**values))
    text.template, text.values = template, values
    return text


def mark(texts: Texts) -> Texts:
    """A text (or a list or dict of texts) that is translated where it is shown: what is compared, or kept in files,
    stays English."""
    return texts


@cache
def catalogue(code: str) -> Catalogue:
    """The catalogue of a language."""
    return read_catalogue(resource_path("Languages", f"{code}.po").read_text(encoding="utf-8"))


def read_catalogue(text: str) -> Catalogue:
    """The entries of a ``.po`` file; those that are fuzzy, obsolete or empty count as not there, as in gettext."""
    messages: dict[str, tuple[str, ...]] = {}
    head = ""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = [line for line in block.split("\n") if line and not line.startswith("#")]
        if re.search("^#,.*fuzzy", block, re.MULTILINE):
            continue
        fields: dict[str, str] = {}
        name = ""
        for line in lines:
            if not line.startswith('"'):
                name, _, line = line.partition(" ")
            fields[name] = fields.get(name, "") + json.loads(line)
        forms = tuple(value for key, value in fields.items() if key.startswith("msgstr"))
        if fields.get("msgid") and all(forms):
            messages[fields["msgid"]] = forms
        elif "msgid" in fields and not fields["msgid"]:
            head = forms[0]
    plural = re.search(r"plural=([^;]+)", head)
    fonts = re.search(r"^X-Fonts: *(.+)$", head, re.MULTILINE)
    return Catalogue(messages, gettext.c2py(plural[1] if plural else "0"), tuple(fonts[1].split(", ")) if fonts else ())


def _known(code: str) -> str:
    if code not in languages():
        raise UsageError(f"There is no language “{code}”. There are: {', '.join(languages())}.")
    return code
