"""The cohort on one page: scores, acquisition differences, outliers, failures, and cases to look at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agreement.reading_agreement import reading_agreement
from ...cohort.case_pictures import unpacked
from ...cohort.cohort_in_readings import CaseInReadings
from ...cohort.cohort_run import CohortRun
from ...cohort.cohort_scores import IDENTITY
from ...cohort.cohort_table import finished_cases
from ...cohort.problems import COLUMNS, Problem
from ...core.formatting import number, plain
from ...core.output import write_text
from ...extraction.engines import engine
from ...extraction.roi import Picture
from ...studies.study import Study
from ..figures.pictures_plot import contact_sheet
from ..figures.style import to_png, to_svg
from .cohort_figures import distribution_figure, readings_range_figure
from .cohort_page import cards, page, paragraph, picture, section, table

OUTLYING = 3.5
"""Modified z-score beyond which a value is an outlier (Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993)."""
FEWEST_CASES = 8
_SHOWN = 25
_MOST_PICTURES, _A_SHEET = 512, 64
_UNKNOWN = "not known"
_WORDS = {
    "slice_thickness_mm": "slice thickness (mm)",
    "kvp": "tube voltage (kV)",
    "exposure_mas": "exposure (mAs)",
    "contrast": "contrast agent named",
    "lossy": "compressed with loss",
    "derived": "derived series",
    "gantry_tilt_deg": "gantry tilt (°)",
}


@dataclass(frozen=True)
class _Facts:
    """What the page needs of all cases: a few values and the features of each."""

    names: list[str]
    volumes_cm3: list[float]
    removed_percent: list[float]
    acquisition: dict[str, Counter[str]]
    software: dict[str, str]
    values: NDArray[np.float64]
    pictures: list[tuple[str, Picture]]


def write_cohort_report(
    run: CohortRun,
    path: Path,
    scores: Sequence[Mapping[str, Any]],
    studies: Mapping[str, Study],
    not_scored: Mapping[str, str],
    readings: tuple[Study, Sequence[CaseInReadings]] | None = None,
) -> None:
    """Write the page.

    Args:
        run: what was measured.
        path: HTML file.
        scores: lines of :func:`EsoRadiomicsLib.cohort.cohort_scores.score_table`.
        studies: by identifier, at least those of ``scores``.
        not_scored: studies that the table cannot be scored by, and why.
        readings: a study and the cases in all readings of its paper, where they were measured.

    Raises:
        OutputError: it cannot be written.
    """
    facts = _facts(run)
    failures, remarks = run.failures, run.remarks
    titles = [
        ("finished", str(len(run.finished)), f"cases; failed: {len(failures)}"),
        ("to look at", str(len(remarks)), "remarks, listed below"),
        ("GTV as drawn", *_middle(facts.volumes_cm3, "cm³")),
        _removed(run, facts),
    ]
    reasons = [(studies[study].title, reason) for study, reason in not_scored.items()]
    write_text(
        path,
        page(
            "Cohort",
            f"{run.manifest.path.name} · {len(run.features)} features · settings {run.settings.fingerprint}",
            [
                cards(titles),
                section("Failed", _problems(failures), "warnings"),
                section("To look at", _problems(remarks), "missing"),
                section("Scores", "".join(_scores(scores, studies))),
                section("Readings of the paper", _readings(*readings) if readings else _not_yet(run)),
                section("Not scored", table(("study", "why"), reasons)),
                section("Outliers", _outliers(facts)),
                section("What the network was shown", _pictures(facts)),
                section("Acquisition", "".join(_acquisition(facts))),
                section("How it was measured", _measured(run, studies, facts)),
            ],
        ),
    )


def _measured(run: CohortRun, studies: Mapping[str, Study], facts: _Facts) -> str:
    """The settings, with the study's where one study was measured in others, and the software."""
    used, about = run.settings, engine(run.settings.engine).about
    changed = next(iter(studies.values())).settings.differences(used) if len(studies) == 1 else {}
    labels = {"engine": "Engine", **used.labels}
    settings = [
        (
            labels.get(name, name),
            _listed(value),
            f"changed; study: {_listed(changed[name][0])}" if name in changed else "",
        )
        for name, value in used.to_dict().items()
    ]
    software = ", ".join(f"{name} {version}" for name, version in facts.software.items())
    head = ("setting", "value", "") if changed else ("setting", "value")
    rows = table(head, [row[: len(head)] for row in settings])
    return (paragraph(about) if about else "") + rows + paragraph(software)


