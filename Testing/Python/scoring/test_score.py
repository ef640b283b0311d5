"""Scores against the papers' printed formulas, rms's predictions, and the rules for what is missing."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from EsoRadiomicsLib.core.errors import ExtractionError, InputError, ScoreError, StudyError, UsageError
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.scoring.predicted_outcome import survival_at
from EsoRadiomicsLib.scoring.score import Score, check_scorable, score
from EsoRadiomicsLib.studies.reference_building import build_reference
from EsoRadiomicsLib.studies.reference_cohort import ReferenceCohort, load_reference
from EsoRadiomicsLib.studies.study import Study, check_card, load_study

LPFS = load_study("escc-lpfs-ccrt")
PFS = load_study("escc-pfs-dcrt")


def features(study: Study, values: Mapping[str, float]) -> Features:
    return Features(values, {}, study.settings, {})


def cohort(study: Study, sd: float = 1.0, **changes: Any) -> ReferenceCohort:
    """A cohort of three whose every feature has mean 10 and the SD given: z = (value − 10) / SD."""
    assert study.signature is not None
    table = pd.DataFrame({name: [10 - sd, 10.0, 10 + sd] for name in study.signature.names})
    return build_reference(table, changes.pop("settings", study.settings), label="three patients", **changes)


def scored_at(study: Study, rad_score: float, covariates: Mapping[str, Any] | None = None) -> Score:
    """The study's score of a patient whose features are at the mean but one, which brings the Rad-score to a value."""
    assert study.signature is not None
    first = study.signature.features[0]
    values = dict.fromkeys(study.signature.names, 10.0)
    values[first.name] += rad_score / first.coefficient.value
    return score(study, features(study, values), covariates=covariates, reference=cohort(study))


def test_the_rad_score_is_the_sum_of_coefficient_times_z() -> None:
    assert LPFS.signature is not None
    values = {name: 10 + 0.1 * i for i, name in enumerate(LPFS.signature.names)}
    result = score(LPFS, features(LPFS, values), reference=cohort(LPFS, sd=2.0))
    by_hand = sum(f.coefficient.value * 0.1 * i / 2 for i, f in enumerate(LPFS.signature.features))
    assert result.rad_score == pytest.approx(by_hand, abs=1e-12)
    assert math.fsum(item.contribution for item in result.contributions) == pytest.approx(result.rad_score, abs=1e-15)


def test_the_response_score_equals_the_formula_printed_in_the_paper() -> None:
    study = load_study("ln-response-crt")
    values = {
        "original_shape_Sphericity": 0.7,
        "original_glcm_InverseVariance": 0.45,
        "original_firstorder_InterquartileRange": 31.0,
        "original_firstorder_90Percentile": 88.0,
        "original_firstorder_Kurtosis": 4.2,
        "original_glrlm_ShortRunEmphasis": 0.81,
        "original_glszm_LargeAreaHighGrayLevelEmphasis": 4.4e6,
    }
    printed = (
        -3.215941 - 0.4714669 * 0.7 + 1.627270 * 0.45 + 0.03268378 * 31 + 0.01575666 * 88 + 0.003081561 * 4.2
        + 2.5310139 * 0.81 + 2.987626e-9 * 4.4e6
    )  # fmt: skip
    result = score(study, features(study, values))
    assert result.rad_score == pytest.approx(printed, abs=1e-12)
    assert result.probability == pytest.approx(1 / (1 + math.exp(-printed)))
    assert result.reference_label == "" and result.contributions[0].z is None


@pytest.mark.parametrize(("rad_score", "outlook"), [(0.1411 + 1e-9, "worse"), (0.1411 - 1e-9, "better")])
def test_at_or_above_the_cut_off_of_the_lpfs_study_is_high_risk(rad_score: float, outlook: str) -> None:
    result = scored_at(LPFS, rad_score)
    assert result.group is not None and result.group.outlook == outlook


def test_exactly_on_the_cut_off_the_rule_of_the_card_decides() -> None:
    assert LPFS.signature and LPFS.signature.cutoff and PFS.signature and PFS.signature.cutoff
    assert LPFS.signature.cutoff.group(0.1411).outlook == "worse"
    assert PFS.signature.cutoff.group(0.36).outlook == "better"
    assert PFS.signature.cutoff.group(math.nextafter(0.36, 1)).outlook == "worse"


