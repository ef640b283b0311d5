"""A number that is none never becomes a score: at the doors of tables, settings and references, and in the score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from EsoRadiomicsLib.cohort.case_store import Store
from EsoRadiomicsLib.cohort.cohort_scores import score_table
from EsoRadiomicsLib.core.errors import ScoreError, StudyError, UsageError
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.scoring.score import score
from EsoRadiomicsLib.studies.reference_cohort import ReferenceCohort, ReferenceFeature, load_reference
from EsoRadiomicsLib.studies.study import load_study

STUDY = load_study("ln-response-crt")
assert STUDY.signature is not None
NAMES = STUDY.signature.names


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e308])
def test_a_score_of_what_is_no_number_is_not_computed(value: float) -> None:
    values = dict.fromkeys(NAMES, value)
    with pytest.raises(ScoreError, match="not computed"):
        score(STUDY, Features(values, {}, STUDY.settings, {}))


@pytest.mark.parametrize(("value", "scored"), [(4.0, True), (1e5, False), (-1e300, False)])
def test_a_value_that_no_patient_has_is_not_scored(value: float, scored: bool) -> None:
    study = load_study("escc-lpfs-ccrt")
    assert study.signature is not None
    one = ReferenceFeature(mean=3.0, sd=1.0, n=10, minimum=1.0, maximum=5.0, quantiles={})
    known = dict.fromkeys(study.signature.names, one)
    reference = ReferenceCohort("test", False, 10, study.settings, {}, known)
    features = Features({**dict.fromkeys(known, 3.0), study.signature.names[0]: value}, {}, study.settings, {})
    if scored:
        assert score(study, features, reference=reference).contributions[0].z == 1.0
        return
    with pytest.raises(ScoreError, match="as no patient's is"):
        score(study, features, reference=reference)


@pytest.mark.parametrize("cell", ["nan", "inf", "1e400", "-Infinity", "1_0", "x"])
def test_a_cell_that_is_no_number_leaves_its_case_without_a_score(cell: str, tmp_path: Path) -> None:
    header = ",".join(["case", "settings", *NAMES])
    good = ",".join(["A", STUDY.settings.fingerprint, *("1.5" for _ in NAMES)])
    bad = ",".join(["B", STUDY.settings.fingerprint, cell, *("1.5" for _ in NAMES[1:])])
    (tmp_path / "table.csv").write_text(f"{header}\n{good}\n{bad}\n")
    lines, _ = score_table(tmp_path / "table.csv", [STUDY], None)
    assert "rad_score" in lines[0]
    assert "rad_score" not in lines[1]
    assert "no finite number" in lines[1]["not_scored"]


@pytest.mark.parametrize(
    "change",
    [
        {"bin_width": 1e-9},
        {"bin_width": float("nan")},
        {"bin_width": 10**400},
        {"bin_width": "25"},
        {"bin_width": True},
        {"voxel_mm": [float("nan"), 1, 1]},
        {"voxel_mm": [1e-3, 1e-3, 1e-3]},
        {"voxel_mm": [1, 1]},
        {"voxel_mm": 1},
        {"min_voxels": None},
        {"min_voxels": float("nan")},
        {"min_voxels": 2.5},
        {"hu_min": -float("inf")},
    ],
)
def test_a_setting_that_is_no_number_or_cannot_be_meant_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        type(STUDY.settings).from_dict({**STUDY.settings.to_dict(), **change})


@pytest.mark.parametrize(
    "change",
    [
        {"mean": 99.0},
        {"sd": 99.0},
        {"minimum": 9.0},
        {"quantiles": {"0.25": 4.0, "0.5": 2.0}},
        {"quantiles": {"x": 3.0}},
    ],
)
def test_a_reference_that_contradicts_itself_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    feature = {"mean": 3.0, "sd": 1.0, "n": 10, "minimum": 1.0, "maximum": 5.0, "quantiles": {"0.5": 3.0}}
    document = {
        "reference_version": 1,
        "label": "test",
        "demonstration": False,
        "cases": 10,
        "settings": STUDY.settings.to_dict(),
        "software": {},
        "features": {NAMES[0]: feature},
    }
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(document))
    assert load_reference(path).features[NAMES[0]].mean == 3.0
    document["features"] = {NAMES[0]: {**feature, **change}}
    path.write_text(json.dumps(document))
    with pytest.raises(StudyError, match=rf"\$\.features\.{NAMES[0]}"):
        load_reference(path)


def test_a_record_with_one_changed_digit_is_not_believed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write("a", {"features": {"f": 0.4715}, "roi": "µ"})
    assert store.read("a") == {"features": {"f": 0.4715}, "roi": "µ"}
    path = tmp_path / "a.json"
    (tmp_path / "b.json").write_bytes(path.read_bytes())
    assert store.read("b") is None
    path.write_bytes(path.read_bytes().replace(b"0.4715", b"0.4815"))
    assert store.read("a") is None
    path.write_bytes(b"[" * 100_000)
    assert store.read("a") is None