def _removed(run: CohortRun, facts: _Facts) -> tuple[str, str, str]:
    """The share that the HU exclusion took, where the settings have one."""
    heading = "removed by the HU exclusion"
    if run.settings.hu_min is None:
        return heading, "none", "no HU exclusion in this study"
    return heading, *_middle(facts.removed_percent, "%")


def outlying_shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row of (cases, features) the share of its features that are outliers; NaN counts as none."""
    with np.errstate(all="ignore"):
        deviation = np.abs(values - np.nanmedian(values, axis=0))
        spread = np.nanmedian(deviation, axis=0)
        outlying = 0.6745 * deviation / spread > OUTLYING
    outlying &= spread > 0
    return outlying.mean(axis=1)


def _facts(run: CohortRun) -> _Facts:
    names, volumes, removed, values = [], [], [], []
    pictures: list[tuple[str, Picture]] = []
    acquisition: dict[str, Counter[str]] = {}
    software: dict[str, str] = {}
    for entry, record in finished_cases(run):
        names.append(_name({"case": entry.case, "reader": entry.reader, "session": entry.session}))
        volumes.append(record["roi"]["steps"][0]["cm3"])
        removed.append(record["roi"]["removed_percent"])
        if "picture" in record and len(pictures) < _MOST_PICTURES:
            pictures.append((names[-1], unpacked(record["picture"])))
        values.append([record["features"].get(name, math.nan) for name in run.features])
        known = {"slice spacing (mm)": record["spacing_mm"][2], "pixel (mm)": record["spacing_mm"][0]}
        known |= {_WORDS.get(name, name.replace("_", " ")): value for name, value in record["acquisition"].items()}
        for name, value in known.items():
            acquisition.setdefault(name, Counter())[_UNKNOWN if value is None else _listed(value)] += 1
        software = record["software"]
    table = np.array(values, float).reshape(len(names), len(run.features))
    return _Facts(names, volumes, removed, acquisition, software, table, pictures)


def _pictures(facts: _Facts) -> str:
    """Contact sheets of the cases, where pictures were measured."""
    if not facts.pictures:
        return ""
    missing = len(facts.names) - len(facts.pictures)
    more = paragraph(f"and {missing} more") if missing else ""
    sheets = [facts.pictures[i : i + _A_SHEET] for i in range(0, len(facts.pictures), _A_SHEET)]
    alt = "A picture a case, with the ROI's outline."
    return "".join(picture(to_png(contact_sheet(sheet)), alt, "png") for sheet in sheets) + more


def _problems(problems: Sequence[Problem]) -> str:
    """A table of the first problems."""
    told = [name for name in COLUMNS if any(getattr(problem, name) for problem in problems)]
    rows = [
        [getattr(problem, name) or ("(cohort)" if name == "case" else "") for name in told]
        for problem in problems[:_SHOWN]
    ]
    more = f"and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return table(told, rows) + (paragraph(more) if more else "")


def _scores(scores: Sequence[Mapping[str, Any]], studies: Mapping[str, Study]) -> Iterable[str]:
    for name, study in studies.items():
        lines = [line for line in scores if line["study"] == name]
        values = [line["rad_score"] for line in lines if "rad_score" in line]
        if not values or study.signature is None:
            continue
        groups = Counter(line["group"] for line in lines if line.get("group"))
        counted = ", ".join(f"{group}: {n}" for group, n in groups.items())
        references = sorted({line["reference"] for line in lines if line.get("reference")})
        told = [f"{study.title}: {len(values)} cases", counted, *(f"against “{label}”" for label in references)]
        if any(line.get("demonstration") for line in lines):
            told.append("a demonstration reference cohort, which means nothing clinically")
        figure = distribution_figure(values, study.signature.name, study.signature.cutoff)
        yield paragraph("; ".join(filter(None, told))) + picture(to_svg(figure), f"Distribution by {name}.")
        without = [(_name(line), line["not_scored"]) for line in lines if line.get("not_scored")]
        yield table(("case without a score", "why"), without[:_SHOWN])


def _not_yet(run: CohortRun) -> str:
    """What is to be done where the readings are measured but wait for a reference cohort."""
    if not run.readings:
        return ""
    return paragraph(
        f"Measured in {1 + len(run.readings)} readings of what the paper leaves open. To see how far they agree, make "
        "a reference cohort (“esoradiomics reference build features.csv readings.csv …”) and run this again with "
        "--reference: nothing is measured twice."
    )


def _readings(study: Study, cases: Sequence[CaseInReadings]) -> str:
    """How far the readings agree, and the cases that change their group."""
    found = reading_agreement(cases)
    assert study.signature is not None
    n = len(cases[0].scores) if cases else 0
    told = [f"{found.cases} of {len(cases)} cases have a score in all {n} readings of what the paper leaves open."]
    if any(len(case.known) < n for case in cases):
        told.append("Why others have none stands in readings.csv.")
    if cases and not any(len(case.known) > 1 for case in cases):
        told.append("The reference cohort knows the card's own reading only: build it from this run's two tables.")
    if found.icc is not None:
        value, low, high = (f"{each:.2f}".replace("-", "−") for each in found.icc)
        told.append(
            f"ICC(2,1) of the {study.signature.name} over the readings: {value} (95 % CI {low} to {high}; "
            "1: every reading gives a case the same score)."
        )
    kappas = [each for each in found.kappas if each is not None]
    if study.signature.cutoff is not None and found.cases:
        told.append(f"{len(found.changing)} cases change their group with the reading.")
        if kappas:
            low, high = (f"{each:.2f}".replace("-", "−") for each in (min(kappas), max(kappas)))
            told.append(
                f"Cohen's κ of the groups with those of the card's own reading: {low} to {high} (1: the same groups, "
                "0: as by chance)."
            )
        else:
            told.append("The card's own reading puts all cases into one group, so there is no κ.")
    rows = [
        (case.case, number(case.scores[0]), f"{case.same_group} of {len(case.known)}")
        for case in cases
        if case.case in found.changing and case.scores[0] is not None
    ]
    figure = readings_range_figure(cases, study.signature.name, study.signature.cutoff)
    listed = table(("case that changes its group", study.signature.name, "readings with the same group"), rows[:_SHOWN])
    return paragraph(" ".join(told)) + picture(to_svg(figure), "Range of each case's score over the readings.") + listed


def _outliers(facts: _Facts) -> str:
    if len(facts.names) < FEWEST_CASES:
        return paragraph(f"Fewer than {FEWEST_CASES} cases: none can be told.")
    shares = outlying_shares(facts.values)
    order = [i for i in np.argsort(-shares, kind="stable") if shares[i] > 0][:10]
    rows = [(facts.names[i], f"{100 * shares[i]:.0f} %", f"{facts.volumes_cm3[i]:.2f}") for i in order]
    note = (
        "The cases with most features far from the cohort's median (modified z-score beyond "
        f"{OUTLYING}): look at their contour, artefacts and acquisition."
    )
    return paragraph(note) + (table(("case", "outlying features", "GTV (cm³)"), rows) or paragraph("There are none."))


def _acquisition(facts: _Facts) -> Iterable[str]:
    rows = []
    for name, counts in facts.acquisition.items():
        listed = ", ".join(f"{value} ({n})" for value, n in counts.most_common(8))
        more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
        rows.append((name, listed + more, "differs" if len(set(counts) - {_UNKNOWN}) > 1 else ""))
    yield table(("", "value (cases)", ""), rows)


def _name(line: Mapping[str, Any]) -> str:
    """Who a line is about: the case, and reader and session if there are any."""
    return ", ".join(line[name] for name in IDENTITY if line.get(name))


def _listed(value: Any) -> str:
    """A setting or a fact of a header as people write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_listed, value))
    return plain(value) if isinstance(value, float) else str(value)


def _middle(values: Sequence[float], unit: str) -> tuple[str, str]:
    """The median, and the range in words."""
    if not values:
        return "–", "no case"
    low, middle, high = map(number, np.quantile(values, (0, 0.5, 1)))
    return f"{middle} {unit}", f"median; from {low} to {high} {unit}"
