"""What a protocol has made so far: the frozen state that its steps hand on, from the training patients to a model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ..core.errors import InputError, UsageError
from ..statistics.chunk_tests import wald_chunk
from ..statistics.combat import Combat
from ..statistics.competing import incidence_of_hazards
from ..statistics.cox import Baseline, CoxModel
from ..statistics.cutoff import MaxLogRank
from ..statistics.estimate import z_value
from ..statistics.fine_gray import FineGrayModel
from ..statistics.inputs import BoolArray, FloatArray, IntArray, select_columns
from ..statistics.lasso import DEFAULT_GRID, LambdaGrid
from ..statistics.logistic import LogisticModel
from ..statistics.roc import RocCurve
from ..studies.card_curves import Curve
from ..studies.study import Study
from .cohort_combat import harmonised, learn
from .curved_terms import CurvedTerms
from .model_cohort import Cohort

RAD_SCORE, RISK_GROUP, FEATURES = "Rad-score", "risk-group", "features"
_NOT_OF_A_COPY = ("source", "assumed", "kept", "instead_of")
T = TypeVar("T")


class NothingSelectedError(InputError):
    """No feature is left by a filter or chosen by a selection: there is nothing to build a signature of."""


@dataclass(frozen=True)
class FittedSignature:
    """Rad-score = intercept + Σ coefficient × feature; × z-score where there are ``means`` and ``sds`` (k,).

    ``harmonisation`` is what the features go through before, None without one.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    intercept: float
    means: FloatArray | None
    sds: FloatArray | None
    link: str
    harmonisation: Combat | None = None

    def inputs(self, cohort: Cohort) -> pd.DataFrame:
        """The signature's features (n, k) as they enter the sum."""
        x = select_columns(cohort.features, self.names)
        if self.harmonisation is not None:
            x = harmonised(cohort, self.harmonisation, x)
        if self.means is not None and self.sds is not None:
            x = (x - self.means) / self.sds
        return pd.DataFrame(x, columns=list(self.names), index=cohort.features.index)

    def rad_score(self, cohort: Cohort) -> FloatArray:
        """Rad-score (n,) of any patients."""
        return self.inputs(cohort).to_numpy() @ self.coefficients + self.intercept


@dataclass(frozen=True)
class FittedCutoff:
    """``value`` lies midway between two observed scores, so that nobody of the training patients is on it.

    ``scan`` or ``roc`` is what it was chosen from; both None for a published or median cut-off.
    """

    value: float
    rule: str
    method: str
    scan: MaxLogRank | None = None
    roc: RocCurve | None = None

    def above(self, scores: FloatArray) -> BoolArray:
        """Who is in the group above (n,)."""
        return scores >= self.value if self.rule == ">=" else scores > self.value


@dataclass(frozen=True)
class FittedTerm:
    """A term of the final model: ``kind`` and ``name`` as in a card, coefficient with 95 % limits, p.

    With a ``curve``, fitted as some ``columns``, the coefficient is 1, without limits, and p is that of the whole term.
    """

    kind: str
    name: str
    coefficient: float
    ci95: tuple[float, float]
    p: float
    curve: Curve | None = None
    columns: tuple[str, ...] = ()

    @property
    def betas(self) -> tuple[float, ...]:
        """The coefficients of what the model was fitted to."""
        return (self.coefficient,) if self.curve is None else self.curve.betas


@dataclass(frozen=True)
class CompetingHazard:
    """The hazard of what competes with the event: ``terms`` (none: the same for all), and its ``baseline``."""

    terms: tuple[FittedTerm, ...]
    baseline: Baseline


@dataclass(frozen=True)
class FinalModel:
    """The outcome model that goes into the card: ``kind`` survival (with its ``baseline``) or logistic.

    Where events compete ``model`` says what its hazard is of: ``cause-specific``, with the hazard of ``competing``
    beside it, or ``fine-gray``; "" elsewhere.
    ``covariance`` (p, p) is that of a survival model's coefficients.
    """

    kind: str
    terms: tuple[FittedTerm, ...]
    intercept: float
    baseline: Baseline | None
    model: str = ""
    competing: CompetingHazard | None = None
    covariance: FloatArray | None = None


@dataclass(frozen=True)
class Choices:
    """What a user, or a resample, decides about a run of a protocol.

    Attributes:
        seed: of the cross-validation's folds, where ``folds`` (n,) does not give them.
        kept: features that passed an agreement study; None skips that filter.
        published_cutoff: take the study's own cut-off of the Rad-score.
        lambdas: grid of a LASSO's penalty.
        n_validation: number of patients that were set aside.
        explain: whether warnings and explanations that cost time are worth it; not in a resample.
    """

    seed: int = 1
    folds: IntArray | None = None
    kept: Collection[str] | None = None
    published_cutoff: bool = False
    lambdas: LambdaGrid | FloatArray = field(default=DEFAULT_GRID)
    n_validation: int = 0
    explain: bool = True


