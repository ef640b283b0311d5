"""Real CT with contours of made-up readers: the whole way from masks to the list of kept features."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from readings_factory import REAL_READINGS, write_real_readings

from EsoRadiomicsLib.agreement.icc_protocol import protocol_rule
from EsoRadiomicsLib.agreement.kept_features import load_kept
from EsoRadiomicsLib.agreement.readings import Reading, compare, measure_readings
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

CASES = ("STS_002", "STS_003", "STS_008")
READINGS = {who: REAL_READINGS[who] for who in (("A", "1"), ("A", "2"), ("B", "1"))}


@pytest.mark.slow
def test_masks_of_real_cases_lead_to_the_same_list_by_shell_and_library(shared_data: Path, tmp_path: Path) -> None:
    study = load_study("escc-lpfs-ccrt")
    manifest = write_real_readings(tmp_path / "readings", [shared_data / "sts" / case for case in CASES], READINGS)
    options = ["--study", study.id, "--allow-outside", "--jobs", "2", "--out", str(tmp_path / "icc")]
    assert main(["icc", str(manifest), *options]) == 0

    readings = [
        Reading(e.case, e.reader, e.session, partial(load_case, e.image, e.mask))
        for e in read_manifest(manifest, allow_outside=True).entries
    ]
    result = compare(measure_readings(readings, study.settings), protocol_rule(study), study)
    kept = load_kept(tmp_path / "icc" / "kept.json")
    assert result.kept == kept
    assert kept.n_features == 851 and 0 < len(kept.features) < 851

    table = pd.read_csv(tmp_path / "icc" / "icc.csv").set_index("feature")
    # A contour moved by a millimetre or two changes the volume little, and the mean HU of a large tumour less.
    assert table.loc["original_shape_VoxelVolume", "icc"] > 0.95
    assert table.loc["original_firstorder_Mean", "icc"] > 0.8
    assert (table["comparison"] == "inter-observer").mean() > 0.5, "another reader differs more than the same again"
