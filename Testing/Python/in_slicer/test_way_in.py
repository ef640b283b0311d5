"""An empty scene's way in: what comes is chosen, and a generated patient stands in where there is no data."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from mrml import add_volume, scene
from phantoms import ct, gtv

from EsoRadiomicsLib.in_slicer.panel.choices import needs_reference, study_choices
from EsoRadiomicsLib.in_slicer.scene.generated_patient import NAME, add_generated_patient
from EsoRadiomicsLib.in_slicer.scene.likely_nodes import likely_ct, likely_segmentation
from EsoRadiomicsLib.in_slicer.scene.scene_access import node_case
from EsoRadiomicsLib.in_slicer.scene.scene_segments import GTV_COLOUR, add_segmentation
from EsoRadiomicsLib.scoring.patient import score_patient
from EsoRadiomicsLib.studies.study import load_study

__all__ = ["scene"]


def test_the_volume_with_air_in_hu_is_taken_for_the_ct(scene: Any) -> None:
    assert likely_ct(scene) is None
    dose = add_volume(scene, sitk.Cast(ct() * 0 + 50, sitk.sitkFloat32), "Dose")
    assert likely_ct(scene) is dose, "the only one there is"
    planning = add_volume(scene, sitk.Clamp(ct() - 600, sitk.sitkInt16), "Planning CT")
    assert likely_ct(scene) is planning


def test_the_segmentation_that_says_gtv_is_taken_for_it(scene: Any) -> None:
    assert likely_segmentation(scene) is None
    image = ct()
    volume, mask = add_volume(scene, image, "CT"), gtv(image)
    heart = add_segmentation(scene, "Organs", {"Heart": mask, "Lung": mask}, GTV_COLOUR, volume)
    assert likely_segmentation(scene) is heart
    tumour = add_segmentation(scene, "Targets", {"CTV": mask, "GTV-1": mask}, GTV_COLOUR, volume)
    assert likely_segmentation(scene) is tumour


def test_the_generated_patient_says_so_and_is_scored(scene: Any) -> None:
    volume, segmentation = add_generated_patient(scene)
    assert "not a patient" in volume.GetName() and NAME in segmentation.GetName()
    study = load_study("ln-response-crt")
    result = score_patient(node_case(volume, segmentation, pixel_type=study.settings.pixel_type), study)
    assert np.isfinite(result.score.rad_score) and 20 < result.roi.account.steps[0].cm3 < 60
    assert likely_ct(scene) is volume and likely_segmentation(scene) is segmentation


def test_studies_that_can_be_scored_at_once_come_first() -> None:
    choices = study_choices(None)
    kinds = [(choice.scorable, choice.ready) for choice in choices]
    assert kinds == sorted(kinds, reverse=True) and kinds[0] == (True, True)
    for choice in choices:
        if choice.scorable:
            assert choice.ready != needs_reference(load_study(choice.id_or_path))
