"""Does this installation measure what it should? Two parts, both through the rooms that a patient goes through.

The IBSI digital phantom: values that the initiative's research groups agreed on. They tell whether features mean what
the standard says. A generated CT: values of one plain PyRadiomics run, to nine digits. They tell whether resampling,
HU exclusion, wavelet and features are here what they were where the project was tested.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..core.resources import resource_path
from ..imaging.case import Case, make_case
from .engines import extract, prepare, split_name
from .features import Features
from .pyradiomics.feature_names import CLASSES, ORIGINAL
from .pyradiomics.pyradiomics_package import software_versions
from .pyradiomics.pyradiomics_settings import PyRadiomicsSettings

AGREES, BY_DESIGN, DIFFERS = "agrees", "differs by design", "DIFFERS"
IBSI_DIGITS = 3
REFERENCE_TOLERANCE = 1e-9
"""Relative. Versions of PyRadiomics 3, numpy and PyWavelets were measured to move features by 2e-14 at most."""
WIDTH = 110


@dataclass(frozen=True)
class Row:
    """One feature compared with its reference.

    Attributes:
        feature: PyRadiomics' name.
        expected: the reference value.
        tolerance: absolute for IBSI (0: the printed digits must be met), relative for the generated CT.
        found: the value computed here, or None where PyRadiomics gave none.
        converted: ``found`` in IBSI's definition, where PyRadiomics' is another one by design.
        verdict: ``agrees``, ``differs by design`` (agrees once converted) or ``DIFFERS``.
        reason: why it differs, by design or not; otherwise empty.
        ibsi_id: IBSI's permanent identifier of the feature; empty for the generated CT.
        ibsi_name: IBSI's name of the feature; empty for the generated CT.
    """

    feature: str
    expected: float
    tolerance: float
    found: float | None
    converted: float | None
    verdict: str
    reason: str
    ibsi_id: str = ""
    ibsi_name: str = ""


@dataclass(frozen=True)
class Part:
    """One set of reference values: where they come from, how they are compared, and the comparison."""

    title: str
    source: str
    comparison: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class SelfTest:
    """All comparisons, and the software they were made with."""

    parts: tuple[Part, ...]
    software: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether nothing differs that should agree."""
        return self.count(DIFFERS) == 0

    def count(self, verdict: str) -> int:
        """How many features have this verdict."""
        return sum(row.verdict == verdict for part in self.parts for row in part.rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        counts = {verdict: self.count(verdict) for verdict in (AGREES, BY_DESIGN, DIFFERS)}
        return {"passed": self.passed, "counts": counts, **asdict(self)}


def run() -> SelfTest:
    """Measure both references and compare.

    Raises:
        ExtractionError: PyRadiomics is missing or fails as a whole.
    """
    return SelfTest((_ibsi_part(), _reference_part()), software_versions())


def ibsi_phantom() -> Case:
    """The IBSI digital phantom (5 × 4 × 4 voxels of 2 mm), with air around it: without, it would pass for no CT."""
    phantom = _read("ibsi-digital-phantom.json")
    voxels = _image(np.array(phantom["voxels"], np.int16), phantom["spacing_mm"])
    mask = _image(np.array(phantom["mask"], np.uint8), phantom["spacing_mm"])
    border = [1, 1, 1]
    return make_case(
        sitk.ConstantPad(voxels, border, border, -1000),
        sitk.ConstantPad(mask, border, border, 0),
        name="the IBSI digital phantom",
    )


def ibsi_settings() -> PyRadiomicsSettings:
    """As the IBSI reference manual asks: the phantom as it is, one grey level a bin."""
    return PyRadiomicsSettings(voxel_mm=None, hu_min=None, image_types=("original",), bin_width=1)


def reference_images() -> tuple[sitk.Image, sitk.Image]:
    """The generated CT (int16, HU) and its GTV: a wall of soft tissue around an air-filled lumen, in fat and lung.

    Only sums, products and floor are used, and a random stream that numpy keeps as it is: the same voxels everywhere.
    """
    z, y, x = np.indices((14, 32, 32))
    grain = np.random.RandomState(20210925).random_sample(z.shape)
    clouds = grain
    for axis in range(3):
        clouds = clouds + np.roll(clouds, 1, axis) + np.roll(clouds, -1, axis)
    from_axis = (2 * x - 31) ** 2 + (2 * y - 31) ** 2
    lumen = (x - 18) ** 2 + (y - 14) ** 2 <= 5
    tissue = np.select([lumen, from_axis <= 26**2, from_axis <= 29**2], [-950, 45, -100], -800)
    hu = tissue + np.floor(20 * (clouds - 13.5) + 80 * (grain - 0.5))
    gtv = 9 * from_axis + 39 * (2 * z - 13) ** 2 <= 9 * 24**2
    spacing = (1.2, 1.2, 2.5)
    return _image(hu.astype(np.int16), spacing), _image(gtv.astype(np.uint8), spacing)


def format_table(selftest: SelfTest) -> str:
    """The comparison as text of at most 110 columns, by part and feature class; the last line is the verdict."""
    lines = _wrapped(f"Software: {_listed(selftest.software)}", indent=0)
    for part in selftest.parts:
        lines += ["", part.title, *_wrapped(part.source), *_wrapped(part.comparison)]
        identifier = "IBSI" if part.rows[0].ibsi_id else ""
        for feature_class, rows in groupby(sorted(part.rows, key=_class_order), key=_class_order):
            lines += ["", f"  {CLASSES[feature_class]:48} {identifier:4}{'expected':>17} {'found':>17}  verdict"]
            for row in rows:
                lines += _row_lines(row)
    counts = ", ".join(f"{selftest.count(verdict)} {text}" for verdict, text in _COUNTED.items())
    return "\n".join([*lines, "", f"Self-test {'passed' if selftest.passed else 'FAILED'}: {counts}."])


_COUNTED = {AGREES: "agree", BY_DESIGN: "differ by design", DIFFERS: "differ that should agree"}


def _class_order(row: Row) -> int:
    return CLASSES.index(split_name(row.feature)[1])


def _row_lines(row: Row) -> list[str]:
    image, _, feature = split_name(row.feature)
    name = feature if image == ORIGINAL else f"{image} {feature}"
    digits = 6 if row.ibsi_id else 10
    found = "–" if row.found is None else f"{row.found:.{digits}g}"
    line = f"    {name:46} {row.ibsi_id:4}{row.expected:17.10g} {found:>17}  {row.verdict}"
    return [line, *_wrapped(row.reason, indent=8)] if row.reason else [line]


def _wrapped(text: str, indent: int = 2) -> list[str]:
    space = " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=space, subsequent_indent=space)


@dataclass(frozen=True)
class _Conversion:
    """From PyRadiomics' definition to IBSI's, exactly; ``apply`` takes the value and the ROI's voxel count."""

    apply: Callable[[float, int], float]
    formula: str
    reason: str


_AXIS = _Conversion(
    lambda value, voxels: value * math.sqrt(voxels / (voxels - 1)),
    "× √(N/(N−1))",
    "PyRadiomics divides the covariance of the N voxel centres by N, IBSI's values rest on N − 1",
)
_CONVERSIONS = {
    "original_shape_LeastAxisLength": _AXIS,
    "original_shape_MinorAxisLength": _AXIS,
    "original_shape_MajorAxisLength": _AXIS,
    "original_firstorder_Kurtosis": _Conversion(
        lambda value, voxels: value - 3, "− 3", "IBSI's is the excess kurtosis: 0 for a normal distribution, not 3"
    ),
    "original_firstorder_TotalEnergy": _Conversion(
        lambda value, voxels: value / 8, "÷ 8 mm³", "PyRadiomics' own feature: energy times the volume of a voxel"
    ),
}


def _ibsi_part() -> Part:
    phantom, settings = _read("ibsi-digital-phantom.json"), ibsi_settings()
    roi = prepare(ibsi_phantom(), settings)
    references = {item["feature"]: item for item in phantom["values"]}
    measured = extract(roi, settings, references)
    voxels = roi.account.steps[-1].voxels
    without = [name for name in settings.names if name not in references]
    return Part(
        phantom["title"],
        f"{phantom['source']}. {phantom['aggregation']}.",
        f"A value agrees within IBSI's tolerance, or where IBSI gives none if it rounds to the {IBSI_DIGITS} digits "
        f"printed. Not in IBSI: {', '.join(without)}.",
        tuple(_ibsi_row(references[name], measured, voxels) for name in settings.names if name in references),
    )


def _ibsi_row(reference: Mapping[str, Any], measured: Features, voxels: int) -> Row:
    name, expected, tolerance = reference["feature"], float(reference["value"]), float(reference["tolerance"])
    found, conversion = measured.values.get(name), _CONVERSIONS.get(name)
    converted, verdict, reason = None, DIFFERS, measured.failed.get(name, "")
    if found is not None and conversion is not None:
        converted = conversion.apply(found, voxels)
        reason = f"{found:.6g} {conversion.formula} = {converted:.6g}. {conversion.reason}."
    if found is not None:
        comparable = found if converted is None else converted
        rounded = float(f"{comparable:.{IBSI_DIGITS}g}")
        if rounded == expected or abs(comparable - expected) <= tolerance:
            verdict = AGREES if converted is None else BY_DESIGN
        elif converted is None:
            reason = f"rounds to {rounded:g}"
    return Row(
        name, expected, tolerance, found, converted, verdict, reason, reference["ibsi_id"], reference["ibsi_name"]
    )


def _reference_part() -> Part:
    reference = _read("generated-ct.json")
    settings = PyRadiomicsSettings.from_dict(reference["settings"])
    case = make_case(*reference_images(), name="the generated CT", pixel_type=settings.pixel_type)
    measured = extract(prepare(case, settings), settings, reference["values"])
    return Part(
        reference["title"],
        f"{reference['source']}. Made with {_listed(reference['software'])}.",
        f"A value agrees where it differs by less than {REFERENCE_TOLERANCE:g} of the expected value.",
        tuple(_reference_row(name, expected, measured) for name, expected in reference["values"].items()),
    )


def _reference_row(name: str, expected: float, measured: Features) -> Row:
    found = measured.values.get(name)
    verdict, reason = AGREES, ""
    if found is None:
        verdict, reason = DIFFERS, measured.failed[name]
    elif not math.isclose(found, expected, rel_tol=REFERENCE_TOLERANCE):
        verdict, reason = DIFFERS, f"off by {abs(found - expected) / abs(expected):.2g} of the expected value"
    return Row(name, expected, REFERENCE_TOLERANCE, found, None, verdict, reason)


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _read(name: str) -> Any:
    return json.loads(resource_path("SelfTest", name).read_text(encoding="utf-8"))


def _image(voxels: np.ndarray, spacing: Iterable[float]) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(tuple(spacing))
    return image
