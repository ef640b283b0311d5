"""The section Reproducibility on a real MRML scene: three generated cases, each contoured by two readers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk
from mrml import add_segmentation, add_volume
from panel_desk import STUDY, FakeRunner
from phantoms import ct, gtv

from EsoRadiomicsLib.agreement.comparison import agreement
from EsoRadiomicsLib.agreement.icc_protocol import protocol_rule
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.in_slicer.panel.choices import study_of
from EsoRadiomicsLib.in_slicer.panel.reproducibility_panel import AgreementInputs, Reproducibility
from EsoRadiomicsLib.in_slicer.scene.scene_readings import SceneReadings
from EsoRadiomicsLib.reporting.agreement.agreement_files import READINGS_CSV, SUMMARY_JSON, table_text, write_agreement

CASES = ("P1", "P2", "P3")
FEATURES = [f"wavelet-HLL_glcm_{name}" for name in ("Idn", "Imc1", "Contrast")] + ["original_shape_MeshVolume"]


def contour(reader: str) -> sitk.Image:
    """The phantom's tumour as a reader draws it: B is more generous than A."""
    mask = gtv(ct())
    return mask if reader == "A" else sitk.BinaryDilate(mask, (1, 1, 0))


def readings_table(keys: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Generated features: the first ones agree, the last does not."""
    rng = np.random.default_rng(0)
    truth = {case: rng.normal(size=len(FEATURES)) for case, _, _ in sorted(keys)}
    noise = np.array([0.01, 0.02, 0.05, 3.0])
    rows = [[*key, *(truth[key[0]] + noise * rng.normal(size=len(FEATURES)))] for key in keys]
    return pd.DataFrame(rows, columns=["case", "reader", "session", *FEATURES])


class MeasuringRunner(FakeRunner):
    """Stands for the process of ``esoradiomics icc``: reads the manifest it was given, and measures by making it up."""

    def option(self, name: str) -> str:
        return next(text.partition("=")[2] for text in self.arguments if text.startswith(f"--{name}="))

    def measure(self, *, warnings: Sequence[str] = ()) -> None:
        entries = read_manifest(Path(self.arguments[3])).entries
        keys = [entry.key for entry in entries]
        out = Path(self.option("out"))
        out.mkdir(exist_ok=True)
        for name, content in _measured(tuple(keys)).items():
            (out / name).write_bytes(content)
        summary = json.loads((out / SUMMARY_JSON).read_text(encoding="utf-8"))
        summary["warnings"] += warnings
        (out / SUMMARY_JSON).write_text(json.dumps(summary, ensure_ascii=False), encoding="utf-8")
        (out / "cases").mkdir(exist_ok=True)
        (out / "cases" / "finished.json").write_text("{}")
        self.on_finished(0, "")


@lru_cache
def _measured(keys: tuple[tuple[str, str, str], ...]) -> dict[str, bytes]:
    """The files that the command leaves; figures take the longest, so they are made once for all tests."""
    table = readings_table(list(keys))
    with tempfile.TemporaryDirectory() as folder:
        write_agreement(Path(folder), agreement(table, protocol_rule(study_of(STUDY))), study=STUDY)
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return files | {READINGS_CSV: table_text(table).encode()}


class ReadingsDesk:
    """A scene with the readings, the section's controller on it, and what it shows."""

    def __init__(self, scene: Any, runner: Any = None) -> None:
        self.scene = scene
        self.volumes = [add_volume(scene, ct(seed=i), case) for i, case in enumerate(CASES)]
        self.segmentations = {
            (case, reader): add_segmentation(scene, {"GTV": contour(reader)}, f"{case} reader {reader}")
            for case in CASES
            for reader in ("A", "B")
        }
        self.runner = runner or MeasuringRunner()
        self.changes = 0
        self.access = SceneReadings(scene)
        self.controller = Reproducibility(self.access, self.runner, on_change=self.count, study=study_of)
        self.inputs = AgreementInputs(study=STUDY)

    def count(self) -> None:
        self.changes += 1

    def segment(self, case: str, reader: str) -> tuple[Any, str]:
        node = self.segmentations[case, reader]
        return node, node.GetSegmentation().GetNthSegmentID(0)

    def computed(self) -> Reproducibility:
        """The controller after Compute ICC."""
        self.controller.compute(self.inputs)
        self.runner.measure()
        assert self.controller.result is not None, self.controller.error
        return self.controller
