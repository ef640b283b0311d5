"""The SlicerRadiomics road: its parameters give the library's own bits, and its table is believed name by name only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk
from mrml import node_ids, scene, slicer
from patients import case, measured

from EsoRadiomicsLib.core.errors import ExtractionError
from EsoRadiomicsLib.extraction.features import Features
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_package import radiomics
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.extraction.pyradiomics.slicer_radiomics import can_measure, features_of_table
from EsoRadiomicsLib.in_slicer.scene.cli_extractor import CliExtractor
from EsoRadiomicsLib.in_slicer.scene.mrml_images import volume_image

__all__ = ["scene"]

SETTINGS = PyRadiomicsSettings()
FEW = PyRadiomicsSettings(image_types=("original",), feature_classes=("shape", "firstorder", "glcm"))


class Cli:
    """Stands for ``slicer.cli.run``: a real command-line node, and PyRadiomics itself for the module's program."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self.node: Any = None

    def run(self, parameters: dict[str, Any]) -> Any:
        self.parameters = parameters
        self.node = self.scene.AddNewNodeByClass("vtkMRMLCommandLineModuleNode", "SlicerRadiomicsCLI")
        self.node.SetStatus(self.node.Running)
        return self.node

    def compute(self) -> None:
        """What the module's program does: read both volumes, execute, write one row of text."""
        image, mask = (volume_image(self.scene.GetNodeByID(self.parameters[key])) for key in ("Image", "Mask"))
        extractor = radiomics().featureextractor.RadiomicsFeatureExtractor(
            self.parameters["param"], correctMask=True, label=self.parameters["label"]
        )
        self.fill({"Image": "image", "Mask": "mask"} | {k: str(v) for k, v in extractor.execute(image, mask).items()})

    def fill(self, row: dict[str, str]) -> None:
        table = self.scene.GetNodeByID(self.parameters["out"])
        for name in row:
            column = table.AddColumn()
            column.SetName(name)
        table.AddEmptyRow()
        for i, text in enumerate(row.values()):
            table.SetCellText(0, i, text)

    def end(self, status: int, log: str = "") -> None:
        self.node.SetErrorText(log, False)
        self.node.SetStatus(status)


class Heard(list[Callable[[], Features]]):
    """Collects what the extractor reports."""

    def __call__(self, features: Callable[[], Features]) -> None:
        self.append(features)


def test_the_module_s_own_run_gives_the_librarys_bits(scene: Any) -> None:
    cli, heard, before = Cli(scene), Heard(), node_ids(scene)
    CliExtractor(scene, cli.run).start(case(), FEW, heard)
    cli.compute()
    cli.end(cli.node.Completing)
    assert heard == []
    cli.end(cli.node.Completed, "INFO: fine")
    features = heard[0]()
    assert features.road == "SlicerRadiomicsCLI"
    assert features.values == measured(FEW, FEW.names, 0)[1].values
    assert list(features.values) == list(FEW.names)
    assert node_ids(scene) == before
    assert not os.path.exists(cli.parameters["param"])


def test_all_851_features_of_pyradiomics_own_run_are_the_librarys_bits(scene: Any) -> None:
    cli, heard = Cli(scene), Heard()
    CliExtractor(scene, cli.run).start(case(), SETTINGS, heard)
    cli.compute()
    cli.end(cli.node.Completed)
    features = heard[0]()
    assert len(features.values) == 851
    assert features.values == measured(SETTINGS, SETTINGS.names, 0)[1].values


@pytest.mark.parametrize(
    ("row", "log", "said"),
    [
        (
            {"Image": "a", "Mask": "b"},
            "INFO start\nTraceback\nValueError: Label (77) not present in mask. Choose from [1]\nINFO end\n",
            "0 of 851 features .missing: original_shape_Elongation, .* It says: “ValueError: Label .77. not present",
        ),
        ({}, "", r"0 of 851 features .*…\)\. Check the contour"),
        ({}, "yaml: bad indent\n", "It says: “yaml: bad indent”"),
        (dict.fromkeys(SETTINGS.names[1:], "1"), "INFO", "850 of 851 features .missing: original_shape_Elongation.\\."),
    ],
)
def test_a_table_without_all_names_is_refused_whatever_the_status(row: dict[str, str], log: str, said: str) -> None:
    with pytest.raises(ExtractionError, match=said):
        features_of_table(row, SETTINGS, log)