@dataclass(frozen=True)
class FittedModel:
    """What the steps of a protocol have left; every step returns a new one.

    Attributes:
        study, horizons: whose protocol it is, and the times of its survival probabilities.
        training: the training patients; no step ever sees others.
        features: the candidates that are left (n, p), in their own units.
        harmonisation: what made the features of scanners or centres alike, None where nothing did.
        before_filters: the candidates before the first filter that looked at the outcome; None without one.
        filters: those filters, as functions of features (n, p) and event (n,) that say which columns pass (p,).
        z_scored: whether features are z-scored by the training patients from here on.
        account: how many features each step left, as (what was done, how many).
        signatures: each signature that a step built; the first is the Rad-score's, the last the card's.
        cutoff: of the card's Rad-score.
        entering: clinical variables that a screening lets into the outcome models; None: all.
        univariable, multivariable, logistic: the tables of the papers; ``logistic`` by name, on the signature's inputs.
        final: the outcome model of the card.
        strata: whether the study's risk strata are built.
        details: how a step came to what it left, one object a kind; see :meth:`detail`.
        warnings: sentences for the user.
        done: the steps as they were done here, as the new card writes them.
    """

    study: Study
    horizons: tuple[float, ...]
    training: Cohort
    choices: Choices
    features: pd.DataFrame
    harmonisation: Combat | None = None
    before_filters: pd.DataFrame | None = None
    filters: tuple[Callable[[pd.DataFrame, BoolArray], BoolArray], ...] = ()
    z_scored: bool = False
    account: tuple[tuple[str, int], ...] = ()
    signatures: tuple[FittedSignature, ...] = ()
    cutoff: FittedCutoff | None = None
    entering: tuple[str, ...] | None = None
    univariable: tuple[CoxModel | FineGrayModel | LogisticModel, ...] = ()
    multivariable: CoxModel | FineGrayModel | None = None
    logistic: Mapping[str, LogisticModel] = field(default_factory=dict)
    final: FinalModel | None = None
    strata: bool = False
    details: tuple[object, ...] = ()
    warnings: tuple[str, ...] = ()
    done: tuple[Mapping[str, Any], ...] = ()

    @property
    def signature(self) -> FittedSignature:
        """The card's signature."""
        return self.signatures[-1]

    @property
    def rad_signature(self) -> FittedSignature:
        """The signature as it was selected; a logistic model may have given its features other coefficients."""
        return self.signatures[0]

    def detail(self, kind: type[T]) -> T | None:
        """The detail of this kind that a step left, None where no step did."""
        return next((detail for detail in reversed(self.details) if isinstance(detail, kind)), None)

    def narrowed(self, features: pd.DataFrame, what: str) -> FittedModel:
        """With fewer candidates; raise NothingSelectedError when none is left."""
        if not features.shape[1]:
            raise NothingSelectedError(
                f"No feature is left after “{what}”, so there is nothing to build a signature of. Chance alone would "
                "leave about the p limit's share of the features."
            )
        return replace(self, features=features, account=(*self.account, (what, features.shape[1])))

    def usable(self) -> FittedModel:
        """Without candidates that are constant in the training patients or copies of another."""
        model = self
        varying = model.features.loc[:, np.ptp(model.features.to_numpy(), axis=0) > 0]
        if varying.shape[1] < model.features.shape[1]:
            model = model.narrowed(varying, "not constant in the training patients")
        distinct = varying.loc[:, ~varying.T.duplicated().to_numpy()]
        if distinct.shape[1] < varying.shape[1]:
            model = model.narrowed(distinct, "not a copy of another feature")
        return model

    def seen_from(self, names: pd.Index, rows: BoolArray | IntArray) -> pd.DataFrame:
        """Features (n, p) of all training patients as those in ``rows`` (n,) alone have it: harmonised by them only.

        A feature that does not vary in each of their batches stays as it was measured.
        """
        raw = self.training.features[list(names)]
        if self.harmonisation is None:
            return raw
        learned, _ = learn(self.training.rows(rows), self.harmonisation.features, self.harmonisation.covariates)
        varying = [name for name in names if name in learned.features]
        values = raw.to_numpy(dtype=np.float64, copy=True)
        at = raw.columns.get_indexer(varying)
        values[:, at] = harmonised(self.training, learned.only(varying), values[:, at])
        return pd.DataFrame(values, index=raw.index, columns=raw.columns)

    def weighted(
        self,
        names: tuple[str, ...],
        weights: FloatArray,
        intercept: float,
        means: FloatArray,
        sds: FloatArray,
        link: str,
    ) -> FittedModel:
        """With a signature: ``weights`` (k,) of (feature − mean) / SD, in raw units if there is no z-score step."""
        if not self.z_scored:
            weights = weights / sds
            intercept -= float(weights @ means)
            signature = FittedSignature(names, weights, intercept, None, None, link)
        else:
            signature = FittedSignature(names, weights, intercept, means, sds, link)
        if self.harmonisation is not None:
            signature = replace(signature, harmonisation=self.harmonisation.only(names))
        return replace(self, signatures=(*self.signatures, signature))

    def warned(self, sentence: str) -> FittedModel:
        """With one more warning."""
        return replace(self, warnings=(*self.warnings, sentence))

    def did(self, step: Mapping[str, Any], **changes: Any) -> FittedModel:
        """With a step of the study's protocol in the new card's, ``changes`` being what was different here."""
        copied = {key: value for key, value in step.items() if key not in _NOT_OF_A_COPY}
        return replace(self, done=(*self.done, {**copied, "evidence": "refit", **changes}))

    def clinical(self, cohort: Cohort) -> pd.DataFrame:
        """The clinical variables that enter the outcome models, of any patients."""
        return cohort.clinical if self.entering is None else cohort.clinical[list(self.entering)]

    def radiomic(self, cohort: Cohort, term: str) -> pd.DataFrame:
        """The Rad-score, or its risk group as 0/1, of any patients: a column named ``term``."""
        scores = self.signature.rad_score(cohort)
        if term != RISK_GROUP:
            return pd.DataFrame({term: scores}, index=cohort.features.index)
        if self.cutoff is None:
            raise UsageError("A model of risk groups needs a cut-off step in the protocol.")
        above = self.cutoff.above(scores)
        return pd.DataFrame({term: above.astype(np.float64)}, index=cohort.features.index)

    def predictor(self, cohort: Cohort) -> FloatArray:
        """Linear predictor (n,) of the final model for any patients."""
        assert self.final is not None
        return self.final.intercept + self._sum(self.final.terms, cohort)

    def event_free(self, cohort: Cohort) -> dict[float, FloatArray]:
        """Horizon → probability (n,) of not having had the event, of the horizons that were reached.

        1 minus the cumulative incidence where events compete.
        """
        final = self.final
        assert final is not None and final.baseline is not None
        risk = self.predictor(cohort)
        if final.competing is None:
            free = np.exp(-np.exp(np.minimum(risk, 500.0))[:, None] * final.baseline.at(self.horizons))
        else:
            other = self._sum(final.competing.terms, cohort)
            free = 1 - incidence_of_hazards((final.baseline, risk), [(final.competing.baseline, other)], self.horizons)
        return {time: column for time, column in zip(self.horizons, free.T, strict=True) if not np.isnan(column).any()}

    def columns(self, cohort: Cohort) -> FloatArray:
        """What the final model was fitted to (n, p), of any patients; its coefficients are the terms' ``betas``."""
        assert self.final is not None
        parts = []
        for term in self.final.terms:
            values = self._values(term, cohort)
            parts.append(values[:, None] if term.curve is None else np.array([term.curve.columns(x) for x in values]))
        return np.hstack(parts)

    def _values(self, term: FittedTerm, cohort: Cohort) -> FloatArray:
        """A term's variable (n,)."""
        if term.kind == "covariate":
            return cohort.clinical[term.name].to_numpy(dtype=np.float64)
        return self.radiomic(cohort, term.name)[term.name].to_numpy()

    def _sum(self, terms: tuple[FittedTerm, ...], cohort: Cohort) -> FloatArray:
        """Σ coefficient × value (n,) of the final model's ``terms``."""
        total: FloatArray = np.zeros(len(cohort))
        for term in terms:
            column = self._values(term, cohort)
            if term.curve is not None:
                column = np.array([term.curve.at(float(x)) for x in column])
            total = total + term.coefficient * column
        return total


def fitted_terms(
    fit: CoxModel | FineGrayModel | LogisticModel, se: FloatArray, curved: CurvedTerms | None = None
) -> tuple[FittedTerm, ...]:
    """The terms of a model with their 95 % limits; ``se`` (p,) without the intercept's.

    The columns of a ``curved`` variable become one term.
    """
    kinds = {RAD_SCORE: "rad-score", RISK_GROUP: "risk-group"}
    reach = z_value(0.95) * se
    found = []
    for name, beta, width, p in zip(fit.names, fit.coefficients, reach, fit.p, strict=True):
        variable = name if curved is None else curved.variable(name)
        if curved is None or isinstance(fit, LogisticModel) or (curve := curved.curve(variable, fit)) is None:
            limits = float(beta - width), float(beta + width)
            found.append(FittedTerm(kinds.get(name, "covariate"), name, float(beta), limits, float(p)))
        elif all(term.name != variable for term in found):
            columns, unknown = tuple(curved.columns(variable)), (float("nan"), float("nan"))
            p = wald_chunk(fit, columns).p
            found.append(FittedTerm("covariate", variable, 1.0, unknown, p, curve, columns))
    return tuple(found)
