"""From CT to a scored patient with a network of one's own: cohort run, fit by LASSO or forest, score, and refusals."""

from __future__ import annotations

import csv
import hashlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from cohort_factory import write_manifest
from deep_networks import SIZE, node, small_network, textured_network
from phantoms import ct, gtv

from EsoRadiomicsLib.cohort.case_pictures import packed, unpacked
from EsoRadiomicsLib.extraction.deep.network import FOLDER_VARIABLE, load_network
from EsoRadiomicsLib.extraction.engines import prepare
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

PATIENTS, N = 36, 12
OUTCOMES = ("--outcome", "LNM", "--time", "months", "--event", "death", "--endpoint", "OS", "--clinical", "age group")
QUICK = ("--permutations", "0", "--bootstrap", "0", "--progress", "none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nodes of each patient, the network's folder, the protocol with that network, and the measured table."""
    folder = tmp_path_factory.mktemp("deep")
    (folder / "networks").mkdir()
    content = textured_network(N)
    (folder / "networks" / "textured.onnx").write_bytes(content)
    card = deepcopy(dict(load_study("escc-lnm-deep").card))
    own = {
        "network": "Textured",
        "network_package": "",
        "network_file": "textured.onnx",
        "network_sha256": hashlib.sha256(content).hexdigest(),
        "network_output": "features",
        "n_features": N,
        "input_size": SIZE,
        "input_channels": 1,
    }
    for name, value in own.items():
        card["extraction"][name] = {"value": value, "evidence": "assumed", "source": "ours"}
    for step in card["protocol"]["steps"]:
        step |= {"random-forest": {"trees": 50, "keep": 2}, "lasso": {"folds": 4}}.get(step["step"], {})
    (folder / "protocol.json").write_text(json.dumps({**card, "id": "own-network"}), encoding="utf-8")
    write_manifest(folder / "manifest.csv", [row for k in range(PATIENTS) for row in nodes(folder, k)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder / "networks"))
        arguments = ["--full", "--study", str(folder / "protocol.json"), "--out", str(folder / "run")]
        assert main(["cohort", "run", str(folder / "manifest.csv"), *arguments]) == 0
    return folder


@pytest.fixture(autouse=True)
def networks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_network.cache_clear()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder / "networks"))


