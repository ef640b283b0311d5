"""Arguments and habits that the subcommands share."""

from __future__ import annotations

import argparse
import platform
import re
import sys
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.claims import only_run
from ..core.errors import InputError, UsageError
from ..core.numbers import finite
from ..core.places import require_regular
from ..core.progress import MODES
from ..core.strict_json import parse_json
from ..extraction.engines import settings_from
from ..extraction.settings import ExtractionSettings
from ..imaging.case import Case
from ..studies.study import Study
from .expected_case import expected_case


def add_command(subparsers: Any, name: str, summary: str, examples: str) -> argparse.ArgumentParser:
    """A subcommand's parser with its examples below the options."""
    return subparsers.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_case_arguments(parser: argparse.ArgumentParser) -> None:
    """Image, GTV, and which part of the mask file is the GTV."""
    parser.add_argument("image", help="CT: NRRD, NIfTI, MetaImage, or a folder with a DICOM series")
    parser.add_argument("mask", help="GTV: labelmap, Slicer .seg.nrrd, RTSTRUCT or DICOM SEG (file or its folder)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--label", type=label_value, help="value of the GTV in a labelmap")
    which.add_argument("--segment", help="name, ID or number of the segment in .seg.nrrd or DICOM SEG")
    which.add_argument("--roi", help="name of the ROI in an RTSTRUCT, or a pattern such as 'GTV*'")
    parser.add_argument(
        "--allow-outside", action="store_true", help="accept that an image header names data outside its folder"
    )
    acquisition = "a slice of the DICOM series that an image of another format was made from: it tells of the scanner"
    parser.add_argument("--acquisition", metavar="FILE", help=acquisition)
    parser.add_argument("--name", help="name of the case in the output (default: “case”; patient names are never read)")


def add_extraction_arguments(parser: argparse.ArgumentParser) -> None:
    """Settings, processes and progress."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        dest="changes",
        help="change one of the study's settings; it is recorded and warned about (value as JSON: bin_width=10)",
    )
    parser.add_argument(
        "--jobs",
        type=whole_number,
        default=1,
        help="processes to share the work among; little is done in one (default 1)",
    )
    parser.add_argument("--progress", choices=MODES, default="auto", help="how progress is shown (default: auto)")


def load(options: argparse.Namespace, settings: ExtractionSettings) -> Case:
    """The case that the arguments name, in the settings' pixel type."""
    return expected_case(**case_of(options, settings))


def case_of(options: argparse.Namespace, settings: ExtractionSettings) -> dict[str, Any]:
    """What :func:`EsoRadiomicsLib.imaging.case.load_case` is to read."""
    return {
        "image": options.image,
        "mask": options.mask,
        "label": options.label,
        "segment": options.segment,
        "roi": options.roi,
        "name": options.name,
        "pixel_type": settings.pixel_type,
        "allow_outside": options.allow_outside,
        "acquisition": options.acquisition,
    }


def settings_of(options: argparse.Namespace, study: Study) -> ExtractionSettings:
    """The study's settings with the changes asked for on the command line.

    Raises:
        UsageError: not of the form SETTING=VALUE, no such setting, or a value out of its choices.
    """
    changes = {}
    for text in options.changes:
        name, value = split_assignment(text, "--set")
        try:
            changes[name] = parse_json(value)
        except ValueError:
            changes[name] = value
    return settings_from({**study.settings.to_dict(), **changes})


def split_assignment(text: str, option: str) -> tuple[str, str]:
    """``"N stage=1"`` → ``("N stage", "1")``.

    Raises:
        UsageError: there is no “=”.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise UsageError(f'{option} got “{text}”; write it as NAME=VALUE, for example {option} "N stage=1".')
    return name.strip(), value.strip()


def claimed(out: Path | None) -> AbstractContextManager[None]:
    """The place of the results, where there are any, held for this run."""
    return nullcontext() if out is None else only_run(out)


def software_versions() -> str:
    """Our version and those of what the statistics rested on so far: challengers and other solvers only if they ran."""
    found = [f"EsoRadiomics {__version__}", f"Python {platform.python_version()}"]
    learned = {"scikit-learn": "sklearn", "scikit-survival": "sksurv"}
    for package in ("numpy", "scipy", "pandas", *(name for name, module in learned.items() if module in sys.modules)):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def whole_number(text: str) -> int:
    """argparse type: a whole number from 0 on, of at most 9 digits."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"“{text[:40]}” is no whole number from 0 on, of at most 9 digits")
    return int(text)


def label_value(text: str) -> int:
    """argparse type: a voxel's value, a whole number of at most 9 digits."""
    return -whole_number(text[1:]) if text[:1] == "-" else whole_number(text)


def finite_number(text: str) -> float:
    """argparse type: a number, neither nan nor infinite."""
    try:
        return finite(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def existing_file(text: str) -> Path:
    """argparse type: a path of a file that exists."""
    path = Path(text)
    try:
        require_regular(path)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return path
