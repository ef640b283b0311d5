"""What Slicer's Python console offers, on a real MRML scene: the numbers of the library, from nodes."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import SimpleITK as sitk
from mrml import add_segmentation, add_volume, node_ids, scene
from patients import cohort, scored
from phantoms import write_phantom
from readings_factory import READINGS, write_readings
from scene_patient import patient

from EsoRadiomicsLib.agreement.icc_protocol import protocol_rule
from EsoRadiomicsLib.agreement.readings import compare, measure_manifest
from EsoRadiomicsLib.cohort.manifest import read_manifest
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.imaging.case import load_case
from EsoRadiomicsLib.in_slicer import console
from EsoRadiomicsLib.scoring.patient import score_patient
from EsoRadiomicsLib.scoring.perturbed_scores import assess
from EsoRadiomicsLib.studies.study import load_study

__all__ = ["scene"]

ROOT = Path(__file__).resolve().parents[3]
Row = tuple[str, Any, Any, str, str, str]


def rows_of(scene: Any, folder: Path) -> list[Row]:
    """Each case of the folder as a volume and a segmentation with a segment a reading."""
    rows: list[Row] = []
    for case in sorted(path for path in folder.iterdir() if path.is_dir()):
        volume = add_volume(scene, sitk.ReadImage(str(case / "ct.nrrd")), case.name)
        masks = {
            reader + session: sitk.ReadImage(str(case / f"{reader}{session}.nrrd")) for reader, session in READINGS
        }
        segmentation = add_segmentation(scene, masks)
        rows += [(case.name, volume, segmentation, reader + session, reader, session) for reader, session in READINGS]
    return rows


def test_readings_in_the_scene_give_what_their_files_give(scene: Any, tmp_path: Path) -> None:
    study = load_study("ln-control-2y")
    manifest = write_readings(tmp_path / "readings")
    rows = rows_of(scene, manifest.parent)
    before = node_ids(scene)
    nodes = console.icc(rows, study=study.id)
    files = compare(measure_manifest(read_manifest(manifest), study.settings, tmp_path), protocol_rule(study), study)
    pd.testing.assert_frame_equal(nodes.table, files.table, check_exact=True)
    assert nodes.kept == files.kept and nodes.warnings == files.warnings
    assert node_ids(scene) == before


def test_the_rule_can_be_another_than_the_studys(scene: Any, tmp_path: Path) -> None:
    rows = rows_of(scene, write_readings(tmp_path / "readings").parent)
    told: list[float] = []
    result = console.icc(
        rows, study="ln-control-2y", threshold=0.9, observers="inter", progress=lambda share, what: told.append(share)
    )
    assert str(result.rule) == "ICC(2,1) ≥ 0.9"
    assert [comparison.name for comparison in result.comparisons] == ["inter-observer"]
    assert told[-1] == 1


def test_a_segment_given_twice_is_refused(scene: Any, tmp_path: Path) -> None:
    rows = rows_of(scene, write_readings(tmp_path / "readings").parent)
    case, volume, segmentation, _, _, _ = rows[0]
    rows[2] = (case, volume, segmentation, "A1", "B", "1")
    with pytest.raises(InputError, match=r"P00 \(reader A, session 1\) and case P00 \(reader B, session 1\)"):
        console.icc(rows, study="ln-control-2y")


def test_a_patient_of_the_scene_is_scored_and_perturbed_as_from_files(scene: Any, tmp_path: Path) -> None:
    volume, segmentation = patient(scene)
    nodes = console.robustness(volume, segmentation, "GTV", study="ln-response-crt", count=5)
    files = score_patient(load_case(*write_phantom(tmp_path)), load_study("ln-response-crt"))
    assert nodes.score.rad_score == files.score.rad_score
    assert nodes.robustness == assess(files, count=5)


def test_the_readmes_lines_for_slicers_console_run(scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the module's own logic class, on stand-ins for what Slicer brings it."""

    def same(cls: type) -> type:
        return cls

    bases = ("ScriptedLoadableModule", *(f"ScriptedLoadableModule{part}" for part in ("Logic", "Test", "Widget")))
    contents: dict[str, dict[str, Any]] = {
        "i18n": {"translate": lambda context, text: text},
        "parameterNodeWrapper": {"parameterNodeWrapper": same, "parameterPack": same},
        "ScriptedLoadableModule": {base: type(base, (), {}) for base in bases},
        "util": {"VTKObservationMixin": type("VTKObservationMixin", (), {})},
    }
    for name, content in contents.items():
        module = ModuleType(f"slicer.{name}")
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    before = set(sys.modules)
    volume, segmentation = patient(scene)
    study, features = load_study("escc-lpfs-ccrt"), scored("escc-lpfs-ccrt").features
    cohort(study, features, z=1, demonstration=False).save(tmp_path / "cohort.json")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "EsoRadiomicsLogic" in block]
    names = {"volumeNode": volume, "segmentationNode": segmentation}
    exec(compile(block, "README.md", "exec"), names)
    for name in {name for name in set(sys.modules) - before if name.startswith("EsoRadiomics")}:
        del sys.modules[name]  # made with the stand-ins
    assert names["result"].score.group.label == "high risk of local recurrence"
    assert names["result"].score.survival


def test_processes_give_the_numbers_of_one_and_leave_slicers_main_module_as_it_was(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Path(__file__).with_name("no such script.py")  # a worker that imported it would fail
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    one, two = (console.robustness(*patient(scene), study="ln-response-crt", count=5, jobs=jobs) for jobs in (1, 2))
    assert two.robustness == one.robustness
    assert sys.modules["__main__"].__file__ == str(script)
