"""The interactive nomogram, off-screen: what the pointer does to the values, and the values to the survival."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import qt_shim

qt_shim.install()

from EsoRadiomicsLib.in_slicer.widgets.patient.nomogram_painter import NomogramPainter  # noqa: E402
from EsoRadiomicsLib.in_slicer.widgets.patient.nomogram_view import NomogramView  # noqa: E402
from EsoRadiomicsLib.scoring.nomogram import Nomogram, build_nomogram  # noqa: E402
from EsoRadiomicsLib.studies.study import load_study  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*QMouseEvent.pos")  # Qt 5, in Slicer, knows no other

OWN = {"N stage": 1.0, "CR status": 0.0, "Rad-score": 0.3}


@pytest.fixture(scope="module")
def nomogram() -> Nomogram:
    found = build_nomogram(load_study("escc-lpfs-ccrt"))
    assert found is not None
    return found


@pytest.fixture
def view(nomogram: Nomogram) -> NomogramView:
    """A view of 900 × 520 pixels with one patient."""
    view = NomogramView()
    view.resize(900, 520)
    view.show_patient(nomogram, OWN)
    view.show()
    view.grab()
    return view


def place_of(view: NomogramView, nomogram: Nomogram, name: str, value: float) -> tuple[float, float]:
    """Where a variable's value lies in the view, in pixels."""
    row = next(row for row in nomogram.rows if row.name == name)
    return view.sheet().on_points(row.points(value)), view.sheet().y_rows[name]


def pixels(view: NomogramView) -> bytes:
    return bytes(view.grab().toImage().constBits())


def test_dragging_a_level_changes_the_survival_as_the_model_says(view: NomogramView, nomogram: Nomogram) -> None:
    qt_shim.drag(view, place_of(view, nomogram, "N stage", 1), place_of(view, nomogram, "N stage", 3))
    assert view.values == OWN | {"N stage": 3.0}
    card = load_study("escc-lpfs-ccrt").outcome
    assert card is not None
    predictor = sum(term.coefficient.value * view.values[term.name] for term in card.terms)
    expected = [survival.value ** (2.718281828459045**predictor) for _, survival in card.baseline]
    assert [bounds.low for bounds in nomogram.place(view.values).outcomes] == pytest.approx(expected)


def test_dragging_the_rad_score_follows_the_pointer_and_stays_on_the_axis(
    view: NomogramView, nomogram: Nomogram
) -> None:
    start = place_of(view, nomogram, "Rad-score", 0.3)
    qt_shim.drag(view, start, place_of(view, nomogram, "Rad-score", -0.6))
    assert view.values["Rad-score"] == pytest.approx(-0.6, abs=0.01)
    qt_shim.drag(view, start, (890, start[1]))
    assert view.values["Rad-score"] == 1.0


def test_a_double_click_returns_to_the_patients_own_values(view: NomogramView, nomogram: Nomogram) -> None:
    before = pixels(view)
    qt_shim.drag(view, place_of(view, nomogram, "N stage", 1), place_of(view, nomogram, "N stage", 3))
    qt_shim.double_click(view, (5, 5))
    qt_shim.hover(view, (5, 5))
    assert view.values == OWN
    assert pixels(view) == before


def test_the_button_that_appears_on_a_change_returns_to_the_patients_own_values(
    view: NomogramView, nomogram: Nomogram
) -> None:
    qt_shim.drag(view, place_of(view, nomogram, "CR status", 0), place_of(view, nomogram, "CR status", 1))
    view.grab()
    button = (view.width() - 60, view.sheet().y_points - 2.5 * view.sheet().scale)
    qt_shim.drag(view, button, button)
    assert view.values == OWN


def test_hovering_changes_the_picture_but_no_value(view: NomogramView, nomogram: Nomogram) -> None:
    before = pixels(view)
    qt_shim.hover(view, place_of(view, nomogram, "N stage", 2))
    assert view.values == OWN
    assert pixels(view) != before


def test_a_missing_variable_becomes_known_when_it_is_dragged(view: NomogramView, nomogram: Nomogram) -> None:
    view.show_patient(nomogram, {"Rad-score": 0.3})
    assert not nomogram.place(view.values).total.known
    for name in ("N stage", "CR status"):
        at = place_of(view, nomogram, name, 1)
        qt_shim.drag(view, at, at)
    assert nomogram.place(view.values).total.known
    view.back_to_patient()
    assert view.values == {"Rad-score": 0.3}


@pytest.mark.parametrize("size", [(320, 200), (500, 900), (1800, 300), (2400, 1600)])
def test_every_axis_lies_inside_a_view_of_any_shape(
    view: NomogramView, nomogram: Nomogram, size: tuple[int, int]
) -> None:
    view.resize(*size)
    view.grab()
    sheet = view.sheet()
    heights = [sheet.y_points, *sheet.y_rows.values(), sheet.y_total, *sheet.y_outcomes]
    assert heights[0] > 0 and heights[-1] < size[1]
    assert heights == sorted(heights)
    assert 0 < sheet.left < sheet.right < size[0]


@pytest.mark.parametrize("study", ["escc-lpfs-ccrt", "escc-pfs-dcrt"])
def test_every_study_with_an_outcome_model_can_be_drawn(study: str, tmp_path: Path) -> None:
    nomogram = build_nomogram(load_study(study))
    assert nomogram is not None
    view = NomogramView()
    view.resize(900, 520)
    empty = pixels(view)
    view.show_patient(nomogram, {row.name: row.ticks[0].value - 1 for row in nomogram.rows if not row.discrete})
    assert pixels(view) != empty
    assert view.grab().save(str(tmp_path / f"{study}.png"))


def test_an_empty_view_ignores_the_pointer() -> None:
    view: Any = NomogramView()
    view.resize(400, 300)
    qt_shim.drag(view, (50, 50), (200, 100))
    qt_shim.double_click(view, (50, 50))
    assert view.values == {}


def test_a_long_label_at_the_right_end_stays_out_of_the_patients_column(
    view: NomogramView, nomogram: Nomogram, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = "high Rad-score (lymph-node metastasis)"
    longest = next(row for row in nomogram.rows if row.ticks[-1].points == 100)
    ticks = (longest.ticks[0], replace(longest.ticks[-1], label=label))
    rows = tuple(replace(row, ticks=ticks) if row is longest else row for row in nomogram.rows)
    ends = []

    def text(self: NomogramPainter, x: float, y: float, text: str, size: float, *_: Any, **more: Any) -> None:
        if text == label and more.get("align") == 0:
            ends.append(self._value_x - x - self.width_of(text, size) / 2)

    monkeypatch.setattr(NomogramPainter, "text", text)
    view.show_patient(replace(nomogram, rows=rows), OWN)
    view.grab()
    assert ends and min(ends) > 0
