"""Cards written by others: what is wrong is said with its path inside the JSON; covariates are checked at the door."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from EsoRadiomicsLib.core import schemas
from EsoRadiomicsLib.core.errors import StudyError, UsageError
from EsoRadiomicsLib.core.resources import resource_path
from EsoRadiomicsLib.studies import study as study_module
from EsoRadiomicsLib.studies.card_parts import Covariate
from EsoRadiomicsLib.studies.study import builtin_studies, load_study, read_card

REMOVED = object()
UNHELPFUL = ("not valid under any", "valid under each", "Traceback", "False schema")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Writes a card (or any text) to a file and returns its path."""

    def to_file(content: Any) -> Path:
        path = tmp_path / "my-card.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return to_file


def broken(study_id: str, where: tuple[str | int, ...], value: Any) -> Any:
    """A built-in card with the value at ``where`` replaced, added or removed."""
    card = copy.deepcopy(load_study(study_id).card)
    node: Any = card
    for key in where[:-1]:
        node = node[key]
    if value is REMOVED:
        del node[where[-1]]
    elif isinstance(node, list) and where[-1] == len(node):
        node.append(value)
    else:
        node[where[-1]] = value
    return card


LPFS, PFS, EARLY, LN = "escc-lpfs-ccrt", "escc-pfs-dcrt", "escc-early-recurrence", "ln-response-crt"
FEATURE = ("signature", "features", 3)
AGAIN = {"name": "wavelet-LLL_glcm_Imc2", "coefficient": {"value": 1, "evidence": "refit"}}
AGE = {"name": "age", "label": "Age", "unit": "years", "range": [80, 40]}
BASELINE = ("outcome", "baseline")


