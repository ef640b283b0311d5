"""Pooled reference cohorts are those of the joined table, without one patient in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.reference_building import build_reference, with_signature
from EsoRadiomicsLib.studies.reference_cohort import ReferenceCohort, load_reference
from EsoRadiomicsLib.studies.reference_pooling import centre_differences, pool_references
from EsoRadiomicsLib.studies.study import load_study

STUDY = load_study("escc-pfs-dcrt")
assert STUDY.signature is not None
NAMES = list(STUDY.signature.names)


def table(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(len(NAMES), len(NAMES)))
    return pd.DataFrame(1000 * shift + rng.normal(size=(n, len(NAMES))) @ mixing * 1000, columns=NAMES)


def reference(rows: pd.DataFrame, label: str = "centre") -> ReferenceCohort:
    return with_signature(build_reference(rows, STUDY.settings, label=label), rows, STUDY)


@pytest.mark.parametrize("sizes", [(40, 25), (3, 200, 31)])
def test_the_pooled_cohort_equals_that_of_the_joined_table(sizes: tuple[int, ...]) -> None:
    tables = [table(n, seed, shift=seed) for seed, n in enumerate(sizes)]
    pooled = pool_references([reference(rows) for rows in tables], "all")
    joined = reference(pd.concat(tables, ignore_index=True))
    assert pooled.cases == joined.cases
    for name in NAMES:
        ours, theirs = pooled.features[name], joined.features[name]
        assert (ours.n, ours.minimum, ours.maximum) == (theirs.n, theirs.minimum, theirs.maximum)
        assert ours.mean == pytest.approx(theirs.mean, rel=1e-12, abs=1e-9)
        assert ours.sd == pytest.approx(theirs.sd, rel=1e-12)
    found = pooled.signatures[STUDY.id]
    np.testing.assert_allclose(found.correlations, joined.signatures[STUDY.id].correlations, atol=1e-12)
    assert found.patients == () and found.scores == ()


def test_centres_that_differ_are_named_before_their_difference_is_pooled() -> None:
    ours, theirs = table(50, 1), table(50, 1)
    theirs[NAMES[2]] += 2 * theirs[NAMES[2]].std()
    differences = centre_differences([reference(ours, "ours"), reference(theirs, "theirs")])
    assert [(each.feature, each.lower, each.higher) for each in differences] == [(NAMES[2], "ours", "theirs")]
    assert differences[0].apart_sd == pytest.approx(2.0, rel=1e-12)


def test_cohorts_of_other_settings_are_not_pooled() -> None:
    one = reference(table(20, 1), "25 HU")
    other = replace(one, label="10 HU", settings=STUDY.settings.changed(bin_width=10))
    with pytest.raises(InputError, match=r"“25 HU” and “10 HU”.*bin_width: 25.0 and 10.0"):
        pool_references([one, other], "both")


def test_of_another_engine_only_its_name_is_told() -> None:
    one = reference(table(20, 1))
    other = replace(one, label="IBEX", settings=load_study("escc-early-recurrence").settings)
    with pytest.raises(InputError, match=r"other settings \(engine: pyradiomics and ibex\), so"):
        pool_references([one, other], "both")


def test_features_in_another_order_are_pooled_by_name() -> None:
    one, other = reference(table(30, 1)), reference(table(40, 2))
    spread = other.signatures[STUDY.id]
    turned = replace(
        spread, features=spread.features[::-1], correlations=tuple(row[::-1] for row in spread.correlations[::-1])
    )
    expected = pool_references([one, other], "both").signatures[STUDY.id]
    found = pool_references([one, replace(other, signatures={STUDY.id: turned})], "both").signatures[STUDY.id]
    np.testing.assert_allclose(found.correlations, expected.correlations, atol=1e-12)


def test_correlations_of_fewer_patients_than_the_means_are_not_pooled() -> None:
    gaps = table(40, 2)
    gaps.loc[:9, NAMES[0]] = np.nan
    assert pool_references([reference(table(30, 1)), reference(gaps)], "both").signatures == {}


def test_the_same_cohort_twice_is_refused_and_a_merge_is_read_back_equal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [tmp_path / "a.json", tmp_path / "b.json"]
    for seed, path in enumerate(parts):
        reference(table(30, seed), path.stem).save(path)
    copy = tmp_path / "copy.json"
    replace(load_reference(parts[0]), label="the same under another name").save(copy)
    out = ["--label", "both", "--out", str(tmp_path / "both.json")]
    assert main(["reference", "merge", str(parts[0]), str(parts[0]), *out]) == 2
    assert main(["reference", "merge", *map(str, parts), str(copy), *out]) == 1
    assert "they are one cohort" in capsys.readouterr().err
    assert main(["reference", "merge", *map(str, parts), *out]) == 0
    merged = load_reference(tmp_path / "both.json")
    pooled = pool_references([load_reference(path) for path in parts], "both")
    assert replace(merged, worth={}) == pooled
    assert "This cohort can serve as a reference" in capsys.readouterr().out
    assert merged.worth[STUDY.id]["share_above"] > 0