@pytest.mark.parametrize("study", ["ln-response-crt", "ln-control-2y"])
def test_in_the_lymph_node_studies_a_higher_score_is_better(study: str) -> None:
    signature = load_study(study).signature
    assert signature is not None and signature.cutoff is not None
    assert signature.cutoff.above.outlook == "better"


def test_z_scores_without_means_and_sds_are_refused_with_what_to_provide() -> None:
    with pytest.raises(ScoreError, match=r"means and SDs.*reference cohort"):
        check_scorable(LPFS, LPFS.settings, None)


@pytest.mark.parametrize("study", ["escc-early-recurrence", "escc-lnm-deep"])
def test_a_study_without_coefficients_says_so_when_scored(study: str) -> None:
    card = load_study(study)
    with pytest.raises(ScoreError, match=r"coefficient|weights"):
        check_scorable(card, card.settings, None)


def test_a_reference_of_other_settings_is_refused_and_the_difference_named() -> None:
    other = cohort(LPFS, settings=LPFS.settings.changed(bin_width=10))
    with pytest.raises(ScoreError, match=r"bin_width: here 25.0, reference 10.0"):
        check_scorable(LPFS, LPFS.settings, other)


def test_a_feature_without_a_value_stops_the_score_with_its_reason() -> None:
    assert LPFS.signature is not None
    values = dict.fromkeys(LPFS.signature.names, 10.0)
    lost = LPFS.signature.names[3]
    del values[lost]
    with pytest.raises(ExtractionError, match=f"{lost}: PyRadiomics returned nan"):
        score(LPFS, Features(values, {lost: "PyRadiomics returned nan"}, LPFS.settings, {}), reference=cohort(LPFS))


def test_a_feature_that_is_constant_in_the_reference_cohort_is_refused() -> None:
    with pytest.raises(ScoreError, match="same in all 3 cases"):
        check_scorable(LPFS, LPFS.settings, cohort(LPFS, sd=0.0))


def test_survival_equals_what_rms_predicts(golden: Callable[[str], Any]) -> None:
    rms = golden("nomogram_rms.json")
    predicted = rms["pred_valid"]
    for time, s0 in zip(rms["S0_at_center"]["t"], rms["S0_at_center"]["efron"], strict=True):
        ours = [survival_at(s0, lp) for lp in predicted["lp_centered"]]
        assert ours == pytest.approx(predicted[f"S{time:g}"], abs=2e-5)


def test_survival_of_the_lpfs_study_is_its_reconstruction_at_linear_predictor_zero() -> None:
    result = scored_at(LPFS, 0.0, {"N stage": 0, "CR status": 0})
    assert [at.bounds.low for at in result.survival] == pytest.approx([0.682518, 0.438780, 0.352798], abs=1e-6)
    assert {at.evidence for at in result.survival} == {"reconstructed"}
    assert any("reconstructed" in sentence for sentence in result.warnings)


def test_a_missing_covariate_gives_bounds_that_hold_every_possible_value() -> None:
    bounds = scored_at(LPFS, 0.2, {"CR status": 0})
    assert bounds.missing == ("N stage",)
    assert any("N stage" in sentence for sentence in bounds.not_computed)
    for i, at in enumerate(bounds.survival):
        known = [scored_at(LPFS, 0.2, {"CR status": 0, "N stage": n}).survival[i].bounds for n in range(4)]
        assert all(item.known for item in known)
        assert at.bounds.low == min(item.low for item in known)
        assert at.bounds.high == max(item.high for item in known)


def test_a_level_may_be_given_by_its_label() -> None:
    assert scored_at(LPFS, 0, {"N stage": "N2", "CR status": 0}).covariates == {"N stage": 2.0, "CR status": 0.0}


