"""Renew the expected values of the self-test's generated CT: ``python selftest_reference.py > generated-ct.json``.

They come from PyRadiomics itself, called as its own documentation does, with nothing of this project but the images.
Renew them only when the images, the settings or the list of features change, never to make the self-test pass.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from typing import Any

import radiomics
from radiomics.featureextractor import RadiomicsFeatureExtractor

from EsoRadiomicsLib.extraction.pyradiomics.feature_names import IMAGES, feature_names
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.extraction.selftest import reference_images
from EsoRadiomicsLib.studies.study import builtin_studies, load_study

PARAMETERS: dict[str, Any] = {
    "setting": {
        "binWidth": 25,
        "interpolator": "sitkBSpline",
        "resampledPixelSpacing": [1, 1, 1],
        "resegmentRange": [-50],
        "resegmentMode": "absolute",
        "resegmentShape": True,
        "label": 1,
    },
    "imageType": {"Original": {}, "Wavelet": {"wavelet": "coif1"}},
    "featureClass": {name: [] for name in ("shape", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm")},
}
SOFTWARE = ("pyradiomics", "SimpleITK", "numpy", "PyWavelets")


def plain_pyradiomics() -> dict[str, float]:
    """All 851 features of the generated CT."""
    radiomics.setVerbosity(60)
    results = RadiomicsFeatureExtractor(PARAMETERS).execute(*reference_images())
    return {name: complex(value).real for name, value in results.items() if not name.startswith("diagnostics_")}


def chosen_features() -> list[str]:
    """The signatures of all studies, what the IBSI phantom leaves unchecked, and something of every image."""
    chosen = {*feature_names(("original",), ("shape",)), "original_glcm_MCC"}
    chosen.update(f"{image}_firstorder_Entropy" for image in IMAGES)
    for study in map(load_study, builtin_studies()):
        if study.signature is not None:
            chosen.update(study.signature.names)
    return [name for name in feature_names() if name in chosen]


def main() -> None:
    values = plain_pyradiomics()
    document = {
        "title": "Generated CT (resampling, HU exclusion, wavelet)",
        "source": "One run of plain PyRadiomics on the voxels that EsoRadiomicsLib.extraction.selftest generates",
        "software": {"Python": platform.python_version(), **{name: version(name) for name in SOFTWARE}},
        "settings": PyRadiomicsSettings().to_dict(),
        "values": {name: values[name] for name in chosen_features()},
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
