"""Networks of our own as ONNX graphs, built in code from a safetensors file: what ships is weights, never a program.

A network is trained in PyTorch (``viot_finetune``) and run by ONNX Runtime; this is the bridge. A module of the tool
writes the same layers down with ``Graph`` that its ``torch.nn.Module`` has, by the parameters' names, and a test holds
the two outputs equal. Batch norms are folded into the convolutions before saving (``fold``).

Owns the few layers that our small networks use. Knows no task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
OPSET, IR = 17, 9


class Graph:
    """An ONNX graph under construction; every method adds a node and gives the name of its output.

    ``arrays`` are the weights by PyTorch's parameter names: ``conv1.weight``, ``conv1.bias``.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]], name: str, shape: Sequence[int | str]) -> None:
        """``shape`` of the one float32 input ``x``; strings name free axes."""
        self.arrays = {k: np.ascontiguousarray(v, np.float32) for k, v in arrays.items()}
        self.name, self.shape = name, list(shape)
        self._nodes: list[object] = []
        self._constants: dict[str, NDArray[np.generic]] = {}

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Any ONNX operator with one output."""
        from onnx import helper

        out = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def constant(self, value: NDArray[np.generic]) -> str:
        """A constant input of an operator (a shape, axes)."""
        name = f"c{len(self._constants)}"
        self._constants[name] = np.asarray(value)
        return name

    def weight(self, name: str) -> str:
        """One of ``arrays`` as an input."""
        self._constants[name] = self.arrays[name]
        return name

    def conv(self, x: str, name: str, *, stride: int = 1, groups: int = 1) -> str:
        """``nn.Conv2d`` (or 1d) with "same" padding for odd kernels, and its bias if it has one."""
        kernel = list(self.arrays[f"{name}.weight"].shape[2:])
        inputs = [x, self.weight(f"{name}.weight")]
        if f"{name}.bias" in self.arrays:
            inputs.append(self.weight(f"{name}.bias"))
        pads = [k // 2 for k in kernel]
        strides = [stride] * len(kernel)
        return self.op("Conv", *inputs, kernel_shape=kernel, strides=strides, pads=[*pads, *pads], group=groups)

    def linear(self, x: str, name: str) -> str:
        """``nn.Linear`` on the last axis of any shape."""
        flipped = self.constant(self.arrays[f"{name}.weight"].T.copy())
        out = self.op("MatMul", x, flipped)
        return self.op("Add", out, self.weight(f"{name}.bias")) if f"{name}.bias" in self.arrays else out

    def relu(self, x: str) -> str:
        return self.op("Relu", x)

    def add(self, a: str, b: str) -> str:
        return self.op("Add", a, b)

    def pooled(self, x: str) -> str:
        """Mean over all but batch and channels: (B, C, ...) to (B, C)."""
        return self.op("Flatten", self.op("GlobalAveragePool", x), axis=1)

    def model(self, *outputs: str) -> bytes:
        """The finished model as bytes; outputs keep the order given."""
        from onnx import TensorProto, helper, numpy_helper

        graph = helper.make_graph(
            self._nodes,
            self.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
            [numpy_helper.from_array(v, k) for k, v in self._constants.items()],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        return bytes(made.SerializeToString())


def fold(
    weight: Array, gamma: Array, beta: Array, mean: Array, variance: Array, eps: float = 1e-5
) -> tuple[Array, Array]:
    """A convolution's weight (O, I, ...) and the batch norm after it (O,) as one weight and one bias."""
    scale = gamma / np.sqrt(variance + eps)
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), beta - mean * scale