@pytest.mark.parametrize(
    ("study_id", "where", "value", "path", "expected"),
    [
        # missing and unknown keys
        (LPFS, ("title",), REMOVED, "$", "'title' is a required property"),
        (LPFS, ("titel",), "x", "$", "'titel' was unexpected"),
        (LPFS, ("signature", "cutoff"), REMOVED, "$.signature", "'cutoff' is a required property"),
        (LPFS, ("signature", "cutoff", "rule"), REMOVED, "$.signature.cutoff", "'rule' is a required property"),
        (LPFS, (*FEATURE, "coefficient"), REMOVED, "$.signature.features[3]", "'coefficient' is a required property"),
        (LPFS, (*FEATURE, "sd"), {"value": 1, "evidence": "refit"}, "$.signature.features[3]", "'mean' is a depend"),
        (LN, ("signature", "probability_of"), REMOVED, "$.signature", "'probability_of' is a required property"),
        (EARLY, ("signature", "absent"), REMOVED, "$.signature", "'name' is a required property"),
        (LPFS, ("outcome", "unit"), REMOVED, "$.outcome", "'unit' is a required property"),
        (LPFS, ("covariates", 0, "levels"), REMOVED, "$.covariates[0]", "'range' is a required property"),
        # wrong types and values
        (LPFS, ("card_version",), 2, "$.card_version", "1 was expected"),
        (LPFS, ("id",), "My Study", "$.id", "expected: lower-case letters, digits and hyphens"),
        (LPFS, ("endpoint", "name"), "", "$.endpoint.name", "expected: short, for axes: LPFS"),
        (LPFS, (*FEATURE, "coefficient", "value"), "-0.017", "$.signature.features[3].coefficient.value", "'number'"),
        (LPFS, (*FEATURE, "coefficient", "value"), None, "$.signature.features[3].coefficient.value", "'number'"),
        (LPFS, (*FEATURE, "coefficient", "evidence"), "sure", "$.signature.features[3].coefficient.evidence", "refit"),
        (LPFS, ("signature", "link"), "logit", "$.signature.link", "one of ['cox', 'logistic', 'linear']"),
        (LPFS, ("signature", "cutoff", "rule"), "=>", "$.signature.cutoff.rule", "one of ['>=', '>']"),
        (LPFS, ("signature", "cutoff", "value"), "0.1", "$.signature.cutoff.value", "'number'"),
        (LPFS, ("signature",), [], "$.signature", "is not of type 'object'"),
        (LPFS, ("signature", "features"), [], "$.signature.features", "non-empty"),
        (LPFS, ("outcome",), "none", "$.outcome", "is not of type 'object', 'null'"),
        (LPFS, ("outcome", "terms", 0, "kind"), "clinical", "$.outcome.terms[0].kind", "'risk-group'"),
        (LPFS, ("roi", "voxel_mm", "value"), [1, 1], "$.roi.voxel_mm.value", "expected: [x, y, z] in mm"),
        (LPFS, ("extraction", "bin_width", "value"), 0, "$.extraction.bin_width.value", "minimum of 0"),
        (LPFS, (*BASELINE, 0, "survival", "value"), 1.0, "$.outcome.baseline[0].survival.value", "maximum of 1"),
        (LPFS, ("performance", 0, "value", "ci95"), [0.7], "$.performance[0].value.ci95", "expected: [low, high]"),
        # the protocol
        (LPFS, ("protocol", "steps"), REMOVED, "$.protocol", "'steps' is a required property"),
        (LPFS, ("protocol", "steps", 1, "threshold"), "0.9", "$.protocol.steps[1].threshold", "'number'"),
        (LPFS, ("protocol", "steps", 1, "treshold"), 0.9, "$.protocol.steps[1]", "'treshold' was unexpected"),
        (LPFS, ("protocol", "steps", 1, "step"), REMOVED, "$.protocol.steps[1]", "'step' is a required property"),
        (LPFS, ("protocol", "steps", 3, "folds"), REMOVED, "$.protocol.steps[3]", "'folds' is a required property"),
        (LPFS, ("protocol", "steps", 3, "step"), "ridge", "$.protocol.steps[3].step", "'lasso'"),
        (LPFS, ("protocol", "steps", 0, "ratio"), [155], "$.protocol.steps[0].ratio", "[training, validation]"),
        (LPFS, ("protocol", "steps", 8, "metrics", 0), "c", "$.protocol.steps[8].metrics[0]", "'C-index'"),
        # what no schema can say
        (LPFS, (*FEATURE, "name"), "origin_glszm_ZoneEntropy", "$.signature.features[3].name", "851 feature names"),
        (LPFS, ("signature", "features", 17), AGAIN, "$.signature.features", "“wavelet-LLL_glcm_Imc2” is listed"),
        (LPFS, ("signature", "cutoff", "above", "id"), "low", "$.signature.cutoff", "both groups have the id “low”"),
        (LPFS, ("outcome", "terms", 0, "name"), "M stage", "$.outcome.terms[0].name", "not among the card's"),
        (PFS, ("signature", "cutoff"), None, "$.outcome.terms[0]", "needs a signature with a cut-off"),
        (PFS, ("strata", "factors", 1, "name"), "BRCA", "$.strata.factors[1].name", "not among the card's covariates"),
        (PFS, ("strata", "factors", 1, "adverse"), [2], "$.strata.factors[1].adverse", "2 is not one of"),
        (PFS, ("strata", "factors", 0, "adverse"), ["bad"], "$.strata.factors[0].adverse", "(high, low)"),
        (PFS, ("strata", "groups", 0), REMOVED, "$.strata.groups", "each of 0 to 2 adverse factors"),
        (LPFS, (*BASELINE, 1, "time"), 12, "$.outcome.baseline[1].time", "the times must rise"),
        (LPFS, (*BASELINE, 1, "survival", "value"), 0.9, "$.outcome.baseline[1].survival", "cannot rise with time"),
        (LPFS, ("covariates", 0, "range"), [0, 3], "$.covariates[0]", "either levels or a range"),
        (LPFS, ("covariates", 0, "levels", 0, "value"), 1, "$.covariates[0].levels", "“1” is listed twice"),
        (LPFS, ("covariates", 2), AGE, "$.covariates[2].range", "must rise, but is 80 to 40"),
        (LPFS, ("covariates", 1, "name"), "N stage", "$.covariates", "“N stage” is listed twice"),
        (LPFS, ("roi", "pixel_type", "value"), "int8", "$.roi.pixel_type.value", "choose from int16, float32, float64"),
        (LPFS, ("extraction", "image_types", "value"), ["log"], "$.extraction.image_types.value", "'wavelet'"),
        (LN, ("roi", "hu_min", "value"), -50, "$.roi.hu_min.evidence", "“absent”, but there is a value (-50)"),
    ],
)  # fmt: skip
def test_a_broken_card_is_refused_with_the_place_and_what_was_expected(
    write: Callable[[Any], Path], study_id: str, where: tuple[str | int, ...], value: Any, path: str, expected: str
) -> None:
    with pytest.raises(StudyError) as caught:
        read_card(write(broken(study_id, where, value)))
    message = str(caught.value)
    assert f"my-card.json is broken at {path}: " in message
    assert expected in message
    assert message.endswith(".")
    assert not message.endswith("..")
    assert not any(phrase in message for phrase in UNHELPFUL)


@pytest.mark.parametrize("sd", [0, -1.5])
def test_a_standard_deviation_must_be_above_0(write: Callable[[Any], Path], sd: float) -> None:
    parameters = {"mean": {"value": 2, "evidence": "refit"}, "sd": {"value": sd, "evidence": "refit"}}
    card = broken(LPFS, FEATURE, {**load_study(LPFS).card["signature"]["features"][3], **parameters})
    with pytest.raises(StudyError, match=r"at \$\.signature\.features\[3\]\.sd\.value: .* minimum of 0"):
        read_card(write(card))


