"""The settings of PyRadiomics and of the way a case takes before it: voxels, HU exclusion, images, bins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.errors import UsageError
from ...core.formatting import plain
from ...core.translation import mark, tr
from ..settings import DEFAULT_ENGINE, ExtractionSettings
from .feature_names import CLASSES, IMAGES, ORIGINAL, WAVELETS, feature_names, split_name

ORDERS = mark(("after-resampling", "before-resampling"))
SHAPE_MASKS = mark(("after-exclusion", "drawn"))
PIXEL_TYPES = ("int16", "float32", "float64")
INTERPOLATORS = ("sitkBSpline", "sitkLinear", "sitkNearestNeighbor")
IMAGE_TYPES = ("original", "wavelet")
BINNED = ("Entropy", "Uniformity")
"""First-order features that are computed from bins."""
VOXEL_MM, BIN_WIDTH_HU = (0.1, 100.0), (0.01, 1e5)
"""What can be meant; beyond, a typing error would ask for more memory than there is."""


@dataclass(frozen=True)
class PyRadiomicsSettings(ExtractionSettings):
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

    engine: ClassVar[str] = DEFAULT_ENGINE
    labels: ClassVar[Mapping[str, str]] = mark(
        {
            "pixel_type": "CT pixel type",
            "voxel_mm": "Resampled voxel (mm)",
            "interpolator": "Interpolator",
            "hu_min": "Lowest HU kept",
            "hu_order": "HU exclusion",
            "shape_mask": "ROI of shape features",
            "image_types": "Images",
            "wavelet": "Wavelet",
            "feature_classes": "Feature classes",
            "bin_width": "Bin width (HU)",
            "min_voxels": "Fewest voxels",
        }
    )

    after_roi: ClassVar[frozenset[str]] = frozenset({"image_types", "wavelet", "feature_classes", "bin_width"})

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
        super().__post_init__()
        if self.voxel_mm is not None:
            object.__setattr__(self, "voxel_mm", tuple(float(mm) for mm in self.voxel_mm))
        object.__setattr__(self, "hu_min", None if self.hu_min is None else float(self.hu_min))
        object.__setattr__(self, "bin_width", float(self.bin_width))
        object.__setattr__(self, "min_voxels", int(self.min_voxels))
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
        low, high = VOXEL_MM
        if self.voxel_mm is not None and not (
            len(self.voxel_mm) == 3 and low <= min(self.voxel_mm) and max(self.voxel_mm) <= high
        ):
            raise UsageError(
                f"voxel_mm is {list(self.voxel_mm)}; give three sizes from {low:g} to {high:g} mm, or none."
            )
        low, high = BIN_WIDTH_HU
        if not low <= self.bin_width <= high:
            raise UsageError(f"bin_width is {self.bin_width:g}; give a width from {low:g} to {high:g} HU.")
        if self.min_voxels < 1:
            raise UsageError(f"min_voxels is {self.min_voxels}; give 1 or more.")

    def _require(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise UsageError(f"{name} is “{getattr(self, name)}”; choose from {', '.join(choices)}.")

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

    def idle(self, names: Iterable[str]) -> frozenset[str]:
        """See the base class: what is resampled, excluded, filtered or binned decides which settings matter."""
        parts = [split_name(name) for name in names]
        shape_only = all(kind == "shape" for _, kind, _ in parts)
        binned = any(kind != "shape" and (kind != "firstorder" or each in BINNED) for _, kind, each in parts)
        unused = {
            "interpolator": self.voxel_mm is None or (shape_only and self.hu_min is None),
            "pixel_type": shape_only and self.hu_min is None,
            "hu_order": self.hu_min is None,
            "shape_mask": self.hu_min is None or all(kind != "shape" for _, kind, _ in parts),
            "wavelet": all(image == ORIGINAL for image, _, _ in parts),
            "bin_width": not binned,
        }
        return frozenset(name for name, idle in unused.items() if idle)

    @property
    def sentence(self) -> str:
        """Voxels, HU exclusion, images, bins."""
        voxel = "×".join(plain(mm) for mm in self.voxel_mm or ())
        voxel = tr("{size} mm voxels", size=voxel) if self.voxel_mm else tr("voxels as scanned")
        order = tr("before resampling") if self.hu_order == "before-resampling" else tr("after resampling")
        excluded = tr("no HU exclusion")
        if self.hu_min is not None:
            excluded = tr("voxels below {low} HU removed {order}", low=plain(self.hu_min), order=order)
        images = " + ".join(f"{name} ({self.wavelet})" if name == "wavelet" else name for name in self.image_types)
        bins = plain(self.bin_width)
        return tr(
            "{voxel}, {excluded}, {images}, bin width {bins} HU, {kind}.",
            voxel=voxel,
            excluded=excluded,
            images=images,
            bins=bins,
            kind=self.pixel_type,
        )

    def pyradiomics_parameters(self) -> dict[str, Any]:
        """The same settings as a PyRadiomics parameter file, for SlicerRadiomics and for comparison runs.

        ``before-resampling`` has no PyRadiomics setting: there the mask must be thresholded beforehand, as
        :func:`EsoRadiomicsLib.extraction.engines.prepare` does.
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
