"""A panel on a real MRML scene with the tumour phantom, and stand-ins for the other processes it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mrml import (
    add_segmentation,
    add_volume,
    edit_segment,
    segment_id,
    segment_voxels,
)
from patients import cohort, measured
from phantoms import ct, gtv

import EsoRadiomicsLib
from EsoRadiomicsLib.extraction.pyradiomics.slicer_radiomics import features_of_table
from EsoRadiomicsLib.in_slicer.panel.patient_panel import Inputs, Panel
from EsoRadiomicsLib.in_slicer.scene.scene_access import SceneAccess
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

STUDY = "escc-lpfs-ccrt"
COVARIATES: dict[str, float | None] = {"N stage": 1.0, "CR status": 0.0}


class FakeRunner:
    """Stands for another process; ``work`` does what it would do, in this one, when a test says so."""

    def __init__(self) -> None:
        self.arguments: list[str] = []
        self.expected: list[str] = []
        self.stopped = 0

    def start(
        self, arguments: list[str], on_line: Callable[[str], None], on_finished: Callable[[int, str], None]
    ) -> None:
        self.arguments, self.on_line, self.on_finished = arguments, on_line, on_finished

    def stop(self) -> None:
        self.stopped += 1

    def expect(self, command: list[str]) -> None:
        self.expected = command

    def work(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Run the command here."""
        code = main(self.arguments[2:])
        output = capsys.readouterr()
        for line in output.err.splitlines():
            self.on_line(line)
        self.on_finished(code, output.out)

    @property
    def folder(self) -> Path:
        """The temporary folder the command was given."""
        return Path(self.arguments[3]).parent


class RealRunner:
    """Python in another process; :meth:`wait` takes its callbacks in the test's thread."""

    def start(
        self, arguments: list[str], on_line: Callable[[str], None], on_finished: Callable[[int, str], None]
    ) -> None:
        library = Path(EsoRadiomicsLib.__file__).parents[1]
        self.arguments, self.on_line, self.on_finished = arguments, on_line, on_finished
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": str(library), "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def expect(self, command: list[str]) -> None:
        """A process of its own for each command."""

    def first_line(self) -> None:
        assert self.process.stderr is not None
        self.on_line(self.process.stderr.readline())

    def wait(self) -> None:
        output, errors = self.process.communicate()
        for line in errors.splitlines():
            self.on_line(line)
        self.on_finished(self.process.returncode, output)


class Desk:
    """A panel on a scene with the tumour phantom, what it shows, and how often it said that something changed."""

    def __init__(self, scene: Any, reference: str, runner: Any = None, **options: Any) -> None:
        image = ct()
        self.scene = scene
        self.volume = add_volume(scene, image, "Mrs Doe's CT")
        self.segmentation = add_segmentation(scene, {"GTV": gtv(image)})
        self.runner = runner or FakeRunner()
        self.changes = 0
        self.panel = Panel(SceneAccess(scene), self.runner, on_change=self.count, **options)
        self.inputs = Inputs(
            self.volume, self.segmentation, segment_id(self.segmentation), STUDY, dict(COVARIATES), reference
        )

    def count(self) -> None:
        self.changes += 1

    def edit_gtv(self) -> None:
        voxels = segment_voxels(self.segmentation, self.inputs.segment_id).copy()
        voxels[8, 20, 15:20] = 0
        edit_segment(self.segmentation, self.inputs.segment_id, voxels)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A reference cohort file for the study."""
    study = load_study(STUDY)
    assert study.signature is not None
    _, features = measured(study.settings, study.signature.names, 0)
    path = tmp_path_factory.mktemp("reference") / "cohort.json"
    cohort(study, features, 1.0, True).save(path)
    return str(path)


@pytest.fixture
def desk(scene: Any, reference: str) -> Desk:
    return Desk(scene, reference)


def scored_desk(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Panel:
    """The desk's panel after Score."""
    desk.panel.score(desk.inputs)
    desk.runner.work(capsys)
    assert desk.panel.result is not None, desk.panel.error
    return desk.panel


class FakeExtractor:
    """Stands for SlicerRadiomics."""

    cancelled = 0

    def can_measure(self, settings: Any) -> bool:
        return True

    def start(self, case: Any, settings: Any, on_finished: Callable[[Any], None]) -> None:
        self.case, self.settings, self.on_finished = case, settings, on_finished

    def finish(self, row: Mapping[str, str], log: str) -> None:
        """As the module ends with this table and log."""
        self.on_finished(partial(features_of_table, row, self.settings, log))

    def cancel(self) -> None:
        self.cancelled += 1
