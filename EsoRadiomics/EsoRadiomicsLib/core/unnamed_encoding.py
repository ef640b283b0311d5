"""Text whose encoding nobody told: UTF-8, the encoding of Chinese Windows, or that of Western Windows."""

from __future__ import annotations

import re
from contextlib import suppress

UTF_8, CHINESE, WESTERN = "utf-8-sig", "gb18030", "cp1252"
_HIGH = re.compile(rb"[\x80-\xff]+")


def decoded(content: bytes) -> tuple[str, str]:
    """A text and the encoding it was taken for.

    Letters with accents mostly stand alone among others, Chinese characters are two high bytes or several.
    """
    with suppress(UnicodeDecodeError):
        return content.decode(UTF_8), UTF_8
    runs = [len(run) for run in _HIGH.findall(content)]
    if 2 * sum(length > 1 for length in runs) > len(runs):
        with suppress(UnicodeDecodeError):
            return content.decode(CHINESE), CHINESE
    return content.decode(WESTERN, errors="replace"), WESTERN
