"""The steps of a protocol, a file each, found by the name that a card gives them: “lasso” is LassoStep in lasso_step.

A new step is a new file here and its definition in ``Resources/Schemas/protocol.schema.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ...core.errors import UsageError
from .protocol_step import ProtocolStep


def protocol_step(spec: Mapping[str, Any]) -> ProtocolStep:
    """The step that a card's ``spec`` describes.

    Raises:
        UsageError: there is no step of that name.
    """
    name = str(spec["step"])
    module = f"{__name__}.{name.replace('-', '_')}_step"
    if not name.replace("-", "").isalnum() or find_spec(module) is None:
        raise UsageError(f"A protocol step is called “{name}”, which is not known here; correct the card.")
    cls = getattr(import_module(module), "".join(part.capitalize() for part in name.split("-")) + "Step")
    return cls(spec)
