"""Checking JSON against a schema of ``Resources/Schemas``."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from .errors import StudyError
from .resources import resource_path

LONGEST_MESSAGE = 300
CHECKED = "checked.txt"
"""Digests of the documents that come with the extension; ``Testing/Tools/checked_cards.py`` writes them."""


def check_schema(document: Any, schema: str, subject: str, *, at: str = "$") -> None:
    """Check a JSON document against a schema of ``Resources/Schemas``.

    Args:
        document: parsed JSON.
        schema: file name of the schema.
        subject: what the document is to the user, for example ``The study card my.json``.
        at: JSON path of ``document``, where it is part of a larger one.

    Raises:
        StudyError: ``subject`` is broken, at which path, and what was expected there.
    """
    from jsonschema.exceptions import best_match

    error = best_match(validator(schema).iter_errors(document))
    if error is None:
        return
    message = error.message
    if len(message) > LONGEST_MESSAGE:  # it starts with the whole offending value and ends with what was expected
        message = f"{message[: LONGEST_MESSAGE // 2]} … {message[-LONGEST_MESSAGE // 2 :]}"
    meaning = error.schema.get("description", "") if error.path and error.validator not in _OF_MEMBERS else ""
    expected = f" (expected: {meaning})" if meaning else ""
    raise StudyError(f"{subject} is broken at {at}{error.json_path[1:]}: {message}{expected}.")


# These complain of an object's members, so the description of the object as a whole would not help.
_OF_MEMBERS = ("required", "additionalProperties", "dependentRequired")


def was_checked(document: Any) -> bool:
    """Whether a document is one that comes with the extension and was checked against these very schemas.

    A check takes a quarter of a second, most of it to import jsonschema. What counts is the content: a card that was
    changed, wherever it lies, is checked again, and so are all when a schema was changed.
    """
    return digest(document) in resource_path("Schemas", CHECKED).read_text(encoding="ascii").split()


def digest(document: Any) -> str:
    """SHA-256 of a document and of all schemas."""
    found = hashlib.sha256(json.dumps(document, sort_keys=True).encode())
    for schema in sorted(resource_path("Schemas").glob("*.json")):
        found.update(schema.read_bytes().replace(b"\r\n", b"\n"))
    return found.hexdigest()


@lru_cache
def validator(schema: str) -> Any:
    """What checks against a schema; made once."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(_schema(schema).contents, registry=Registry(retrieve=_schema))  # type: ignore[call-arg]


def _schema(name: str) -> Any:
    """A schema of ours, which may refer to parts of another by its file name."""
    from referencing.jsonschema import DRAFT202012

    return DRAFT202012.create_resource(json.loads(resource_path("Schemas", name).read_text(encoding="utf-8")))
