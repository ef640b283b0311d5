"""A manifest from a folder of patients, for the user to correct: DICOM by its headers, volume files by their names."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ..core.errors import EsoRadiomicsError, InputError
from ..core.formatting import some
from ..core.output import csv_line
from ..core.progress import Progress
from ..imaging.dicom_files import is_object, read_header
from ..imaging.dicom_kinds import NOT_IMAGES, not_a_slice
from ..imaging.masks import choose
from ..imaging.read_mask import open_mask
from ..imaging.volumes import is_dicom
from .problems import fault

COLUMNS = ("case", "image", "mask", "rtstruct", "roi", "remark")
VOLUMES = (".nrrd", ".nii", ".nii.gz", ".mha", ".mhd", ".nhdr", ".hdr")
MASK_NAME = r"gtv|mask|seg|label|roi|tumou?r"
GTV = "gtv*"
"""The ROI taken where an RTSTRUCT or DICOM SEG has several and one of them fits."""
_IMAGE_WORDS = re.compile(r"[_\-. ]*(ct|image|img|volume|scan)[_\-. ]*$", re.IGNORECASE)


@dataclass(frozen=True)
class _Found:
    """What a patient's folder holds."""

    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    structures: tuple[Path, ...]
    remarks: tuple[str, ...] = ()


def scan_folder(
    folder: Path, base: Path, mask_name: str = MASK_NAME, progress: Progress | None = None
) -> list[dict[str, str]]:
    """Lines of a manifest with paths relative to ``base``; what is not clear stays empty, with a remark.

    A patient is a subfolder, or the volume files of one beginning (``P1_ct.nrrd``, ``P1_gtv.nrrd``) in the folder
    itself.

    Args:
        folder: the patients' folder.
        base: where the manifest will be; paths may lead out of it, which a run must then allow.
        mask_name: regular expression for file names of masks; other volume files are images.
        progress: told after each patient.

    Raises:
        InputError: nothing found, or the expression is none.
    """
    try:
        is_mask = re.compile(mask_name, re.IGNORECASE)
    except re.error as error:
        raise InputError(f"“{mask_name}” is no regular expression ({error}). Correct --mask-name.") from error
    patients = dict(_patients(folder, is_mask))
    lines = []
    for done, (name, files) in enumerate(patients.items(), start=1):
        try:
            found = _sort(files, is_mask)
            if found.images or found.masks or found.structures or found.remarks:
                lines.append(_line(name, found, base))
        except Exception as error:  # one patient is one patient
            lines.append(dict.fromkeys(COLUMNS, "") | {"case": name, "remark": fault(error)})
        if progress is not None:
            progress(done / len(patients), name)
    if not lines:
        raise InputError(f"{folder} holds no patients: no DICOM and no volume files. Give the folder of the patients.")
    return lines


def manifest_text(lines: Sequence[dict[str, str]]) -> str:
    """The lines as CSV."""
    return "".join(map(csv_line, [COLUMNS, *([line[name] for name in COLUMNS] for line in lines)]))


def _patients(folder: Path, is_mask: re.Pattern[str]) -> Iterator[tuple[str, list[Path]]]:
    children = sorted(folder.iterdir())
    loose: dict[str, list[Path]] = defaultdict(list)
    for path in children:
        if path.is_file() and _stem(path) is not None:
            loose[_case_name(path, is_mask)].append(path)
    yield from loose.items()
    for path in children:
        if path.is_dir() and not path.name.startswith("."):
            refused: list[OSError] = []
            walk = os.walk(path, onerror=refused.append)
            files = [Path(root, name) for root, _, names in walk for name in names]
            # Folders that cannot be read are passed on like files, to be told of instead of being left out.
            yield path.name, sorted([*files, *(Path(error.filename) for error in refused)])


def _case_name(path: Path, is_mask: re.Pattern[str]) -> str:
    """``P1_ct.nrrd`` and ``P1_gtv.nrrd`` → ``P1``."""
    stem = _stem(path) or path.name
    match = is_mask.search(stem)
    if match and match.start() > 0:
        return stem[: match.start()].rstrip("_-. ")
    return _IMAGE_WORDS.sub("", stem) or stem


