"""Several ROIs of a patient become one row: the largest, or the mean, never two different outcomes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_tables import written

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.evaluation.markers import volume_column
from EsoRadiomicsLib.modelling.model_cohort import Cohort, Columns, read_cohort
from EsoRadiomicsLib.studies.study import load_study

NODES = pd.DataFrame(
    {
        "case": ["a1", "b1", "a2", "c1", "b2"],
        "patient": ["a", "b", "a", "c", "b"],
        "roi_cm3": [1.0, 2.0, 3.0, 1.0, 2.0],
        "lnm": [1, 0, 1, 0, 0],
        "stage": [2, 1, 2, 3, 1],
        "original_firstorder_Mean": [10.0, 20.0, 30.0, 40.0, 50.0],
        "original_firstorder_Median": [1.0, 2.0, 4.0, 8.0, 16.0],
    }
)


def cohort(tmp_path: Path, rois: str, table: pd.DataFrame = NODES, patient: str | None = "patient") -> Cohort:
    columns = Columns(outcome="lnm", clinical=("stage",), patient=patient, rois=rois)
    return read_cohort(written(table, tmp_path), columns, load_study("ln-response-crt")).cohort


def test_each_roi_keeps_its_row_unless_told_otherwise(tmp_path: Path) -> None:
    found = cohort(tmp_path, "each")
    assert list(found.features.index) == list(NODES["case"]) and found.patients == ("a", "b", "a", "c", "b")
    assert "5 ROIs are of 3 patients: each ROI is a row." in " ".join(found.warnings)


def test_the_largest_roi_stands_for_its_patient_and_of_equals_the_first(tmp_path: Path) -> None:
    found = cohort(tmp_path, "largest")
    assert list(found.features.index) == ["a2", "b1", "c1"] and found.patients == ("a", "b", "c")
    assert found.features["original_firstorder_Mean"].tolist() == [30, 20, 40]
    assert found.binary is not None and found.binary.tolist() == [True, False, False]
    assert "5 ROIs are of 3 patients: the largest ROI of each patient was taken." in " ".join(found.warnings)


def test_the_mean_of_the_features_stands_for_the_patient(tmp_path: Path) -> None:
    found = cohort(tmp_path, "mean")
    assert list(found.features.index) == ["a1", "b1", "c1"]
    assert found.features.to_numpy().tolist() == [[20, 2.5], [35, 9], [40, 8]]
    assert found.clinical["stage"].tolist() == [2, 1, 3]


@pytest.mark.parametrize("column", ["lnm", "stage"])
def test_a_patient_of_two_minds_is_refused(column: str, tmp_path: Path) -> None:
    table = NODES.copy()
    table.loc[4, column] = 1 - table.loc[4, column] if column == "lnm" else 9
    with pytest.raises(InputError, match=f"rows of patient b differ in “{column}”"):
        cohort(tmp_path, "mean", table)


def test_what_is_needed_for_one_row_a_patient_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--rois largest needs the column .* --patient"):
        cohort(tmp_path, "largest", patient=None)
    with pytest.raises(UsageError, match="no column “roi_cm3”, so the largest ROI"):
        cohort(tmp_path, "largest", NODES.drop(columns="roi_cm3"))


def test_rows_of_one_patient_are_not_taken_for_several_patients(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"column “patient” says that patients have several rows.*--patient patient"):
        cohort(tmp_path, "each", patient=None)
    table = NODES.drop(columns="patient").assign(image_sha256=["x", "y", "x", "z", ""])
    told = [
        line for line in cohort(tmp_path, "each", table, patient=None).warnings if "of a CT that another row" in line
    ]
    assert len(told) == 1 and told[0].startswith("2 rows are")
    single = NODES.assign(patient=["a", "b", "c", "d", None])
    assert cohort(tmp_path, "each", single, patient=None).patients == tuple(NODES["case"])


def test_the_volume_as_drawn_is_known_for_comparison_but_is_no_feature(tmp_path: Path) -> None:
    found = cohort(tmp_path, "mean")
    assert volume_column(found) == "roi_cm3" and "roi_cm3" not in found.features
    assert found.known["roi_cm3"].tolist() == [2, 2, 1]
    assert found.rows(np.array([2, 0])).known["roi_cm3"].tolist() == [1, 2]
    measured = cohort(tmp_path, "each", NODES.assign(original_shape_VoxelVolume=range(1, 6)))
    assert volume_column(measured) == "original_shape_VoxelVolume"
    assert volume_column(cohort(tmp_path, "each", NODES.assign(roi_cm3=[1, 2, None, 1, 2]))) is None
