"""Weights out of PyTorch's old file format, without PyTorch and without letting the file run anything."""

from __future__ import annotations

import io
import math
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...core.errors import InputError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES: Mapping[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor(NamedTuple):
    """Where a tensor lies in its storage; the strides (in elements) need not be those of a contiguous one."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch_weights(content: bytes) -> Mapping[str, np.ndarray]:
    """The tensors of a state dictionary that PyTorch before 1.6 saved (magic number 0x1950a86a20f9469cfc6c).

    The file is a sequence of pickles, then the storages. The pickles are read by an unpickler that knows four names and
    calls none of them: ordered dictionaries, tensors and two kinds of storage become plain data here.

    Raises:
        InputError: not such a file, or it asks for anything else.
    """
    file = io.BytesIO(content)
    try:
        magic, protocol, _ = (_Plain(file).load() for _ in range(3))
        if (magic, protocol) != (_MAGIC, _PROTOCOL):
            raise pickle.UnpicklingError("another magic number")
        reader = _Plain(file)
        tensors = reader.load()
        keys = _Plain(file).load()
        storages = {key: _storage(file, *reader.storages[key]) for key in keys}
        return {name: _array(storages[tensor.storage], tensor) for name, tensor in tensors.items()}
    except Exception as error:  # a damaged pickle raises anything, MemoryError among it
        raise InputError(
            f"The weights are not a file of PyTorch's old format that can be read safely ({error}). Install the "
            "package again."
        ) from error


class _Plain(pickle.Unpickler):
    """Reads data and refuses everything that would import or call."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: dict[str, tuple[str, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, _, n, _ = pid
        self.storages[key] = (kind, n)
        return key


def _tensor(storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def _storage(file: io.BytesIO, kind: str, n: int) -> np.ndarray:
    (stored,) = struct.unpack("<q", file.read(8))
    dtype = _DTYPES[kind]
    content = file.read(n * dtype.itemsize)
    if stored != n or len(content) != n * dtype.itemsize:
        raise ValueError(f"a storage of {n} numbers has another length")
    return np.frombuffer(content, dtype)


def _array(storage: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """A contiguous copy; an index beyond the storage, or more numbers than it has, is a ValueError."""
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, *tensor.strides, *(n - 1 for n in tensor.shape))) < 0 or max(
        last + 1, math.prod(tensor.shape)
    ) > len(storage):
        raise ValueError("a tensor reaches beyond its storage")
    steps = [step * storage.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, steps).copy()
