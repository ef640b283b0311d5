"""Features equal the values that PyRadiomics' authors publish for their two lung CTs.

Of their test cases these settings express the plain one, resampling to 2 mm (shape among it) and the exclusion of
negative HU (``flatRegion``, one grey level). They do not express slice-wise texture (``2d``), a fixed number of bins
(``FBN``), direction-merged matrices (``combined``), intensity normalisation, and resegmentation by standard deviations.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyradiomics_data import LungCase

from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.extraction.pyradiomics.feature_names import CLASSES, FEATURES_OF_CLASS
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.extraction.roi import Roi
from EsoRadiomicsLib.imaging.case import Case, load_case

PLAIN = PyRadiomicsSettings(voxel_mm=None, hu_min=None, image_types=("original",))
SETTINGS = {
    "": PLAIN,
    "_resampling": PLAIN.changed(voxel_mm=(2, 2, 2)),
    "_flatRegion": PLAIN.changed(hu_min=0, bin_width=5000),
}
PUBLISHED = [
    *[(name, "") for name in CLASSES],
    *[(name, "_resampling") for name in CLASSES],
    *[(name, "_flatRegion") for name in CLASSES if name not in ("shape", "firstorder")],
]


@pytest.fixture(scope="module", params=["lung1", "lung2"])
def lung(request: pytest.FixtureRequest) -> Case:
    files: LungCase = request.getfixturevalue(request.param)
    return load_case(files.image, files.mask, label=1, name=request.param)


@pytest.mark.parametrize(("feature_class", "kind"), PUBLISHED)
def test_features_equal_pyradiomics_published_baseline(
    lung: Case, feature_class: str, kind: str, pyradiomics_baselines: Path
) -> None:
    table = pd.read_csv(pyradiomics_baselines / f"baseline_{feature_class}.csv", index_col=0, dtype=str)
    column = table[lung.name + kind]
    published = {name: float(value) for name, value in column.items() if name.startswith("original_")}
    assert len(published) == len(FEATURES_OF_CLASS[feature_class])
    settings = SETTINGS[kind].changed(feature_classes=(feature_class,))
    roi = prepare(lung, settings)
    measured = extract(roi, settings)
    assert dict(measured.failed) == {}
    shift = ast.literal_eval(column["diagnostics_Configuration_Settings"]).get("voxelArrayShift", 0)
    values = with_shift(measured.values, shift, roi) if feature_class == "firstorder" else measured.values
    for name, value in published.items():
        assert values[name] == pytest.approx(value, rel=1e-9, abs=0), name


def with_shift(values: Mapping[str, float], shift: float, roi: Roi) -> dict[str, float]:
    """Energies of HU + shift, as in the oldest of the published columns: Σ(x + c)² = Σx² + 2cΣx + nc²."""
    voxels = roi.account.steps[-1].voxels
    mean, energy = values["original_firstorder_Mean"], values["original_firstorder_Energy"]
    shifted = energy + 2 * shift * voxels * mean + voxels * shift**2
    return {
        **values,
        "original_firstorder_Energy": shifted,
        "original_firstorder_TotalEnergy": shifted * float(np.prod(roi.image.GetSpacing())),
        "original_firstorder_RootMeanSquared": math.sqrt(shifted / voxels),
    }
