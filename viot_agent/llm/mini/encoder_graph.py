"""MiniLM (BERT, 6 layers) as an ONNX graph, written node by node from its safetensors, with the LoRA adapter merged in.

Input ``ids`` (1, T) int64; output ``states`` (T, 384) float32, the last hidden states. No attention mask: one text a
run.

Owns the graph. Does not know where files lie or how it is run. Needs ``onnx``; imported only when a graph is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

LAYERS, HEADS, WIDTH, EPS = 6, 12, 384, 1e-12
OPSET = 20
REVISION = "3"
"""Goes into the cache's name: raise it whenever the built graph changes."""


def merge_adapter(weights: Mapping[str, Array], adapter: Mapping[str, Array], scale: float) -> dict[str, Array]:
    """Base weights with ``W + scale * B @ A`` for every ``lora.<name>.A`` (r, in) and ``.B`` (out, r) of the adapter.

    Raises KeyError when the adapter names a weight the base does not have.
    """
    merged = dict(weights)
    for key in [k for k in adapter if k.startswith("lora.") and k.endswith(".A")]:
        name = key[len("lora.") : -len(".A")]
        a, b = adapter[key].astype(np.float32), adapter[f"lora.{name}.B"].astype(np.float32)
        merged[name] = merged[name] + scale * (b @ a)
    return merged


def in_bytes(table: Array) -> tuple[npt.NDArray[np.uint8], np.float32, np.uint8]:
    """A table as bytes, with their scale and zero point: ``table`` is about ``scale * (bytes - zero)``, as ONNX
    Runtime's quantiser has it (one scale for all, from the least to the greatest value)."""
    low, high = min(float(table.min()), 0.0), max(float(table.max()), 0.0)
    scale = np.float32((high - low) / 255) or np.float32(1)
    zero = round(-low / float(scale))
    return np.clip(np.rint(table / scale) + zero, 0, 255).astype(np.uint8), scale, np.uint8(zero)


def build(weights: Mapping[str, Array], *, whole: bool = False) -> bytes:
    """The graph, serialised. ``weights`` carry BERT's own names (``encoder.layer.0...``).

    The word embeddings, half of its size, are bytes unless it is to be ``whole``; matrices are multiplied in float32.
    Products in int8 with activations quantised at run time took half the time of an encoding (4 of 8 ms), moved its
    states by an eighth of their length, and on processors without VNNI otherwise than on those with it: near a tie one
    machine called another tool than the next.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    consts: dict[str, Any] = {}

    def const(name: str, value: npt.NDArray[Any]) -> str:
        if name not in consts:
            consts[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def op(kind: str, inputs: list[str], out: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [out], name=out, **attributes))
        return out

    def norm(x: str, name: str, out: str) -> str:
        scale, bias = const(f"{name}.weight", weights[f"{name}.weight"]), const(f"{name}.bias", weights[f"{name}.bias"])
        return op("LayerNormalization", [x, scale, bias], out, axis=-1, epsilon=EPS)

    def linear(x: str, name: str, out: str) -> str:
        # stored transposed: MatMul takes the constant on the right
        y = op("MatMul", [x, const(f"{name}.w", weights[f"{name}.weight"].T)], f"{out}.mm")
        return op("Add", [y, const(f"{name}.b", weights[f"{name}.bias"])], out)

    shape = const("shape", np.array([1, -1, HEADS, WIDTH // HEADS], np.int64))
    flat = const("flat", np.array([1, -1, WIDTH], np.int64))
    length = op("Shape", ["ids"], "T", start=1, end=2)
    zero, one = const("zero", np.array([0], np.int64)), const("one", np.array([1], np.int64))
    places = const("places", weights["embeddings.position_embeddings.weight"])
    kind = const("kind", weights["embeddings.token_type_embeddings.weight"][:1])
    table = weights["embeddings.word_embeddings.weight"]
    if whole:
        words = op("Gather", [const("words", table), "ids"], "word")
    else:
        small, step, none = in_bytes(table)
        row = op("Gather", [const("words", small), "ids"], "row")
        ends = [const("words.scale", np.asarray(step)), const("words.zero", np.asarray(none))]
        words = op("DequantizeLinear", [row, *ends], "word")
    at = op("Add", [op("Slice", [places, zero, length, zero, one], "place"), kind], "at")
    x = norm(op("Add", [words, at], "sum"), "embeddings.LayerNorm", "x0")
    for i in range(LAYERS):
        base = f"encoder.layer.{i}"
        heads = {}
        for part, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
            y = linear(x, f"{base}.attention.self.{part}", f"{i}.{part}")
            y = op("Reshape", [y, shape], f"{i}.{part}.r")
            heads[part] = op("Transpose", [y], f"{i}.{part}.t", perm=perm)
        scale = const("scale", np.array(1.0 / np.sqrt(WIDTH // HEADS), np.float32))
        scores = op("Mul", [op("MatMul", [heads["query"], heads["key"]], f"{i}.qk"), scale], f"{i}.scores")
        mixed = op("MatMul", [op("Softmax", [scores], f"{i}.soft", axis=-1), heads["value"]], f"{i}.mix")
        joined = op("Reshape", [op("Transpose", [mixed], f"{i}.mt", perm=[0, 2, 1, 3]), flat], f"{i}.join")
        y = linear(joined, f"{base}.attention.output.dense", f"{i}.att")
        x = norm(op("Add", [x, y], f"{i}.res"), f"{base}.attention.output.LayerNorm", f"{i}.n1")
        y = op("Gelu", [linear(x, f"{base}.intermediate.dense", f"{i}.up")], f"{i}.gelu")
        y = linear(y, f"{base}.output.dense", f"{i}.down")
        x = norm(op("Add", [x, y], f"{i}.res2"), f"{base}.output.LayerNorm", f"{i}.n2")
    op("Squeeze", [x, zero], "states")
    graph = helper.make_graph(
        nodes,
        "minilm",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "T"])],
        [helper.make_tensor_value_info("states", TensorProto.FLOAT, ["T", WIDTH])],
        list(consts.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="viot-agent")
    model.ir_version = 10
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
