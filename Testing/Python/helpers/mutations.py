"""Inputs made hostile, the same ones in every run: bytes, words of texts, and values of JSON are changed by a seed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

WORDS = (
    *("nan", "inf", "-inf", "1e400", "-1", "0", "1", "2", "999999999", "4294967296", "-2147483648", "9" * 5000),
    *("", "LIST", "LOCAL", "%s%n%d", "../../../etc/passwd", "/dev/zero", "raw", "gzip", "hex", "bzip2", "double"),
    *("block", "True", "False", "none", "A" * 5000, "=1+1", "@SUM(A1)", "\x1b[2J", "\u202e", "\x00", "µ", "1,5"),
    *("1_000", "True ", "{}", "[]", '"', "'", ";", ",", "\n", "NRRD0004", "[" * 2000),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1e308, -1e308, 10**30, 5e-324, "", "x", "nan", [], {}, [[]], {"a": {}}),
    *([1], [None], ["x", "x"], "\x1b[2J", "<script>alert(1)</script>", "../../etc", "A" * 5000),
)


def mutate_bytes(content: bytes, seed: int, start: int = 0, end: int | None = None) -> bytes:
    """Flip, cut, insert or repeat bytes between two places of a file."""
    chance = random.Random(seed)
    end = len(content) if end is None else min(end, len(content))
    changed = bytearray(content)
    kind = chance.random()
    if kind < 0.6:
        for _ in range(chance.choice((1, 1, 2, 4, 8))):
            changed[chance.randrange(start, end)] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
    elif kind < 0.75:
        del changed[chance.randrange(start, end) :]
    elif kind < 0.9:
        place = chance.randrange(start, end)
        changed[place:place] = changed[place : place + chance.randrange(1, 64)]
    else:
        place = chance.randrange(start, end)
        del changed[place : place + chance.randrange(1, 16)]
    return bytes(changed)


def mutate_text(content: bytes, seed: int, end: int | None = None) -> bytes:
    """Replace, drop or repeat words or lines of the first ``end`` bytes; sometimes as :func:`mutate_bytes`."""
    chance = random.Random(seed)
    end = len(content) if end is None else end
    head, tail = content[:end], content[end:]
    kind = chance.random()
    if kind < 0.15:
        return mutate_bytes(content, seed, end=max(end, 1))
    if kind < 0.85:
        for _ in range(chance.choice((1, 1, 2))):
            found = list(re.finditer(rb"[^\s=:,;]+", head))
            if not found:
                break
            word = chance.choice(found)
            head = head[: word.start()] + chance.choice(WORDS).encode() + head[word.end() :]
        return head + tail
    lines = head.split(b"\n")
    place = chance.randrange(len(lines))
    if kind < 0.93:
        lines.insert(place, lines[chance.randrange(len(lines))])
    else:
        del lines[place]
    return b"\n".join(lines) + tail


def mutate_json(content: bytes, seed: int) -> bytes:
    """Replace, drop, rename or repeat a value anywhere in a document; sometimes as :func:`mutate_text`."""
    chance = random.Random(seed)
    if chance.random() < 0.15:
        return mutate_text(content, seed)
    document = json.loads(content)
    changes: list[Callable[[], None]] = []

    def visit(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            changes.append(lambda node=node, key=key: _change(node, key, chance))  # type: ignore[misc]
            if isinstance(node[key], (dict, list)):
                visit(node[key])

    visit(document)
    for change in chance.sample(changes, min(len(changes), chance.choice((1, 1, 1, 2, 5)))):
        try:
            change()
        except (KeyError, IndexError):  # what it would change is gone already
            continue
    return json.dumps(document).encode()


def _change(node: Any, key: Any, chance: random.Random) -> None:
    kind = chance.random()
    if kind < 0.6:
        node[key] = chance.choice(VALUES)
    elif kind < 0.75:
        del node[key]
    elif isinstance(node, dict):
        node[chance.choice(("x", "", f"{key} ", "__class__"))] = node[key]
    else:
        node.append(node[key])
