"""Whether voxels are Hounsfield units: what a CT cannot look like is refused, what it hardly looks like is warned of.

The judgement rests on the histogram of the whole image, without padding: scanners fill the corners outside their field
of view with values far below air, which are no measurement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..core.errors import InputError
from ..core.formatting import plain
from ..core.translation import mark, tr

AIR, FAT, SOFT_TISSUE = (-1050, -900), (-150, -50), (0, 100)
"""Where a CT has peaks, in HU: air outside the body and in the lungs' airways, fat, soft tissue."""
PLACES = tuple(zip(mark(("air", "fat", "soft tissue")), (AIR, FAT, SOFT_TISSUE), strict=True))
BIN_EDGES = np.arange(-1100, 1001, 20)
"""Bins of a histogram that people look at."""
LOWEST, HIGHEST = -32768, 65535
_PADDING_BELOW = -1024
_MOST_PADDINGS = 5
_GAP = 100  # HU between padding and the lowest measured value
_LEAST_RANGE = 40  # HU between the 0.1st and 99.9th percentiles: noise alone is more
_TOP_SHARE, _BOTTOM_SHARE = 0.0005, 0.1  # of the voxels at the highest or lowest value, where it was cut
_SPIKE = 4  # times as many voxels there as at the values next to it
_UNSIGNED = 50_000  # −1024 stored without its sign is 64,512
_STORED, _BELOW = (850, 1300), (400, 800)
"""Where soft tissue is stored without the rescale intercept, and where few voxels are then: in bone there are many."""
_TIMES = 7
_SURELY, _PERHAPS = 0.2, 0.03  # of the voxels


@dataclass(frozen=True)
class Histogram:
    """How many voxels have each whole value from ``LOWEST`` to ``HIGHEST`` HU; ``padding`` are the values left out."""

    counts: np.ndarray
    padding: tuple[int, ...]

    @property
    def values(self) -> np.ndarray:
        """The values there are, ascending, padding left out."""
        present = np.flatnonzero(self.counts) + LOWEST
        return present[~np.isin(present, self.padding)]

    def share(self, low: float, high: float) -> float:
        """Of the voxels that are no padding, the part from ``low`` to ``high``."""
        inside = self.values[(self.values >= low) & (self.values <= high)]
        return float(self.counts[inside - LOWEST].sum() / self.voxels)

    def percentile(self, percent: float) -> int:
        """The value below which ``percent`` of the voxels lie, padding left out."""
        sums = np.cumsum(self.counts[self.values - LOWEST])
        return int(self.values[np.searchsorted(sums, percent / 100 * sums[-1])])

    @property
    def without_background(self) -> Histogram:
        """It without the lowest value, too, where that lies alone, as the value lies that resampling filled up with."""
        values = self.values
        alone = len(values) > 1 and values[1] - values[0] >= _GAP
        return replace(self, padding=(*self.padding, int(values[0]))) if alone else self

    @property
    def voxels(self) -> int:
        """Voxels that are no padding."""
        return int(self.counts[self.values - LOWEST].sum())


def bin_shares(values: np.ndarray) -> np.ndarray:
    """Voxels in each bin between ``BIN_EDGES``, relative to the fullest; the outer bins hold what lies beyond."""
    counts = np.histogram(np.clip(values, BIN_EDGES[0], BIN_EDGES[-1]), BIN_EDGES)[0]
    return counts / max(counts.max(), 1)


def histogram(array: np.ndarray) -> Histogram:
    """The histogram of an image (z, y, x), slice by slice; fractions are rounded, values beyond the ends are them."""
    counts = np.zeros(HIGHEST - LOWEST + 1, np.int64)
    if array.dtype == np.int16:  # what most CTs are, and the quickest to count: without its sign, −1 is 65,535
        signless = np.zeros(1 << 16, np.int64)
        for part in array:
            found = np.bincount(part.view(np.uint16).ravel())
            signless[: len(found)] += found
        counts[: 1 << 16] = np.roll(signless, -LOWEST)
    else:
        for part in array:
            whole = np.clip(np.rint(part) if part.dtype.kind == "f" else part, LOWEST, HIGHEST).astype(np.int64)
            counts += np.bincount(whole.ravel() - LOWEST, minlength=len(counts))
    present = np.flatnonzero(counts) + LOWEST
    # The few lowest values are padding if the next one lies far above them.
    least = present[: _MOST_PADDINGS + 1]
    lonely = np.flatnonzero((least[:-1] < _PADDING_BELOW) & (np.diff(least) >= _GAP))
    padding = lonely[-1] + 1 if len(lonely) else 0
    return Histogram(counts, tuple(present[:padding].tolist()))


