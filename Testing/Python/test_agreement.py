"""Agreement studies from a long table: what is kept and why, and which tables are refused in which words."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.agreement import Agreement, agreement
from EsoRadiomicsLib.agreement_table import feature_parts, read_table
from EsoRadiomicsLib.errors import InputError, OutputError, UsageError
from EsoRadiomicsLib.kept_features import Rule, load_kept, save_kept

COLUMNS = ["feature", "image", "class", "n_cases", "icc", "lower", "upper", "verdict", "reason", "comparison"]


def renamed(table: pd.DataFrame) -> pd.DataFrame:
    """A golden table, its features named as PyRadiomics names them."""
    return table.rename(columns=lambda name: name.replace("wavelet_", "wavelet-"))


@pytest.fixture(scope="module")
def whole_study(golden: Callable[[str], Any]) -> pd.DataFrame:
    """30 cases, 2 readers, 851 features."""
    readings = [renamed(golden(f"icc_reader{reader}.csv.gz")).assign(reader=reader) for reader in "AB"]
    return pd.concat(readings, ignore_index=True).rename(columns={"id": "case"})


@pytest.fixture
def study() -> pd.DataFrame:
    """8 cases, readers A (sessions 1 and 2) and B, 5 features of which noise_A moves A's second session only."""
    rng = np.random.default_rng(7)
    rows = []
    for case in range(8):
        truth = rng.normal(100, 20, 5)
        for reader, session in (("A", 1), ("A", 2), ("B", 1)):
            noise = rng.normal(0, 1, 5)
            noise[1] *= 60 * (session == 2)
            noise[2] *= 60 * (reader == "B")
            values = dict(zip("abcde", truth + noise, strict=True))
            rows.append({"case": f"P{case:02}", "reader": reader, "session": session, **values})
    names = {"a": "original_glcm_Idn", "b": "original_shape_Sphericity", "c": "wavelet-HLL_glcm_Idn"}
    return pd.DataFrame(rows).rename(columns=names | {"d": "age", "e": "log-sigma-2-0-mm-3D_firstorder_Mean"})


RULE = Rule(0.75)


def verdicts(result: Agreement) -> dict[str, str]:
    return dict(zip(result.table["feature"], result.table["verdict"], strict=True))


# --- what is computed -------------------------------------------------------------------------------------------


def test_the_whole_way_from_the_table_gives_the_icc_and_intervals_of_r_psych(
    whole_study: pd.DataFrame, golden: Callable[[str], Any]
) -> None:
    expected = golden("icc_psych.csv.gz")
    result = agreement(whole_study.sample(frac=1, random_state=3), RULE)
    assert list(result.table.columns) == COLUMNS
    assert list(result.table["feature"]) == [name.replace("wavelet_", "wavelet-") for name in expected["feature"]]
    for column, r_column in (("icc", "ICC2"), ("lower", "ICC2_lo"), ("upper", "ICC2_hi")):
        np.testing.assert_allclose(result.table[column], expected[r_column], rtol=0, atol=1e-9)
    assert (result.table["n_cases"] == 30).all() and result.warnings == ()


@pytest.mark.parametrize(
    ("rule", "n_kept"),
    [(Rule(0.75), 573), (Rule(0.75, form="3,1"), 585), (Rule(0.75, lower_bound=True), 238)],
    ids=str,
)
def test_the_form_and_the_bound_decide_how_many_features_are_kept(
    whole_study: pd.DataFrame, golden: Callable[[str], Any], rule: Rule, n_kept: int
) -> None:
    expected = golden("icc_psych.csv.gz")
    judged = expected[f"ICC{rule.form[0]}{'_lo' * rule.lower_bound}"]
    result = agreement(whole_study, rule)
    assert len(result.kept.features) == n_kept == (judged >= 0.75).sum()


