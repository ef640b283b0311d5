"""What the settings of every engine have in common: one frozen value, a fingerprint, and differences in words.

A study card fixes them; a reference cohort is only valid for the same ones; every result carries them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

from ..core.errors import UsageError
from ..core.numbers import is_number

Settings = TypeVar("Settings", bound="ExtractionSettings")
DEFAULT_ENGINE = "pyradiomics"
"""What measures where a card or a file names no engine: files written before there were several name none."""


@dataclass(frozen=True)
class ExtractionSettings:
    """Everything that changes a feature's value. Each engine has its own fields, all with defaults, as a subclass.

    Attributes:
        engine: name of the engine these settings are for.
        labels: of each field, what it is called for people.
        after_roi: fields that the ROI does not depend on, only what is measured in it.
    """

    engine: ClassVar[str]
    labels: ClassVar[Mapping[str, str]]
    after_roi: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what is no finite number where one belongs; subclasses call this first.

        Raises:
            UsageError: nan, infinite, a text, a truth value, or a number with decimals where a whole one belongs.
        """
        for field in fields(self):
            value, usual = getattr(self, field.name), field.default
            if value is None and "None" in str(field.type):
                continue
            first = usual[0] if isinstance(usual, tuple) and usual else usual
            if isinstance(first, bool) or not isinstance(first, (int, float)):
                continue
            several = isinstance(usual, tuple)
            numbers = value if several and isinstance(value, (list, tuple)) else [value]
            if isinstance(value, (list, tuple)) != several or not all(map(is_number, numbers)):
                what = "a list of finite numbers" if several else "a finite number"
                raise UsageError(f"{field.name} is {str(value)[:40]}; give {what}.")
            if isinstance(first, int) and not all(number == int(number) for number in numbers):
                raise UsageError(f"{field.name} is {str(value)[:40]}; give a whole number.")

    @property
    def pixel_type(self) -> str:
        """Pixel type of the CT when it is measured: ``int16``, ``float32`` or ``float64``."""
        raise NotImplementedError

    @property
    def min_voxels(self) -> int:
        """Fewest voxels an ROI may have."""
        raise NotImplementedError

    @property
    def voxel_mm(self) -> tuple[float, float, float] | None:
        """(x, y, z) voxel size after resampling in mm, or None for voxels as scanned."""
        return None

    @property
    def hu_min(self) -> float | None:
        """Lowest HU that stays in the ROI, or None for no exclusion."""
        return None

    def idle(self, names: Iterable[str]) -> frozenset[str]:
        """Settings that change none of these features while the others stay as they are."""
        return frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all features these settings give, in the engine's order."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        """The settings in words, in the order of the work."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls: type[Settings], values: Mapping[str, Any]) -> Settings:
        """Settings from a plain mapping (a study card, a reference cohort file, a result), without the engine's name.

        Raises:
            UsageError: a name that is no setting, or a value out of its choices.
        """
        known = cls.field_names()
        unknown = set(values) - set(known)
        if unknown:
            raise UsageError(
                f"{', '.join(sorted(unknown))} is no extraction setting. The settings are: {', '.join(known)}."
            )
        try:
            return cls(**values)
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"An extraction setting has a value of the wrong kind: {error}.") from error

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """Names of the settings, in their order."""
        return tuple(field.name for field in fields(cls))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, in a fixed order; the engine is named unless it is the default one."""
        values = {name: getattr(self, name) for name in self.field_names()}
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return values if self.engine == DEFAULT_ENGINE else {"engine": self.engine, **values}

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the SHA-256 of the settings: equal settings, equal fingerprint."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]

    def changed(self: Settings, **changes: Any) -> Settings:
        """A copy with some settings changed."""
        return replace(self, **changes)

    def differences(self, other: ExtractionSettings) -> dict[str, tuple[Any, Any]]:
        """``{setting: (here, there)}`` for every setting that differs in ``other``; of another engine only its name."""
        if self.engine != other.engine:
            return {"engine": (self.engine, other.engine)}
        mine, theirs = self.to_dict(), other.to_dict()
        both = dict.fromkeys([*mine, *theirs])
        return {name: (mine.get(name), theirs.get(name)) for name in both if mine.get(name) != theirs.get(name)}