def _stem(path: Path) -> str | None:
    """File name without the ending of a volume, or None for other files."""
    ending = next((ending for ending in VOLUMES if path.name.lower().endswith(ending)), None)
    return path.name[: -len(ending)] if ending else None


def _sort(files: Sequence[Path], is_mask: re.Pattern[str]) -> _Found:
    images: list[Path] = []
    masks: list[Path] = []
    structures: list[Path] = []
    remarks: list[str] = []
    series: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        stem = _stem(path)
        if not path.name.isprintable():
            remarks.append(f"{path.name!r} was left out: its name is no text. Rename it.")
            continue
        if stem is not None and not path.is_dir():
            (masks if is_mask.search(stem) else images).append(path)
            continue
        try:
            if path.is_dir():
                raise InputError(f"The folder {path.name} cannot be read. Check its permissions.")
            if not is_object(path):
                continue
            header = read_header(path)
        except EsoRadiomicsError as error:
            remarks.append(str(error))
            continue
        kind = header.get("Modality")
        if kind == "RTSTRUCT":
            structures.append(path)
        elif kind == "SEG":
            masks.append(path)
        elif kind == "CT" and not not_a_slice(header):
            series[str(header.SeriesInstanceUID)].append(path.parent)
        elif kind not in NOT_IMAGES and f"{kind} left out." not in remarks and kind != "CT":
            remarks.append(f"{kind} left out.")
    # Two series in one folder are one entry: the RTSTRUCT says which is meant, or the check asks for it.
    volumes = [places for places in series.values() if len(places) > 1] or list(series.values())
    folders = dict.fromkeys(place for places in volumes for place in sorted(set(places)))
    if structures and folders and (images or masks):
        remarks.append("Other images and masks were left out for the RTSTRUCT and its CT.")
        images = []
    return _Found((*folders, *images), tuple(masks), tuple(structures), tuple(remarks))


def _line(name: str, found: _Found, base: Path) -> dict[str, str]:
    remarks = list(found.remarks)

    def only(paths: Sequence[Path], what: str) -> str:
        if len(paths) > 1:
            listed = ", ".join(_relative(path, base) for path in paths[:4])
            remarks.append(f"{len(paths)} {what}s: {listed}{' …' if len(paths) > 4 else ''}; fill in the right one.")
        return _relative(paths[0], base) if len(paths) == 1 else ""

    image = only(found.images, "image")
    drawn = found.structures or found.masks
    place = only(drawn, "RTSTRUCT" if found.structures else "mask")
    if not found.images:
        remarks.append("No CT found.")
    if not drawn:
        remarks.append("No mask found.")
    roi = _roi(drawn[0], remarks) if len(drawn) == 1 else ""
    return {
        "case": name,
        "image": image,
        "mask": "" if found.structures else place,
        "rtstruct": place if found.structures else "",
        "roi": roi,
        "remark": " ".join(remarks),
    }


def _relative(path: Path, base: Path) -> str:
    return Path(os.path.relpath(path, base)).as_posix()


def _roi(mask: Path, remarks: list[str]) -> str:
    """The GTV among several ROIs, where the name tells."""
    if not (is_dicom(mask) or ".seg." in mask.name.lower()):
        return ""  # a labelmap would have to be read whole
    try:
        source = open_mask(mask)
        names = source.names
        undrawn = [source.absent[name] for name in source.absent if not names or fnmatchcase(name.lower(), GTV)]
        if undrawn:
            remarks.append(f"Not drawn: {some(undrawn)}.")
        if len(names) == 1:
            return names[0]
        try:
            return names[choose(names, GTV, "ROI", mask)]
        except InputError:
            remarks.append(f"ROIs: {', '.join(names) or 'none'}; fill in the GTV's.")
    except EsoRadiomicsError as error:
        remarks.append(str(error))
    return ""
