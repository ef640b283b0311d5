"""Opening the GTV from whatever it is: labelmap, Slicer segmentation, RTSTRUCT or DICOM SEG, told by its content."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import InputError
from ..core.translation import tr
from .masks import Labelmap, MaskSource, Segmentation
from .volumes import existing, is_dicom, read_image, require_volume


def open_mask(path: Path | str, *, allow_outside: bool = False) -> MaskSource:
    """A mask file of any kind, told by its content, or the one RTSTRUCT or DICOM SEG of a folder.

    Args:
        path: of the mask.
        allow_outside: accept that a volume file's header names data files outside its folder.

    Raises:
        InputError: nothing there, not a mask, or several in the folder.
    """
    path = existing(path)
    if path.is_dir() or is_dicom(path):
        return _open_dicom(path)
    image, source = read_image(path, allow_outside=allow_outside)
    if any(key == "Segment0_ID" for key in image.GetMetaDataKeys()):
        return Segmentation(path, image)
    require_volume(image, tr("The mask {path}", path=path))
    return Labelmap(path, image, source)


def mask_path(path: Path | str) -> Path:
    """The mask's file: the path itself, or the one RTSTRUCT or DICOM SEG of a folder.

    Raises:
        InputError: nothing there, not a mask, or several in the folder.
    """
    path = existing(path)
    return _open_dicom(path).path if path.is_dir() else path


def list_rois(path: Path | str) -> list[str]:
    """Names of the ROIs or segments, or the label values, that a mask offers.

    Raises:
        InputError: as :func:`open_mask`, or there is none.
    """
    source = open_mask(path)
    if not source.names:
        source.find(None)  # says why not
    return source.names


def _open_dicom(path: Path) -> MaskSource:
    from .dicom_files import dicom_files, read_header

    found = [
        header
        for header in (dicom_files(path) if path.is_dir() else [read_header(path)])
        if header.Modality in ("RTSTRUCT", "SEG")
    ]
    if not found:
        what = (
            tr("holds no RTSTRUCT and no DICOM SEG") if path.is_dir() else tr("is neither an RTSTRUCT nor a DICOM SEG")
        )
        raise InputError(
            tr("{path} {what}. Give the file with the contours or segments of the GTV.", path=path, what=what)
        )
    if len(found) > 1:
        listed = ", ".join(f"{Path(header.filename).name} ({header.Modality})" for header in found)
        raise InputError(
            tr(
                "The folder {path} holds {found} masks: {listed}. Give one of these files.",
                path=path,
                found=len(found),
                listed=listed,
            )
        )
    from .dicom_seg import DicomSegmentation
    from .rtstruct import StructureSet

    kind = StructureSet if found[0].Modality == "RTSTRUCT" else DicomSegmentation
    return kind(Path(found[0].filename))
