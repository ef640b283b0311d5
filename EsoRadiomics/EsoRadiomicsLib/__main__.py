"""``python -m EsoRadiomicsLib`` is the command ``esoradiomics``."""

import sys

from .core.safe_start import forget_current_folder

forget_current_folder()  # before more is imported, as it may be the data's

from .shell.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
