"""SEG, structured report and PDF of a result as DICOM, written by highdicom and pydicom into the CT's own study.

Patient and study modules are copied from the series: this is the only export with identity, asked for by name.
"""

from __future__ import annotations

import datetime
import warnings
from copy import copy
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ... import __version__
from ...core.errors import InputError
from ...core.optional import require
from ...core.output import write_folder
from ...core.translation import ENGLISH, language
from ...extraction.roi import Roi, measurement_frame
from ...imaging.case import Case
from ...imaging.dicom_files import one_text, reading
from ...imaging.dicom_series import SeriesHeaders
from ...scoring.patient import PatientResult
from .feature_codes import PRIVATE_SCHEME, feature_code, feature_unit

if TYPE_CHECKING:
    from pydicom import Dataset

SEG_FILE, SR_FILE, PDF_FILE = "gtv-seg.dcm", "measurements-sr.dcm", "report-pdf.dcm"
FILES = (SEG_FILE, SR_FILE, PDF_FILE)
_MANUFACTURER = "EsoRadiomics"
_SERIES_NUMBERS = {SEG_FILE: 9301, SR_FILE: 9302, PDF_FILE: 9303}
_PDF_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"
_STUDY_MODULES = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"),
    *("StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription"),
)


def write_dicom(result: PatientResult, series: SeriesHeaders, pdf: bytes, folder: Path) -> None:
    """Write SEG, SR (TID 1500) and encapsulated PDF into a new folder, whole or not at all.

    Args:
        result: of a case read from this series.
        series: from :func:`EsoRadiomicsLib.imaging.dicom_series.read_series_headers`.
        pdf: from :func:`EsoRadiomicsLib.reporting.patient.patient_pdf.report_pdf`.
        folder: for the three files.

    Raises:
        UsageError: highdicom is not installed.
        InputError: the series is not the one the case was read from, or its headers are damaged.
        OutputError: the folder cannot be written.
    """
    require("highdicom", "dicom", "Writing DICOM")
    series = replace(series, slices=tuple(map(_as_it_can_be_written, series.slices)))
    with language(ENGLISH), warnings.catch_warnings():  # archives keep what was coded in English
        warnings.simplefilter("ignore")  # highdicom's remarks on names in the hospital's own headers
        segmentation = gtv_segmentation(result.case, result.roi, series)
        objects = {
            SEG_FILE: segmentation,
            SR_FILE: measurement_report(result, series, segmentation),
            PDF_FILE: encapsulated_pdf(pdf, series, f"{result.score.study.title}: report"),
        }
        files = {name: _bytes(dataset) for name, dataset in objects.items()}
    write_folder(folder, files)


def _as_it_can_be_written(header: Dataset) -> Dataset:
    """A header with its identity in UTF-8; dates, times and a sex that DICOM does not know are left out of it."""
    from pydicom.valuerep import DA, TM

    def known(keyword: str, value: str) -> bool:
        if keyword == "PatientSex":
            return value in ("", "M", "F", "O")
        try:
            return not value or (TM if keyword == "StudyTime" else DA)(value) is not None
        except ValueError:
            return False

    header = copy(header)
    with reading(Path(header.filename)):
        identity = {keyword: one_text(header.get(keyword)) for keyword in _STUDY_MODULES}
        for keyword in ("PatientBirthDate", "StudyDate", "StudyTime", "PatientSex"):
            if not known(keyword, identity[keyword]):
                identity[keyword] = ""
        header.SpecificCharacterSet = "ISO_IR 192"
        for keyword, value in identity.items():
            setattr(header, keyword, value)
    return header


def gtv_segmentation(case: Case, roi: Roi, series: SeriesHeaders) -> Any:
    """The GTV on the CT's own slices, as a binary DICOM SEG: a neoplasm (SNOMED CT 108369006).

    Segment 1 is the GTV as drawn. Where the HU exclusion took voxels, segment 2 is what was measured: of the drawn
    voxels those whose centre lies in the ROI, which may have had a grid of its own.

    Raises:
        InputError: the GTV does not lie on this series.
    """
    import highdicom as hd

    drawn = _on_series(case.mask, series)
    if int(drawn.sum()) != int(np.count_nonzero(sitk.GetArrayViewFromImage(case.mask))):
        raise InputError("The GTV does not lie on this DICOM series. Give the series that the patient was scored on.")
    segments = {"GTV": (drawn, "as drawn")}
    if roi.account.removed_percent > 0:
        ct_grid = measurement_frame(case.mask)
        measured = sitk.Resample(roi.mask, ct_grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        measured.CopyInformation(case.mask)
        without = f"as drawn, without the {roi.account.removed_percent:.1f} % that the HU exclusion removed"
        segments["GTV measured"] = drawn & _on_series(measured, series), without
    return hd.seg.Segmentation(
        source_images=list(series.slices),
        pixel_array=np.stack([voxels for voxels, _ in segments.values()], axis=-1),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _segment(number, label, about) for number, (label, (_, about)) in enumerate(segments.items(), start=1)
        ],
        series_description=f"{', '.join(segments)} (EsoRadiomics)",
        content_description="GTV as drawn, and as measured where that is less",
        **_identity(SEG_FILE),
        manufacturer_model_name="EsoRadiomics",
        device_serial_number="1",
        software_versions=__version__,
    )


