"""A patient's result in a few readable rows, for the terminal and the panel."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from ...core.formatting import counted, number, plain
from ...scoring.against_reference import FEW_CASES, AgainstReference
from ...scoring.patient import PatientResult
from ...scoring.plausibility import SOFT_TISSUE_HU, Plausibility
from ...scoring.predicted_outcome import Bounds
from ...scoring.score import Score
from ...scoring.score_text import percent, rad_score
from ...studies.card_parts import UNSURE

WIDTH = 110
_COMPLEMENT = {">=": ("≥", "<"), ">": (">", "≤")}


def summary(result: PatientResult) -> str:
    """The rows as aligned, wrapped text under the case's name and the study's title."""
    rows = list(summary_rows(result))
    indent = max(len(label) for label, _ in rows) + 4
    lines = [textwrap.fill(f"{result.case.name}: {result.score.study.title}", WIDTH)]
    for label, text in rows:
        first = f"  {label:{indent - 2}}"
        lines.append(textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=" " * indent))
    return "\n".join(lines)


def summary_rows(result: PatientResult) -> Iterator[tuple[str, str]]:
    """(Label, text): GTV, Rad-score against its cut-off, risk group, strata, survival, what is missing, warnings."""
    score, account = result.score, result.roi.account
    signature = score.study.signature
    assert signature is not None
    removed = f", {account.removed_percent:.1f} % removed by the HU exclusion" if account.removed_percent else ""
    yield "GTV", f"{account.steps[0].cm3:.2f} cm³ drawn, {account.steps[-1].cm3:.2f} cm³ measured{removed}"
    if result.plausibility is not None:
        yield "Input", in_short(result.plausibility)
    yield signature.name, f"{rad_score(score.rad_score, signature.cutoff)}{against_cutoff(score)}"
    if score.harmonised_from:
        yield "Harmonised", f"from {score.harmonised_from} by the training cohort's ComBat"
    if score.demonstration:
        yield "Reference", f"{score.reference_label} — DEMONSTRATION, no clinical meaning"
    elif score.reference_label:
        yield "Reference", score.reference_label
    if result.against is not None:
        yield "In the reference", in_reference(result.against)
    if score.group is not None:
        yield "Risk group", score.group.label
    if score.probability is not None:
        probability = Bounds(score.probability, score.probability)
        yield "Probability", f"{percent(probability)} {signature.probability_of}".rstrip()
    if score.strata and score.study.strata is not None:
        yield score.study.strata.name, " or ".join(stratum.label for stratum in score.strata)
    outcome = score.study.outcome
    if outcome is not None:
        if score.event_probability is not None:
            yield outcome.label, percent(score.event_probability)
        for at in score.survival:
            evidence = f" ({at.evidence})" if at.evidence in UNSURE else ""
            yield f"{score.study.endpoint} at {at.time:g} {outcome.unit}", f"{percent(at.bounds)}{evidence}"
        for at in score.incidence:
            yield f"Risk of {score.study.endpoint} by {at.time:g} {outcome.unit}", percent(at.bounds)
    if result.robustness is not None:
        yield "Firmness", firmness(result)
    if result.paper_readings is not None:
        yield "Readings of the paper", in_readings(result)
    for sentence in score.not_computed:
        yield "Not computed", sentence
    for sentence in result.warnings:
        yield "Warning", sentence


def against_cutoff(score: Score) -> str:
    """``" (≥ cut-off 0.1411)"``, or nothing where the study has no cut-off."""
    cutoff = score.study.signature.cutoff if score.study.signature else None
    if cutoff is None:
        return ""
    above, below = _COMPLEMENT[cutoff.rule]
    return f" ({above if score.group == cutoff.above else below} cut-off {plain(cutoff.value)})"


def in_short(input_: Plausibility) -> str:
    """What a glance at the input should tell: parts and gaps of the GTV, gray levels, HU that are no soft tissue."""
    low, high = SOFT_TISSUE_HU
    outside = percent(Bounds(input_.outside_soft_tissue, input_.outside_soft_tissue))
    texts = [counted(input_.islands, "part"), f"{outside} outside {plain(low)} … {plain(high)} HU"]
    if input_.empty_slices:
        texts.append(f"{counted(input_.empty_slices, 'slice')} inside without contour")
    if input_.gray_levels is not None:
        texts.append(counted(input_.gray_levels, "gray level"))
    return ", ".join(texts)


def in_reference(against: AgainstReference) -> str:
    """The percentile, the interval over other cohorts of this size, and how often the group would be another."""
    place = "" if against.percentile is None else f"percentile {against.percentile:.0f} of its {against.cases} cases; "
    text = f"{place}{number(against.low)} to {number(against.high)} (95 %) had other patients been in it"
    if against.other_side is not None:
        share = percent(Bounds(against.other_side, against.other_side))
        text += f", {share} of this on the other side of the cut-off"
    if against.method == "upper bound":
        text += " (at most: the cohort's file does not hold how its features hang together)"
    if against.cases < FEW_CASES:
        text += f"; {against.cases} cases are few"
    return text


def firmness(result: PatientResult) -> str:
    """The Rad-score's interval under perturbations, and how often the risk group flips."""
    robustness = result.robustness
    assert robustness is not None
    low, high = (number(limit) for limit in robustness.interval)
    text = f"{low} to {high} in 95 % of {robustness.scored} perturbations of contour and image"
    failed = len(robustness.replicates) - robustness.scored
    if failed:
        text += f" ({failed} more could not be measured)"
    if result.score.group is not None:
        text += f"; another risk group in {100 * robustness.flip_share:.0f} % of them"
    return text


def in_readings(result: PatientResult) -> str:
    """In how many readings of the paper the group is the same, the score's range, and what moves it most."""
    readings = result.paper_readings
    assert readings is not None
    n, low, high = len(readings.scored), *map(number, readings.interval)
    text = f"{low} to {high} in {n} readings of what the paper leaves open"
    if result.score.group is not None:
        text = f"{result.score.group.label} in {readings.same_group} of {n} readings of the paper ({low} to {high})"
    largest = readings.effects[0]
    label = result.features.settings.labels[largest.setting]
    text += f"; what moves it most is “{label}”, by {number(largest.mean_shift, 2)} on average"
    if result.score.survival:
        last = result.score.survival[-1].time
        bounds = [at.bounds for item in readings.scored for at in item.survival if at.time == last]
        range_ = percent(Bounds(min(each.low for each in bounds), max(each.high for each in bounds)))
        study = result.score.study
        text += (
            f"; {study.endpoint} at {last:g} {study.outcome.unit if study.outcome else ''} {range_} over all of them"
        )
    failed = len(readings.scores) - n
    return text + (f"; {failed} more readings could not be measured" if failed else "")
