"""A patient's result in a few readable rows, for the terminal and the panel."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.formatting import counted, listed, number, plain
from ...core.translation import tr
from ...core.wide_text import columns, padded, wrapped
from ...scoring.against_reference import FEW_CASES, AgainstReference
from ...scoring.patient import PatientResult
from ...scoring.plausibility import SOFT_TISSUE_HU, Plausibility
from ...scoring.predicted_outcome import Bounds
from ...scoring.score import Score
from ...scoring.score_text import percent, rad_score
from ...studies.card_parts import UNSURE
from ...studies.study import Study

WIDTH = 110
_COMPLEMENT = {">=": ("≥", "<"), ">": (">", "≤")}


def summary(result: PatientResult) -> str:
    """The rows as aligned, wrapped text under the case's name and the study's title."""
    rows = list(summary_rows(result))
    indent = max(columns(label) for label, _ in rows) + 4
    lines = wrapped(f"{result.case.name}: {tr(result.score.study.title)}", WIDTH)
    for label, text in rows:
        lines += wrapped(text, WIDTH, first=f"  {padded(label, indent - 2)}", rest=" " * indent)
    return "\n".join(lines)


def summary_rows(result: PatientResult) -> Iterator[tuple[str, str]]:
    """(Label, text): GTV, Rad-score against its cut-off, risk group, strata, survival, what is missing, warnings."""
    score, account = result.score, result.roi.account
    signature = score.study.signature
    assert signature is not None
    removed = (
        tr(", {removed_percent:.1f} % removed by the HU exclusion", removed_percent=account.removed_percent)
        if account.removed_percent
        else ""
    )
    drawn, measured = account.steps[0].cm3, account.steps[-1].cm3
    yield (
        "GTV",
        tr(
            "{drawn:.2f} cm³ drawn, {measured:.2f} cm³ measured{removed}",
            drawn=drawn,
            measured=measured,
            removed=removed,
        ),
    )
    if result.plausibility is not None:
        yield tr("Input"), in_short(result.plausibility)
    yield tr(signature.name), f"{rad_score(score.rad_score, signature.cutoff)}{against_cutoff(score)}"
    if score.harmonised_from:
        told = tr("from {scanner} by the training cohort's ComBat", scanner=score.harmonised_from)
        yield tr("Harmonised"), told
    if score.demonstration:
        yield (
            tr("Reference"),
            tr("{reference_label} — DEMONSTRATION, no clinical meaning", reference_label=score.reference_label),
        )
    elif score.reference_label:
        yield tr("Reference"), score.reference_label
    if result.against is not None:
        yield tr("In the reference"), in_reference(result.against)
    if score.group is not None:
        yield tr("Risk group"), tr(score.group.label)
    if score.probability is not None:
        share = percent(Bounds(score.probability, score.probability))
        event = signature.probability_of
        yield tr("Probability"), tr("{percent} {of}", percent=share, of=tr(event)) if event else share
    if score.strata and score.study.strata is not None:
        yield tr(score.study.strata.name), tr(" or ").join(tr(stratum.label) for stratum in score.strata)
    outcome = score.study.outcome
    if outcome is not None:
        if score.event_probability is not None:
            yield tr(outcome.label), percent(score.event_probability)
        for at in score.survival:
            evidence = f" ({tr(at.evidence)})" if at.evidence in UNSURE else ""
            yield _at(score.study, at.time), f"{percent(at.bounds)}{evidence}"
        for at in score.incidence:
            endpoint, unit = tr(score.study.endpoint), tr(outcome.unit)
            yield (
                tr("Risk of {endpoint} by {time:g} {unit}", endpoint=endpoint, time=at.time, unit=unit),
                percent(at.bounds),
            )
    if result.robustness is not None:
        yield tr("Firmness"), firmness(result)
    if result.paper_readings is not None:
        yield tr("Readings of the paper"), in_readings(result)
    for sentence in score.not_computed:
        yield tr("Not computed"), sentence
    for sentence in result.warnings:
        yield tr("Warning"), sentence


def _at(study: Study, time: float) -> str:
    """``"LPFS at 24 months"``."""
    unit = study.outcome.unit if study.outcome else ""
    return tr("{endpoint} at {time:g} {unit}", endpoint=tr(study.endpoint), time=time, unit=tr(unit))


def against_cutoff(score: Score) -> str:
    """``" (≥ cut-off 0.1411)"``, or nothing where the study has no cut-off."""
    cutoff = score.study.signature.cutoff if score.study.signature else None
    if cutoff is None:
        return ""
    above, below = _COMPLEMENT[cutoff.rule]
    side = above if score.group == cutoff.above else below
    return tr(" ({side} cut-off {cutoff})", side=side, cutoff=plain(cutoff.value))


def in_short(input_: Plausibility) -> str:
    """What a glance at the input should tell: parts and gaps of the GTV, gray levels, HU that are no soft tissue."""
    low, high = SOFT_TISSUE_HU
    outside = percent(Bounds(input_.outside_soft_tissue, input_.outside_soft_tissue))
    texts = [
        counted(input_.islands, "part"),
        tr("{share} outside {low} … {high} HU", share=outside, low=plain(low), high=plain(high)),
    ]
    if input_.empty_slices:
        texts.append(tr("{slices} inside without contour", slices=counted(input_.empty_slices, "slice")))
    if input_.gray_levels is not None:
        texts.append(counted(input_.gray_levels, "gray level"))
    return listed(texts)


def in_reference(against: AgainstReference) -> str:
    """The percentile, the interval over other cohorts of this size, and how often the group would be another."""
    text = ""
    if against.percentile is not None:
        text = tr(
            "percentile {percentile:.0f} of its {cases} patients; ",
            percentile=against.percentile,
            cases=against.cases,
        )
    text += tr(
        "with other patients in it the score would lie from {low} to {high} (95 %)",
        low=number(against.low),
        high=number(against.high),
    )
    if against.other_side is not None:
        share = percent(Bounds(against.other_side, against.other_side))
        text += tr(", with a probability of {share} on the other side of the cut-off", share=share)
    if against.method == "normal theory":
        text += tr(", if its features are normally distributed")
    if against.method == "upper bound":
        text += tr(" (at most: the cohort's file does not hold how its features hang together)")
    if against.cases < FEW_CASES:
        text += tr("; {cases} patients are few", cases=against.cases)
    return text


def firmness(result: PatientResult) -> str:
    """The Rad-score's interval under perturbations, and how often the risk group flips."""
    robustness = result.robustness
    assert robustness is not None
    low, high = (number(limit) for limit in robustness.interval)
    text = tr(
        "{low} to {high} in 95 % of {scored} perturbations of contour and image",
        low=low,
        high=high,
        scored=robustness.scored,
    )
    failed = len(robustness.replicates) - robustness.scored
    if failed:
        text += tr(" ({failed} more could not be measured)", failed=failed)
    if result.score.group is not None:
        text += tr("; another risk group in {flip_share:.0f} % of them", flip_share=100 * robustness.flip_share)
    return text


