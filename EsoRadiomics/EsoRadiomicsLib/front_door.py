"""What a user of the library calls with paths: each function reads files, asks one room, and gives back its result.

These and the rooms' own calls are the names of ``import EsoRadiomicsLib as eso``; the tests run the examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .agreement.comparison import Agreement, agreement
from .agreement.icc_protocol import against_design, protocol_rule
from .agreement.kept_features import load_kept
from .cohort.cohort_run import CohortRun, local_workers
from .cohort.cohort_run import run_cohort as measure_cohort
from .cohort.cohort_table import write_results
from .cohort.manifest import read_manifest
from .core.errors import UsageError
from .core.progress import Progress
from .evaluation.assessment import Assessment, assess
from .evaluation.validate import Validation
from .evaluation.validate import validate as validate_cohort
from .extraction.engines import extract as measure
from .extraction.engines import prepare
from .extraction.feature_table import read_table
from .extraction.features import Features
from .imaging.case import Case
from .modelling.fit import Options, fit_table
from .modelling.fitted_card import Identity
from .modelling.model_cohort import Columns, read_cohort
from .studies.reference_cohort import ReferenceCohort, load_reference
from .studies.study import Study, load_study

__all__ = ["extract", "fit", "icc", "run_cohort", "validate"]


def extract(case: Case, study: str | Path | Study, *, signature: bool = False) -> Features:
    """Measure a case with a study's settings.

    Args:
        case: from :func:`load_case`, loaded with the settings' pixel type (``int16`` in all built-in studies).
        study: identifier, path of a card, or a :class:`Study`.
        signature: only the features of the study's signature.

    Returns:
        Values by name, in the units of the features (mm, HU), and for features without a value the reason.

    Raises:
        UsageError: the study has no signature.
        RoiError, ExtractionError: the ROI cannot be measured, or a package is missing.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> case = eso.load_case("ct.nrrd", "gtv.nrrd", label=1)
        >>> features = eso.extract(case, "ln-response-crt", signature=True)
        >>> len(features.values), features.settings.fingerprint
        (7, '92dc2f67f9d3')
    """
    card = load_study(study)
    if signature and card.signature is None:
        raise UsageError(f"{card.id} has no signature to extract: {card.absent}")
    names = card.signature.names if signature and card.signature else None
    return measure(prepare(case, card.settings), card.settings, names)


def icc(table: str | Path, study: str | Path | Study | None = None, **rule: Any) -> Agreement:
    """ICC of every feature of repeated readings, and which features a rule keeps (as R's ``psych::ICC``).

    Args:
        table: CSV with one row a case, reader and session, and feature columns.
        study: whose protocol gives the rule.
        rule: ``threshold``, ``form`` (``"2,1"``), ``strict``, ``lower_bound`` or ``observers`` instead.

    Returns:
        ``table``, a row a feature with its ICC and 95 % limits (no unit, 1 at best), and ``kept``. Sources: Shrout &
        Fleiss, Psychol Bull 1979;86:420; McGraw & Wong, Psychol Methods 1996;1:30.

    Raises:
        InputError: a table that cannot be compared; UsageError: no threshold.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> result = eso.icc("readings.csv", "ln-response-crt")
        >>> result.rule.threshold, result.rule.strict
        (0.75, True)
        >>> kept = result.kept.features
    """
    card = load_study(study) if study is not None else None
    return against_design(agreement(read_table(Path(table)), protocol_rule(card, **rule)), card)


def run_cohort(
    manifest: str | Path,
    study: str | Path | Study,
    folder: str | Path,
    *,
    full: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> CohortRun:
    """Measure all cases of a manifest into ``folder/features.csv``; what is finished is not measured again.

    Args:
        manifest: CSV or XLSX with the columns case, image, mask.
        study: whose settings are used, and whose signature is measured.
        folder: for the results and the finished cases.
        full: measure all features.
        jobs: cases at a time, each in a process of its own.
        progress: called with the share done (0 to 1) and what is being done.

    Returns:
        ``finished`` and ``failures``; the table has a row a case, its ROI's volume in cm³, its features in their units.

    Raises:
        InputError, UsageError, OutputError: manifest, study or folder cannot be used. A case that fails is in
            ``failures`` of the result.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> run = eso.run_cohort("manifest.csv", "ln-control-2y", "results")
        >>> len(run.finished), len(run.failures)
        (3, 0)
    """
    card = load_study(study)
    if not full and card.signature is None:
        raise UsageError(f"{card.id} has no signature to measure: {card.absent} Measure all features (full=True).")
    run = measure_cohort(
        read_manifest(Path(manifest)),
        card.settings,
        Path(folder),
        features=None if full or card.signature is None else card.signature.names,
        workers=local_workers(jobs),
        progress=progress,
    )
    write_results(run, Path(folder), study=card.id)
    return run


def fit(
    table: str | Path,
    protocol: str | Path | Study,
    *,
    identifier: str,
    label: str = "our cohort",
    kept: str | Path | None = None,
    alternative: str | None = None,
    seed: int = 1,
    **columns: Any,
) -> Assessment:
    """Build a model by a study's own protocol, in the training rows only, and evaluate it on both sides.

    Args:
        table: feature table with outcome and clinical columns.
        protocol: study whose steps are repeated.
        identifier: of the new card: lower-case letters, digits and hyphens.
        label: whose patients these are, for the card's sources.
        kept: list of features that passed an agreement study (``kept.json``).
        alternative: a step that the protocol may take instead of another (``random-forest``).
        seed: of split and folds.
        columns: ``time``, ``event``, ``outcome``, ``clinical`` (a tuple), ``split``, ``folds``, ``patient``,
            ``first_feature``, ``time_unit``: which column is what; ``rois``: what becomes of a patient's several.

    Returns:
        The fit, its study card (``.study.card``), and its evaluations; the training side's are apparent values.
        Resampling of the whole protocol, which an honest report needs, is ``esoradiomics fit``'s.

    Raises:
        InputError, UsageError: table or protocol cannot be used.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> model = eso.fit("cohort.csv", "ln-response-crt", identifier="ours", outcome="outcome")
        >>> model.study.id, [side.name for side in model.sides]
        ('ours', ['training', 'validation'])
    """
    card = load_study(protocol)
    return assess(
        fit_table(
            Path(table),
            Columns(**columns),
            card,
            Identity(identifier, f"{card.title} ({label})", label),
            kept=load_kept(kept) if kept is not None else None,
            options=Options(seed=seed, alternative=alternative),
        )
    )


def validate(
    card: str | Path | Study,
    table: str | Path,
    *,
    reference: str | Path | ReferenceCohort | None = None,
    **columns: Any,
) -> Validation:
    """Evaluate a study card on patients it was not built from.

    Args:
        card: identifier, path, or a :class:`Study`.
        table: feature table with outcome and clinical columns.
        reference: for z-scored studies whose card holds no means and SDs.
        columns: as in :func:`fit`; the clinical variables are the card's covariates unless they are named.

    Returns:
        Evaluations with measures and their 95 % limits, at the card's horizons in the unit of its times (months):
        Harrell's C, the AUC with DeLong's variance, and so on; sources stand where each is computed, in ``statistics``.

    Raises:
        ScoreError: the card cannot be scored; InputError, UsageError: the table lacks what it needs.

    Example:
        >>> import EsoRadiomicsLib as eso
        >>> validation = eso.validate("ln-response-crt", "cohort.csv", outcome="outcome")
        >>> auc = next(m for e in validation.evaluations for m in e.measures if m.metric == "AUC")
        >>> 0 < auc.value < 1
        True
    """
    study = load_study(card)
    columns.setdefault("clinical", tuple(study.covariates))
    own = study.signature.names if study.signature else ()
    cohort = read_cohort(Path(table), Columns(**columns, features=own), study).cohort
    return validate_cohort(study, cohort, "validation", load_reference(reference) if reference is not None else None)