def test_counts_by_image_and_class_add_up(whole_study: pd.DataFrame) -> None:
    result = agreement(whole_study, RULE)
    counts = result.counts.set_index(["image", "class"])
    assert len(counts) == 7 + 8 * 6
    assert counts["n"].sum() == 851 and counts["kept"].sum() == 573
    assert counts.loc[("original", "shape"), "n"] == 14
    in_group = result.table[(result.table["image"] == "wavelet-HLL") & (result.table["class"] == "glcm")]
    assert counts.loc[("wavelet-HLL", "glcm"), "median_icc"] == in_group["icc"].median()
    assert counts.loc[("wavelet-HLL", "glcm"), "share"] == (in_group["icc"] >= 0.75).mean()


def test_only_features_that_pass_between_readers_and_between_sessions_are_kept(study: pd.DataFrame) -> None:
    result = agreement(study, Rule(0.9, observers="both"))
    assert [c.name for c in result.comparisons] == ["inter-observer", "intra-observer (A)"]
    assert [c.raters for c in result.comparisons] == [("A", "B"), ("1", "2")]
    assert verdicts(result) == {
        "original_glcm_Idn": "kept",
        "original_shape_Sphericity": "dropped",
        "wavelet-HLL_glcm_Idn": "dropped",
        "log-sigma-2-0-mm-3D_firstorder_Mean": "kept",
    }
    decided = result.table.set_index("feature")["comparison"]
    assert decided["original_shape_Sphericity"] == "intra-observer (A)"
    assert decided["wavelet-HLL_glcm_Idn"] == "inter-observer"


def test_one_kind_of_comparison_can_be_asked_for_alone(study: pd.DataFrame) -> None:
    inter = agreement(study, Rule(0.9, observers="inter"))
    intra = agreement(study, Rule(0.9, observers="intra"))
    assert [c.name for c in (*inter.comparisons, *intra.comparisons)] == ["inter-observer", "intra-observer (A)"]
    assert verdicts(inter)["original_shape_Sphericity"] == "kept"
    assert verdicts(intra)["wavelet-HLL_glcm_Idn"] == "kept"


def test_sessions_are_ordered_by_number_and_the_first_is_compared_between_readers(study: pd.DataFrame) -> None:
    renamed = study.assign(session=study["session"].map({1: "2", 2: "10"}))
    result = agreement(renamed, RULE)
    assert result.comparisons[1].raters == ("2", "10")
    pd.testing.assert_frame_equal(result.table, agreement(study, RULE).table)


def test_a_table_without_sessions_compares_readers(study: pd.DataFrame) -> None:
    first = study[study["session"] == 1]
    result = agreement(first.drop(columns="session"), RULE)
    pd.testing.assert_frame_equal(result.table, agreement(first, RULE).table)


def test_an_empty_session_cell_is_a_first_session(study: pd.DataFrame) -> None:
    blank = study.astype({"session": object})
    blank.loc[blank["reader"] == "B", "session"] = None
    np.testing.assert_array_equal(
        agreement(blank, RULE).comparisons[0].ratings, agreement(study, RULE).comparisons[0].ratings
    )


def test_three_readers_are_compared_at_once(study: pd.DataFrame) -> None:
    third = study[study["reader"] == "B"].assign(reader="C")
    third["original_glcm_Idn"] += np.linspace(-1, 1, len(third))
    result = agreement(pd.concat([study, third]), Rule(0.9, observers="inter"))
    assert result.comparisons[0].raters == ("A", "B", "C")
    assert result.comparisons[0].ratings.shape == (8, 3, 4)


def test_a_feature_without_an_icc_is_named_with_its_reason(study: pd.DataFrame) -> None:
    study["original_glcm_Idn"] = 0.5
    study.loc[study["case"] > "P01", "wavelet-HLL_glcm_Idn"] = np.nan
    result = agreement(study, Rule(0.75, observers="inter"))
    rows = result.table.set_index("feature")
    assert rows.loc["original_glcm_Idn", "verdict"] == "not computed"
    assert rows.loc["original_glcm_Idn", "reason"] == "constant: every reading is 0.5"
    assert "2 cases with a value in every reading" in rows.loc["wavelet-HLL_glcm_Idn", "reason"]
    assert "original_glcm_Idn" not in result.kept.features
    assert any("wavelet-HLL_glcm_Idn (2)" in warning for warning in result.warnings)


