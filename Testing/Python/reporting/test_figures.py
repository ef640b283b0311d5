"""The patient's figures: what they show is where the numbers say, nothing overlaps, and the bits repeat."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import SimpleITK as sitk
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from patients import case, changed_card, scored

from EsoRadiomicsLib.extraction.engines import prepare
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.imaging.case import Case, make_case
from EsoRadiomicsLib.reporting.figures import contributions_figure, nomogram_figure, roi_figure, to_png, to_svg
from EsoRadiomicsLib.reporting.figures.nomogram_plot import LEFT, RIGHT
from EsoRadiomicsLib.reporting.figures.style import PATIENT
from EsoRadiomicsLib.scoring.nomogram import build_nomogram, patient_values
from EsoRadiomicsLib.scoring.patient import PatientResult
from EsoRadiomicsLib.studies.study import load_study

LIBRARY = Path(__file__).resolve().parents[3] / "EsoRadiomics"
PATIENTS: dict[str, Callable[[], PatientResult]] = {
    "all given": lambda: scored("escc-lpfs-ccrt", {"N stage": 2, "CR status": 0}),
    "one missing": lambda: scored("escc-lpfs-ccrt", {"N stage": 1}),
    "far beyond the axis": lambda: scored("escc-lpfs-ccrt", z=8.0),
    "no baseline": lambda: scored("escc-pfs-dcrt", {"HRR status": 1}),
    "raw features": lambda: scored("ln-response-crt"),
    "two features": lambda: scored("ln-control-2y"),
}
all_patients = pytest.mark.parametrize("patient", PATIENTS.values(), ids=PATIENTS.keys())


def nomogram_of(result: PatientResult) -> Figure:
    nomogram = build_nomogram(result.score.study)
    assert nomogram is not None
    place = nomogram.place(patient_values(result.score.study, result.score))
    return nomogram_figure(nomogram, place, demonstration=result.score.demonstration)


def figures_of(result: PatientResult) -> list[Figure]:
    nomogram = [nomogram_of(result)] if result.score.study.outcome else []
    return [*nomogram, contributions_figure(result.score), roi_figure(result.case, result.roi)]


def drawn(figure: Figure) -> RendererAgg:
    """Its renderer after drawing, fine enough that letters are as wide as their outlines in an SVG."""
    figure.set_dpi(400)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    return renderer


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def marks(figure: Figure) -> list[tuple[float, float, str]]:
    """(x, y, marker) of the patient's marks on a nomogram, in mm."""
    (page,) = figure.axes
    lines = [line for line in page.lines if line.get_marker() != "None" and line.get_color() == PATIENT]
    places = [np.asarray(line.get_xydata(), dtype=float)[0] for line in lines]
    return [(x, y, str(line.get_marker())) for (x, y), line in zip(places, lines, strict=True)]


@all_patients
def test_no_text_overlaps_another_or_leaves_the_figure(patient: Callable[[], PatientResult]) -> None:
    for figure in figures_of(patient()):
        renderer = drawn(figure)
        shown = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible() and t.figure]
        boxes = [(text.get_text(), Text.get_window_extent(text, renderer)) for text in shown]
        page = figure.bbox.padded(4)
        assert [text for text, box in boxes if box.x0 < -4 or box.x1 > page.x1 or box.y0 < -4 or box.y1 > page.y1] == []
        for (one, a), (other, b) in combinations(boxes, 2):
            width = min(a.x1, b.x1) - max(a.x0, b.x0)
            height = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert width <= 4 or height <= 4, f"“{one}” overlaps “{other}”"


@all_patients
def test_no_words_run_into_the_waterfall(patient: Callable[[], PatientResult]) -> None:
    figure = contributions_figure(patient().score)
    renderer = drawn(figure)
    page, chart = figure.axes
    for text in page.texts:
        box = text.get_window_extent(renderer)
        above = box.y0 > chart.bbox.y1 - 1
        beside = box.x1 < chart.bbox.x0 + 1 or box.x0 > chart.bbox.x1 - 1
        assert above or beside or box.y1 < chart.bbox.y0, text.get_text()


def test_the_same_patient_gives_the_same_bits() -> None:
    result = PATIENTS["one missing"]()
    first, second = (figures_of(result) for _ in range(2))
    assert [to_svg(figure) for figure in first] == [to_svg(figure) for figure in second]
    assert to_png(first[-1]) == to_png(second[-1])


def test_drawing_touches_no_global_state_of_matplotlib() -> None:
    before = dict(matplotlib.rcParams)
    to_svg(contributions_figure(scored().score))
    assert dict(matplotlib.rcParams) == before
    script = "import sys; import EsoRadiomicsLib.reporting.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=LIBRARY, check=False).returncode == 0


def test_a_waterfall_without_a_cut_off_leaves_no_room_for_one() -> None:
    score = scored(load_study("ln-response-crt")).score
    signature = score.study.card["signature"] | {"cutoff": None}
    without = replace(score, study=changed_card("ln-response-crt", {"signature": signature}))
    heights = [contributions_figure(each).get_figheight() for each in (score, without)]
    assert heights[1] < heights[0]