def nodes(folder: Path, k: int) -> list[dict[str, str]]:
    """Two nodes of a patient; those of patients with metastasis are denser, as a rule."""
    rng = np.random.default_rng(k)
    metastasis = k % 2
    rows = []
    for letter in "ab":
        image = ct((24, 20, 6), seed=2 * k + (letter == "b"))
        mask = gtv(image)
        hu = sitk.GetArrayFromImage(image)
        hu[sitk.GetArrayViewFromImage(mask) > 0] += np.int16(60 * metastasis + rng.normal(0, 45))
        denser = sitk.GetImageFromArray(hu)
        denser.CopyInformation(image)
        name = f"P{k:02d}{letter}"
        sitk.WriteImage(denser, str(folder / f"{name}_ct.nrrd"))
        sitk.WriteImage(mask, str(folder / f"{name}_node.nrrd"))
        row = {"case": name, "image": f"{name}_ct.nrrd", "mask": f"{name}_node.nrrd", "patient": f"P{k:02d}"}
        months = f"{8 + 60 * np.random.default_rng(100 + k).random() / (1 + metastasis):.1f}"
        outcome = {"LNM": str(metastasis), "months": months, "death": str(int(k % 3 > 0)), "age group": str(k // 2 % 2)}
        rows.append(row | outcome)
    return rows


def fit(folder: Path, out: str, *more: str) -> dict[str, Any]:
    arguments = ["--protocol", str(folder / "protocol.json"), *OUTCOMES, "--patient", "patient", "--horizons", "24"]
    assert (
        main(["fit", str(folder / "run" / "features.csv"), *arguments, *more, *QUICK, "--out", str(folder / out)]) == 0
    )
    return json.loads((folder / out / "card.json").read_text(encoding="utf-8"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("out", "options"),
    [("lasso", ("--rois", "largest")), ("forest", ("--rois", "each", "--alternative", "random-forest"))],
)
def test_a_model_of_ones_own_network_scores_the_next_patient(out: str, options: tuple[str, ...], folder: Path) -> None:
    card = fit(folder, out, *options)
    extraction, steps = card["extraction"], {step["step"]: step for step in card["protocol"]["steps"]}
    assert extraction["network"]["value"] == "Textured"
    assert extraction["network_sha256"]["evidence"] == "refit"
    assert ("lasso" in steps, "random-forest" in steps) == (out == "lasso", out == "forest")
    assert "Textured" in steps["deep-features"]["network"] and steps["deep-features"]["features"] == N
    assert any("this is its protocol with another network" in line for line in card["limitations"])
    assert any("% of whom have it" in line for line in card["limitations"])
    assert card["endpoint"]["name"] == "OS" and card["task"] == "survival"
    cohorts = {row["cohort"] for row in card["performance"] if row["metric"] == "AUC" and "time" not in row}
    assert cohorts == {"training", "validation", "whole"}

    predicted = rows_of(folder / out / "tables" / "predictions.csv")[0]
    case = [str(folder / f"{predicted['case']}_{part}.nrrd") for part in ("ct", "node")]
    report = folder / f"{out}-report"
    arguments = ["--study", str(folder / out / "card.json"), "--covariate", "age group=1", "--progress", "none"]
    assert main(["score", *case, *arguments, "--out", str(report)]) == 0
    result = json.loads((report / "result.json").read_text(encoding="utf-8"))
    assert result["score"]["rad_score"] == pytest.approx(float(predicted["Rad-score"]), rel=1e-12)
    assert (report / "pictures.png").read_bytes()[:4] == b"\x89PNG"
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "as the network was shown it" in page and extraction["network_sha256"]["value"] in page


def test_the_cohorts_report_shows_what_the_network_saw_of_each_case(folder: Path) -> None:
    page = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "What the network was shown" in page
    assert page.count("data:image/png;base64,") == 2, "72 cases, 64 of them a sheet"
    entry = rows_of(folder / "manifest.csv")[0]
    settings = load_study(folder / "protocol.json").settings
    roi = prepare(load_case(folder / entry["image"], folder / entry["mask"]), settings)
    kept = unpacked(packed(roi.pictures))
    np.testing.assert_allclose(kept.gray, roi.pictures[0].gray, atol=0.5)
    np.testing.assert_array_equal(kept.inside, roi.pictures[0].inside)
    assert kept.caption == roi.pictures[0].caption


def test_outputs_that_never_answer_are_named_with_their_value(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = small_network(
        more={"never": np.array([1, 0, 1, 0], np.float32)}, last=[node("Mul", "numbers never", "features")]
    )
    (tmp_path / "small.onnx").write_bytes(content)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    own = {"network_file": "small.onnx", "network_sha256": hashlib.sha256(content).hexdigest(), "n_features": 4}
    write_manifest(folder / "three.csv", rows_of(folder / "manifest.csv")[:3])
    arguments = ["--full", "--study", str(folder / "protocol.json"), "--out", str(tmp_path / "run")]
    settings = [part for name, value in own.items() for part in ("--set", f"{name}={value}")]
    assert main(["cohort", "run", str(folder / "three.csv"), *arguments, *settings]) == 0
    (told,) = [row for row in rows_of(tmp_path / "run" / "remarks.csv") if row["stage"] == "features"]
    assert told["reason"] == "The same in all 3 ROIs: 2 features, deep_0002 (0), deep_0004 (0)."
    assert "models leave them out" in told["remedy"]


def test_the_forest_ranks_every_feature_and_keeps_the_first(folder: Path) -> None:
    fit(folder, "ranked", "--alternative", "random-forest")
    rows = rows_of(folder / "ranked" / "tables" / "forest-importance.csv")
    importance = [float(row["importance"]) for row in rows]
    assert len(rows) == N and importance == sorted(importance, reverse=True)
    assert sum(importance) == pytest.approx(1) and [row["taken"] for row in rows] == ["yes"] * 2 + ["no"] * (N - 2)
    signature = rows_of(folder / "ranked" / "tables" / "signature.csv")
    assert {row["feature"] for row in signature} == {row["feature"] for row in rows[:2]}


def test_a_probability_is_recalibrated_without_follow_up(folder: Path) -> None:
    card = fit(folder, "first", "--rois", "largest")
    table = folder / "run" / "features.csv"
    arguments = ["--outcome", "LNM", "--patient", "patient", "--rois", "mean", "--update", "intercept"]
    out = folder / "recalibrated"
    assert main(["validate", str(folder / "first" / "card.json"), str(table), *arguments, "--out", str(out)]) == 0
    updated = json.loads((out / "card.json").read_text(encoding="utf-8"))
    assert updated["outcome"]["baseline"] == card["outcome"]["baseline"]
    assert updated["signature"]["intercept"]["value"] != card["signature"]["intercept"]["value"]
    (share,) = [line for line in updated["limitations"] if "% of whom have it" in line]
    assert share.startswith("The probability of LNM is for patients like those of our cohort, 50 % of whom have it.")
    cutoff = updated["signature"]["cutoff"]["value"]
    sign = "−" if cutoff < 0 else ""
    assert updated["outcome"]["terms"][-1]["name"] == f"Rad-score > {sign}{abs(cutoff):.4g}"


def test_without_the_network_the_refusal_says_which_and_where(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(folder, "elsewhere", "--rois", "largest")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    load_network.cache_clear()
    case = [str(folder / f"P00a_{part}.nrrd") for part in ("ct", "node")]
    assert main(["score", *case, "--study", str(folder / "elsewhere" / "card.json"), "--out", str(tmp_path / "r")]) == 1
    said = capsys.readouterr().err
    assert "network Textured is not here" in said and str(tmp_path / "textured.onnx") in said
    assert not (tmp_path / "r").exists()


def test_a_worker_without_the_network_says_so_for_its_case(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    one = rows_of(folder / "manifest.csv")[:1]
    write_manifest(folder / "one.csv", one)
    arguments = ["--full", "--study", str(folder / "protocol.json"), "--out", str(tmp_path / "run")]
    assert main(["cohort", "run", str(folder / "one.csv"), *arguments]) == 1
    (failure,) = rows_of(tmp_path / "run" / "failures.csv")
    assert "The network Textured is not here" in failure["reason"] and "environment variable" in failure["remedy"]


def test_an_alternative_that_the_protocol_does_not_have_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = str(folder / "run" / "features.csv")
    arguments = ["--protocol", str(folder / "protocol.json"), "--outcome", "LNM", "--alternative", "boosting"]
    assert main(["fit", table, *arguments, "--out", str(folder / "none")]) == 2
    assert "no alternative step “boosting”; it has “random-forest” instead of “lasso”" in capsys.readouterr().err