def _on_series(mask: sitk.Image, series: SeriesHeaders) -> np.ndarray:
    """A mask's voxels (slices, rows, columns) on the grid of the series."""
    grid = sitk.Image(series.size, sitk.sitkUInt8)
    grid.SetOrigin(series.origin)
    grid.SetDirection(series.direction)
    grid.SetSpacing(series.spacing_mm)
    return sitk.GetArrayFromImage(sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0))


def _segment(number: int, label: str, about: str) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=hd.UID(),
        tracking_id=label,
    )
    description.SegmentDescription = about
    return description


def measurement_report(result: PatientResult, series: SeriesHeaders, segmentation: Any) -> Any:
    """TID 1500: the signature's features (or all that were measured), the Rad-score, and the risk group in words."""
    import highdicom as hd
    from highdicom import sr
    from pydicom.sr.codedict import codes

    score, study, settings = result.score, result.score.study, result.features.settings
    assert study.signature is not None  # a study without one is never scored
    measurements = [
        sr.Measurement(sr.CodedConcept(*feature_code(name)), float(value), _unit(feature_unit(name)))
        for name, value in result.features.values.items()
    ]
    name = sr.CodedConcept("RAD-SCORE", PRIVATE_SCHEME, f"{study.signature.name} of {study.id}"[:64])
    measurements.append(sr.Measurement(name, float(score.rad_score), _unit("1")))
    evaluations = []
    if score.group is not None:
        evaluations.append(
            sr.QualitativeEvaluation(
                sr.CodedConcept("GROUP", PRIVATE_SCHEME, f"Group by the cut-off of {study.id}"[:64]),
                sr.CodedConcept(score.group.id[:16], PRIVATE_SCHEME, score.group.label[:64]),
            )
        )
    description = segmentation.SegmentSequence[-1]  # what was measured
    region = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(description.TrackingUID, description.TrackingID),
        referenced_segment=sr.ReferencedSegment(
            segmentation.SOPClassUID,
            segmentation.SOPInstanceUID,
            segment_number=description.SegmentNumber,
            source_series=sr.SourceSeriesForSegmentation(series.series_uid),
        ),
        finding_type=codes.SCT.Neoplasm,
        algorithm_id=sr.AlgorithmIdentification(
            name="EsoRadiomics",
            version=__version__,
            parameters=[f"{study.id}, settings {settings.fingerprint}: {settings.sentence}"],
        ),
        measurements=measurements,
        qualitative_evaluations=evaluations,
    )
    observer = sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                uid=hd.UID(), name="EsoRadiomics", manufacturer_name=_MANUFACTURER, model_name=__version__
            ),
        )
    )
    content = sr.MeasurementReport(
        observation_context=observer,
        procedure_reported=sr.CodedConcept("77477000", "SCT", "Computed tomography"),
        imaging_measurements=[region],
        title=codes.DCM.ImagingMeasurementReport,
    )
    return sr.Comprehensive3DSR(
        evidence=[*series.slices, segmentation],
        content=content[0],
        series_description=f"{study.signature.name} and features (EsoRadiomics, research use only)",
        is_complete=True,
        **_identity(SR_FILE),
    )


def encapsulated_pdf(pdf: bytes, series: SeriesHeaders, title: str) -> Any:
    """The report as an Encapsulated PDF object (DICOM PS3.3 A.45.1)."""
    import highdicom as hd
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    identity = _identity(PDF_FILE)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(_PDF_SOP_CLASS)
    meta.MediaStorageSOPInstanceUID = identity["sop_instance_uid"]
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = hd.UID()
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    first, now = series.slices[0], datetime.datetime.now()
    for keyword in _STUDY_MODULES:
        setattr(dataset, keyword, first.get(keyword, ""))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = _PDF_SOP_CLASS, identity["sop_instance_uid"]
    dataset.SeriesInstanceUID, dataset.SeriesNumber = identity["series_instance_uid"], identity["series_number"]
    dataset.Modality, dataset.ConversionType, dataset.InstanceNumber = "DOC", "WSD", 1
    dataset.SeriesDescription = "EsoRadiomics report (research use only)"
    dataset.Manufacturer = dataset.ManufacturerModelName = _MANUFACTURER
    dataset.SoftwareVersions = __version__
    dataset.ContentDate, dataset.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.AcquisitionDateTime, dataset.BurnedInAnnotation = "", "NO"
    dataset.DocumentTitle, dataset.ConceptNameCodeSequence = title, []
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(pdf)
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return dataset


def _identity(file: str) -> dict[str, Any]:
    """A new series with one instance of ours."""
    import highdicom as hd

    return {
        "series_instance_uid": hd.UID(),
        "series_number": _SERIES_NUMBERS[file],
        "sop_instance_uid": hd.UID(),
        "instance_number": 1,
        "manufacturer": _MANUFACTURER,
    }


def _unit(ucum: str) -> Any:
    from highdicom.sr import CodedConcept

    meaning = {"1": "no units", "[hnsf'U]": "Hounsfield unit", "mm3": "cubic millimeter", "mm2": "square millimeter"}
    return CodedConcept(ucum, "UCUM", meaning.get(ucum, ucum))


def _bytes(dataset: Any) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