def test_a_dollar_sign_in_a_card_is_a_dollar_sign() -> None:
    signature = dict(load_study("ln-response-crt").card["signature"], name="$core_{x")
    to_svg(contributions_figure(scored(changed_card("ln-response-crt", {"signature": signature})).score))
    lpfs = scored(changed_card("escc-lpfs-ccrt", {"title": "$\\frac{$"}), {"N stage": 1})
    assert to_svg(nomogram_of(lpfs)).startswith(b"<?xml")


def test_the_patients_marks_stand_at_his_points_and_the_total_goes_down_to_survival() -> None:
    result = scored("escc-lpfs-ccrt", {"N stage": 2, "CR status": 0}, z=0.1)
    nomogram = build_nomogram(result.score.study)
    assert nomogram is not None
    place = nomogram.place(patient_values(result.score.study, result.score))
    found = marks(nomogram_figure(nomogram, place))
    expected = [LEFT + (RIGHT - LEFT) * bounds.low / 100 for bounds in place.points.values()]
    total = LEFT + (RIGHT - LEFT) * place.total.low / nomogram.total[-1].value
    at_x = sorted({round(x, 6) for x, _, _ in found})
    assert at_x == sorted({round(x, 6) for x in [*expected, total]})
    assert sum(abs(x - total) < 1e-6 for x, _, _ in found) == 2 * (1 + len(nomogram.outcomes))
    assert {marker for _, _, marker in found} == {"o"}


def test_a_score_beyond_the_axis_is_an_arrow_head_at_its_end_and_the_figure_says_so() -> None:
    figure = nomogram_of(scored("escc-lpfs-ccrt", {"N stage": 0, "CR status": 0}, z=8.0))
    arrows = [x for x, _, marker in marks(figure) if marker in "<>"]
    assert arrows and set(arrows) <= {LEFT, RIGHT}
    assert any("extrapolation" in text for text in texts(figure))


@pytest.mark.parametrize("study", ["escc-pfs-dcrt", "ln-control-2y"])
def test_long_names_of_risk_groups_stay_clear_of_each_other_and_of_what_stands_beside_the_axes(study: str) -> None:
    """A model of the risk group alone: its two names stand at the two ends of one axis."""
    card = dict(load_study(study).card)
    term = {"kind": "risk-group", "name": "Rad-score", "coefficient": {"value": 1.0, "evidence": "refit"}}
    at = {"time": 24, "survival": {"value": 0.5, "evidence": "refit"}}
    outcome = {"kind": "survival", "label": "control", "unit": "months", "terms": [term], "baseline": [at]}
    nomogram = build_nomogram(replace(load_study(study), card={**card, "outcome": outcome}))
    assert nomogram is not None
    figure = nomogram_figure(nomogram, nomogram.place({"Rad-score": 1.0}))
    renderer = drawn(figure)
    names = {card["signature"]["cutoff"][side]["label"] for side in ("above", "below")}
    mm = 25.4 / figure.dpi
    found = [text.get_window_extent(renderer) for text in figure.findobj(Text) if text.get_text() in names]
    low, high = sorted(((box.x0 * mm, box.x1 * mm) for box in found), key=lambda ends: ends[0])[:2]
    assert LEFT - 6 < low[0] < low[1] < high[0] < high[1] < RIGHT + 6


def test_a_reconstructed_nomogram_says_so_at_its_head_and_beside_every_survival_axis() -> None:
    shown = texts(nomogram_of(scored("escc-lpfs-ccrt", {"N stage": 1, "CR status": 1})))
    assert shown.count("reconstructed") == 1 + 3
    assert any(text.startswith("Reconstructed:") for text in shown)
    assert not any("econstructed" in text for text in texts(nomogram_of(scored("escc-pfs-dcrt"))))


@pytest.mark.parametrize("demonstration", [True, False])
def test_a_demonstration_cohort_is_named_on_every_figure_that_rests_on_it(demonstration: bool) -> None:
    result = scored("escc-lpfs-ccrt", {"N stage": 1}, demonstration=demonstration)
    for figure in (nomogram_of(result), contributions_figure(result.score)):
        assert any("Demonstration reference cohort" in text for text in texts(figure)) == demonstration


def test_a_missing_covariate_shows_as_not_given_with_its_range_of_points_and_survival() -> None:
    shown = texts(nomogram_of(scored("escc-lpfs-ccrt", {"N stage": 1})))
    assert "not given" in shown
    assert "0–63" in shown
    assert sum("–" in text and text.endswith("%") for text in shown) >= 2