def require_hounsfield(found: Histogram, least: float, most: float, subject: str) -> tuple[str, ...]:
    """Refuse an image that cannot be a CT in HU; returns warnings about one that hardly looks like one.

    Args:
        found: its histogram.
        least: its smallest value, with fractions.
        most: its largest value, with fractions.
        subject: begins the sentence.

    Raises:
        InputError: no value below 0, values stored without their sign, without the rescale intercept, or scaled.
    """
    values = found.values
    low, high = int(values[0]), int(values[-1])
    but = tr(" (but for padding of {values})", values=", ".join(map(plain, found.padding))) if found.padding else ""
    if found.share(_UNSIGNED, HIGHEST) > 0.001:
        raise InputError(
            tr(
                "{subject} holds values up to {high:,}: negative values were stored without their sign "
                "(64,512 is −1,024), so it is not in Hounsfield units. Convert the CT from DICOM again.",
                subject=subject,
                high=high,
            )
        )
    if low >= 0:
        raise InputError(
            tr(
                "{subject} has no value below 0{but}, so it is not a CT in Hounsfield units: {high}. Give "
                "the CT in HU.",
                subject=subject,
                but=but,
                high=_looks_like(high, most),
            )
        )
    if found.percentile(99.9) - found.percentile(0.1) < _LEAST_RANGE:
        raise InputError(
            tr(
                "{subject} holds values from {least} to {most}{but}, which are no Hounsfield units: "
                "z-scored, scaled, or a constant. Give the CT as it was reconstructed, in HU.",
                subject=subject,
                least=plain(round(least, 2)),
                most=plain(round(most, 2)),
                but=but,
            )
        )
    shifted = _shifted(found)
    if shifted > _SURELY:
        raise InputError(
            tr(
                "{subject} has no air near −1000 HU{but}, and {shifted:.0f} % of its voxels lie between 850 "
                "and 1300, where soft tissue is stored without the rescale intercept. Apply slope and "
                "intercept (convert the CT from DICOM again), and give the CT in HU.",
                subject=subject,
                but=but,
                shifted=100 * shifted,
            )
        )
    return tuple(_doubts(found, but, shifted))


def _shifted(found: Histogram) -> float:
    """Of an image that looks like stored values, HU + 1024 or + 1000, the share of soft tissue; else 0."""
    bare = found.without_background  # air, at 24, may be a little below 0 by its noise
    tissue = bare.share(*_STORED)
    return tissue if bare.share(LOWEST, -500) == 0 and tissue > _TIMES * bare.share(*_BELOW) else 0.0


def _doubts(found: Histogram, but: str, shifted: float) -> list[str]:
    doubts = []
    values, bare = found.values, found.without_background
    low, high = int(values[0]), int(values[-1])
    top, bottom = _is_cut(found, high, -1, _TOP_SHARE), low > -900 and _is_cut(found, low, 1, _BOTTOM_SHARE)
    if top and high < 2000:
        ends = tr("at {high} HU", high=plain(high))
        if bottom:
            ends = tr("at {low} and {high} HU", low=plain(low), high=plain(high))
        doubts.append(
            tr(
                "The histogram of the image is cut {ends}: it was windowed, and voxels beyond have lost "
                "their values. Features of an ROI that reaches there are wrong; give the CT as it was "
                "reconstructed.",
                ends=ends,
            )
        )
    elif bottom:
        doubts.append(
            tr(
                "The histogram of the image is cut at {low} HU: it was windowed or masked, and air has lost "
                "its values. Give the CT as it was reconstructed.",
                low=plain(low),
            )
        )
    thin = found.share(-900, -300)
    if shifted > _PERHAPS:
        doubts.append(
            tr(
                "The image has no air near −1000 HU, and {shifted:.0f} % of its voxels lie between 850 and 1300, where "
                "soft tissue is stored without the rescale intercept. Check slope and intercept.",
                shifted=100 * shifted,
            )
        )
    elif bare.share(LOWEST, -20) < 0.001 and bare.percentile(99.9) > 300:
        doubts.append(
            tr(
                "Hardly any voxel of the image lies below −20 HU: it has neither air nor fat. Check that it is a CT in "
                "HU, no MR or PET and no CT without its rescale intercept."
            )
        )
    elif thin > 0.1 and not bottom and found.share(LOWEST, -900) < 0.01 * thin:
        doubts.append(
            tr(
                "{thin:.0f} % of the image lie between −900 and −300 HU and hardly any below, where air is: values are "
                "on another scale, as in cone-beam CT or with a wrong slope. Check slope and intercept.",
                thin=100 * thin,
            )
        )
    dense = found.share(2000, HIGHEST)
    if dense > 0.02:
        doubts.append(
            tr(
                "{dense:.0f} % of the image lie above 2000 HU, more than any patient has. Check slope and intercept.",
                dense=100 * dense,
            )
        )
    deep = found.share(LOWEST, -1100)
    if deep > 0.05:
        doubts.append(
            tr(
                "{deep:.0f} % of the image lie below −1100 HU{but}, where nothing measured can lie: the intercept was "
                "applied twice, or the image was resampled with its padding. Check it.",
                deep=100 * deep,
                but=but,
            )
        )
    if found.share(-200, 300) < 0.02:
        doubts.append(
            tr(
                "Hardly any voxel of the image has the HU of fat or soft tissue (−200 to 300). Check slope "
                "and intercept."
            )
        )
    return doubts


def _is_cut(found: Histogram, end: int, inward: int, share: float) -> bool:
    """Whether a spike stands at an end of the histogram: many voxels, and far more than at the values beside it."""
    at = int(found.counts[end - LOWEST])
    beside = [end - LOWEST + inward * step for step in range(1, 21)]
    usual = float(np.mean([found.counts[i] for i in beside if 0 <= i < len(found.counts)] or [0]))
    return at > max(share * found.voxels, _SPIKE * usual, 20)


def _looks_like(high: int, most: float) -> str:
    if most <= 1.001:
        return tr("it was scaled to 0 … 1")
    if high <= 255:
        return tr("a picture or an image scaled to 0 … 255")
    return tr("an MR image, or a CT without its rescale slope and intercept")