def group_in_readings(result: PatientResult) -> str:
    """In how many readings of the paper the group is that of the card's own; empty where there is no group."""
    readings = result.paper_readings
    if readings is None or result.score.group is None:
        return ""
    return tr("in {same} of {n} readings of the paper", same=readings.same_group, n=len(readings.scored))


def in_readings(result: PatientResult) -> str:
    """In how many readings of the paper the group is the same, the score's range, and what moves it most."""
    readings = result.paper_readings
    assert readings is not None
    n, low, high = len(readings.scored), *map(number, readings.interval)
    text = tr("{low} to {high} in {n} readings of what the paper leaves open", low=low, high=high, n=n)
    if result.score.group is not None:
        text = tr(
            "{group_label} in {same_group} of {n} readings of the paper ({low} to {high})",
            group_label=tr(result.score.group.label),
            same_group=readings.same_group,
            n=n,
            low=low,
            high=high,
        )
    largest = readings.effects[0]
    label = tr(result.features.settings.labels[largest.setting])
    text += tr(
        "; what moves it most is “{label}”, by {mean_shift} on average",
        label=label,
        mean_shift=number(largest.mean_shift, 2),
    )
    if result.score.survival:
        last = result.score.survival[-1].time
        bounds = [at.bounds for item in readings.scored for at in item.survival if at.time == last]
        range_ = percent(Bounds(min(each.low for each in bounds), max(each.high for each in bounds)))
        text += tr("; {endpoint} {range} over all of them", endpoint=_at(result.score.study, last), range=range_)
    failed = len(readings.scores) - n
    return text + (tr("; {failed} more readings could not be measured", failed=failed) if failed else "")
