"""Text whose encoding nobody told: UTF-8, the encoding of Chinese Windows, or that of Western Windows."""

from __future__ import annotations

import re
from contextlib import suppress

UTF_8, CHINESE, WESTERN = "utf-8-sig", "gb18030", "cp1252"
_HIGH = re.compile(rb"[\x80-\xff]+")


def decoded(content: bytes) -> tuple[str, str]:
    """A text and the encoding it was taken for.

    Letters with accents mostly stand alone; a Chinese character is two high bytes, and most stand together.
    """
    with suppress(UnicodeDecodeError):
        return content.decode(UTF_8), UTF_8
    runs = [len(run) for run in _HIGH.findall(content)]
    if max(runs) >= 4 and 2 * sum(length for length in runs if length > 1) > sum(runs):
        with suppress(UnicodeDecodeError):
            return content.decode(CHINESE), CHINESE
    return content.decode(WESTERN, errors="replace"), WESTERN
