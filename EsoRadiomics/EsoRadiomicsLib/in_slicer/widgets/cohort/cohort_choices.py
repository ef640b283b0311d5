"""What the user chose in the cohort section, as parts of the module's parameter node: it comes back with a scene."""

from __future__ import annotations

from slicer.parameterNodeWrapper import parameterPack


@parameterPack
class CohortChoices:
    """Measuring a cohort; the names are those of :class:`EsoRadiomicsLib.in_slicer.panel.cohort_panel.CohortInputs`."""

    manifest: str
    folder: str
    jobs: int = 1
    all_features: bool = False
    all_readings: bool = False
    allow_outside: bool = False


@parameterPack
class ModelChoices:
    """Fitting and validating; the names are those of :class:`EsoRadiomicsLib.in_slicer.panel.model_inputs.ModelInputs`.

    ``result`` is the folder of the last one.
    """

    table: str
    time: str
    time_unit: str
    event: str
    outcome: str
    clinical: list[str]
    split: str
    kept: str
    patient: str
    rois: str
    alternative: str
    endpoint: str
    folder: str
    card: str
    update: str
    permutations: int = 100
    bootstrap: int = 200
    result: str
