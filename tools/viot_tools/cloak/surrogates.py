"""Which networks a mask is made with, and which recognisers judge it: never the same, and never of one maker.

=======  ==============================================  ==================================================
tier     white boxes (PyTorch, gradients to the pixels)  judges, where their files are on this machine
=======  ==============================================  ==================================================
builtin  dlib's ResNet                                   none: a bare machine holds no second recogniser
hub      foamliu's MobileFaceNet and dlib's ResNet       qengineering, mobileface-v2, retail-0095
=======  ==============================================  ==================================================

MobileFaceNet's weights are read from the ONNX file that ``viot models pull`` fetches: its convolutions, with the batch
norms folded in, in the order of the network. Owns that reading and the choice. Makes no mask.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viot_agent.errors import UserFault, WeightsMissing
from viot_agent.weights import Weights
from viot_tools.verification.recognisers import MAKERS, Recogniser, recogniser

if TYPE_CHECKING:
    from viot_tools.cloak.optimise import Network
    from viot_tools.faces.nets import FaceNet

SIDE = 112
WHITE_BOXES = {"builtin": ("dlib",), "hub": ("mobilefacenet", "dlib")}
"""Names of :data:`viot_tools.verification.recognisers.MAKERS`."""
_FILES = {"dlib": "dlib-face-recogniser", "mobilefacenet": "mobilefacenet"}


@dataclass(frozen=True, slots=True, eq=False)
class Surrogates:
    """``networks`` take (N, 3, 112, 112) float RGB 0..255. ``names`` are those of the recognisers that they are;
    ``versions`` belong to the weights."""

    names: tuple[str, ...]
    versions: tuple[str, ...]
    networks: tuple[Network, ...]

    def only(self, names: Sequence[str]) -> Surrogates:
        """Those of the ``names``, in their order here; all where none is named. Raises UserFault for another name."""
        strange = next((n for n in names if n not in self.names), None)
        if strange is not None:
            raise UserFault(f"{strange} is no surrogate here", fix=f"one of {', '.join(self.names)}")
        kept = [i for i, n in enumerate(self.names) if not names or n in names]
        return Surrogates(
            tuple(self.names[i] for i in kept),
            tuple(self.versions[i] for i in kept),
            tuple(self.networks[i] for i in kept),
        )


def surrogates(weights: Weights) -> Surrogates:
    """Those of the tier in force. Raises WeightsMissing with the command that gets a missing file."""
    names = WHITE_BOXES[weights.tier]
    nets: list[Network] = [_load(name, str(weights.path(_FILES[name]))) for name in names]
    return Surrogates(names, tuple(weights.entry(_FILES[n]).model_version for n in names), tuple(nets))


@lru_cache(maxsize=2)
def _load(name: str, path: str) -> FaceNet:
    if name == "dlib":
        from viot_tools.faces.nets import load_dlib

        net = load_dlib(Path(path), crop="arcface")
    else:
        net = load_folded(Path(path))
    for parameter in net.parameters():
        parameter.requires_grad_(False)  # only the pixels' gradient is wanted
    return net


def load_folded(path: Path) -> FaceNet:
    """foamliu's MobileFaceNet from its ONNX file, in evaluation mode: equal to it within rounding.

    Raises UserFault when the file holds another network.
    """
    import torch
    from onnx import load, numpy_helper
    from torch import nn

    from viot_tools.faces.nets import backbone

    graph = load(str(path)).graph
    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    stored = [[values[x] for x in n.input[1:] if x in values] for n in graph.node if n.op_type == "Conv"]
    net = backbone("mobilefacenet", variant="foamliu", scaling="imagenet").eval()
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    if len(stored) != len(layers) or len(norms) != len(layers):
        raise UserFault(f"{path} holds {len(stored)} convolutions, not MobileFaceNet's {len(layers)}", fix=_FIX)
    with torch.no_grad():
        for layer, arrays in zip(layers, stored, strict=True):
            if len(arrays) != 2 or arrays[0].shape != tuple(layer.weight.shape):
                raise UserFault(f"{path} is not foamliu's MobileFaceNet", fix=_FIX)
            weight, bias = (torch.from_numpy(np.array(a, np.float32)) for a in arrays)
            layer.weight.copy_(weight)
            layer.bias = nn.Parameter(bias)
    # folded into the convolutions, the norms have nothing left to do
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net


_FIX = "viot models pull mobilefacenet"


@dataclass(frozen=True, slots=True)
class Judge:
    """A recogniser that a mask is measured by. ``threshold``: the cosine above which it takes two faces for one person
    at a false-accept rate of ``far``; None where nobody has measured it."""

    recogniser: Recogniser
    threshold: float | None
    far: float

    @property
    def name(self) -> str:
        return self.recogniser.name


@dataclass(frozen=True, slots=True)
class Panel:
    """The judges at hand, and the names of those of the tier whose files are not on this machine."""

    judges: tuple[Judge, ...]
    absent: tuple[str, ...]


def panel(weights: Weights, used: Sequence[str]) -> Panel:
    """Every recogniser of the tier whose maker made none of ``used``; in the builtin tier there is no second one."""
    makers = {MAKERS[name](weights).maker for name in used}
    if weights.tier == "builtin":
        return Panel((), ())  # the others belong to the hub tier, whether their files lie here or not
    judges, absent = [], []
    for name in MAKERS:
        one = recogniser(name, weights)
        if one.maker in makers:
            continue
        try:
            one.embed(np.zeros((1, SIDE, SIDE, 3), np.uint8))
        except WeightsMissing:
            absent.append(name)
        else:
            judges.append(Judge(one, *threshold(name)))
    return Panel(tuple(judges), tuple(absent))


def threshold(name: str) -> tuple[float | None, float]:
    """The measured threshold of a recogniser and its false-accept rate: ``judges.json``, made by ``judging``."""
    raw = json.loads((files("viot_tools.cloak") / "judges.json").read_text("utf-8"))
    row = raw["recognisers"].get(name)
    return (None if row is None else float(row["threshold"])), float(raw["far"])
