"""Catalogues are read as gettext reads them, a language belongs to its context, and nothing a machine reads changes."""

from __future__ import annotations

import copy
import gettext
import json
import pickle
import shutil
import subprocess
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.core.formatting import counted, some
from EsoRadiomicsLib.core.resources import resource_path
from EsoRadiomicsLib.core.translation import (
    current_language,
    language,
    languages,
    nearest_language,
    ntr,
    read_catalogue,
    told,
    tr,
)
from EsoRadiomicsLib.core.wide_text import columns, padded, wrapped

POLISH = r"""
# A comment.
msgid ""
msgstr ""
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\n"
"X-Fonts: One Sans, Two Sans\n"

#: some/file.py
msgid "A \"quoted\" text,\n"
"in {n} lines"
msgstr "Tekst „cytowany”,\n"
"w {n} wierszach"

msgid "{n} case"
msgid_plural "{n} cases"
msgstr[0] "{n} przypadek"
msgstr[1] "{n} przypadki"
msgstr[2] "{n} przypadków"

#, fuzzy
msgid "guessed"
msgstr "zgadnięte"

msgid "not yet"
msgstr ""

#~ msgid "gone"
#~ msgstr "nie ma"
"""


def test_a_catalogue_has_what_is_translated_and_nothing_fuzzy_empty_or_obsolete() -> None:
    catalogue = read_catalogue(POLISH)
    assert dict(catalogue.messages) == {
        'A "quoted" text,\nin {n} lines': ("Tekst „cytowany”,\nw {n} wierszach",),
        "{n} case": ("{n} przypadek", "{n} przypadki", "{n} przypadków"),
    }
    assert catalogue.fonts == ("One Sans", "Two Sans")
    # https://cldr.unicode.org: Polish "one", "few", "many"
    assert [catalogue.plural(n) for n in (0, 1, 2, 5, 12, 22, 25)] == [2, 0, 1, 2, 2, 1, 2]


@pytest.mark.skipif(not shutil.which("msgfmt"), reason="GNU gettext is not installed")
@pytest.mark.parametrize("name", ["polish", *(code for code in languages() if code != "en")])
def test_gettext_itself_reads_the_same(name: str, tmp_path: Path) -> None:
    text = POLISH if name == "polish" else resource_path("Languages", f"{name}.po").read_text(encoding="utf-8")
    head = '"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms'
    (tmp_path / "a.po").write_text(text.replace('"Plural-Forms', head) if name == "polish" else text, encoding="utf-8")
    subprocess.run(["msgfmt", "--check-format", "-o", tmp_path / "a.mo", tmp_path / "a.po"], check=True)
    with (tmp_path / "a.mo").open("rb") as file:
        theirs = gettext.GNUTranslations(file)
    ours = read_catalogue(text)
    for key, forms in ours.messages.items():
        for n in range(120):
            expected = theirs.ngettext(key, "", n) if len(forms) > 1 else theirs.gettext(key)
            assert forms[ours.plural(n) if len(forms) > 1 else 0] in (expected, theirs.ngettext(key, "", n))


def test_without_a_language_texts_are_english_and_filled_in() -> None:
    assert current_language() == "en"
    assert tr("{n} of {count}", n=1, count=2) == "1 of 2"
    assert tr("a text that no catalogue has: {}") == "a text that no catalogue has: {}"
    assert [ntr("{n} case", "{n} cases", n) for n in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]


def test_a_language_lasts_as_long_as_its_block_and_stays_in_its_thread() -> None:
    found = []
    with language("zh"):
        assert (tr("Risk group"), counted(3, "case")) == ("风险组", "3例")
        assert some("abcdefg") == "a、b、c、d、e及另外2项"
        thread = threading.Thread(target=lambda: found.append(tr("Risk group")))
        thread.start()
        thread.join()
        with language("en"):
            assert tr("Risk group") == "Risk group"
        assert tr("no translation of this") == "no translation of this"
    assert found == ["Risk group"]
    assert tr("Risk group") == "Risk group"


def test_an_unknown_language_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no language “xx”. There are: en, zh"), language("xx"):
        pass


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("zh_CN", "zh"), ("zh-TW", "zh"), ("zh", "zh"), ("en_US", "en"), ("fr_FR", "en"), ("C", "en"), ("", "en")],
)
def test_a_locale_has_the_language_of_its_first_letters_or_english(locale: str, expected: str) -> None:
    assert nearest_language(locale) == expected


def test_a_told_text_is_english_in_a_file_and_translated_where_it_is_shown() -> None:
    text = told("at or above {hu} HU", hu="−50")
    with language("zh"):
        assert json.dumps(text, ensure_ascii=False) == '"at or above −50 HU"'
        assert tr(text) == tr(pickle.loads(pickle.dumps(text))) == tr(copy.deepcopy(text)) == "不低于−50 HU"


@given(st.text(alphabet="ab -,.", max_size=60), st.integers(8, 30))
def test_narrow_text_is_wrapped_as_textwrap_wraps_it(text: str, width: int) -> None:
    assert wrapped(text, width, first="* ", rest="  ") == textwrap.wrap(
        text, width, initial_indent="* ", subsequent_indent="  "
    )


@given(st.text(alphabet="体素重采样GTV，。（）“”、 0.5", max_size=60), st.integers(8, 30))
def test_chinese_lines_keep_their_width_their_letters_and_their_punctuation(text: str, width: int) -> None:
    lines = wrapped(text + "的", width)
    assert "".join(lines).replace(" ", "") == (text + "的").replace(" ", "")
    for line in lines[1:]:
        assert not line.startswith(("，", "。", "、", "）")) or columns(line[:2]) <= 4
    long_words = [word for word in text.split() if columns(word) > width]
    assert all(columns(line) <= width for line in lines) or long_words or any("，，" in line for line in lines)


def test_lines_beyond_those_asked_for_are_cut_with_an_ellipsis() -> None:
    assert wrapped("缓解可能性较大的一组患者", 10, most=2) == ["缓解可能性", "较大的一组…"]
    assert padded("稳健性", 10) == "稳健性    "