@pytest.mark.parametrize(
    ("covariates", "message"), [({"N stage": 4}, "N stage is 4"), ({"Age": 60}, "no covariate “Age”")]
)
def test_a_covariate_out_of_range_or_unknown_is_a_usage_error(covariates: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        scored_at(LPFS, 0, covariates)


@pytest.mark.parametrize(
    ("rad_score", "hrr", "strata"),
    [
        (0.5, 1, ["high"]),
        (0.5, 0, ["intermediate"]),
        (0.1, 1, ["intermediate"]),
        (0.1, 0, ["low"]),
        (0.5, None, ["intermediate", "high"]),
        (0.1, None, ["low", "intermediate"]),
    ],
)
def test_strata_come_from_rad_score_and_hrr_status(rad_score: float, hrr: int | None, strata: list[str]) -> None:
    result = scored_at(PFS, rad_score, {next(iter(PFS.covariates)): hrr})
    assert sorted(stratum.id for stratum in result.strata) == sorted(strata)


def test_hazard_ratios_without_a_baseline_give_no_survival_and_a_sentence() -> None:
    result = scored_at(PFS, 0.5, {next(iter(PFS.covariates)): 1})
    assert result.survival == ()
    assert result.linear_predictor is not None
    assert math.exp(result.linear_predictor.low) == pytest.approx(2.052 * 2.747, rel=1e-3)
    assert any("no baseline survival" in sentence for sentence in result.not_computed)


def test_a_feature_outside_the_reference_range_is_warned_about() -> None:
    result = scored_at(LPFS, 10.0)
    assert any("original_firstorder_Skewness lies" in sentence for sentence in result.warnings)


def test_a_demonstration_reference_marks_the_score() -> None:
    assert LPFS.signature is not None
    values = dict.fromkeys(LPFS.signature.names, 10.0)
    result = score(LPFS, features(LPFS, values), reference=cohort(LPFS, demonstration=True))
    assert result.demonstration and any("nothing clinically" in sentence for sentence in result.warnings)


def test_means_and_sds_of_a_card_are_used_before_a_reference() -> None:
    card = copy.deepcopy(dict(LPFS.card))
    for feature in card["signature"]["features"]:
        feature["mean"] = {"value": 4.0, "evidence": "refit"}
        feature["sd"] = {"value": 2.0, "evidence": "refit"}
    study = check_card(card, Path("own.json"))
    result = score(study, features(study, dict.fromkeys(LPFS.signature.names, 5.0)))  # type: ignore[union-attr]
    assert {item.z for item in result.contributions} == {0.5}
    assert result.reference_label == ""


def test_a_reference_cohort_survives_saving_and_loading(tmp_path: Path) -> None:
    path = tmp_path / "cohort.json"
    made = cohort(LPFS, sd=1 / 3, software={"pyradiomics": "3.0.1"}, demonstration=True)
    made.save(path)
    assert load_reference(path) == made


def test_a_reference_describes_each_feature_as_r_does() -> None:
    table = pd.DataFrame({"original_glcm_Idn": [1.0, 2.0, 4.0, 7.0]})
    feature = build_reference(table, PyRadiomicsSettings(), label="x").features["original_glcm_Idn"]
    assert (feature.mean, feature.n, feature.minimum, feature.maximum) == (3.5, 4, 1, 7)
    assert feature.sd == pytest.approx(2.6457513110645907)  # R: sd(c(1, 2, 4, 7))
    assert feature.quantiles["0.25"] == pytest.approx(1.75)  # R: quantile(…, 0.25), type 7


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"original_glcm_Idn": [1.0, 2.0]}, r"2 case\(s\)"),
        ({"age": [1.0, 2.0, 3.0]}, "no column with the name of a feature"),
        ({"original_glcm_Idn": [1.0, 2.0, 3.0], "settings": ["a", "a", "a"]}, "other settings"),
        ({"original_glcm_Idn": [1.0, 2.0, "x"]}, "original_glcm_Idn.*no number"),
        ({"original_glcm_Idn": [1.0, 2.0, 3.0], "case": ["a", "b", "a"]}, "has several rows of a\\."),
    ],
)
def test_a_table_that_makes_no_reference_is_refused(table: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_reference(pd.DataFrame(table), PyRadiomicsSettings(), label="x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "is not JSON"),
        ("{}", r"broken at \$: .*required"),
        (
            '{"reference_version": 1, "label": "x", "demonstration": false, "cases": 9, "settings": {}, "software": {},'
            ' "features": {"original_glcm_Idn": {"mean": "1"}}}',
            r"\$\.features\.original_glcm_Idn",
        ),
        (
            '{"reference_version": 1, "label": "x", "demonstration": false, "cases": 9, "settings": {"bins": 1},'
            ' "software": {}, "features": {"original_glcm_Idn": {"mean": 1, "sd": 1, "n": 9, "minimum": 0,'
            ' "maximum": 2, "quantiles": {}}}}',
            r"\$\.settings: bins is no extraction setting",
        ),
    ],
)
def test_a_broken_reference_file_is_named_with_the_path_inside_it(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cohort.json"
    path.write_text(text)
    with pytest.raises(StudyError, match=message):
        load_reference(path)


def test_a_reference_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"none\.json cannot be read"):
        load_reference(tmp_path / "none.json")
