"""A fault of the software's own, told in a sentence, with all that helps to mend it in a file."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback

from .. import __version__

FAULT = 70
"""Exit code (EX_SOFTWARE of sysexits.h)."""


def fault_sentence(error: Exception) -> str:
    """What the user is told; the traceback goes into a temporary file of the user's own."""
    text = "".join(traceback.format_exception(error))
    about = f"EsoRadiomics {__version__}, Python {sys.version}, {platform.platform()}\n\n{text}"
    what = f"this is a fault in EsoRadiomics: {type(error).__name__}: {str(error)[:300]}"
    try:
        handle, path = tempfile.mkstemp(prefix="esoradiomics-fault-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(about)
    except OSError:
        return f"{what}. Please report it with what you did."
    return f"{what}. Please report it with what you did and {path} (read it first: it may name files)."
