"""What the panel says of a GTV as it is drawn, before anything is measured: a line, and where its HU lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.formatting import listed, plain
from ...imaging.hounsfield import BIN_EDGES, bin_shares
from ...scoring.plausibility import SOFT_TISSUE_HU
from ..language import tr as _

if TYPE_CHECKING:
    from ..scene.scene_access import SceneAccess
    from ..scene.scene_segments import DrawnGtv

_ENOUGH_VOXELS = 1_000_000


@dataclass(frozen=True, eq=False)
class HuShares:
    """Voxels a bin of ``edges`` (B + 1) HU of the ``image`` (B,) and of the ``gtv`` (B,), relative to the largest.

    ``hu_min`` is the study's lowest HU, None where it has none.
    """

    edges: np.ndarray
    image: np.ndarray
    gtv: np.ndarray
    hu_min: float | None


class GtvAccount:
    """Of the GTVs of a scene; what takes time is counted anew only when CT, GTV or limit change.

    ``hu_min`` is the lowest HU of the study, None where it has none. All methods raise InputError where CT or segment
    cannot be used, or do not lie on each other.
    """

    def __init__(self, scene: SceneAccess) -> None:
        self._scene = scene
        self._counted: tuple[DrawnGtv, HuShares] | None = None
        self._image: tuple[Any, np.ndarray] | None = None

    def line(self, volume: Any, segmentation: Any, segment_id: str, hu_min: float | None) -> str:
        """Volume, share below the lowest HU and outside soft tissue, parts, and what is wrong with the geometry."""
        gtv = self._scene.gtv(volume, segmentation, segment_id)
        texts = [f"{gtv.cm3:.2f} cm³"]
        if hu_min is not None:
            share = gtv.percent_below(hu_min)
            texts.append(_("{share:.1f} % below {limit} HU").format(share=share, limit=plain(hu_min)))
        low, high = SOFT_TISSUE_HU
        outside = 100 * float(np.mean((gtv.hu < low) | (gtv.hu > high)))
        if outside >= 1:
            place = {"low": plain(low), "high": plain(high)}
            texts.append(_("{share:.0f} % outside {low} … {high} HU").format(share=outside, **place))
        if gtv.parts > 1:
            texts.append(_("{n} parts that do not touch").format(n=gtv.parts))
        return " ".join([_("{texts}.").format(texts=listed(texts)), *gtv.warnings])

    def shares(self, volume: Any, segmentation: Any, segment_id: str, hu_min: float | None) -> HuShares:
        """The histograms of GTV and image; of a large image every few voxels are enough."""
        gtv = self._scene.gtv(volume, segmentation, segment_id)
        if self._counted is None or self._counted[0] is not gtv or self._counted[1].hu_min != hu_min:
            image = self._image_shares(volume, self._scene.state(volume, segmentation, segment_id)[0])
            self._counted = gtv, HuShares(BIN_EDGES, image, bin_shares(gtv.hu), hu_min)
        return self._counted[1]

    def _image_shares(self, volume: Any, state: Any) -> np.ndarray:
        """Counted again only when the CT itself changes, not with every stroke of a brush."""
        if self._image is None or self._image[0] != state:
            array = self._scene.voxels(volume)
            step = max(1, round((array.size / _ENOUGH_VOXELS) ** (1 / 3)))
            self._image = state, bin_shares(array[::step, ::step, ::step])
        return self._image[1]