def test_a_long_offending_value_does_not_hide_what_was_expected(write: Callable[[Any], Path]) -> None:
    with pytest.raises(StudyError, match=r"\$\.notes: .* … .* is not of type 'array'") as caught:
        read_card(write(broken(LPFS, ("notes",), "no notes " * 200)))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Expecting value"),
        ('{"id": "x",}', "Expecting property name|Illegal trailing comma"),
        ('{"id": NaN}', "NaN is not a number of JSON"),
        ('{"id": 1e999}', r"broken at \$.id: the number is too large"),
        ("[" * 100_000, "nested too deeply|Expecting"),
    ],
)
def test_a_file_that_is_not_json_is_said_to_be_none(write: Callable[[Any], Path], text: str, problem: str) -> None:
    with pytest.raises(StudyError, match=f"my-card.json is .*({problem}).* Give a study card written as JSON"):
        read_card(write(text))


@pytest.mark.parametrize("document", ["[]", "3", "null", '"card"'])
def test_json_that_is_no_object_is_no_card(write: Callable[[Any], Path], document: str) -> None:
    with pytest.raises(StudyError, match=r"broken at \$: .* is not of type 'object'"):
        read_card(write(document))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"gone\.json cannot be read. There is no file"):
        read_card(tmp_path / "gone.json")


@pytest.mark.parametrize("study", ["no-such-study", "folder", "x" * 5000, "nul\0byte"])
def test_an_unknown_study_is_answered_with_those_there_are(study: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    name = str(tmp_path / study) if study == "folder" else study
    with pytest.raises(
        StudyError, match="There is no study .*The built-in studies are: " + ", ".join(builtin_studies())
    ):
        load_study(name)


def test_a_card_of_ones_own_is_loaded_by_its_path(write: Callable[[Any], Path]) -> None:
    path = write(broken(LPFS, ("id",), "our-hospital"))
    assert load_study(path).id == load_study(str(path)).id == "our-hospital"
    assert load_study(load_study(path)).path == path


def test_a_card_saved_by_windows_notepad_is_read(tmp_path: Path) -> None:
    path = tmp_path / "notepad.json"
    path.write_text(json.dumps(load_study(LN).card), encoding="utf-8-sig")
    assert load_study(path).card == load_study(LN).card


def test_a_refitted_card_brings_its_own_means_and_sds(write: Callable[[Any], Path]) -> None:
    parameters = {"mean": {"value": 0, "evidence": "refit"}, "sd": {"value": 2.5, "evidence": "refit"}}
    card = broken(LPFS, FEATURE, {**load_study(LPFS).card["signature"]["features"][3], **parameters})
    signature = read_card(write(card)).signature
    assert signature is not None
    mean, sd = signature.features[3].mean, signature.features[3].sd
    assert mean is not None and mean.value == 0
    assert sd is not None and (sd.value, sd.evidence) == (2.5, "refit")


@pytest.mark.parametrize("given", [1, 1.0, "1", "N1", "n1 "])
def test_a_level_is_given_by_its_number_or_its_label(given: object) -> None:
    n_stage = load_study(LPFS).covariates["N stage"]
    assert n_stage.check(given) == 1.0
    assert n_stage.describe(1.0) == "N1"


@pytest.mark.parametrize("given", [4, "N4", "", None, float("nan")])
def test_a_value_that_is_no_level_is_refused_with_the_levels(given: object) -> None:
    with pytest.raises(UsageError, match=r"N stage is .*0 \(N0\), 1 \(N1\), 2 \(N2\), 3 \(N3\)"):
        load_study(LPFS).covariates["N stage"].check(given)


def test_a_continuous_covariate_must_lie_in_its_range() -> None:
    age = Covariate("age", "Age", None, (31, 88), "years")
    assert age.check("63.5") == 63.5
    assert age.describe(63.5) == "63.5 years"
    for given in (30, 89, "old", None, float("nan")):
        with pytest.raises(UsageError, match=r"age is .*; give a number from 31 to 88 years\."):
            age.check(given)


@pytest.mark.parametrize("path", sorted(resource_path("Schemas").glob("*.json")), ids=lambda path: path.name)
def test_a_schema_is_itself_valid(path: Path) -> None:
    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("study", builtin_studies())
def test_a_card_that_comes_with_the_extension_fulfils_the_schemas_and_is_known_to(
    study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = resource_path("Studies", f"{study}.json")
    card = json.loads(path.read_text(encoding="utf-8"))
    assert schemas.was_checked(card), "run “make cmake-lists” after changing a card or a schema"
    monkeypatch.setattr(study_module, "was_checked", lambda card: False)
    assert read_card(path).card == card


def test_a_changed_copy_of_a_card_is_checked_again(write: Callable[[Any], Path]) -> None:
    card = load_study(LPFS).card
    assert schemas.was_checked(json.loads(json.dumps(card)))
    assert not schemas.was_checked(broken(LPFS, ("title",), card["title"] + " "))
    assert not schemas.was_checked(broken(LPFS, (*BASELINE, 1, "time"), 12))
