"""The settings of IBEX's features: what its users choose, and where its builds differ. CT numbers are HU + 1000."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.errors import UsageError
from ...core.formatting import plain
from ...core.translation import mark, tr
from ..settings import ExtractionSettings
from .ibex_names import IBEX_CATEGORIES, ibex_names

PIXEL_TYPES = ("int16", "float32", "float64")
KURTOSES = ("intensities", "bin-probabilities")
NONUNIFORMITIES = ("per-run", "per-run-and-voxel")

_WIDEST = 1e6  # of gray limits, in CT numbers


@dataclass(frozen=True)
class IbexSettings(ExtractionSettings):
    """How voxels become IBEX's features: no resampling, no filter, no exclusion.

    Attributes:
        pixel_type: of the CT; IBEX reads whole numbers.
        feature_classes: of ``glcm25``, ``glrlm25``, ``histogram`` and ``shape``.
        gray_limits: lowest and highest CT number of the gray scale of pairs and runs.
        gray_levels: levels between them (IBEX's NumLevels).
        adapt_limit_level: IBEX's AdaptLimitLevel: pairs take one level a CT number of the ROI instead (runs do not).
        symmetric: count pairs both ways round.
        kurtosis: of the ``intensities``, or of the ``bin-probabilities`` as builds of 2014 did.
        nonuniformity: of runs ``per-run`` (Galloway), or ``per-run-and-voxel`` as later builds.
        histogram_limits, histogram_bins: of the histogram (IBEX's RangeMin, RangeMax and NBins).
        min_voxels: fewest voxels an ROI may have.
    """

    engine: ClassVar[str] = "ibex"
    labels: ClassVar[Mapping[str, str]] = mark(
        {
            "pixel_type": "CT pixel type",
            "feature_classes": "Feature classes",
            "gray_limits": "Gray limits (CT number)",
            "gray_levels": "Gray levels",
            "adapt_limit_level": "Limits adapted to the ROI",
            "symmetric": "Symmetric pairs",
            "kurtosis": "Kurtosis of",
            "nonuniformity": "Nonuniformity of runs",
            "histogram_limits": "Histogram limits (CT number)",
            "histogram_bins": "Histogram bins",
            "min_voxels": "Fewest voxels",
        }
    )

    pixel_type: str = "int16"
    feature_classes: tuple[str, ...] = tuple(IBEX_CATEGORIES)
    gray_limits: tuple[float, float] = (0.0, 2100.0)
    gray_levels: int = 100
    adapt_limit_level: bool = False
    symmetric: bool = False
    kurtosis: str = "intensities"
    nonuniformity: str = "per-run"
    histogram_limits: tuple[float, float] = (0.0, 4096.0)
    histogram_bins: int = 256
    min_voxels: int = 10

    def __post_init__(self) -> None:
        """Bring JSON's lists and integers to one form, so that equal settings have equal fingerprints."""
        super().__post_init__()
        object.__setattr__(self, "feature_classes", tuple(self.feature_classes))
        for name in ("gray_limits", "histogram_limits"):
            object.__setattr__(self, name, self._limits(name))
        for name in ("gray_levels", "histogram_bins"):
            value = getattr(self, name)
            if isinstance(value, bool) or value != int(value) or not 2 <= value <= 65536:
                raise UsageError(f"{name} is {value!r}; give a whole number from 2 to 65536.")
            object.__setattr__(self, name, int(value))
        for name in ("adapt_limit_level", "symmetric"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"{name} is {getattr(self, name)!r}; give true or false.")
        for name, choices in (
            ("pixel_type", PIXEL_TYPES),
            ("kurtosis", KURTOSES),
            ("nonuniformity", NONUNIFORMITIES),
        ):
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} is “{getattr(self, name)}”; choose from {', '.join(choices)}.")
        if not set(self.feature_classes) <= set(IBEX_CATEGORIES):
            raise UsageError(f"feature_classes is {list(self.feature_classes)}; choose from {list(IBEX_CATEGORIES)}.")

    def _limits(self, name: str) -> tuple[float, float]:
        limits: Any = tuple(float(limit) for limit in getattr(self, name))
        if len(limits) != 2 or not -_WIDEST <= limits[0] <= limits[1] - 1 <= _WIDEST:
            raise UsageError(f"{name} is {list(limits)}; give two CT numbers, the lower first, at least 1 apart.")
        return limits

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all features these settings give, in the order of IBEX's tables."""
        return ibex_names(category for category in IBEX_CATEGORIES if category in self.feature_classes)

    @property
    def sentence(self) -> str:
        """Voxels, gray scale, pairs, runs and histogram."""
        low, high = (plain(limit) for limit in self.gray_limits)
        scale = tr("{n} gray levels from CT number {low} to {high} (HU + 1000)", n=self.gray_levels, low=low, high=high)
        if self.adapt_limit_level:
            scale += tr(", for pairs one level a CT number of the ROI")
        pairs = tr("symmetric") if self.symmetric else tr("not symmetric")
        runs = tr("per run and voxel") if self.nonuniformity == "per-run-and-voxel" else tr("per run")
        kurtosis = tr("intensities") if self.kurtosis == "intensities" else tr("bin probabilities")
        return tr(
            "voxels as scanned, no HU exclusion, {scale}, pairs {pairs}, nonuniformity {runs}, kurtosis of the "
            "{kurtosis}, {kind}.",
            scale=scale,
            pairs=pairs,
            runs=runs,
            kurtosis=kurtosis,
            kind=self.pixel_type,
        )
