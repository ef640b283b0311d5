"""The rule that keeps a feature, a study's own or another, and the file that hands the list to the next room."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from readings_factory import reading_table

from EsoRadiomicsLib.agreement.comparison import agreement
from EsoRadiomicsLib.agreement.icc_protocol import against_design, protocol_rule
from EsoRadiomicsLib.agreement.kept_features import Rule, load_kept, save_kept
from EsoRadiomicsLib.core.errors import InputError, OutputError, UsageError
from EsoRadiomicsLib.studies.study import load_study

RULE = Rule(0.75)


@pytest.fixture
def study() -> pd.DataFrame:
    """8 cases, readers A (sessions 1 and 2) and B, four features."""
    return reading_table()


def test_the_reason_never_rounds_up_to_the_threshold() -> None:
    assert Rule(0.9).shortfall(0.89999, 0.8) == "ICC(2,1) is 0.8999, not ≥ 0.9"


@pytest.mark.parametrize(("strict", "kept"), [(False, True), (True, False)])
def test_a_feature_exactly_at_the_threshold_is_kept_unless_the_rule_is_strict(strict: bool, kept: bool) -> None:
    assert Rule(0.75, strict=strict).passes(0.75, 0.5) is kept
    assert not Rule(0.75, strict=strict).passes(float("nan"), float("nan"))
    assert Rule(0.75, strict=strict).passes(0.76, 0.5)
    assert not Rule(0.75, strict=strict, lower_bound=True).passes(0.76, 0.5)


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
    with pytest.raises(InputError, match="no file"):
        load_kept(tmp_path / "kept.json")
    (tmp_path / "kept.json").write_text("original_glcm_Idn\n")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load_kept(tmp_path / "kept.json")


def test_rules_with_the_same_meaning_are_equal() -> None:
    assert Rule(0.9, form="ICC(A,1)") == Rule(0.9, form="2,1")
    assert replace(Rule(0.9), strict=True) != Rule(0.9)


def test_the_rule_of_a_study_is_the_one_its_protocol_states() -> None:
    assert protocol_rule(load_study("escc-lpfs-ccrt")) == Rule(0.9, observers="any")
    assert protocol_rule(load_study("escc-pfs-dcrt")) == Rule(0.8, observers="inter")
    assert protocol_rule(load_study("ln-control-2y")) == Rule(0.75, strict=True, observers="any")


def test_a_threshold_in_place_of_the_studys_is_met_at_it_unless_said_otherwise() -> None:
    study = load_study("ln-control-2y")
    assert protocol_rule(study, threshold=0.8) == Rule(0.8)
    assert protocol_rule(study, lower_bound=True) == Rule(0.75, strict=True, lower_bound=True)


@pytest.mark.parametrize(("study", "message"), [(None, "No ICC threshold"), ("escc-lnm-deep", "states no ICC rule")])
def test_a_rule_without_a_threshold_is_refused(study: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=f"{message}.*--threshold"):
        protocol_rule(load_study(study) if study else None)


def test_readings_that_lack_a_comparison_of_the_protocol_are_warned_about(study: pd.DataFrame) -> None:
    asked = load_study("escc-lpfs-ccrt")
    whole = against_design(agreement(study, protocol_rule(asked)), asked)
    first = against_design(agreement(study[study["session"] == 1], protocol_rule(asked)), asked)
    assert not any("protocol" in warning for warning in whole.warnings)
    assert first.warnings[0].startswith(
        f"The protocol of “{asked.title}” asks for intra-observer + inter-observer agreement; these readings allow no "
        "intra-observer comparison"
    )
