"""Networks for the tests: small ONNX files, one for each way to be wrong, and EfficientNet-Lite0 in plain NumPy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx

from EsoRadiomicsLib.extraction.deep.network import Identity

SIZE, FEATURES = 16, 4


def waves() -> np.ndarray:
    """A picture (1, 3, 224, 224) of whole gray levels that any language can draw, as EfficientNet-Lite0 takes it."""
    y, x = np.mgrid[0:224, 0:224]
    gray = np.stack([np.round(127.5 + 127.5 * np.sin((x * (c + 1) + 2 * y) / (9.0 + c))) for c in range(3)])
    return ((gray - 127) / 128).astype(np.float32)[np.newaxis]


def small_network(
    shape: Sequence[Any] = (1, 1, SIZE, SIZE),
    *,
    inputs: int = 1,
    outputs: Sequence[str] = ("features",),
    bias: float = 0.5,
    domain: str = "",
    external: bool = False,
    kind: str = "FLOAT",
    result: str = "FLOAT",
    first: Sequence[Any] = (),
    last: Sequence[Any] = (),
    more: Mapping[str, Any] = MappingProxyType({}),
    versions: tuple[int, int] = (13, 7),
) -> bytes:
    """A network that averages the picture and gives ``FEATURES`` multiples of the mean plus ``bias``.

    Args:
        kind, result: of the input and of the outputs.
        first: nodes from "picture" to "seen", which is averaged then.
        last: nodes from "numbers" to "features".
        more: constants of these nodes.
        versions: of the operators, and of the file.
    """
    helper = onnx.helper
    channels = shape[1] if isinstance(shape[1], int) else 1
    weights = np.arange(1, FEATURES + 1, dtype=np.float32)[np.newaxis].repeat(channels, axis=0)
    constants = [
        onnx.numpy_helper.from_array(weights, "weights"),
        onnx.numpy_helper.from_array(np.full(FEATURES, bias, np.float32), "bias"),
    ]
    if external:
        constants[0] = elsewhere("weights")
    constants += [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in more.items()]
    nodes = [
        *first,
        helper.make_node("GlobalAveragePool", ["seen" if first else "picture"], ["average"]),
        helper.make_node("Flatten", ["average"], ["flat"], axis=1),
    ]
    nodes += [helper.make_node("Gemm", ["flat", "weights", "bias"], ["numbers" if last else name]) for name in outputs]
    nodes += last
    if domain:
        nodes.append(helper.make_node("Strange", ["flat"], ["strange"], domain=domain))
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info(f"picture{i or ''}", getattr(onnx.TensorProto, kind), shape)
            for i in range(inputs)
        ],
        [
            helper.make_tensor_value_info(
                name, getattr(onnx.TensorProto, result), [shape[0], "n" if last else FEATURES]
            )
            for name in outputs
        ],
        constants,
    )
    opsets = [helper.make_opsetid("", versions[0])] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=opsets, ir_version=versions[1]).SerializeToString()


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    """A node of a graph; names are separated by blanks."""
    return onnx.helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def elsewhere(name: str) -> Any:
    """A tensor of ``FEATURES`` numbers that are in another file."""
    tensor = onnx.numpy_helper.from_array(np.zeros(FEATURES, np.float32), name)
    onnx.external_data_helper.set_external_data(tensor, "elsewhere.bin")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    return tensor


def nested_networks(inner: Any) -> Iterator[bytes]:
    """Small networks that hold a node from "numbers" to "o" in the branch of an If, and in a Loop."""
    helper, number = onnx.helper, onnx.TensorProto
    numbers = helper.make_tensor_value_info("o", number.FLOAT, [1, FEATURES])
    branch = helper.make_graph([inner], "branch", [], [numbers])
    yes = {"yes": np.array(True)}
    yield small_network(last=[node("If", "yes", "features", then_branch=branch, else_branch=branch)], more=yes)
    turn, on, again = (
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("turn", number.INT64), ("on", number.BOOL), ("again", number.BOOL))
    )
    before = helper.make_tensor_value_info("before", number.FLOAT, [1, FEATURES])
    body = helper.make_graph([inner, node("Identity", "on", "again")], "body", [turn, on, before], [again, numbers])
    loop = node("Loop", "turns yes numbers", "features", body=body)
    yield small_network(last=[loop], more=yes | {"turns": np.array(2)})


def identity_of(content: bytes, **changes: Any) -> Identity:
    """The identity of a :func:`small_network`."""
    known: dict[str, Any] = {
        "name": "Small",
        "package": "",
        "file": "small.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "channels": 1,
        "size": SIZE,
        "output": "features",
        "n": FEATURES,
    }
    return Identity(**(known | changes))


def put_network(folder: Path, content: bytes) -> Identity:
    """Write a small network where ``ESORADIOMICS_NETWORKS`` points."""
    (folder / "small.onnx").write_bytes(content)
    return identity_of(content)


def numpy_efficientnet(weights: Mapping[str, np.ndarray], picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(logits, pooled) of EfficientNet-Lite0, written from the paper's table in NumPy and double precision."""

    def convolve(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
        kernel = kernel.astype(np.float64)
        out, each, k, _ = kernel.shape
        if k == 1:
            return np.tensordot(kernel[:, :, 0, 0], x, 1)
        size = -(-x.shape[1] // stride)
        total = max((size - 1) * stride + k - x.shape[1], 0)
        edge = (total // 2, total - total // 2)
        padded = np.pad(x, ((0, 0), edge, edge))
        result = np.zeros((out, size, size))
        for i in range(k):
            for j in range(k):
                part = padded[:, i : i + stride * size : stride, j : j + stride * size : stride][:, :size, :size]
                weight = kernel[:, :, i, j]
                result += part * weight[:, :1, np.newaxis] if each == 1 else np.tensordot(weight, part, 1)
        return result

    def layer(x: np.ndarray, conv: str, norm: str, stride: int = 1, bounded: bool = True) -> np.ndarray:
        x = convolve(x, weights[f"{conv}.weight"], stride)
        scale, shift, mean, variance = (
            weights[f"{norm}.{part}"].astype(np.float64)[:, np.newaxis, np.newaxis]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        x = (x - mean) / np.sqrt(variance + 1e-3) * scale + shift
        return np.clip(x, 0, 6) if bounded else x

    strided = {1, 3, 5, 11}
    x = layer(picture.astype(np.float64), "_conv_stem", "_bn0", 2)
    for i in range(16):
        block, before = f"_blocks.{i}.", x
        if i > 0:
            x = layer(x, f"{block}_expand_conv", f"{block}_bn0")
        x = layer(x, f"{block}_depthwise_conv", f"{block}_bn1", 2 if i in strided else 1)
        x = layer(x, f"{block}_project_conv", f"{block}_bn2", bounded=False)
        if x.shape == before.shape:
            x = x + before
    pooled = layer(x, "_conv_head", "_bn1").mean(axis=(1, 2))
    return weights["_fc.weight"].astype(np.float64) @ pooled + weights["_fc.bias"], pooled


def textured_network(n: int = 12) -> bytes:
    """A network whose ``n`` features differ: the mean of each of ``n`` fixed filters where it is positive."""
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    kernels = np.random.default_rng(11).normal(size=(n, 1, 5, 5)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["picture", "kernels"], ["filtered"], kernel_shape=[5, 5]),
        helper.make_node("Relu", ["filtered"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["average"]),
        helper.make_node("Flatten", ["average"], ["features"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "textured",
        [helper.make_tensor_value_info("picture", number, [1, 1, SIZE, SIZE])],
        [helper.make_tensor_value_info("features", number, [1, n])],
        [onnx.numpy_helper.from_array(kernels, "kernels")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7).SerializeToString()