def test_an_average_icc_that_is_not_defined_is_named_so(study: pd.DataFrame) -> None:
    inter = study[study["session"] == 1].copy()
    inter["original_glcm_Idn"] = [sign * (case - 3.5) for case in range(8) for sign in (1, -1)]
    result = agreement(inter, Rule(0.75, form="2,k"))
    row = result.table.set_index("feature").loc["original_glcm_Idn"]
    assert row["verdict"] == "not computed" and row["reason"].startswith("ICC(2,k) is not defined")


def test_a_feature_equal_in_all_readings_is_kept_and_said_so(study: pd.DataFrame) -> None:
    inter = study[study["session"] == 1].copy()
    inter["original_glcm_Idn"] = np.repeat(np.arange(8) * 1.1, 2)
    row = agreement(inter, RULE).table.set_index("feature").loc["original_glcm_Idn"]
    assert (row["verdict"], row["reason"]) == ("kept", "all readings of each case are equal")


def test_a_dropped_feature_says_by_how_much(study: pd.DataFrame) -> None:
    result = agreement(study, Rule(0.9, form="C,1", strict=True, lower_bound=True))
    reason = result.table.set_index("feature").loc["wavelet-HLL_glcm_Idn", "reason"]
    assert reason.startswith("lower 95 % limit of ICC(3,1) is ")
    assert reason.endswith("not > 0.9")


def test_the_reason_never_rounds_up_to_the_threshold() -> None:
    assert Rule(0.9).shortfall(0.89999, 0.8) == "ICC(2,1) is 0.8999, not ≥ 0.9"


@pytest.mark.parametrize(("strict", "kept"), [(False, True), (True, False)])
def test_a_feature_exactly_at_the_threshold_is_kept_unless_the_rule_is_strict(strict: bool, kept: bool) -> None:
    assert Rule(0.75, strict=strict).passes(0.75, 0.5) is kept
    assert not Rule(0.75, strict=strict).passes(float("nan"), float("nan"))
    assert Rule(0.75, strict=strict).passes(0.76, 0.5)
    assert not Rule(0.75, strict=strict, lower_bound=True).passes(0.76, 0.5)


# --- missing and unbalanced readings ----------------------------------------------------------------------------


def test_a_case_without_the_second_reader_is_left_out_and_named(study: pd.DataFrame) -> None:
    unbalanced = study[~((study["case"] == "P03") & (study["reader"] == "B"))]
    result = agreement(unbalanced, RULE)
    assert "P03" not in result.comparisons[0].cases and len(result.comparisons[0].cases) == 7
    assert "P03" in result.comparisons[1].cases
    assert result.warnings[-1] == ("inter-observer: 7 cases with all 2 readings used, 1 left out: P03 (no reader B).")
    without = agreement(study[study["case"] != "P03"], Rule(0.75, observers="inter"))
    np.testing.assert_array_equal(result.comparisons[0].ratings, without.comparisons[0].ratings)


def test_a_missing_cell_takes_its_case_out_of_that_feature_only(study: pd.DataFrame) -> None:
    study.loc[0, "original_glcm_Idn"] = np.nan
    result = agreement(study, Rule(0.75, observers="inter"))
    assert result.table["n_cases"].tolist() == [7, 8, 8, 8]
    assert "1 feature with missing values" in result.warnings[-1]
    assert "original_glcm_Idn (7)" in result.warnings[-1]


