"""Writes small DICOM objects for tests: a CT series, an RTSTRUCT and a DICOM SEG of a SimpleITK image and mask.

The headers carry a patient's name and ID, so that tests can look for them where they must not be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

PATIENT_NAME = "Doe^Jane"
PATIENT_ID = "MRN-0042"
Change = Callable[[Dataset, int], None]


def uid(*parts: str) -> str:
    """A UID that is the same for the same parts."""
    return str(generate_uid(entropy_srcs=["EsoRadiomics tests", *parts]))


def write_ct(
    folder: Path, image: sitk.Image, *, series: str = "ct", frame: str = "frame", change: Change | None = None
) -> Path:
    """Write a CT series, one file a slice; ``change(dataset, slice)`` may alter each before it is written.

    File names do not follow the slices' order, as real exports do not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    array = sitk.GetArrayFromImage(image).astype(np.int32)
    assert array.min() >= -1024, "the stored values are unsigned"
    direction = np.reshape(image.GetDirection(), (3, 3))
    for k, pixels in enumerate(array):
        dataset = _new(CTImageStorage, uid(series, str(k)), "CT")
        dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = uid(series), uid(frame)
        dataset.SeriesDescription, dataset.SeriesNumber, dataset.InstanceNumber = series, 3, k + 1
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        _, dataset.Rows, dataset.Columns = array.shape
        dataset.PixelSpacing = [_ds(image.GetSpacing()[1]), _ds(image.GetSpacing()[0])]
        dataset.ImagePositionPatient = [_ds(mm) for mm in image.TransformIndexToPhysicalPoint((0, 0, k))]
        dataset.ImageOrientationPatient = [_ds(cosine) for cosine in (*direction[:, 0], *direction[:, 1])]
        dataset.SliceThickness = _ds(image.GetSpacing()[2])
        dataset.KVP, dataset.Exposure, dataset.ConvolutionKernel = "120", "210", "B31f"
        dataset.Manufacturer, dataset.ManufacturerModelName = "SIEMENS", "Sensation 64"
        dataset.ContrastBolusAgent = "IOHEXOL"
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
        dataset.PixelData = (pixels + 1024).astype("<u2").tobytes()
        if change is not None:
            change(dataset, k)
        dataset.save_as(folder / f"{(k * 7) % 101:03}.dcm", enforce_file_format=True)
    return folder


def contours_of(mask: sitk.Image) -> list[np.ndarray]:
    """Contours in mm whose even-odd fill is exactly the mask: a rectangle around every run of voxels."""
    contours = []
    for z, y in np.ndindex(mask.GetSize()[:0:-1]):
        row = np.diff(np.r_[0, sitk.GetArrayViewFromImage(mask)[z, y] != 0, 0].astype(int))
        for first, end in zip(np.flatnonzero(row == 1), np.flatnonzero(row == -1), strict=True):
            corners = [(first, y), (end, y), (end, y + 1), (first, y + 1)]
            contours.append(points_mm(mask, [(u - 0.5, v - 0.5, z) for u, v in corners]))
    return contours


def points_mm(grid: sitk.Image, voxels: Any) -> np.ndarray:
    """(n, 3) continuous voxel coordinates → points in mm (LPS)."""
    return np.array([grid.TransformContinuousIndexToPhysicalPoint([float(v) for v in point]) for point in voxels])


def write_rtstruct(
    path: Path,
    rois: Mapping[str, Sequence[np.ndarray]],
    *,
    series: str = "ct",
    frame: str = "frame",
    kinds: Mapping[str, str] | None = None,
) -> Path:
    """Write an RTSTRUCT of contours in mm; ``kinds`` gives an ROI's contours another type than CLOSED_PLANAR."""
    dataset = _new(RTStructureSetStorage, uid(path.name), "RTSTRUCT")
    dataset.SeriesInstanceUID, dataset.StructureSetLabel = uid(path.name, "series"), "plan"
    referenced = Dataset()
    referenced.SeriesInstanceUID = uid(series)
    study = Dataset()
    study.RTReferencedSeriesSequence = DicomSequence([referenced])
    reference = Dataset()
    reference.FrameOfReferenceUID = uid(frame)
    reference.RTReferencedStudySequence = DicomSequence([study])
    dataset.ReferencedFrameOfReferenceSequence = DicomSequence([reference])
    dataset.StructureSetROISequence, dataset.ROIContourSequence = DicomSequence(), DicomSequence()
    for number, (name, contours) in enumerate(rois.items(), start=1):
        roi = Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, uid(frame)
        dataset.StructureSetROISequence.append(roi)
        drawn = Dataset()
        drawn.ReferencedROINumber, drawn.ContourSequence = number, DicomSequence()
        for points in contours:
            contour = Dataset()
            contour.ContourGeometricType = (kinds or {}).get(name, "CLOSED_PLANAR")
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [_ds(mm) for mm in np.ravel(points)]
            drawn.ContourSequence.append(contour)
        dataset.ROIContourSequence.append(drawn)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_seg(path: Path, ct_folder: Path, segments: Mapping[str, np.ndarray], kind: str = "BINARY") -> Path:
    """Write a DICOM SEG with highdicom: of each label its voxels (z, y, x), in the order of :func:`write_ct`.

    ``kind`` is BINARY, FRACTIONAL (voxels from 0 to 1) or LABELMAP.
    """
    import highdicom as hd
    from pydicom import dcmread
    from pydicom.sr.codedict import codes

    slices = sorted(map(dcmread, ct_folder.glob("*.dcm")), key=lambda item: item.InstanceNumber)
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.SCT.Neoplasm,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, label in enumerate(segments, start=1)
    ]
    hd.seg.Segmentation(
        source_images=slices,
        pixel_array=np.stack(list(segments.values()), axis=-1),
        segmentation_type=hd.seg.SegmentationTypeValues(kind),
        segment_descriptions=descriptions,
        series_instance_uid=uid(path.name, "series"),
        series_number=9,
        sop_instance_uid=uid(path.name),
        instance_number=1,
        manufacturer="EsoRadiomics tests",
        manufacturer_model_name="factory",
        software_versions="1",
        device_serial_number="1",
    ).save_as(path)
    return path


def _new(sop_class: str, instance: str, modality: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class), UID(instance)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, instance, modality
    dataset.StudyInstanceUID, dataset.StudyDate, dataset.StudyTime = uid("study"), "20200101", "120000"
    dataset.PatientName, dataset.PatientID = PATIENT_NAME, PATIENT_ID
    dataset.PatientBirthDate, dataset.PatientSex = "", ""
    dataset.StudyID, dataset.AccessionNumber, dataset.ReferringPhysicianName = "1", "", ""
    return dataset


def _ds(value: float) -> str:
    return format_number_as_ds(float(value))
