"""Tables of readings: which are read, which are refused and in which words, and what is warned about."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from readings_factory import reading_table

from EsoRadiomicsLib.agreement.agreement_table import feature_parts
from EsoRadiomicsLib.agreement.comparison import agreement
from EsoRadiomicsLib.agreement.kept_features import Rule
from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.extraction.feature_table import read_table

RULE = Rule(0.75)


@pytest.fixture
def study() -> pd.DataFrame:
    """8 cases, readers A (sessions 1 and 2) and B, four features."""
    return reading_table()


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


def test_readings_with_the_same_mask_are_refused_although_they_are_not_compared(study: pd.DataFrame) -> None:
    study["mask_sha256"] = [f"mask {i}" for i in range(len(study))]
    agreement(study, RULE)
    study.loc[5, "mask_sha256"] = study.loc[4, "mask_sha256"]  # reader A's second session and reader B
    message = r"case P01 \(reader A, session 2\) and case P01 \(reader B, session 1\) have the same image and mask"
    with pytest.raises(InputError, match=message):
        agreement(study, RULE)


def test_one_mask_on_two_images_of_a_case_is_no_copy(study: pd.DataFrame) -> None:
    study["mask_sha256"] = study["case"]
    study["image_sha256"] = [f"image {i}" for i in range(len(study))]
    assert any("come from different images" in text for text in agreement(study, RULE).warnings)


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


def test_feature_names_are_taken_apart_for_every_image_type() -> None:
    assert feature_parts("wavelet-HLL_glcm_Idn") == ("wavelet-HLL", "glcm")
    assert feature_parts("log-sigma-2-0-mm-3D_firstorder_90Percentile") == ("log-sigma-2-0-mm-3D", "firstorder")
    for other in ("diagnostics_Mask-original_Hash", "original_glcm_Idn.1", "T_stage_path", "glcm_Idn"):
        assert feature_parts(other) == ("other", "other")


def test_a_table_comes_back_from_csv_to_the_last_digit(study: pd.DataFrame, tmp_path: Path) -> None:
    table = study.assign(case=study["case"].str.replace("P", "0"), settings="12345678901e")
    for name in ("table.csv", "table.csv.gz"):
        table.to_csv(tmp_path / name, index=False)
        back = read_table(tmp_path / name)
        assert back["case"].iloc[0] == "000" and back["settings"].iloc[0] == "12345678901e"
        pd.testing.assert_frame_equal(agreement(back, RULE).table, agreement(table, RULE).table, check_exact=True)


def test_settings_and_versions_of_a_sidecar_go_into_the_list(study: pd.DataFrame, tmp_path: Path) -> None:
    study.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "table.json").write_text(json.dumps({"settings": {"bin_width": 25}, "versions": {"numpy": "2.4"}}))
    kept = agreement(read_table(tmp_path / "table.csv"), RULE).kept
    assert kept.settings == {"settings": '{"bin_width": 25}'}
    assert kept.versions == {"versions": ('{"numpy": "2.4"}',)}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00case", b"a,b\n1,2\n3,4,5\n", gzip.compress(b"x", mtime=0)[:12]])
def test_a_file_that_is_no_table_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / ("table.csv.gz" if content.startswith(b"\x1f\x8b") else "table.csv")
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"table\.csv.* (is empty|no text table|is not a text|more cells|does not unpack)"
    ):
        read_table(path)


def test_a_missing_table_and_a_broken_sidecar_are_refused(study: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        read_table(tmp_path / "none.csv")
    study.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "table.json").write_text("{")
    with pytest.raises(InputError, match=r"table\.json, beside the table, is no JSON"):
        read_table(tmp_path / "table.csv")