def test_fewer_than_three_complete_cases_are_refused(study: pd.DataFrame) -> None:
    few = study[(study["reader"] == "A") | (study["case"] < "P02")]
    with pytest.raises(InputError, match=r"inter-observer: 2 cases with all readings \(by reader: A: 8, B: 2\)"):
        agreement(few, RULE)


def test_one_reader_with_one_session_is_refused(study: pd.DataFrame) -> None:
    single = study[(study["reader"] == "A") & (study["session"] == 1)]
    with pytest.raises(InputError, match=r"one reader \(A\) with one reading of each case; an ICC needs two"):
        agreement(single, RULE)


@pytest.mark.parametrize(
    ("observers", "reader", "message"),
    [("both", "A", "The table has one reader"), ("inter", "A", "needs two"), ("intra", "B", "Each reader")],
)
def test_a_comparison_that_is_asked_for_but_not_in_the_table_is_refused(
    study: pd.DataFrame, observers: str, reader: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        agreement(study[study["reader"] == reader], Rule(0.75, observers=observers))


# --- tables that cannot be trusted ------------------------------------------------------------------------------


def test_identical_readings_given_twice_are_refused_by_name(study: pd.DataFrame) -> None:
    features = [name for name in study.columns if "_" in name]
    for case in ("P02", "P05"):
        rows = study["case"] == case
        study.loc[rows & (study["reader"] == "B"), features] = study.loc[
            rows & (study["reader"] == "A") & (study["session"] == 1), features
        ].to_numpy()
    with pytest.raises(InputError, match=r"readers A and B .* 2 cases \(P02, P05\).*same mask.*fake an ICC of 1"):
        agreement(study, RULE)


def test_coarse_values_that_agree_by_chance_are_not_taken_for_the_same_mask() -> None:
    table = pd.DataFrame(
        {"case": list("abcdabcd"), "reader": [1] * 4 + [2] * 4, "mm": [21, 30, 18, 42, 21, 33, 18, 40]}
    )
    assert agreement(table, RULE, features=["mm"]).table.loc[0, "verdict"] == "kept"


def test_rows_of_the_same_case_reader_and_session_are_refused(study: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"more than once: case P00 \(reader A, session 1\)\."):
        agreement(pd.concat([study, study.iloc[[0]]]), RULE)


def test_different_settings_are_refused_with_the_difference(study: pd.DataFrame) -> None:
    study["diagnostics_Configuration_Settings"] = "{'minimumROIDimensions': 2, 'binWidth': 25}"
    agreement(study, RULE)
    study.loc[5, "diagnostics_Configuration_Settings"] = "{'minimumROIDimensions': 2, 'binWidth': 10}"
    with pytest.raises(InputError, match=r"different settings.*'binWidth': 10}” in case P01 \(reader B, session 1\)"):
        agreement(study, RULE)


def test_different_software_versions_are_a_warning(study: pd.DataFrame) -> None:
    study["diagnostics_Versions_PyRadiomics"] = np.where(study["reader"] == "A", "v3.0.1", "v3.1.0")
    result = agreement(study, RULE)
    assert any("different software" in text and "v3.0.1, v3.1.0" in text for text in result.warnings)
    assert result.kept.versions == {"diagnostics_Versions_PyRadiomics": ("v3.0.1", "v3.1.0")}


def test_different_images_of_one_case_are_a_warning(study: pd.DataFrame) -> None:
    study["image_sha256"] = study["case"]
    assert len(agreement(study, RULE).warnings) == 1
    study.loc[4, "image_sha256"] = "another"
    assert any("case P01 come from different images" in text for text in agreement(study, RULE).warnings)


@pytest.mark.parametrize("cell", ["n/a!", "0,787", "(0.787+0j)", "inf"])
def test_a_cell_that_is_no_number_is_refused_by_place(study: pd.DataFrame, cell: str) -> None:
    broken = study.astype({"original_glcm_Idn": object})
    broken.loc[3, "original_glcm_Idn"] = float(cell) if cell == "inf" else cell
    with pytest.raises(InputError) as refused:
        agreement(broken, RULE)
    assert f"“original_glcm_Idn” holds “{cell}” in case P01 (reader A, session 1)" in str(refused.value)


def test_numbers_that_came_as_text_are_read(study: pd.DataFrame) -> None:
    text = study.astype({"original_glcm_Idn": str})
    np.testing.assert_allclose(agreement(text, RULE).table["icc"], agreement(study, RULE).table["icc"], rtol=1e-9)


def test_numeric_columns_that_are_no_features_are_left_out_and_named(study: pd.DataFrame) -> None:
    result = agreement(study, RULE)
    assert "age" not in set(result.table["feature"])
    assert result.warnings[0] == "Columns not used, because they are not named as features: age."


def test_a_column_of_any_name_is_used_when_it_is_asked_for(study: pd.DataFrame) -> None:
    table = agreement(study, RULE, features=["age", "wavelet-HLL_glcm_Idn"]).table
    assert table[["feature", "image", "class"]].to_numpy().tolist() == [
        ["age", "other", "other"],
        ["wavelet-HLL_glcm_Idn", "wavelet-HLL", "glcm"],
    ]


def test_an_unknown_feature_column_is_refused_with_the_nearest_name(study: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match=r"no feature column “original_glcm_Idm”\. Did you mean “original_glcm_Idn”"):
        agreement(study, RULE, features=["original_glcm_Idm"])


def test_a_table_without_feature_columns_is_refused(study: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"Say which columns are features; numeric are: age\."):
        agreement(study[["case", "reader", "session", "age"]], RULE)


def test_a_missing_key_column_is_refused_and_another_name_can_be_given(study: pd.DataFrame) -> None:
    other = study.rename(columns={"case": "patient", "reader": "observer"})
    with pytest.raises(UsageError, match=r"no column “case” for the case\. Its columns are patient, observer"):
        agreement(other, RULE)
    result = agreement(other, RULE, case="patient", reader="observer")
    pd.testing.assert_frame_equal(result.table, agreement(study, RULE).table)


def test_a_table_without_rows_is_refused(study: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="The table has no rows"):
        agreement(study.iloc[:0], RULE)


def test_a_row_without_a_reader_and_a_doubled_column_are_refused(study: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="The reader is missing in row 3 below the header"):
        agreement(study.assign(reader=study["reader"].where(study.index != 2)), RULE)
    with pytest.raises(InputError, match="two columns named age"):
        agreement(pd.concat([study, study["age"]], axis=1), RULE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": 75}, "threshold is 75; give a number from 0 to 1"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"threshold": 0.8, "form": "4,1"}, "“4,1” is no form"),
        ({"threshold": 0.8, "observers": "all"}, "choose from any, inter, intra, both"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Rule(**arguments)  # type: ignore[arg-type]


def test_feature_names_are_taken_apart_for_every_image_type() -> None:
    assert feature_parts("wavelet-HLL_glcm_Idn") == ("wavelet-HLL", "glcm")
    assert feature_parts("log-sigma-2-0-mm-3D_firstorder_90Percentile") == ("log-sigma-2-0-mm-3D", "firstorder")
    for other in ("diagnostics_Mask-original_Hash", "original_glcm_Idn.1", "T_stage_path", "glcm_Idn"):
        assert feature_parts(other) == ("other", "other")


# --- files ------------------------------------------------------------------------------------------------------


def test_a_table_comes_back_from_csv_to_the_last_digit(whole_study: pd.DataFrame, tmp_path: Path) -> None:
    table = whole_study.iloc[:, :40].assign(case=[f"{i % 30:03}" for i in range(60)], reader=whole_study["reader"])
    for name in ("table.csv", "table.csv.gz"):
        table.to_csv(tmp_path / name, index=False)
        back = read_table(tmp_path / name)
        assert back["case"].iloc[7] == "007"
        pd.testing.assert_frame_equal(agreement(back, RULE).table, agreement(table, RULE).table, check_exact=True)


def test_settings_and_versions_of_a_sidecar_go_into_the_list(study: pd.DataFrame, tmp_path: Path) -> None:
    study.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "table.json").write_text(json.dumps({"settings": {"bin_width": 25}, "versions": {"numpy": "2.4"}}))
    kept = agreement(read_table(tmp_path / "table.csv"), RULE).kept
    assert kept.settings == {"settings": '{"bin_width": 25}'}
    assert kept.versions == {"versions": ('{"numpy": "2.4"}',)}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00case", b"a,b\n1,2\n3,4,5\n", gzip.compress(b"x")[:12]])
def test_a_file_that_is_no_table_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / ("table.csv.gz" if content.startswith(b"\x1f\x8b") else "table.csv")
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"table\.csv.* cannot be read as a table"):
        read_table(path)


def test_a_missing_table_and_a_broken_sidecar_are_refused(study: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_table(tmp_path / "none.csv")
    study.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "table.json").write_text("{")
    with pytest.raises(InputError, match=r"table\.json, beside the table, is no JSON"):
        read_table(tmp_path / "table.csv")


def test_the_list_of_kept_features_comes_back_from_its_file(study: pd.DataFrame, tmp_path: Path) -> None:
    study["settings_fingerprint"] = "0123456789ab"
    study["pyradiomics_version"] = "3.0.1"
    kept = agreement(study, Rule(0.9, form="A,1", strict=True, lower_bound=True, observers="both")).kept
    save_kept(kept, tmp_path / "kept.json")
    assert load_kept(tmp_path / "kept.json") == kept
    document = json.loads((tmp_path / "kept.json").read_text(encoding="utf-8"))
    assert document["rule_in_words"] == "lower 95 % limit of ICC(2,1) > 0.9"
    assert document["comparisons"][1] == {"name": "intra-observer (A)", "raters": ["1", "2"], "n_cases": 8}
    assert document["settings"] == {"settings_fingerprint": "0123456789ab"}
    assert document["versions"] == {"pyradiomics_version": ["3.0.1"]}
    assert (document["n_features"], document["n_kept"]) == (4, len(kept.features))
    assert "P01" not in json.dumps(document)


def test_a_list_that_cannot_be_written_leaves_nothing_behind(study: pd.DataFrame, tmp_path: Path) -> None:
    kept = agreement(study, RULE).kept
    (tmp_path / "taken").mkdir()
    for path in (tmp_path / "taken", tmp_path / "no folder" / "kept.json"):
        with pytest.raises(OutputError, match="cannot be written"):
            save_kept(kept, path)
    assert [item.name for item in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "something/1"}, "“format” is not"),
        ({"features": ["a", "a"]}, "“features” has a name twice"),
        ({"features": "a"}, "“features” is not a list of names"),
        ({"rule": {"threshold": 3}}, "“rule”: The ICC threshold is 3"),
        ({"rule": {"limit": 3}}, "“rule”"),
        ({"settings": []}, "“settings” is not an object"),
        ({"versions": None}, "it has no “versions”"),
    ],
)
def test_a_broken_list_is_refused_with_what_is_wrong(
    study: pd.DataFrame, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "kept.json"
    save_kept(agreement(study, RULE).kept, path)
    document = {k: v for k, v in (json.loads(path.read_text()) | change).items() if v is not None}
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message):
        load_kept(path)


def test_a_list_that_is_missing_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load_kept(tmp_path / "kept.json")
    (tmp_path / "kept.json").write_text("original_glcm_Idn\n")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load_kept(tmp_path / "kept.json")


def test_rules_with_the_same_meaning_are_equal() -> None:
    assert Rule(0.9, form="ICC(A,1)") == Rule(0.9, form="2,1")
    assert replace(Rule(0.9), strict=True) != Rule(0.9)
