"""An integer classifier of a TFLite file as a PyTorch network, with gradients to the pixels.

OpenVINO reads the file. Weights are brought to real numbers by the file's own scales and offsets; what was rounded
between layers is only held to its range here, since rounding has no slope. So answers differ from the integer network's
where those lie close together (a test counts how often). Knows convolutions, sums, clamps and a last mean, which is all
that MobileNetV2 (Sandler et al., CVPR 2018) holds. Owns that reading.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from viot_agent.errors import UserFault

_LAYOUT = frozenset({"Transpose", "Reshape", "Convert", "Squeeze"})
"""After the last convolution: the order of numbers that is one anyway."""


class TfliteNet(nn.Module):
    """Pictures (N, 3, H, W) float RGB 0..255 to logits (N, classes). Frozen. Raises UserFault for a file that OpenVINO
    cannot read, or that holds other layers."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        import openvino

        try:
            model = openvino.Core().read_model(str(path))
        except RuntimeError as error:
            raise UserFault(f"{path} cannot be read: {str(error).splitlines()[0]}", fix="give a TFLite file") from error
        self._steps: list[tuple[str, str, tuple[str, ...], dict[str, Any]]] = []
        self._last = ""
        constant = _constants(model)
        for op in model.get_ordered_ops():
            name, kind = op.get_friendly_name(), op.get_type_name()
            if name in constant or kind in ("Parameter", "Result"):
                if kind == "Parameter":
                    self._first = name
                continue
            sources = [i.get_source_output().get_node().get_friendly_name() for i in op.inputs()]
            fixed = [constant[s] for s in sources if s in constant]
            moving = tuple(s for s in sources if s not in constant)
            told = dict(op.get_attributes())
            if kind == "Softmax":
                break
            step: dict[str, Any] = {}
            if kind in ("Convolution", "GroupConvolution"):
                weight = fixed[0]
                step["groups"] = weight.shape[0] if kind == "GroupConvolution" else 1
                step["stride"] = tuple(told["strides"])
                begin, end = told["pads_begin"], told["pads_end"]
                step["pads"] = (begin[1], end[1], begin[0], end[0])
                if kind == "GroupConvolution":
                    weight = weight.reshape(-1, *weight.shape[2:])
                self._hold(name, weight)
            elif kind == "Add" and fixed:
                self._hold(name, fixed[0])
            elif kind in ("Clamp", "FakeQuantize"):
                step = _range(told, fixed)
            elif kind not in _LAYOUT and kind not in ("Add", "AvgPool"):
                raise UserFault(f"{path} holds a layer {kind!r}", fix="give a classifier such as MobileNetV2")
            self._steps.append((name, kind, moving, step))
            self._last = name
        self.eval().requires_grad_(False)

    def _hold(self, name: str, array: np.ndarray[Any, Any]) -> None:
        self.register_buffer(f"of_{name}", torch.from_numpy(np.array(array, np.float32)), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        kept: dict[str, Tensor] = {self._first: images}
        for name, kind, moving, step in self._steps:
            x = kept[moving[0]]
            if kind in ("Convolution", "GroupConvolution"):
                x = conv2d(
                    pad(x, step["pads"]), getattr(self, f"of_{name}"), None, step["stride"], 0, 1, step["groups"]
                )
            elif kind == "Add":
                x = x + (kept[moving[1]] if len(moving) > 1 else getattr(self, f"of_{name}"))
            elif kind in ("Clamp", "FakeQuantize"):
                x = x.clamp(step["low"], step["high"])
                if "scale" in step:
                    x = (x - step["low"]) * step["scale"] + step["to"]
            elif kind == "AvgPool":
                x = x.mean((2, 3), keepdim=True)  # over all there is: so other picture sizes work too
            kept[name] = x
        return kept[self._last].flatten(1)


def _constants(model: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Every value of the graph that no picture changes."""
    moving = {op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() == "Parameter"}
    found: dict[str, np.ndarray[Any, Any]] = {}
    for op in model.get_ordered_ops():
        name, kind = op.get_friendly_name(), op.get_type_name()
        sources = [i.get_source_output().get_node().get_friendly_name() for i in op.inputs()]
        if name in moving or any(s in moving for s in sources):
            moving.add(name)
            continue
        values = [found[s] for s in sources]
        if kind == "Constant":
            found[name] = np.array(op.get_data())
        elif kind == "Convert":
            found[name] = values[0].astype(np.float32)
        elif kind == "Subtract":
            found[name] = values[0] - values[1]
        elif kind == "Multiply":
            found[name] = values[0] * values[1]
        elif kind == "Transpose":
            found[name] = values[0].transpose(values[1].astype(int).tolist())
        elif kind in ("Reshape", "Unsqueeze"):
            found[name] = values[0].reshape(tuple(op.output(0).get_shape()))
        elif kind != "Result":
            raise UserFault(f"a constant is made by {kind!r}, which is not known here", fix="give another classifier")
    return found


def _range(told: dict[str, Any], fixed: list[np.ndarray[Any, Any]]) -> dict[str, Any]:
    """What a clamp, or a rounding to a range, does: ``low`` and ``high``; and where it moves values, how."""
    if not fixed:
        return {"low": float(told["min"]), "high": float(told["max"])}
    low, high, to, top = (float(v.ravel()[0]) for v in fixed)
    step = {"low": low, "high": high}
    if (low, high) != (to, top):
        step |= {"scale": (top - to) / (high - low), "to": to}
    return step
