"""A patient's result as MRML nodes that save and come back with the scene: texts, tables and a plot.

The text node holds ``result.json`` to the last digit. MRML saves numbers in tables with 6 digits, so the feature table
holds text; the numeric column of the contributions is only there to be plotted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vtk

from ...core.errors import InputError, StudyError
from ...core.schemas import check_schema
from ...core.translation import tr as library_tr
from ...reporting.patient.patient_result import to_json
from ...studies.study import Study, check_card
from ..language import tr as _

ROLE = "EsoRadiomics.role"
SEGMENT = "EsoRadiomics.segment"
VOLUME, SEGMENTATION = "EsoRadiomics.volume", "EsoRadiomics.segmentation"
ROLES = ("result", "card", "table", "contributions", "series", "chart")
AGREEMENT = "agreement"


@dataclass(frozen=True)
class StoredResult:
    """A result of the scene: ``result.json``, its study, and the nodes it was computed from (None if deleted)."""

    document: dict[str, Any]
    study: Study
    volume: Any
    segmentation: Any
    segment_id: str


def store_result(
    scene: Any,
    document: dict[str, Any],
    study: Study,
    volume: Any,
    segmentation: Any,
    segment_id: str,
) -> StoredResult:
    """Put a result into the scene in place of an earlier one."""
    remove_nodes(scene, ROLES)
    title = f"{document['case']['name']} {document['study']['id']}"
    text = _add(scene, "vtkMRMLTextNode", "result", f"{title} result")
    text.SetText(to_json(document))
    text.SetAttribute(SEGMENT, segment_id)
    text.SetNodeReferenceID(VOLUME, volume.GetID())
    text.SetNodeReferenceID(SEGMENTATION, segmentation.GetID())
    card = _add(scene, "vtkMRMLTextNode", "card", f"{title} study card")
    card.SetText(json.dumps(study.card, indent=1, ensure_ascii=False))
    _add_feature_table(scene, document, title)
    _add_plot(scene, document, title)
    return StoredResult(json.loads(text.GetText()), study, volume, segmentation, segment_id)


def stored_result(scene: Any) -> StoredResult | None:
    """The result that the scene holds, or None.

    Raises:
        InputError: its texts were changed or damaged.
    """
    nodes = result_nodes(scene)
    if "result" not in nodes or "card" not in nodes:
        return None
    text = nodes["result"]
    try:
        document = json.loads(text.GetText() or "")
        check_schema(document, "result.schema.json", _("The result"))
        study = check_card(json.loads(nodes["card"].GetText() or ""), Path("in the scene"))
    except (ValueError, StudyError) as error:
        raise InputError(
            _(
                "The result “{text}” of this scene cannot be shown: its text was changed or damaged "
                "({error}). Score the patient again."
            ).format(text=text.GetName(), error=error)
        ) from error
    return StoredResult(
        document,
        study,
        text.GetNodeReference(VOLUME),
        text.GetNodeReference(SEGMENTATION),
        text.GetAttribute(SEGMENT) or "",
    )


def store_agreement(scene: Any, text: str) -> None:
    """Put an agreement study into the scene in place of an earlier one."""
    remove_nodes(scene, [AGREEMENT])
    _add(scene, "vtkMRMLTextNode", AGREEMENT, "Agreement of readings").SetText(text)


def stored_agreement(scene: Any) -> str:
    """The text of the scene's agreement study; empty if there is none."""
    texts = [node.GetText() or "" for node in _tagged(scene) if node.GetAttribute(ROLE) == AGREEMENT]
    return texts[-1] if texts else ""


def result_nodes(scene: Any) -> dict[str, Any]:
    """Role → node of the scene's result; of several (merged scenes) the last."""
    return {node.GetAttribute(ROLE): node for node in _tagged(scene) if node.GetAttribute(ROLE) in ROLES}


def tag(node: Any, role: str) -> None:
    """Mark a node as one of this module's, to be found again."""
    node.SetAttribute(ROLE, role)


def remove_nodes(scene: Any, roles: Sequence[str]) -> None:
    """Remove this module's nodes of some roles, with their storage and display nodes."""
    for node in _tagged(scene):
        if node.GetAttribute(ROLE) in roles:
            helpers = []
            if node.IsA("vtkMRMLStorableNode"):
                helpers += [node.GetNthStorageNode(i) for i in range(node.GetNumberOfStorageNodes())]
            if node.IsA("vtkMRMLDisplayableNode"):
                helpers += [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]
            for each in (node, *helpers):
                if each is not None and scene.IsNodePresent(each):
                    scene.RemoveNode(each)


def _tagged(scene: Any) -> list[Any]:
    nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
    return [node for node in nodes if node.GetAttribute(ROLE)]


def _add(scene: Any, kind: str, role: str, name: str) -> Any:
    node = scene.AddNewNodeByClass(kind, name)
    tag(node, role)
    return node


def _add_feature_table(scene: Any, document: Mapping[str, Any], title: str) -> None:
    z_scores = {item["feature"]: item["z"] for item in document["score"]["contributions"] if item["z"] is not None}
    names = list(document["features"])
    columns = {
        "name": names,
        "value": [repr(float(document["features"][name])) for name in names],
        "z": [repr(float(z_scores[name])) if name in z_scores else "" for name in names],
    }
    _add_table(scene, "table", f"{title} features", columns)


def _add_plot(scene: Any, document: Mapping[str, Any], title: str) -> None:
    """Bars of the contributions, the largest first."""
    items = sorted(document["score"]["contributions"], key=lambda item: -abs(item["contribution"]))
    columns = {
        "feature": [item["feature"] for item in items],
        "contribution": [float(item["contribution"]) for item in items],
        "coefficient": [repr(float(item["coefficient"])) for item in items],
        "value": [repr(float(item["value"])) for item in items],
    }
    table = _add_table(scene, "contributions", f"{title} contributions", columns)
    series = _add(scene, "vtkMRMLPlotSeriesNode", "series", f"{document['score']['name']} contributions")
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetPlotType(series.PlotTypeBar)
    series.SetYColumnName("contribution")
    series.SetLabelColumnName("feature")
    series.SetColor(0.0, 0.45, 0.7)
    chart = _add(scene, "vtkMRMLPlotChartNode", "chart", f"{title} contributions chart")
    chart.SetTitle(_("What makes the {signature_name}").format(signature_name=library_tr(document["score"]["name"])))
    chart.SetYAxisTitle("contribution")
    chart.SetLegendVisibility(False)
    chart.AddAndObservePlotSeriesNodeID(series.GetID())


def _add_table(scene: Any, role: str, name: str, columns: Mapping[str, Sequence[Any]]) -> Any:
    node = _add(scene, "vtkMRMLTableNode", role, name)
    for column, values in columns.items():
        array = vtk.vtkDoubleArray() if values and isinstance(values[0], float) else vtk.vtkStringArray()
        array.SetName(column)
        for value in values:
            array.InsertNextValue(value)
        node.AddColumn(array)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    return node
