"""The built-in study cards against what the papers print."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paper_tables import FORMULAS, TABLES

from EsoRadiomicsLib.studies.study import Study, builtin_studies, load_study
from EsoRadiomicsLib.studies.study_checks import quantities

SCORED = ("escc-lpfs-ccrt", "escc-pfs-dcrt", "ln-control-2y", "ln-response-crt")
PAPERS = {
    "escc-lpfs-ccrt": "000_2361302a3218d6b8.txt",
    "ln-response-crt": "001_df63b02377d8ad09.txt",
    "ln-control-2y": "001_df63b02377d8ad09.txt",
    "escc-pfs-dcrt": "002_162d21c12606223e.txt",
    "escc-early-recurrence": "003_eab464a9f994f92b.txt",
    "escc-lnm-deep": "004_e8c181f7fc9f31bb.txt",
}


@pytest.fixture(params=builtin_studies())
def study(request: pytest.FixtureRequest) -> Study:
    return load_study(request.param)


def signature(study_id: str) -> Any:
    found = load_study(study_id).signature
    assert found is not None
    return found


def step(study_id: str, name: str) -> Mapping[str, Any]:
    return next(item for item in load_study(study_id).card["protocol"]["steps"] if item["step"] == name)


def test_the_readme_lists_every_built_in_study() -> None:
    readme = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", readme, re.MULTILINE)) == list(builtin_studies())


def test_a_card_is_named_by_its_id(study: Study) -> None:
    assert study.path.stem == study.id


@pytest.mark.parametrize("study_id", TABLES)
def test_coefficients_are_the_papers_table(study_id: str) -> None:
    rows = [line.strip().rpartition(" ") for line in TABLES[study_id].strip().splitlines()]
    features = load_study(study_id).card["signature"]["features"]
    assert [feature["coefficient"]["value"] for feature in features] == [float(number) for _, _, number in rows]
    for feature, (printed, _, _) in zip(features, rows, strict=True):
        assert printed in (feature["name"], feature.get("printed_as"))


@pytest.mark.parametrize("study_id", FORMULAS)
def test_the_printed_formula_and_the_card_give_the_same_rad_score(study_id: str) -> None:
    formula = FORMULAS[study_id].replace("origin_", "original_").replace("wavelet_", "wavelet-")
    terms = re.findall(r"([-+\s]*)(\d[\d.]*)(?:\*([\w-]+?(?=\s|-\s|-0|$)))?", formula)
    chance = random.Random(7)
    values = {name: chance.uniform(-3, 3) for name in signature(study_id).names}
    printed = sum(float(number) * (-1) ** signs.count("-") * values.get(name, 1.0) for signs, number, name in terms)
    assert {name for _, _, name in terms if name} == set(values)
    features = signature(study_id).features
    carded = signature(study_id).intercept + sum(f.coefficient.value * values[f.name] for f in features)
    assert carded == pytest.approx(printed, rel=1e-12)


@pytest.mark.parametrize(
    ("study_id", "link", "normalisation"),
    [
        ("escc-lpfs-ccrt", "cox", "z-score"),
        ("escc-pfs-dcrt", "linear", "z-score"),
        ("ln-control-2y", "logistic", "none"),
        ("ln-response-crt", "logistic", "none"),
    ],
)
def test_z_scored_signatures_have_no_means_and_raw_ones_a_probability(
    study_id: str, link: str, normalisation: str
) -> None:
    found = signature(study_id)
    assert (found.link, found.normalisation) == (link, normalisation)
    assert all(feature.mean is None and feature.sd is None for feature in found.features)
    assert bool(found.probability_of) == (link == "logistic")


@pytest.mark.parametrize(
    ("study_id", "score", "group"),
    [
        ("escc-lpfs-ccrt", 0.1411, "high"),
        ("escc-lpfs-ccrt", math.nextafter(0.1411, -1), "low"),
        ("escc-pfs-dcrt", 0.36, "low"),
        ("escc-pfs-dcrt", math.nextafter(0.36, 1), "high"),
        ("ln-response-crt", 0.961, "non-responder"),
        ("ln-response-crt", 0.962, "responder"),
        ("ln-control-2y", -1.015, "low"),
        ("ln-control-2y", -1.014, "high"),
    ],
)
def test_a_score_at_the_cut_off_is_grouped_by_the_papers_rule(study_id: str, score: float, group: str) -> None:
    assert signature(study_id).cutoff.group(score).id == group


@pytest.mark.parametrize("study_id", SCORED)
def test_a_high_score_is_bad_for_the_tumour_studies_and_good_for_the_lymph_node_studies(study_id: str) -> None:
    cutoff = signature(study_id).cutoff
    good, bad = (cutoff.above, cutoff.below) if study_id.startswith("ln-") else (cutoff.below, cutoff.above)
    assert (good.outlook, bad.outlook) == ("better", "worse")


@pytest.mark.parametrize(
    ("study_id", "hazard_ratios"),
    [
        (
            "escc-lpfs-ccrt",
            {
                "N stage": (1.892, 1.122, 3.190),
                "CR status": (0.154, 0.080, 0.297),
                "Rad-score": (4.423, 1.993, 9.814),
            },
        ),
        ("escc-pfs-dcrt", {"Rad-score > 0.36": (2.052, 1.109, 3.798), "HRR status": (2.747, 1.313, 5.748)}),
    ],
)
def test_outcome_coefficients_are_logarithms_of_the_published_hazard_ratios(
    study_id: str, hazard_ratios: dict[str, tuple[float, float, float]]
) -> None:
    study = load_study(study_id)
    printed = {
        term["name"]: (term["hazard_ratio"]["value"], *term["hazard_ratio"]["ci95"])
        for term in study.card["outcome"]["terms"]
    }
    assert printed == hazard_ratios
    assert study.outcome is not None
    for term in study.outcome.terms:
        assert term.coefficient.value == pytest.approx(math.log(hazard_ratios[term.name][0]), rel=1e-12)


def test_the_reconstructed_baseline_gives_the_published_survival_of_the_whole_cohort() -> None:
    """Mean of S0^exp(lp) over N stage, CR and Rad-score (normal), distributed as in Table 1 and independent."""
    study = load_study("escc-lpfs-ccrt")
    cohort = {name: node["value"] for name, node in study.card["protocol"]["cohort"].items()}
    assert study.outcome is not None
    beta = {term.name: term.coefficient.value for term in study.outcome.terms}
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    rad_score = -0.0289 + 0.35 * nodes
    response = cohort["training_cr"] / cohort["training"]
    for time, survival in study.outcome.baseline:
        mean = 0.0
        for n in range(4):
            for complete, share in ((0, 1 - response), (1, response)):
                lp = beta["N stage"] * n + beta["CR status"] * complete + beta["Rad-score"] * rad_score
                probability = cohort[f"training_n{n}"] / cohort["training"] * share
                mean += probability * np.average(survival.value ** np.exp(lp), weights=weights)
        assert round(100 * mean, 1) == cohort[f"survival_{time}_months_percent"]
        assert survival.evidence == "reconstructed"
    assert [time for time, _ in study.outcome.baseline] == [12, 24, 36]


def test_strata_count_a_high_rad_score_and_an_hrr_mutation() -> None:
    strata = load_study("escc-pfs-dcrt").strata
    assert strata is not None
    assert [(factor.kind, factor.adverse) for factor in strata.factors] == [
        ("risk-group", ("high",)),
        ("covariate", (1,)),
    ]
    medians = {group.id: [quantity.value for _, quantity in group.medians] for group in strata.groups}
    assert medians == {"low": [14.4, 23.2], "intermediate": [9.93, 12.3], "high": [6.18, 10.4]}


def test_hazard_ratios_without_a_baseline_are_no_survival() -> None:
    outcome = load_study("escc-pfs-dcrt").outcome
    assert outcome is not None
    assert outcome.baseline == ()


@pytest.mark.parametrize("study_id", ["escc-early-recurrence", "escc-lnm-deep"])
def test_a_study_without_coefficients_says_so_and_what_to_do(study_id: str) -> None:
    study = load_study(study_id)
    assert study.signature is None
    assert "coefficient" in study.absent
    assert "no score can be computed" in study.absent
    assert "fit the card's protocol on a cohort of your own" in study.absent.lower()


def test_the_features_of_early_recurrence_are_measured_under_the_names_printed() -> None:
    study = load_study("escc-early-recurrence")
    features = study.card["signature"]["features"]
    assert {item["name"] for item in features} <= set(study.settings.names)
    assert [item["printed_as"] for item in features] == [
        "X45.7DifferenceEntropy",
        "X135.7Dissimilarity",
        "X0.1InformationMeasureCorr1",
        "X90.7InformationMeasureCorr2",
        "X45.7InverseVariance",
        "X90HighGrayLevelRunEmpha",
        "Compactness1",
        "Mass",
        "Orientation",
        "Roundness",
        "Intensity Histogram Kurtosis",
    ]
    for item in features:
        in_r = item["name"].split("_")[2].replace("-", ".")
        assert item["printed_as"] in (in_r, f"X{in_r}", f"Intensity Histogram {in_r}")


@pytest.mark.parametrize(
    ("study_id", "count"), [("escc-lpfs-ccrt", 851), ("escc-pfs-dcrt", 851), ("ln-response-crt", 107)]
)
def test_the_settings_give_the_studys_features_and_all_of_its_signature(study_id: str, count: int) -> None:
    names = load_study(study_id).settings.names
    assert len(names) == count
    assert set(signature(study_id).names) <= set(names)


def test_settings_are_the_papers_where_printed_and_defaults_elsewhere() -> None:
    evidence = load_study("escc-lpfs-ccrt").settings_evidence
    assert evidence["voxel_mm"].value == [1, 1, 1]
    assert evidence["hu_min"].value == -50
    for name in ("voxel_mm", "hu_min", "image_types", "feature_classes"):
        assert evidence[name].evidence == "published"
    for name in ("pixel_type", "interpolator", "hu_order", "shape_mask", "wavelet", "bin_width", "min_voxels"):
        assert evidence[name].evidence == "assumed"


@pytest.mark.parametrize("study_id", ["ln-response-crt", "ln-control-2y", "escc-pfs-dcrt"])
def test_a_study_that_prints_no_resampling_and_no_threshold_gets_none(study_id: str) -> None:
    study = load_study(study_id)
    assert study.settings.voxel_mm is None
    assert study.settings.hu_min is None
    assert {study.settings_evidence[name].evidence for name in ("voxel_mm", "hu_min")} == {"absent"}


def test_every_value_of_a_card_has_a_source(study: Study) -> None:
    assert [path for path, node in quantities(study.card) if not node.get("source")] == []


def test_a_card_is_for_research_and_names_limits_and_contradictions(study: Study) -> None:
    assert study.card["intended_use"].startswith("Research only; not a medical device")
    assert len(study.card["limitations"]) >= 3
    assert all(note.endswith(".") for note in study.card["notes"])


@pytest.mark.parametrize(
    ("study_id", "words"),
    [
        ("escc-lpfs-ccrt", "V3.6.2 | 0.7700–0.790 | origin_glszm_ | plain CT | model of five | mean 0"),
        ("ln-response-crt", "all 106 features | 13 shape and 24 GLCM | radiation oncologists | P = 0.48"),
        ("ln-control-2y", "25.5 % | 25.93 % | verification set | Figure 3"),
        ("escc-pfs-dcrt", "≥ 0.36 | 61 % | wavelet_LLH | no censoring | CHEK2 | Table 4"),
        ("escc-early-recurrence", "before any treatment | six clinical | profiles of 263 | stepwise | accuracy | F1"),
        ("escc-lnm-deep", "whole cohort (0.747) | chosen by outcome"),
    ],
)
def test_the_contradictions_of_a_paper_are_noted(study_id: str, words: str) -> None:
    notes = " ".join(load_study(study_id).card["notes"])
    assert [word for word in words.split(" | ") if word not in notes] == []


def test_the_contradictions_noted_of_table_3_are_in_its_numbers() -> None:
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for item in load_study("escc-early-recurrence").card["performance"]:
        rows.setdefault((item["model"], item["cohort"]), {})[item["metric"]] = item["value"]["value"]
    impossible, other_f1 = [], {}
    for row, m in rows.items():
        if not min(m["sensitivity"], m["specificity"]) <= m["accuracy"] <= max(m["sensitivity"], m["specificity"]):
            impossible.append(row)
        f1 = 2 * m["PPV"] * m["sensitivity"] / (m["PPV"] + m["sensitivity"])
        if abs(f1 - m["F1"]) > 0.01:
            other_f1[row] = round(f1, 3)
    assert impossible == [("clinical", "training")]
    assert other_f1 == {
        ("clinical", "training"): 0.621,
        ("combined", "validation"): 0.739,
        ("clinical", "validation"): 0.455,
    }


@pytest.mark.parametrize(
    ("study_id", "metric", "positives", "of"),
    [
        ("ln-response-crt", "sensitivity", 51, "training_responders"),
        ("ln-response-crt", "specificity", 21, "training_non_responders"),
        ("ln-control-2y", "sensitivity", 20, "training_controlled"),
    ],
)
def test_printed_rates_are_whole_numbers_of_nodes(study_id: str, metric: str, positives: int, of: str) -> None:
    card = load_study(study_id).card
    printed = next(item["value"]["value"] for item in card["performance"] if item["metric"] == metric)
    assert round(positives / card["protocol"]["cohort"][of]["value"], 3) == printed


@pytest.mark.parametrize(("study_id", "log_lambda"), [("ln-response-crt", -3.056), ("ln-control-2y", -1.809)])
def test_the_printed_lambda_has_the_printed_logarithm(study_id: str, log_lambda: float) -> None:
    assert math.log(step(study_id, "lasso")["lambda"]) == pytest.approx(log_lambda, abs=1e-3)


@pytest.mark.parametrize(
    ("study_id", "icc", "lasso"),
    [
        ("escc-lpfs-ccrt", (0.9, ">=", 30), ("cox", 10, "deviance", "min", 17)),
        ("ln-response-crt", (0.75, ">", None), ("binomial", 10, "auc", "1se", 7)),
        ("ln-control-2y", (0.75, ">", None), ("binomial", 5, "auc", "1se", 2)),
        ("escc-pfs-dcrt", (0.8, ">=", 20), ("gaussian", 10, "mse", "min", 6)),
        ("escc-early-recurrence", (0.75, ">", 50), ("binomial", 10, "deviance", "1se", 11)),
    ],
)
def test_a_protocol_can_be_repeated(study_id: str, icc: tuple[Any, ...], lasso: tuple[Any, ...]) -> None:
    assert tuple(step(study_id, "icc")[key] for key in ("threshold", "rule", "patients")) == icc
    assert tuple(step(study_id, "lasso")[key] for key in ("family", "folds", "measure", "lambda_rule", "kept")) == lasso


@pytest.mark.parametrize("study_id", SCORED)
def test_the_protocol_leads_to_the_cards_own_signature(study_id: str) -> None:
    found = signature(study_id)
    steps = [item["step"] for item in load_study(study_id).card["protocol"]["steps"]]
    assert step(study_id, "lasso")["kept"] == len(found.features)
    assert step(study_id, "cutoff")["rule"] == found.cutoff.rule
    assert ("z-score" in steps) == (found.normalisation == "z-score")
    assert steps[:2] == ["split", "icc"]


def test_what_a_protocol_step_assumes_is_one_of_its_keys(study: Study) -> None:
    for item in study.card["protocol"]["steps"]:
        assert set(item.get("assumed", ())) <= set(item)


@pytest.mark.parametrize("study_id", ["escc-lpfs-ccrt", "escc-pfs-dcrt"])
def test_outcome_terms_are_what_the_multivariable_model_kept(study_id: str) -> None:
    outcome = load_study(study_id).outcome
    assert outcome is not None
    terms = {term.kind if term.kind == "risk-group" else term.name for term in outcome.terms}
    assert terms == set(step(study_id, "cox")["kept"])


NUMBER_WORDS = {"two": 2, "three": 3, "five": 5, "six": 6, "seven": 7, "eleven": 11, "seventeen": 17}


def test_every_published_number_stands_in_the_papers_text(study: Study, shared_data: Path) -> None:
    paper = shared_data.parent / "papers" / PAPERS.get(study.id, f"{study.id}.txt")
    if not paper.is_file():
        pytest.skip(f"the paper's text is not here ({paper})")
    text = paper.read_text(encoding="utf-8").replace("×10^{-9}", "e-9")
    text = re.sub(r"(\d\.) (?=\d)", r"\1", text)
    printed = {float(number) for number in re.findall(r"\d+(?:\.\d+)?(?:e-\d+)?", text)}
    printed |= {value for word, value in NUMBER_WORDS.items() if word in text.lower()}
    printed |= {12, 24, 36}  # months here, years there
    missing = []
    for path, node in quantities(study.card):
        if node["evidence"] != "published" or node.get("source", "").startswith("ln of"):
            continue
        for number in _numbers({key: node[key] for key in node if key not in node.get("assumed", ())}):
            if abs(number) not in printed:
                missing.append((path, number))
    assert missing == []


def _numbers(node: Any) -> list[float]:
    """The numbers of a quantity or a protocol step, without those that have an evidence of their own."""
    if isinstance(node, bool) or not isinstance(node, (int, float, list, Mapping)):
        return []
    if isinstance(node, (int, float)):
        return [node] if node else []
    children = node.values() if isinstance(node, Mapping) else node
    return [n for child in children if not (isinstance(child, Mapping)) for n in _numbers(child)]
