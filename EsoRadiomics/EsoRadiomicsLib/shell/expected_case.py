"""The case of a command, perhaps read before the command came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.translation import current_language
from ..imaging.case import Case, load_case

_kept: dict[Any, Case] = {}


def expected_case(**asked: Any) -> Case:
    """As :func:`EsoRadiomicsLib.imaging.case.load_case`, of which the case that was read last is kept."""
    return _kept.get(_key(asked)) or load_case(**asked)


def read_ahead(**asked: Any) -> None:
    """Read and keep a case in place of an earlier one; its files are not to change any more.

    Raises:
        InputError: as ``load_case``.
    """
    forget_case()
    case = load_case(**asked)
    assert case.image_sha256 and case.mask_sha256  # computed once, as every result names them
    _kept[_key(asked)] = case


def forget_case() -> None:
    """No case is kept."""
    _kept.clear()


def _key(asked: Mapping[str, Any]) -> tuple[Any, ...]:
    return (*asked.items(), current_language())  # a case's warnings are in a language