@all_patients
def test_the_waterfall_runs_from_the_intercept_to_the_rad_score(patient: Callable[[], PatientResult]) -> None:
    score = patient().score
    signature = score.study.signature
    assert signature is not None
    chart = contributions_figure(score).axes[1]
    bars = [patch for container in chart.containers for patch in container]
    parts = [bar.get_width() for bar in bars]
    assert sorted(parts) == pytest.approx(sorted(item.contribution for item in score.contributions))
    assert [abs(part) for part in parts] == sorted((abs(part) for part in parts), reverse=True)
    assert bars[0].get_x() == pytest.approx(signature.intercept)
    for bar, following in pairwise(bars):
        assert following.get_x() == pytest.approx(bar.get_x() + bar.get_width())
    assert bars[-1].get_x() + bars[-1].get_width() == pytest.approx(score.rad_score)
    low, high = chart.get_xlim()
    assert signature.cutoff is not None
    assert low < min(score.rad_score, signature.cutoff.value) and max(score.rad_score, signature.cutoff.value) < high


def test_every_feature_unlike_the_reference_cohort_is_marked() -> None:
    score = scored("escc-lpfs-ccrt").score
    outside = [replace(item, z=3.2) if i < 2 else replace(item, z=-3.0) for i, item in enumerate(score.contributions)]
    page = contributions_figure(replace(score, contributions=tuple(outside))).axes[0]
    assert sum(line.get_marker() == "D" for line in page.lines) == 2 + 1  # and the legend
    inside = tuple(replace(item, z=0.0) for item in score.contributions)
    page = contributions_figure(replace(score, contributions=inside)).axes[0]
    assert sum(line.get_marker() == "D" for line in page.lines) == 0


PLAIN = PyRadiomicsSettings(voxel_mm=None)


def test_the_removed_voxels_shown_are_those_below_the_threshold() -> None:
    phantom = case()
    figure = roi_figure(phantom, prepare(phantom, PLAIN))
    hu = sitk.GetArrayFromImage(phantom.image)
    below = (sitk.GetArrayFromImage(phantom.mask) > 0) & (hu < -50)
    assert below.any()
    for axes in figure.axes[:3]:
        z = int(axes.get_title().split()[2]) - 1
        planes: list[np.ndarray] = [np.ma.filled(np.ma.asarray(image.get_array()), 0) for image in axes.images]
        np.testing.assert_array_equal(planes[0], hu[z])
        np.testing.assert_array_equal(planes[1] > 0, below[z])


def test_the_patients_right_is_at_the_left_the_front_above_and_the_head_above() -> None:
    phantom = case()
    *axial, coronal, _ = roi_figure(phantom, prepare(phantom, PLAIN)).axes
    for axes in [*axial, coronal]:
        assert axes.get_xlim()[0] < axes.get_xlim()[1]
    assert all(axes.get_ylim()[0] > axes.get_ylim()[1] for axes in axial)
    assert coronal.get_ylim()[0] < coronal.get_ylim()[1]
    assert [text.get_text() for text in coronal.texts[:4]] == ["R", "L", "S", "I"]


def test_after_resampling_the_measured_roi_lies_on_the_drawn_one() -> None:
    phantom = case()
    figure = roi_figure(phantom, prepare(phantom, PyRadiomicsSettings(hu_min=None)))
    for axes in figure.axes[:4]:
        drawn, measured = (np.concatenate([p.vertices for p in c.get_paths()]) for c in axes.collections)
        for end in (np.min, np.max):
            assert end(drawn, axis=0) == pytest.approx(end(measured, axis=0), abs=3.0)  # the slice spacing


@pytest.mark.parametrize(
    ("box", "views"),
    [
        ((slice(7, 8), slice(18, 24), slice(20, 27)), 2),  # one slice: one axial view and the coronal one
        ((slice(6, 8), slice(18, 21), slice(20, 23)), 3),  # two slices, 3 mm across
        ((slice(0, 16), slice(0, 40), slice(1, 48)), 4),  # nearly the whole image
        ((slice(0, 4), slice(0, 5), slice(0, 6)), 4),  # a corner of the image
    ],
    ids=["one slice", "tiny", "nearly everything", "corner"],
)
def test_rois_of_any_size_and_place_are_drawn(box: tuple[slice, ...], views: int) -> None:
    odd = _boxed(box)
    figure = roi_figure(odd, prepare(odd, PyRadiomicsSettings(voxel_mm=None, hu_min=None, min_voxels=1)))
    assert len(figure.axes) == views + 1
    for axes in figure.axes[:-1]:
        (drawn, _) = axes.collections
        inside = np.concatenate([path.vertices for path in drawn.get_paths()])
        (left, right), (bottom, top) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
        assert left < inside[:, 0].min() and inside[:, 0].max() < right
        assert bottom < inside[:, 1].min() and inside[:, 1].max() < top
    assert to_png(figure, dpi=50).startswith(b"\x89PNG")


def _boxed(box: tuple[slice, ...]) -> Case:
    image = case().image
    voxels = np.zeros(image.GetSize()[::-1], np.uint8)
    voxels[box] = 1
    mask = sitk.GetImageFromArray(voxels)
    mask.CopyInformation(image)
    return make_case(image, mask, name="odd")
