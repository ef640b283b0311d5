"""The generated patient of ``phantoms``, measured once and scored for real: what figures and reports are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from phantoms import ct, gtv

from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.extraction.roi import Roi
from EsoRadiomicsLib.imaging.case import Case, make_case
from EsoRadiomicsLib.scoring.patient import PatientResult
from EsoRadiomicsLib.scoring.score import score
from EsoRadiomicsLib.studies.reference_building import build_reference
from EsoRadiomicsLib.studies.reference_cohort import ReferenceCohort
from EsoRadiomicsLib.studies.study import Study, check_card, load_study


@lru_cache
def case(seed: int = 0, name: str = "phantom") -> Case:
    """The tumour phantom; another seed is another patient."""
    image = ct(seed=seed)
    return make_case(image, gtv(image), name=name, sources={"image": {"format": "generated"}})


def scored(
    study: str | Study = "escc-lpfs-ccrt",
    covariates: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    z: float = 1.0,
    demonstration: bool = True,
) -> PatientResult:
    """The phantom scored by a study; ``z`` is where its features lie in the cohort, if the study needs one."""
    study = load_study(study)
    assert study.signature is not None
    roi, features = measured(study.settings, study.signature.names, seed)
    reference = cohort(study, features, z, demonstration) if study.signature.normalisation == "z-score" else None
    found = score(study, features, covariates=covariates, reference=reference)
    return PatientResult(case(seed), roi, features, found, (*roi.warnings, *found.warnings))


@lru_cache
def measured(settings: PyRadiomicsSettings, names: tuple[str, ...], seed: int) -> tuple[Roi, Features]:
    """The phantom's ROI and features."""
    roi = prepare(case(seed), settings)
    return roi, extract(roi, settings, names)


def cohort(study: Study, features: Features, z: float, demonstration: bool) -> ReferenceCohort:
    """Three patients, of whom these features lie ``z`` SDs to the side that raises the Rad-score."""
    assert study.signature is not None
    table = {}
    for feature in study.signature.features:
        value = features.values[feature.name]
        sd = 0.3 * abs(value)
        mean = value - z * sd if feature.coefficient.value > 0 else value + z * sd
        table[feature.name] = [mean - sd, mean, mean + sd]
    return build_reference(pd.DataFrame(table), study.settings, label="Generated cohort", demonstration=demonstration)


def changed_card(study: str, changes: Mapping[str, Any]) -> Study:
    """A built-in study with some of its card's top-level values replaced."""
    card = json.loads(json.dumps(load_study(study).card)) | changes
    return check_card(card, Path(f"{study}.json"))
