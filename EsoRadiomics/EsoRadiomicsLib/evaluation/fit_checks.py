"""All that is asked of a fit beyond its own numbers: other samples, other outcomes, other splits, simpler models."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from ..core.progress import Progress
from ..modelling.fit import Fit
from .added_value import NestedTest, added_value
from .challenge import Challenge, challenge
from .internal_validation import InternalValidation, internal_validation
from .permutation_check import Chance, permutation_check
from .resampled_runs import silent
from .split_luck import SplitLuck, fold_luck, split_luck

_CROSS_FITS = 10


@dataclass(frozen=True)
class FitChecks:
    """What was found; None (no tests) where it was not asked for, ``luck`` also where the split was not drawn.

    ``fold_sizes`` are the numbers of features selected with other folds of the cross-validation.
    """

    internal: InternalValidation | None = None
    chance: Chance | None = None
    luck: SplitLuck | None = None
    fold_sizes: tuple[int, ...] = ()
    nested: tuple[NestedTest, ...] = ()
    challenge: Challenge | None = None


def check_fit(
    fit: Fit,
    *,
    bootstrap: int,
    permutations: int,
    challenges: int = 0,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> FitChecks:
    """Repeat the whole protocol in ``bootstrap`` samples and on ``permutations`` of the outcomes.

    A split that was drawn is drawn again a quarter as often as there are bootstrap samples, the folds a tenth as often;
    without these samples the nested tests are left out, too. In ``challenges`` samples of their own the challengers
    learn. The progress is shared by the numbers of runs.
    """
    plan, model = fit.plan, fit.model
    n_splits = bootstrap // 4 if fit.drawn else 0
    n_folds = bootstrap // 10
    total, done = max(1, bootstrap + permutations + challenges + n_splits + n_folds + _CROSS_FITS), 0

    def part(n: int) -> Progress:
        nonlocal done
        start = done
        done += n
        return lambda share, what: progress((start + n * share) / total, what)

    internal = chance = luck = None
    nested: tuple[NestedTest, ...] = ()
    sizes: tuple[int, ...] = ()
    if bootstrap:
        nested = added_value(plan, model, pool=pool, progress=part(_CROSS_FITS))
        internal = internal_validation(plan, model, n=bootstrap, pool=pool, progress=part(bootstrap))
        sizes = fold_luck(fit, n=n_folds, pool=pool, progress=part(n_folds))
    if permutations:
        chance = permutation_check(plan, model, fit.validation, n=permutations, pool=pool, progress=part(permutations))
    if n_splits:
        luck = split_luck(fit, n=n_splits, pool=pool, progress=part(n_splits))
    challenged = None
    if challenges:
        challenged = challenge(plan, model, n=challenges, pool=pool, progress=part(challenges))
    return FitChecks(internal, chance, luck, sizes, nested, challenged)
