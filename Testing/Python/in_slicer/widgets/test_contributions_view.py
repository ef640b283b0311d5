"""The waterfall and the scale in the viewer, off-screen: they show the numbers of the result, at any size."""

from __future__ import annotations

import json
from typing import Any

import pytest
import qt_shim

qt_shim.install()

from patients import scored  # noqa: E402

from EsoRadiomicsLib.in_slicer.widgets.patient.contributions_view import ContributionsView  # noqa: E402
from EsoRadiomicsLib.reporting.patient.patient_result import result_dict, to_json  # noqa: E402
from EsoRadiomicsLib.scoring.waterfall import scale_rows, waterfall  # noqa: E402
from EsoRadiomicsLib.studies.study import load_study  # noqa: E402


def document(study: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_json(result_dict(scored(study))))
    return found


@pytest.mark.parametrize("study", ["ln-response-crt", "ln-control-2y", "escc-lpfs-ccrt", "escc-pfs-dcrt"])
def test_the_bars_lead_from_the_intercept_to_the_score(study: str) -> None:
    signature, score = load_study(study).signature, scored(study)
    assert signature is not None
    found = waterfall(signature, score.score.contributions)
    assert found.sums[0] == signature.intercept
    assert found.sums[-1] == pytest.approx(score.score.rad_score, rel=1e-12)
    assert signature.cutoff is None or found.low < signature.cutoff.value < found.high
    parts = [abs(item.contribution) for item in found.items]
    assert parts == sorted(parts, reverse=True)


def test_the_scale_holds_the_published_groups_as_the_paper_prints_them() -> None:
    rows = {row.label: row for row in scale_rows(load_study("ln-response-crt"), document("ln-response-crt"))}
    response = rows["training, response"]
    assert (response.low, response.middle, response.high) == pytest.approx((1.243 - 0.433, 1.243, 1.243 + 0.433))


@pytest.mark.parametrize("size", [(240, 200), (480, 420), (1200, 900)])
def test_the_view_is_drawn_at_any_size_and_emptied(size: tuple[int, int]) -> None:
    view = ContributionsView()
    view.resize(*size)
    view.show()
    view.grab()
    empty = view.grab().toImage()
    view.show_result(load_study("escc-lpfs-ccrt"), document("escc-lpfs-ccrt"))
    assert view.grab().toImage() != empty
    view.clear()
    assert view.grab().toImage() == empty
