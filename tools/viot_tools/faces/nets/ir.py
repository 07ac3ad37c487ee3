"""IR-50 and SE-IR-50: the improved residual network of ArcFace (Deng et al., CVPR 2019, section 3.1: output
BN-Dropout-FC-BN), with squeeze-and-excitation (Hu et al., CVPR 2018, equations 2 to 4) or without. Units are BN, conv,
PReLU, conv, BN, as in the PyTorch code that all of these systems train.

The names of its weights are those of the PyTorch IR-50 that SFace, OPOM and GA use (``input_layer``, ``body``,
``res_layer``, ``shortcut_layer``, ``output_layer``), so a state of theirs, turned into safetensors, fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from viot_tools.faces.nets.base import Body, Options, channels


@dataclass(frozen=True)
class IrOptions(Options):
    """``blocks`` of the four stages, ``width`` a factor of all channels, ``dim`` length of the vector, ``dropout``
    before the last layer."""

    blocks: tuple[int, int, int, int] = (3, 4, 14, 3)
    width: float = 1.0
    dim: int = 512
    dropout: float = 0.5


class Squeeze(nn.Module):
    """Each channel times a gate in 0..1 made of the means of all channels."""

    def __init__(self, depth: int, reduction: int = 16) -> None:
        super().__init__()
        inner = max(1, depth // reduction)
        self.fc1 = nn.Conv2d(depth, inner, 1, bias=False)
        self.fc2 = nn.Conv2d(inner, depth, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))))
        return x * gate


class Unit(nn.Module):
    """One residual unit. Where the depth stays, the shortcut is the picture itself at every ``stride``-th pixel."""

    def __init__(self, inputs: int, depth: int, stride: int, squeeze: bool) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module
        if inputs == depth:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(inputs, depth, 1, stride, bias=False), nn.BatchNorm2d(depth))
        layers: list[nn.Module] = [
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, depth, 3, 1, 1, bias=False),
            nn.PReLU(depth),
            nn.Conv2d(depth, depth, 3, stride, 1, bias=False),
            nn.BatchNorm2d(depth),
        ]
        self.res_layer = nn.Sequential(*layers, *([Squeeze(depth)] if squeeze else []))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return out


class Ir(Body):
    """(N, 3, 112, 112) to (N, dim)."""

    aside = ("shortcut_layer", "fc1", "fc2")

    def __init__(self, options: IrOptions, squeeze: bool) -> None:
        super().__init__()
        self.dim = options.dim
        stem, *depths = (channels(c, options.width) for c in (64, 64, 128, 256, 512))
        self.input_layer = nn.Sequential(nn.Conv2d(3, stem, 3, 1, 1, bias=False), nn.BatchNorm2d(stem), nn.PReLU(stem))
        units, inputs, side = [], stem, 112
        for depth, count in zip(depths, options.blocks, strict=True):
            for i in range(count):
                units.append(Unit(inputs, depth, 1 if i else 2, squeeze))
                inputs = depth
            side = -(-side // 2) if count else side
        self.body = nn.Sequential(*units)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Dropout(options.dropout),
            nn.Flatten(),
            nn.Linear(inputs * side * side, options.dim),
            nn.BatchNorm1d(options.dim),
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output_layer(self.body(self.input_layer(x)))
        return out
