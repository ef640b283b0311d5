"""An embedded Segment Editor with a life of its own: made when first opened, quiet while it is not seen."""

from __future__ import annotations

from typing import Any

import slicer

EDITOR_TAG = "EsoRadiomicsSegmentEditor"
EFFECTS = ("Paint", "Draw", "Erase", "Scissors", "Threshold", "Grow from seeds", "Fill between slices", "Islands")


class SegmentEditor:
    """Segment Editor inside a collapsible section; its node is apart from the Segment Editor module's."""

    def __init__(self, section: Any) -> None:
        """``section``: the ctkCollapsibleButton whose layout the editor is put into on first opening."""
        self._section = section
        self._editor: Any = None

    def activate(self, segmentation: Any, volume: Any, segment_id: str) -> None:
        """Edit this segment if the section is open."""
        if self._section.collapsed:
            return
        if self._editor is None:
            self._editor = self._make_editor()
        node = slicer.mrmlScene.GetSingletonNode(EDITOR_TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag(EDITOR_TAG)
            node = slicer.mrmlScene.AddNode(node)
        if self._editor.mrmlSegmentEditorNode() != node:
            self._editor.setMRMLSegmentEditorNode(node)
        self._editor.setSegmentationNode(segmentation)
        self._editor.setSourceVolumeNode(volume)
        if segment_id:
            self._editor.setCurrentSegmentID(segment_id)
        self._editor.setupViewObservations()
        self._editor.installKeyboardShortcuts()
        self._editor.updateWidgetFromMRML()

    def deactivate(self) -> None:
        """Stop painting and listening to the views."""
        if self._editor is not None:
            self._editor.setActiveEffect(None)
            self._editor.uninstallKeyboardShortcuts()
            self._editor.removeViewObservations()

    def release(self) -> None:
        """Let go of the scene: it is about to close, or the module is."""
        if self._editor is not None:
            self.deactivate()
            self._editor.setSegmentationNode(None)
            self._editor.setMRMLSegmentEditorNode(None)

    def _make_editor(self) -> Any:
        editor = slicer.qMRMLSegmentEditorWidget()
        editor.setMRMLScene(slicer.mrmlScene)
        editor.segmentationNodeSelectorVisible = False
        editor.sourceVolumeNodeSelectorVisible = False
        editor.switchToSegmentationsButtonVisible = False
        editor.unorderedEffectsVisible = False
        editor.setEffectNameOrder(list(EFFECTS))
        self._section.layout().addWidget(editor)
        return editor
