"""An agreement study as the panel shows, keeps and saves it: the files that ``esoradiomics icc`` wrote."""

from __future__ import annotations

import csv
import io
import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...cohort.cohort_table import FAILURES_CSV
from ...core.errors import InputError
from ...core.output import write_folder
from ...reporting.agreement.agreement_files import (
    BLAND_ALTMAN_SVG,
    CURVE_SVG,
    FINISHED,
    FORMAT,
    MAP_SVG,
    READINGS_CSV,
    SUMMARY_JSON,
    TABLE_CSV,
    check_agreement_folder,
)
from ..language import tr as _

FILES = "files"


@dataclass(frozen=True)
class FeatureRow:
    """A feature of the ICC table; numbers are NaN where there is no ICC."""

    feature: str
    image: str
    feature_class: str
    icc: float
    lower: float
    upper: float
    verdict: str
    reason: str
    comparison: str


class AgreementResult:
    """The result of ``esoradiomics icc``, and what it was computed from.

    Attributes:
        made_from: what the inputs were, as plain JSON values; compared, never read.
        files: name → content, as in the command's folder.
        summary: ``agreement.json``.
        rows: ``icc.csv``.
        finished: readings that were measured, by file name: another rule need not measure them again.
    """

    def __init__(
        self, made_from: Mapping[str, Any], files: Mapping[str, bytes], finished: Mapping[str, bytes] | None = None
    ) -> None:
        """
        Raises:
            KeyError, ValueError: not the files of an agreement study.
        """
        self.made_from, self.files, self.finished = dict(made_from), dict(files), dict(finished or {})
        self.summary: dict[str, Any] = json.loads(files[SUMMARY_JSON])
        if self.summary["format"] != FORMAT:
            raise ValueError(_("{file} is of another version").format(file=SUMMARY_JSON))
        self.rows = tuple(map(_row, csv.DictReader(io.StringIO(files[TABLE_CSV].decode()))))

    @property
    def figures(self) -> list[tuple[str, bytes]]:
        """Title and SVG: the sorted ICCs, the heat map, and the features that were drawn since."""
        before, after = BLAND_ALTMAN_SVG.split("{}")
        drawn = [name for name in self.files if name.startswith(before) and name.endswith(after)]
        titles = {CURVE_SVG: "ICC", MAP_SVG: _("Images and classes")}
        titles |= {name: name.removeprefix(before).removesuffix(after) for name in drawn}
        return [(title, self.files[name]) for name, title in titles.items() if name in self.files]

    def draw(self, feature: str) -> int:
        """Draw a feature's first two readings against each other (Bland–Altman); its place in :attr:`figures`.

        Raises:
            InputError: fewer than three cases with both readings.
            UsageError: the result has no such feature.
        """
        from ...agreement.comparison import agreement
        from ...agreement.kept_features import Rule
        from ...extraction.feature_table import read_table
        from ...reporting.figures.bland_altman_plot import bland_altman_figure
        from ...reporting.figures.style import to_svg

        name = BLAND_ALTMAN_SVG.format(feature)
        if name not in self.files:
            with tempfile.TemporaryDirectory(prefix="EsoRadiomics-") as folder:
                table = Path(folder) / READINGS_CSV
                table.write_bytes(self.files[READINGS_CSV])
                found = agreement(read_table(table), Rule(**self.summary["rule"]))
            self.files[name] = to_svg(bland_altman_figure(found.comparisons[0], feature))
        return [title for title, _ in self.figures].index(feature)

    def save(self, folder: Path) -> None:
        """Write the files as a folder; an earlier result there is replaced.

        Raises:
            OutputError: it holds other files, or cannot be written.
        """
        check_agreement_folder(folder)
        write_folder(folder, self.files, [path.name for path in folder.iterdir()] if folder.is_dir() else ())

    def to_json(self) -> str:
        """As one text, to be kept with a scene."""
        parts = {
            name: {file: content.decode() for file, content in files.items()}
            for name, files in ((FILES, self.files), (FINISHED, self.finished))
        }
        return json.dumps({"made_from": self.made_from, **parts}, ensure_ascii=False)


def read_agreement(folder: Path, made_from: Mapping[str, Any], names: Mapping[Path, str]) -> AgreementResult:
    """What the command wrote into a folder that will go.

    Args:
        folder: the command's.
        made_from: what the inputs were.
        names: what the user calls the files that warnings may name.

    Raises:
        OSError, KeyError, ValueError: it is not there, or not whole.
    """
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for path, title in names.items():
        old, new = str(path), f"“{title}”"
        files[SUMMARY_JSON] = files[SUMMARY_JSON].replace(_in_json(old), _in_json(new))
        if FAILURES_CSV in files:
            files[FAILURES_CSV] = files[FAILURES_CSV].replace(old.encode(), new.encode())
    return AgreementResult(made_from, files)


def agreement_of_json(text: str) -> AgreementResult:
    """What :meth:`AgreementResult.to_json` wrote.

    Raises:
        InputError: the text was changed or damaged.
    """
    try:
        document = json.loads(text)
        files, finished = (
            {name: content.encode() for name, content in document.get(part, {}).items()} for part in (FILES, FINISHED)
        )
        return AgreementResult(document["made_from"], files, finished)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            _(
                "The agreement of readings in this scene cannot be shown: its text was changed or damaged "
                "({error}). Compute the ICC again."
            ).format(error=error)
        ) from error


def _in_json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


def _row(cells: Mapping[str, str]) -> FeatureRow:
    icc, lower, upper = (float(cells[name]) if cells[name] else math.nan for name in ("icc", "lower", "upper"))
    verdict, reason, comparison = (cells[name] for name in ("verdict", "reason", "comparison"))
    return FeatureRow(cells["feature"], cells["image"], cells["class"], icc, lower, upper, verdict, reason, comparison)
