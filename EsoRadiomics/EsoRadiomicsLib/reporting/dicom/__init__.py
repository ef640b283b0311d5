"""A patient's result as DICOM objects in the CT's own study: the only export with the patient's identity."""
