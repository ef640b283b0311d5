"""The ways a result leaves Slicer: the menu of the export button, and where its files go."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import qt
import slicer

from ....core.resources import resource_path
from ...language import tr as _
from ...panel.patient_report_files import DICOM, FOLDER, PDF
from .. import dependencies
from ..dialogs import choose_folder, choose_new_file


def export_menu(button: Any, on_choice: Callable[[str], None]) -> Any:
    """Give the button a menu; ``on_choice`` is told what was chosen."""
    menu = qt.QMenu(button)
    choices = {
        _("Report folder (HTML, figures, tables)…"): FOLDER,
        _("One PDF…"): PDF,
        _("DICOM for the archive (with the patient's identity)…"): DICOM,
    }
    for text in choices:
        menu.addAction(text)
    menu.connect("triggered(QAction*)", lambda action: on_choice(choices[action.text]))
    button.setMenu(menu)
    return menu


def ask_where(what: str, result: Mapping[str, Any]) -> Path | None:
    """Where to write; None if the user cancels, does not want an export with identity, or packages are missing."""
    name = re.sub(r"[^\w-]+", "-", f"{result['case']['name']}-{result['study']['id']}")
    if what != FOLDER and not _packages_are_there():
        return None
    if what == PDF:
        return choose_new_file(_("The report as one PDF"), f"{name}.pdf", "PDF (*.pdf)")
    if what == DICOM and not slicer.util.confirmOkCancelDisplay(
        _(
            "Three DICOM objects are written: the GTV (SEG), the measurements and the score (structured report), and "
            "the report (PDF).\n\nUnlike every other export they carry the patient's name, ID and birth date, as "
            "copied from the CT, and belong to its study. For research use only."
        ),
        windowTitle=_("Export with the patient's identity?"),
    ):
        return None
    title = _("The DICOM objects get a folder of their own in:") if what == DICOM else None
    parent = choose_folder(title or _("The report gets a folder of its own in:"))
    return parent and parent / (f"{name}-dicom" if what == DICOM else name)


def _packages_are_there() -> bool:
    """Install what is missing, if the user agrees."""
    requirements = resource_path("requirements-dicom.txt")
    missing = dependencies.missing_packages(requirements)
    if missing:
        with slicer.util.tryWithErrorDisplay(_("The packages were not installed.")):
            dependencies.install_packages(requirements, missing)
    return not dependencies.missing_packages(requirements)
