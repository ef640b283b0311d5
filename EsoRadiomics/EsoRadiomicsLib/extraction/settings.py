"""The extraction settings of a study: everything that changes a feature's value, in one frozen value.

A study card fixes them; a reference cohort is only valid for the same ones; every result carries them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ..core.errors import UsageError
from .feature_names import CLASSES, IMAGES, ORIGINAL, WAVELETS, feature_names

ORDERS = ("after-resampling", "before-resampling")
SHAPE_MASKS = ("after-exclusion", "drawn")
PIXEL_TYPES = ("int16", "float32", "float64")
INTERPOLATORS = ("sitkBSpline", "sitkLinear", "sitkNearestNeighbor")
IMAGE_TYPES = ("original", "wavelet")


@dataclass(frozen=True)
class ExtractionSettings:
    """How voxels become features. Defaults are PyRadiomics' own where the studies are silent.

    Attributes:
        pixel_type: of the CT before resampling; the resampled image is converted back to it (int16: SimpleITK
            cuts off the decimals), so ``int16`` and ``float32`` give different features.
        voxel_mm: (x, y, z) voxel size after resampling in mm, or None for no resampling.
        interpolator: SimpleITK name of the image interpolator; the mask is always nearest neighbour.
        hu_min: lowest HU that stays in the ROI, or None for no exclusion.
        hu_order: ``after-resampling`` excludes on the resampled image (PyRadiomics' ``resegmentRange``);
            ``before-resampling`` thresholds the mask as drawn.
        shape_mask: mask of the 14 shape features: the ROI ``after-exclusion``, or as ``drawn``.
        image_types: ``original`` and, where used, ``wavelet`` (8 sub-bands, one level).
        wavelet: PyWavelets name of the wavelet.
        feature_classes: PyRadiomics classes extracted.
        bin_width: fixed bin width in HU.
        min_voxels: fewest voxels an ROI may have.
    """

    pixel_type: str = "int16"
    voxel_mm: tuple[float, float, float] | None = (1.0, 1.0, 1.0)
    interpolator: str = "sitkBSpline"
    hu_min: float | None = -50.0
    hu_order: str = "after-resampling"
    shape_mask: str = "after-exclusion"
    image_types: tuple[str, ...] = IMAGE_TYPES
    wavelet: str = "coif1"
    feature_classes: tuple[str, ...] = CLASSES
    bin_width: float = 25.0
    min_voxels: int = 10

    def __post_init__(self) -> None:
        """Bring JSON's lists and integers to one form, so that equal settings have equal fingerprints."""
        if self.voxel_mm is not None:
            object.__setattr__(self, "voxel_mm", tuple(float(mm) for mm in self.voxel_mm))
        object.__setattr__(self, "hu_min", None if self.hu_min is None else float(self.hu_min))
        object.__setattr__(self, "bin_width", float(self.bin_width))
        object.__setattr__(self, "image_types", tuple(self.image_types))
        object.__setattr__(self, "feature_classes", tuple(self.feature_classes))
        self._require("pixel_type", PIXEL_TYPES)
        self._require("interpolator", INTERPOLATORS)
        self._require("hu_order", ORDERS)
        self._require("shape_mask", SHAPE_MASKS)
        if not set(self.image_types) <= set(IMAGE_TYPES):
            raise UsageError(f"image_types is {list(self.image_types)}; choose from {list(IMAGE_TYPES)}.")
        if not set(self.feature_classes) <= set(CLASSES):
            raise UsageError(f"feature_classes is {list(self.feature_classes)}; choose from {list(CLASSES)}.")
        if self.voxel_mm is not None and (len(self.voxel_mm) != 3 or min(self.voxel_mm) <= 0):
            raise UsageError(f"voxel_mm is {list(self.voxel_mm)}; give three sizes in mm above 0, or none.")
        if self.bin_width <= 0:
            raise UsageError(f"bin_width is {self.bin_width:g}; give a width in HU above 0.")

    def _require(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise UsageError(f"{name} is “{getattr(self, name)}”; choose from {', '.join(choices)}.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ExtractionSettings:
        """Settings from a plain mapping (a reference cohort file, a result).

        Raises:
            UsageError: a name that is no setting, or a value out of its choices.
        """
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise UsageError(
                f"{', '.join(sorted(unknown))} is no extraction setting. The settings are: "
                f"{', '.join(field.name for field in fields(cls))}."
            )
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise UsageError(f"An extraction setting has a value of the wrong kind: {error}.") from error

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, in a fixed order."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the SHA-256 of the settings: equal settings, equal fingerprint."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the images that features are computed on."""
        return tuple(
            i
            for i in IMAGES
            if (i == ORIGINAL and "original" in self.image_types) or (i in WAVELETS and "wavelet" in self.image_types)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all features these settings give."""
        return feature_names(self.images, self.feature_classes)

    def changed(self, **changes: Any) -> ExtractionSettings:
        """A copy with some settings changed."""
        return replace(self, **changes)

    def differences(self, other: ExtractionSettings) -> dict[str, tuple[Any, Any]]:
        """``{setting: (here, there)}`` for every setting that is not the same in ``other``."""
        mine, theirs = self.to_dict(), other.to_dict()
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}

    def pyradiomics_parameters(self) -> dict[str, Any]:
        """The same settings as a PyRadiomics parameter file, for SlicerRadiomics and for comparison runs.

        ``before-resampling`` has no PyRadiomics setting: there the mask must be thresholded beforehand, as
        :func:`EsoRadiomicsLib.extraction.roi.prepare` does.
        """
        setting: dict[str, Any] = {
            "binWidth": self.bin_width,
            "interpolator": self.interpolator,
            "resampledPixelSpacing": None if self.voxel_mm is None else list(self.voxel_mm),
            "label": 1,
            "additionalInfo": False,
        }
        if self.hu_min is not None and self.hu_order == "after-resampling":
            setting.update(
                resegmentRange=[self.hu_min],
                resegmentMode="absolute",
                resegmentShape=self.shape_mask == "after-exclusion",
            )
        image_type: dict[str, Any] = {}
        if "original" in self.image_types:
            image_type["Original"] = {}
        if "wavelet" in self.image_types:
            image_type["Wavelet"] = {"wavelet": self.wavelet}
        return {
            "setting": setting,
            "imageType": image_type,
            "featureClass": {c: [] for c in self.feature_classes},
        }
