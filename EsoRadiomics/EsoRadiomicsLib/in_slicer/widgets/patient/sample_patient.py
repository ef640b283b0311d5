"""A patient to try the module with: the registered sample, or a generated one where that cannot be fetched."""

from __future__ import annotations

import logging
from typing import Any

import slicer

from ...language import tr as _
from ...scene.generated_patient import add_generated_patient

CATEGORY = "EsoRadiomics"


def load_sample() -> tuple[Any, Any, str]:
    """CT, segmentation, and a sentence that says what they are."""
    with slicer.util.WaitCursor():
        downloaded = _download()
        if len(downloaded) == 2:
            ct, gtv = downloaded
            return ct, gtv, _("A lung-cancer CT with its GTV (IBSI, CC BY-NC 3.0).")
        ct, gtv = add_generated_patient(slicer.mrmlScene)
    sentence = _("The sample could not be downloaded. A generated thorax stands in: it is not a patient.")
    return ct, gtv, sentence


def _download() -> list[Any]:
    """CT and segmentation of the Sample Data module; empty where they cannot be had."""
    try:
        from SampleData import SampleDataLogic

        (source,) = SampleDataLogic.sampleDataSourcesByCategory(CATEGORY)
        return [node for node in SampleDataLogic().downloadFromSource(source) or [] if node is not None]
    except Exception as error:  # whatever a network, a cache or a loader may raise: the generated patient stands in
        logging.info("The sample could not be downloaded: %s", error)
        return []
