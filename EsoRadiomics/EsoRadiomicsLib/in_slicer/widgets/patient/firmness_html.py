"""How firm a score is, and in the readings of its paper: rich text made of ``result.json`` alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ....core.formatting import number
from ....core.translation import tr as library_tr
from ....extraction.engines import settings_from
from ....reporting.palette import BLUE, GREY, VERMILLION
from ...language import tr as _

KINDS = {
    "volume": _("contour grown or shrunk"),
    "shift": _("contour shifted"),
    "rotation": _("image and contour rotated"),
    "boundary": _("boundary redrawn"),
    "noise": _("noise added"),
}
_HEAD = f'<tr style="color:{GREY}">{{}}</tr>'


def firmness_html(document: Mapping[str, Any]) -> str:
    """The score's interval, in how many perturbations the risk group flips, by kind, and what each feature does.

    Args:
        document: a result with ``robustness``.
    """
    return "".join([_sentence(document), _table(_flips(document)), _table(_features(document))])


def readings_html(document: Mapping[str, Any]) -> str:
    """In how many readings of the paper the group stays, and what each open setting does to the score.

    Args:
        document: a result with ``paper_readings``.
    """
    found, name, group = document["paper_readings"], document["score"]["name"], document["score"]["group"]
    low, high = number(found["lowest"]), number(found["highest"])
    text = _("<b>{name} {low} to {high}</b> in {n} readings of what the paper leaves open").format(
        name=escape(library_tr(name)), low=low, high=high, n=found["scored"]
    )
    if group:
        same, all_ = found["same_group"], found["scored"]
        colour, shape = (BLUE, "●") if same == all_ else (VERMILLION, "▲")
        words = _("{group} in {n} of {count}").format(group=library_tr(group["label"]), n=same, count=all_)
        text += f'; <span style="color:{colour}"><b>{shape}&nbsp;{escape(words)}</b></span>'
    return f"<p>{text}.</p>{_table(_effects(document))}"


def _effects(document: Mapping[str, Any]) -> Iterator[str]:
    labels = settings_from(document["settings"]["values"]).labels
    grouped = bool(document["score"]["group"])
    columns = [_("left open by the paper"), _("moves the score by"), *([_("group changes")] if grouped else [])]
    yield _HEAD.format("".join(f"<td>{name}</td>" for name in columns))
    for effect in document["paper_readings"]["effects"]:
        cells = [escape(library_tr(labels.get(effect["setting"], effect["setting"]))), number(effect["mean_shift"], 2)]
        if grouped:
            cells.append(_("{n} of {count}").format(n=effect["flips"], count=effect["pairs"]))
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _sentence(document: Mapping[str, Any]) -> str:
    robustness, score = document["robustness"], document["score"]
    low, high = map(number, robustness["interval_95"])
    text = _("<b>{name} {score}: {low} to {high}</b> in 95 % of {n} perturbations of contour and image").format(
        name=escape(library_tr(score["name"])),
        score=number(robustness["rad_score"]),
        low=low,
        high=high,
        n=robustness["scored"],
    )
    if not score["group"]:
        return f"<p>{text}.</p>"
    share = robustness["flip_share"]
    colour, shape = (VERMILLION, "▲") if share else (BLUE, "●")
    flips = (
        _("another risk group in {share:.0f} % of them").format(share=100 * share)
        if share
        else _("the risk group never changes")
    )
    return f'<p>{text}; <span style="color:{colour}"><b>{shape}&nbsp;{flips}</b></span>.</p>'


def _flips(document: Mapping[str, Any]) -> Iterator[str]:
    if not document["score"]["group"]:
        return
    yield _HEAD.format("".join(f"<td>{name}</td>" for name in (_("perturbation"), _("group changes"))))
    for kind, count in document["robustness"]["flips"].items():
        words = _("{n} of {count}").format(n=count["flipped"], count=count["scored"])
        if count["flipped"]:
            words = f'<span style="color:{VERMILLION}"><b>▲ {words}</b></span>'
        yield f"<tr><td>{escape(KINDS.get(kind, kind))}</td><td>{words}</td></tr>"


def _features(document: Mapping[str, Any]) -> Iterator[str]:
    """A feature's spread, and the share of the variance between patients that the perturbations leave."""
    features = document["robustness"]["features"]
    with_icc = any(item["icc"] is not None for item in features)
    columns = [_("feature"), _("range"), *(["ICC"] if with_icc else [])]
    yield _HEAD.format("".join(f"<td>{name}</td>" for name in columns))
    for item in features:
        cells = [
            escape(item["feature"]).replace("_", "_&#8203;"),  # may be broken there, or it would widen the panel
            _("{low} to {high}")
            .format(low=number(item["minimum"], 3), high=number(item["maximum"], 3))
            .replace(" ", "&nbsp;"),
        ]
        if with_icc:
            cells.append("" if item["icc"] is None else f"&nbsp;{item['icc']:.2f}")
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _table(rows: Iterator[str]) -> str:
    body = "".join(rows)
    return f'<table cellspacing="0" cellpadding="1" width="100%" style="font-size:small">{body}</table>' if body else ""
