"""What the panel proposes as readings of which case by whom, from the names of CTs, segmentations and segments."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from EsoRadiomicsLib.in_slicer.scene.segment_labels import SceneReading, propose


@dataclass(frozen=True)
class Node:
    name: str

    def GetName(self) -> str:  # noqa: N802
        return self.name

    def GetID(self) -> str:  # noqa: N802
        return f"ID of {self.name}"


def reading(ct: str, segmentation: str, segment: str) -> SceneReading:
    return SceneReading(Node(ct) if ct else None, Node(segmentation), segment, segment)


Names = list[tuple[str, str, str]]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(
            [(p, f"{p}_Reader{r}", "GTV") for p in ("P1", "P2") for r in "AB"],
            [(p, f"Reader{r}", "1") for p in ("P1", "P2") for r in "AB"],
            id="a segmentation a reader",
        ),
        pytest.param(
            [(p, f"{p} contours", f"GTV {r}") for p in ("P1", "P2") for r in ("Li", "Wang")],
            [(p, r, "1") for p in ("P1", "P2") for r in ("Li", "Wang")],
            id="a segment a reader",
        ),
        pytest.param(
            [("P1", "Li session 1", "GTV"), ("P1", "Li session 2", "GTV"), ("P1", "Wang", "GTV")],
            [("P1", "Li", "1"), ("P1", "Li", "2"), ("P1", "Wang", "1")],
            id="a session in the name",
        ),
        pytest.param(
            [(p, f"{p} {n}", "tumour") for p, n in (("P1", "x"), ("P1", "y"), ("P2", "v"), ("P2", "w"))],
            [("P1", "A", "1"), ("P1", "B", "1"), ("P2", "A", "1"), ("P2", "B", "1")],
            id="names that differ from case to case",
        ),
        pytest.param(
            [("P1", "Segmentation", "Segment_1"), ("P1", "Segmentation", "Segment_1")],
            [("P1", "A", "1"), ("P1", "B", "1")],
            id="names that tell nothing",
        ),
        pytest.param(
            [("P1", "P1 Reader B", "GTV"), ("P2", "P2 Reader A", "GTV"), ("P2", "P2 Reader B", "GTV")],
            [("P1", "B", "1"), ("P2", "A", "1"), ("P2", "B", "1")],
            id="a case with one reading",
        ),
    ],
)
def test_case_reader_and_session_are_read_from_the_names(names: Names, expected: Names) -> None:
    proposed = propose(reading(*each) for each in names)
    assert [each.key for each in proposed] == expected
    assert all(each.used for each in proposed)


def test_of_structure_sets_only_the_gtv_is_used() -> None:
    names = [(p, f"{p} {r}", s) for p in ("P1", "P2") for r in ("Li", "Wang") for s in ("Heart", "gtv-1", "Lung")]
    proposed = propose(reading(*each) for each in names)
    assert len(proposed) == 12
    used = [each for each in proposed if each.used]
    assert {each.segment for each in used} == {"gtv-1"}
    assert {each.key for each in used} == {(p, r, "1") for p in ("P1", "P2") for r in ("Li", "Wang")}


def test_segments_without_a_ct_are_listed_for_the_user_to_choose_one() -> None:
    (proposed,) = propose([reading("", "drawn", "GTV")])
    assert proposed.volume is None and proposed.case == ""
