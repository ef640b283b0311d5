"""A study of another engine in the panel: fitted, used, measured, scored and shown as any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_tables import written
from mrml import scene
from panel_desk import Desk, FakeRunner, reference
from phantoms import ct, gtv

from EsoRadiomicsLib.extraction.engines import extract, prepare
from EsoRadiomicsLib.imaging.case import make_case
from EsoRadiomicsLib.in_slicer.panel.choices import study_of
from EsoRadiomicsLib.in_slicer.panel.model_inputs import ModelInputs
from EsoRadiomicsLib.in_slicer.panel.model_panel import ModelSection
from EsoRadiomicsLib.in_slicer.panel.patient_panel import Inputs
from EsoRadiomicsLib.scoring.nomogram import build_nomogram
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

__all__ = ["reference", "scene"]

STUDY = "escc-early-recurrence"
KURTOSIS, ENTROPY = "ibex_histogram_Kurtosis", "ibex_glcm25_45-7DifferenceEntropy"


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A card fitted by the panel to generated patients like the phantom."""
    pytest.importorskip("threadpoolctl")
    settings, image = load_study(STUDY).settings, ct()
    like = extract(prepare(make_case(image, gtv(image)), settings), settings).values
    rng = np.random.default_rng(2)
    chosen = [KURTOSIS, ENTROPY, "ibex_shape_Mass", "ibex_shape_Volume", "ibex_glcm25_0-1Energy"]
    z = pd.DataFrame(rng.normal(size=(160, len(chosen))), columns=chosen)
    table = pd.DataFrame({name: like[name] * (1 + 0.1 * z[name]) for name in chosen})
    stage = rng.integers(0, 3, len(z))
    odds = 1 / (1 + np.exp(-(1.5 * z[KURTOSIS] - 1.5 * z[ENTROPY] + 0.8 * (stage - 1))))
    facts = {"case": [f"P{i}" for i in range(len(z))], "recurred": (rng.uniform(size=len(z)) < odds).astype(int)}
    folder = tmp_path_factory.mktemp("cohort")
    path = written(pd.concat([pd.DataFrame({**facts, "pN stage": stage}), table], axis=1), folder)
    runner = FakeRunner()
    section = ModelSection(runner, lambda: None)
    inputs = section.proposed(ModelInputs(str(path), STUDY, permutations=0, bootstrap=0))
    assert inputs.outcome == "recurred" and inputs.clinical == ("pN stage",)
    section.fit(inputs)
    runner.on_finished(main(runner.arguments[2:]), "")
    assert section.result is not None, section.error
    assert section.result.study is not None and build_nomogram(section.result.study) is not None
    assert set(section.result.typical) == {"Rad-score"}
    return section.result.folder / "card.json"


def test_the_next_patient_is_scored_with_probability_group_and_nomogram(
    scene: object, reference: str, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(scene, reference)
    inputs = Inputs(*desk.inputs.nodes, str(card), {"pN stage": 1.0})
    assert desk.panel.missing(inputs) == []
    assert "below" not in desk.panel.gtv_line(inputs)  # nothing is excluded by HU
    desk.panel.score(inputs)
    desk.runner.work(capsys)
    result = desk.panel.result
    assert result is not None, desk.panel.error
    assert set(result["features"]) <= set(load_study(STUDY).settings.names)
    assert result["settings"]["values"]["engine"] == "ibex"
    assert result["score"]["group"]["id"] in ("predicted", "not-predicted")
    study = study_of(str(card))
    nomogram = build_nomogram(study)
    assert nomogram is not None
    place = nomogram.place(desk.panel.nomogram_values)
    probability = result["outcome"]["event_probability"]["low"]
    assert place.outcomes[0].low == pytest.approx(probability)
    assert (result["score"]["group"]["id"] == "predicted") == (probability >= 0.5)


def test_the_panel_says_whose_definitions_are_measured() -> None:
    from EsoRadiomicsLib.in_slicer.widgets.patient.study_html import study_html

    html = study_html(study_of(STUDY))
    assert "100 gray levels from CT number 0 to 2100" in html
    assert "IBEX&#x27;s definitions, recomputed" in html
    assert "IBEX" not in study_html(study_of("ln-response-crt"))
