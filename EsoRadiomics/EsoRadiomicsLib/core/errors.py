"""The one family of errors a user can cause: each message is a sentence of what was found, where, and what to do.

Anything else that escapes (``TypeError``, ``KeyError``, …) is a bug and deserves its traceback.
"""

from __future__ import annotations


class EsoRadiomicsError(Exception):
    """Base of the family; ``str(error)`` is shown to the user as it is.

    ``exit_code`` is what the shell command and the batch script return for it: 1 = this case failed,
    2 = the call itself was wrong and no case can succeed with it.
    """

    exit_code = 1


class InputError(EsoRadiomicsError):
    """An image, mask, DICOM folder or table cannot be used as it is."""


class RoiError(EsoRadiomicsError):
    """The ROI is empty, too small, or left empty by the HU exclusion."""


class ExtractionError(EsoRadiomicsError):
    """What measures is missing, failed, or returned something that is not the features asked for."""


class ScoreError(EsoRadiomicsError):
    """A study cannot be scored with what was given (no coefficients, no reference cohort, a feature missing)."""


class UsageError(EsoRadiomicsError):
    """Arguments, covariates or settings are not of the form the call takes."""

    exit_code = 2


class StudyError(UsageError):
    """A study card or reference cohort file is broken; the message holds the path inside the JSON."""


class OutputError(UsageError):
    """Results cannot be written where the user asked."""
