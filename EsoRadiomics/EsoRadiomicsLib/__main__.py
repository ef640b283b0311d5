"""``python -m EsoRadiomicsLib`` is the command ``esoradiomics``."""

from .core.safe_start import forget_current_folder

forget_current_folder()  # before more is imported, as it may be the data's

from .shell.cli import run_process  # noqa: E402

if __name__ == "__main__":
    run_process()
