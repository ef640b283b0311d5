"""A CT and its GTV on one grid: volume files, DICOM series, RTSTRUCT, SEG and labelmaps, read and checked."""
