"""Pictures in the record of a finished case: small and lossless, so that the cohort's report can show what was seen."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..extraction.roi import Picture

_MOST_PIXELS = 112


def packed(pictures: Sequence[Picture]) -> dict[str, Any]:
    """The middle one of a case's pictures as JSON values, every n-th pixel of it."""
    picture = pictures[len(pictures) // 2]
    step = -(-max(picture.gray.shape) // _MOST_PIXELS)
    gray = np.ascontiguousarray(np.rint(picture.gray[::step, ::step]), np.uint8)
    return {
        "caption": picture.caption,
        "size": list(gray.shape),
        "gray": base64.b64encode(zlib.compress(gray.tobytes(), 9)).decode(),
        "inside": base64.b64encode(np.packbits(picture.inside[::step, ::step]).tobytes()).decode(),
    }


def unpacked(node: Mapping[str, Any]) -> Picture:
    """The picture of a record."""
    rows, columns = node["size"]
    gray = np.frombuffer(zlib.decompress(base64.b64decode(node["gray"])), np.uint8).reshape(rows, columns)
    inside = np.unpackbits(np.frombuffer(base64.b64decode(node["inside"]), np.uint8), count=rows * columns)
    return Picture(gray.astype(np.float32), inside.reshape(rows, columns).astype(np.bool_), node["caption"])
