"""Learning machines that a protocol's model is held against, a file each: “forest” is in forest_challenger.

A new one is a new file here with a :class:`.challenger.Challenger` called CHALLENGER. They are told apart from protocol
steps by what they leave: predictions only, no card, so that scoring a patient never needs them or their packages.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..model_cohort import Cohort
from .challenger import Challenger


def challengers(cohort: Cohort) -> tuple[Challenger, ...]:
    """Those for the cohort's kind of outcome, in the order of their files' names.

    Raises:
        UsageError: a package that one of them needs is missing.
    """
    names = sorted(module.name for module in iter_modules(__path__) if module.name.endswith("_challenger"))
    found = [import_module(f"{__name__}.{name}").CHALLENGER for name in names]
    fitting = tuple(each for each in found if each.binary == (cohort.binary is not None))
    for each in fitting:
        each.check()
    return fitting