def test_complex_text_is_read_and_text_that_is_no_number_fails_that_feature_alone() -> None:
    names = SETTINGS.names
    row = dict.fromkeys(names, "1.5") | {names[0]: "(0.787+0j)", names[1]: "nan", names[2]: "", names[3]: "(1+2j)"}
    features = features_of_table(row, SETTINGS, "")
    assert features.values[names[0]] == 0.787
    assert list(features.failed) == list(names[1:4])
    assert len(features.values) == 848
    with pytest.raises(ExtractionError, match=names[1]):
        features.require(names[:2])


def test_cancel_ends_the_module_is_not_reported_and_leaves_nothing(scene: Any) -> None:
    cli, heard, before = Cli(scene), Heard(), node_ids(scene)
    extractor = CliExtractor(scene, cli.run)
    extractor.start(case(), FEW, heard)
    extractor.cancel()
    assert cli.node.GetStatus() == cli.node.Cancelling
    cli.end(cli.node.Cancelled)
    assert heard == [] and node_ids(scene) == before
    assert not os.path.exists(cli.parameters["param"])
    extractor.cancel()


def test_a_run_ended_from_elsewhere_is_reported_with_what_it_said(scene: Any) -> None:
    cli, heard = Cli(scene), Heard()
    CliExtractor(scene, cli.run).start(case(), FEW, heard)
    cli.end(cli.node.Cancelled, "stopped")
    with pytest.raises(ExtractionError, match=r"returned 0 of .* It says: “stopped”"):
        heard[0]()


def test_closing_the_scene_during_a_run_leaves_no_files_and_no_error(scene: Any) -> None:
    cli, heard = Cli(scene), Heard()
    extractor = CliExtractor(scene, cli.run)
    extractor.start(case(), FEW, heard)
    node = cli.node
    extractor.cancel()
    scene.Clear(False)
    node.SetStatus(node.Cancelled)
    assert heard == [] and not os.path.exists(cli.parameters["param"])


def test_a_module_that_cannot_start_leaves_nothing(scene: Any) -> None:
    before, seen = node_ids(scene), []

    def refuse(parameters: dict[str, Any]) -> Any:
        seen.append(parameters["param"])
        raise RuntimeError("no such module")

    with pytest.raises(RuntimeError, match="no such module"):
        CliExtractor(scene, refuse).start(case(), FEW, Heard())
    assert node_ids(scene) == before and not os.path.exists(seen[0])


def test_nodes_are_removed_only_when_the_reporting_module_is_done(scene: Any) -> None:
    cli, heard = Cli(scene), Heard()
    deferred: list[Callable[[], None]] = []
    CliExtractor(scene, cli.run, deferred.append).start(case(), FEW, heard)
    cli.end(cli.node.Completed)
    cli.end(cli.node.Completed)
    assert heard == [] and scene.IsNodePresent(cli.node)
    (end,) = deferred
    end()
    assert len(heard) == 1 and not scene.IsNodePresent(cli.node)


def test_temporary_nodes_are_hidden_and_not_saved(scene: Any, tmp_path: Path) -> None:
    cli = Cli(scene)
    CliExtractor(scene, cli.run).start(case(), FEW, Heard())
    for key in ("Image", "Mask", "out"):
        node = scene.GetNodeByID(cli.parameters[key])
        assert node.GetHideFromEditors() and not node.GetSaveWithScene()
    image = volume_image(scene.GetNodeByID(cli.parameters["Image"]))
    assert image.GetOrigin() == (0, 0, 0) and image.GetSpacing() == case().image.GetSpacing()
    assert sitk.Hash(image) == sitk.Hash(case().image)
    assert isinstance(scene.GetNodeByID(cli.parameters["Mask"]), slicer.vtkMRMLLabelMapVolumeNode)


def test_settings_that_pyradiomics_own_run_cannot_follow_are_known() -> None:
    assert can_measure(SETTINGS)
    assert not can_measure(SETTINGS.changed(hu_order="before-resampling"))
    assert not can_measure(SETTINGS.changed(shape_mask="drawn"))
    assert can_measure(SETTINGS.changed(shape_mask="drawn", hu_min=None))
