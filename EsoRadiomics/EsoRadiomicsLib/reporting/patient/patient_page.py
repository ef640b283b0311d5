"""``report.html``: one page that opens offline and prints on A4; everything that comes from files is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from string import Template
from typing import Any

from ...core.formatting import capitalised, listed, number, plain
from ...core.resources import resource_path
from ...core.translation import current_language, mark, tr
from ...extraction.engines import engine
from ...scoring.nomogram import at_horizon, risk_of
from ...scoring.patient import PatientResult
from ...scoring.predicted_outcome import Bounds
from ...scoring.score import Score
from ...scoring.score_text import percent, rad_score
from ...studies.card_parts import UNSURE, Quantity
from ...studies.paper_readings import MOST
from .patient_result import NOTICE
from .patient_summary import against_cutoff, firmness, group_in_readings, in_readings, in_reference

_SOURCES = mark({"image": "Image", "mask": "Mask"})
_MIME = {"svg": "image/svg+xml", "png": "image/png"}
# Shape tells what colour tells: a triangle for the worse outlook, a disc for the better.
_ICONS = {
    "worse": '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 2 23 21H1Z" fill="currentColor"/>'
    '<path d="M12 9v6M12 17v2" stroke="white" stroke-width="2.4"/></svg>',
    "better": '<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="11" fill="currentColor"/>'
    '<path d="m6.5 12.5 4 4 7-8" fill="none" stroke="white" stroke-width="2.6"/></svg>',
}


READINGS = "readings"
"""Anchor of the picture of all readings."""


def report_page(result: PatientResult, pictures: Mapping[str, bytes]) -> str:
    """The page as HTML with ``pictures`` (file name → content) inside it."""
    score = result.score
    template = Template(resource_path("Templates", "report.html").read_text(encoding="utf-8"))
    endpoint, study_id = escape(tr(score.study.endpoint)), escape(score.study.id)
    subtitle = f"<b>{escape(result.case.name)}</b> · {endpoint} · <code>{study_id}</code>"
    return template.substitute(
        language=current_language(),
        title=escape(tr(score.study.title)),
        style=resource_path("Templates", "style.css").read_text(encoding="utf-8"),
        subtitle=subtitle,
        notice=escape(tr(NOTICE)),
        banner=_banner(score),
        cards="\n".join(_cards(result)),
        inputs=_inputs(score),
        warnings=_sentences("warnings", tr("Warnings"), result.warnings),
        not_computed=_sentences("missing", tr("Not computed"), score.not_computed),
        nomogram=_picture(
            pictures, "nomogram.svg", tr("Nomogram with this patient's points, total points and outcome.")
        ),
        survival=_picture(pictures, "survival.svg", tr("Predicted survival of this patient over time.")),
        robustness=_robustness(result, pictures),
        paper_readings=_paper_readings(result, pictures),
        roi=_picture(pictures, "roi.png", tr("CT slices with the GTV as drawn and the ROI that was measured."))
        + _picture(pictures, "pictures.png", tr("The ROI as the network was shown it.")),
        account=_account(result) + _plausibility(result, pictures),
        contributions=_picture(pictures, "contributions.svg", tr("Contribution of each feature to the score."))
        + _in_reference(result),
        roi_heading=escape(tr("The ROI")),
        settings_heading=escape(tr("How it was measured")),
        provenance_heading=escape(tr("Provenance")),
        study_heading=escape(tr("The study")),
        settings=_settings(result),
        provenance=_provenance(result),
        study=_study(score),
    )


def _banner(score: Score) -> str:
    if not score.demonstration:
        return ""
    sentence = tr("Demonstration reference cohort: this Rad-score means nothing clinically.")
    return f'<p class="banner">{escape(sentence)}</p>'


def _cards(result: PatientResult) -> Iterable[str]:
    score = result.score
    signature = score.study.signature
    assert signature is not None  # a study without one is never scored
    cutoff = signature.cutoff
    about = f"{escape(against_cutoff(score))}{_tag(cutoff.evidence)}" if cutoff else tr("the study has no cut-off")
    if score.probability is not None:
        of = tr(" of {event}", event=tr(signature.probability_of)) if signature.probability_of else ""
        probability = _percent(Bounds(score.probability, score.probability))
        about += f"<br>{escape(tr('probability{of}', of=of))}: {probability}"
    below = _below_score(result)
    yield _card(
        escape(tr(signature.name)), f'<div class="big">{rad_score(score.rad_score, cutoff)}</div>{about}{below}'
    )
    if score.group is not None:
        words = f'<div class="words">{_ICONS[score.group.outlook]}<span>{escape(tr(score.group.label))}</span></div>'
        heading = tr("Risk group") if score.study.card["task"] == "survival" else tr("Predicted group")
        in_readings_ = escape(group_in_readings(result))
        link = f'<div><a href="#{READINGS}">{in_readings_}</a></div>' if in_readings_ else ""
        yield _card(heading, words + link + _medians(score.group.medians, score), score.group.outlook)
    if score.strata and score.study.strata:
        words = tr(" or ").join(escape(tr(stratum.label)) for stratum in score.strata)
        known = len(score.strata) == 1
        below = _medians(score.strata[0].medians, score) if known else tr("depends on what is not given")
        yield _card(escape(tr(score.study.strata.name)), f'<div class="words"><span>{words}</span></div>{below}')
    outcome = score.study.outcome
    if outcome is not None and score.survival:
        rows = [
            (
                f"{escape(at_horizon(at.time, outcome.unit, score.study.endpoint))} {_tag(at.evidence)}",
                _percent(at.bounds),
            )
            for at in score.survival
        ]
        yield _card(escape(capitalised(tr(outcome.label))), _rows(rows), "survival")
    if outcome is not None and outcome.competing is not None and score.incidence:
        rows = [
            (escape(risk_of(at.time, outcome, score.study.endpoint)), _percent(at.bounds)) for at in score.incidence
        ]
        below = escape(tr("cumulative incidence, beside {event}", event=tr(outcome.competing.event)))
        yield _card(escape(capitalised(tr(outcome.label))), _rows(rows) + below, "survival")
    if outcome is not None and score.event_probability is not None:
        yield _card(
            escape(tr(outcome.label)), f'<div class="big">{_percent(score.event_probability)}</div>', "survival"
        )


def _below_score(result: PatientResult) -> str:
    """Where the score lies in its reference cohort, and its range over the readings of the paper where no group is."""
    lines = []
    against, readings = result.against, result.paper_readings
    if against is not None:
        if against.percentile is not None:
            place = tr("percentile {percentile:.0f} of the reference cohort", percentile=against.percentile)
            lines.append(escape(place))
        low, high = number(against.low), number(against.high)
        lines.append(escape(tr("{low} to {high} (95 %) with other reference patients", low=low, high=high)))
    if readings is not None and result.score.group is None:
        low, high = map(number, readings.interval)
        text = tr("{low} to {high} in {n} readings of the paper", low=low, high=high, n=len(readings.scored))
        lines.append(f'<a href="#{READINGS}">{escape(text)}</a>')
    return "".join(f"<div><small>{line}</small></div>" for line in lines)


def _in_reference(result: PatientResult) -> str:
    if result.against is None:
        return ""
    label, text = result.score.reference_label, in_reference(result.against)
    told = tr("In the reference cohort “{label}”: {text}.", label=label, text=text)
    return f'<p class="inputs">{escape(told)}</p>'


def _card(heading: str, body: str, kind: str = "") -> str:
    return f'<div class="card {kind}"><h3>{heading}</h3>{body}</div>'


def _percent(bounds: Bounds) -> str:
    return escape(percent(bounds)).replace(" ", "&nbsp;")


def _tag(evidence: str) -> str:
    return f' <span class="tag">{escape(tr(evidence))}</span>' if evidence in UNSURE else ""


def _medians(medians: Iterable[tuple[str, Quantity]], score: Score) -> str:
    unit = score.study.outcome.unit if score.study.outcome else ""
    shown = [f"{plain(item.value)} ({escape(tr(cohort))})" for cohort, item in medians if item.value is not None]
    if not shown:
        return ""
    told = tr("median in the study: {medians} {unit}", medians=listed(shown), unit=escape(tr(unit)))
    return f"<small>{told}</small>"


def _robustness(result: PatientResult, pictures: Mapping[str, bytes]) -> str:
    if result.robustness is None:
        return ""
    picture = _picture(pictures, "robustness.svg", tr("The score under perturbations of contour and image, by kind."))
    return f'{picture}<p class="inputs">{escape(tr("Firmness: {text}.", text=firmness(result)))}</p>'


def _paper_readings(result: PatientResult, pictures: Mapping[str, bytes]) -> str:
    readings = result.paper_readings
    if readings is None:
        return ""
    picture = _picture(pictures, "readings.svg", tr("The score in every reading of what the paper leaves open."))
    labels = {name: tr(label) for name, label in result.features.settings.labels.items()}
    rows = [
        (escape(labels[choice.setting]), escape(_text(value)), escape(tr(reason)))
        for choice in readings.choices
        for value, reason in zip(choice.values[1:], choice.reasons[1:], strict=True)
    ]
    rows += [
        (escape(labels[each["setting"]]), escape(tr("not varied")), escape(tr(each["reason"])))
        for each in result.score.study.card.get("not_varied", ())
    ]
    notes = []
    if readings.without_effect:
        notes.append(
            tr(
                "No feature of the signature depends on {without_effect}.",
                without_effect=listed(labels[n] for n in readings.without_effect),
            )
        )
    if readings.left_out:
        notes.append(
            tr(
                "Not varied, to keep to {most} readings: {left_out}.",
                most=MOST,
                left_out=listed(labels[n] for n in readings.left_out),
            )
        )
    failed = [item.failed for item in readings.scores if item.failed]
    if failed:
        notes.append(
            tr("Not measured: {reasons}", reasons=" ".join(dict.fromkeys(failed))),
        )
    notes.insert(
        0,
        tr("The paper does not print every setting; a reading is one combination of those that it could have meant."),
    )
    text = tr("Readings of the paper: {text}. {notes}", text=in_readings(result), notes=" ".join(notes))
    table = _rows(rows, (tr("Left open by the paper"), tr("Could also be"), tr("Because")))
    words = f'<p class="inputs">{escape(text)}</p><section class="details">{table}</section>'
    return f'<div id="{READINGS}">{picture}</div>{words}'


def _inputs(score: Score) -> str:
    covariates = score.study.covariates
    if not covariates:
        return ""
    shown = [
        f"<span>{escape(tr(covariate.label))}: "
        + (
            f"<b>{escape(covariate.describe(score.covariates[name]))}</b>"
            if name in score.covariates
            else tr("not given")
        )
        + "</span>"
        for name, covariate in covariates.items()
    ]
    if score.harmonised_from:
        scanner = escape(score.harmonised_from)
        told = tr("features harmonised from {scanner} by the training cohort's ComBat", scanner=scanner)
        shown.append(f"<span>{told}</span>")
    return f'<p class="inputs">{" ".join(shown)}</p>'


def _sentences(kind: str, heading: str, sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<section class="{kind}"><h2>{heading}</h2><ul>{items}</ul></section>' if items else ""


def _picture(pictures: Mapping[str, bytes], name: str, alt: str) -> str:
    if name not in pictures:
        return ""
    stem, _, kind = name.partition(".")
    data = base64.b64encode(pictures[name]).decode()
    return f'<figure class="{stem}"><img alt="{escape(alt)}" src="data:{_MIME[kind]};base64,{data}"></figure>'


def _account(result: PatientResult) -> str:
    account = result.roi.account
    rows = [(escape(tr(step.name)), f"{step.voxels:,}", f"{step.cm3:.2f}") for step in account.steps]
    if result.features.settings.hu_min is not None:
        rows.append((tr("removed by the HU exclusion"), f"{account.removed_percent:.1f} %", ""))
    return _rows(rows, (tr("Step"), tr("Voxels"), "cm³"))


def _plausibility(result: PatientResult, pictures: Mapping[str, bytes]) -> str:
    """The histogram of the input, and what its contours and voxels are like."""
    found = result.plausibility
    if found is None:
        return ""
    contours = (
        "" if found.contour_volume_cm3 is None else tr(" (contours: {cm3:.2f} cm³)", cm3=found.contour_volume_cm3)
    )
    parts = (
        ""
        if found.islands == 1
        else tr(", the largest with {main_part:.0f} % of the voxels", main_part=100 * found.main_part)
    )
    levels = "" if found.gray_levels is None else str(found.gray_levels)
    reach = (
        ""
        if found.filter_reach_voxels is None
        else tr(" (the wavelet filter reaches {reach})", reach=found.filter_reach_voxels)
    )
    rows = [
        (tr("voxels as drawn"), f"{found.voxels:,}, {found.volume_cm3:.2f} cm³{contours}"),
        (tr("parts that do not touch"), f"{found.islands}{parts}"),
        (tr("slices without voxels inside the ROI"), str(found.empty_slices)),
        (tr("gray levels at the study's bin width"), levels),
        (tr("of the ROI outside −200 … 300 HU"), f"{100 * found.outside_soft_tissue:.1f} %"),
        (tr("voxels to the nearest border of the image"), f"{found.border_voxels:.0f}{reach}"),
    ]
    picture = _picture(
        pictures, "histogram.svg", tr("Histogram of image and ROI with air, fat and soft tissue marked.")
    )
    return f"<h3>{escape(tr('Plausibility of the input'))}</h3>" + picture + _rows([row for row in rows if row[1]])


def _settings(result: PatientResult) -> str:
    study, used = result.score.study, result.features.settings
    changed = study.settings.differences(used)
    about = engine(used.engine).about
    labels = {"engine": mark("Engine"), **used.labels}
    rows = []
    for name, value in used.to_dict().items():
        if name in changed:
            note = tr("changed; study: {value}", value=_text(changed[name][0]))
            evidence = f'<span class="changed">{escape(note)}</span>'
        else:
            evidence = escape(tr(study.settings_evidence[name].evidence))
        shown = tr(value) if isinstance(value, str) else _text(value)
        rows.append((escape(tr(labels.get(name, name))), escape(shown), evidence))
    return (f"<p>{escape(tr(about))}</p>" if about else "") + _rows(rows, (tr("Setting"), tr("Value"), tr("Evidence")))


def _text(value: Any) -> str:
    if value is None:
        return tr("none")
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, list):
        return listed(map(_text, value))
    if isinstance(value, Mapping):
        return listed(f"{tr(name.replace('_', ' '))}: {_text(item)}" for name, item in value.items())
    return plain(value) if isinstance(value, float) else str(value)


def _provenance(result: PatientResult) -> str:
    case, features = result.case, result.features
    software = ", ".join(f"{name} {version}" for name, version in features.software.items())
    reference = result.score.reference_label
    rows = [
        (tr("Software"), escape(software)),
        (tr("Extraction"), escape(features.road)),
        (tr("Settings"), f"<code>{features.settings.fingerprint}</code>"),
        (tr("Image SHA-256"), f"<code>{case.image_sha256}</code>"),
        (tr("Mask SHA-256"), f"<code>{case.mask_sha256}</code>"),
        *(
            (escape(tr(_SOURCES.get(name, capitalised(name)))), escape(_text(value)))
            for name, value in case.sources.items()
        ),
    ]
    if reference:
        rows.insert(0, (tr("Reference cohort"), escape(reference)))
    return _rows(rows)


def _study(score: Score) -> str:
    card = score.study.card
    doi = card["citation"].get("doi")
    parts = [
        f"<p>{escape(card['citation']['text'])}{f' doi {escape(doi)}' if doi else ''}</p>",
        f"<p>{escape(tr(card['endpoint']['description']))}</p>",
        f"<p>{escape(tr(card['intended_use']))}</p>",
    ]
    for heading, sentences in (
        (tr("Limitations"), card["limitations"]),
        (tr("Notes and contradictions"), card["notes"]),
    ):
        items = "".join(f"<li>{escape(tr(sentence))}</li>" for sentence in sentences)
        parts.append(f"<h2>{heading}</h2><ul>{items}</ul>" if items else "")
    return "\n".join(parts)


def _rows(rows: Iterable[tuple[str, ...]], head: tuple[str, ...] = ()) -> str:
    """A table of cells that are HTML already."""
    titles = "<tr>" + "".join(f"<th>{title}</th>" for title in head) + "</tr>" if head else ""
    return f"<table>{titles}{''.join('<tr>' + ''.join(f'<td>{c}</td>' for c in row) + '</tr>' for row in rows)}</table>"
