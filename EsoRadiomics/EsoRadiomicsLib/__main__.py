"""``python -m EsoRadiomicsLib`` is the command ``esoradiomics``."""

import sys

from .shell.cli import main

if __name__ == "__main__":
    sys.exit(main())
