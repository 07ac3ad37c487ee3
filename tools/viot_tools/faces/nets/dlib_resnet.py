"""dlib's face recogniser as a PyTorch network: 29 convolutions after ResNet-34 (He et al., CVPR 2016) with half the
filters, trained by Davis King with a metric loss; 128 numbers, compared by Euclidean distance (0.6 is his threshold).

What differs from the usual residual network: batch norm is folded into a scale and a shift for each channel; where a
unit halves the map its shortcut is a 2x2 mean, and the two are added *as far as they overlap*, the rest (channels, or
a row and a column) kept from the one that has it.

``crop="chip"`` takes what dlib takes, 150x150 chips. ``crop="arcface"`` takes the 112x112 crops of all other networks
and resamples them into the place of a chip by one fixed similarity, through which gradients pass; the lowest
thirteen rows of a chip, which such a crop does not hold, repeat its last row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from viot_agent.errors import UserFault
from viot_tools.faces.nets.base import SCALINGS, Body, FaceNet, Options
from viot_tools.faces.nets.dlib_dat import FIX, Layer, read_dat

CHIP = 150
STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""Channels, units, whether the first unit halves the map."""
_UNIT = ("affine", "con", "relu", "affine", "con")
_SAME = ("relu", "add_prev", *_UNIT, "tag")
_DOWN = ("relu", "add_prev", "avg_pool", "skip", "tag", *_UNIT, "tag")


def nest() -> tuple[str, ...]:
    """The kinds of layers as they are nested in the file, from the output down to the input."""
    units = [kind for _, count, down in reversed(STAGES) for kind in (count - 1) * [_SAME] + [_DOWN if down else _SAME]]
    return ("fc", "avg_pool", *(kind for unit in units for kind in unit), "max_pool", "relu", "affine", "con")


@dataclass(frozen=True)
class DlibOptions(Options):
    """``crop``: ``chip`` (150x150) or ``arcface`` (112x112), see above."""

    CHOICES: ClassVar = {"crop": ("chip", "arcface")}

    scaling: str = "dlib"
    crop: str = "chip"


class Affine(nn.Module):
    """x * scale + shift, one of each for a channel."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(depth)), nn.Parameter(torch.zeros(depth))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class Unit(nn.Module):
    """Two 3x3 convolutions and their input, added."""

    def __init__(self, inputs: int, depth: int, down: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, depth, 3, 2 if down else 1, 0 if down else 1)
        self.affine1 = Affine(depth)
        self.conv2 = nn.Conv2d(depth, depth, 3, 1, 1)
        self.affine2 = Affine(depth)
        self._down = down

    def forward(self, x: Tensor) -> Tensor:
        out = self.affine2(self.conv2(torch.relu(self.affine1(self.conv1(x)))))
        return torch.relu(_add(out, functional.avg_pool2d(x, 2) if self._down else x))


def _add(a: Tensor, b: Tensor) -> Tensor:
    """The sum, each filled up with zeros to the larger of both sizes in channels, rows and columns."""
    if a.shape == b.shape:
        return a + b
    full = [max(m, n) for m, n in zip(a.shape[1:], b.shape[1:], strict=True)]

    def fill(x: Tensor) -> Tensor:
        return functional.pad(x, [v for n, m in zip(full[::-1], x.shape[:0:-1], strict=True) for v in (0, n - m)])

    return fill(a) + fill(b)


class DlibResnet(Body):
    """(N, 3, 150, 150), or (N, 3, 112, 112) with the crop ``arcface``, to (N, 128)."""

    dim = 128
    matrix: Tensor

    def __init__(self, options: DlibOptions) -> None:
        super().__init__()
        self._warps = options.crop == "arcface"
        self.conv = nn.Conv2d(3, 32, 7, 2)
        self.affine = Affine(32)
        units, inputs = [], 32
        for depth, count, down in STAGES:
            for i in range(count):
                units.append(Unit(inputs, depth, down and i == 0))
                inputs = depth
        self.units = nn.Sequential(*units)
        self.fc = nn.Linear(inputs, self.dim, bias=False)
        self.register_buffer("matrix", torch.tensor([ARCFACE_OF_CHIP]), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        if self._warps:
            x = as_chip(x, self.matrix)
        x = functional.max_pool2d(torch.relu(self.affine(self.conv(x))), 3, 2)
        out: Tensor = self.fc(self.units(x).mean((2, 3)))
        return out

    def stored(self) -> Iterator[tuple[str, nn.Module]]:
        """Kind and module of every layer that learns, in the order of the file."""
        yield from (("con", self.conv), ("affine", self.affine))
        for unit in self.units:
            assert isinstance(unit, Unit)
            yield from (("con", unit.conv1), ("affine", unit.affine1), ("con", unit.conv2), ("affine", unit.affine2))
        yield "fc", self.fc


ARCFACE_OF_CHIP = [[0.6395, 0.0, 7.97], [0.0, 0.6395, 23.03]]
"""Takes a pixel (x, y, 1) of a chip to one of an ArcFace crop: the mean similarity between the two over the 100 faces
of LFW's first ten people with many pictures (YuNet's points against dlib's marks), its turn of 0.3 degrees left out."""


def as_chip(crops: Tensor, matrix: Tensor) -> Tensor:
    """(N, 3, 112, 112) aligned crops resampled (bilinear) into (N, 3, 150, 150) chips. ``matrix`` (1, 2, 3) takes a
    pixel of the chip to one of the crop."""
    n, _, height, width = crops.shape
    steps = torch.arange(CHIP, dtype=crops.dtype, device=crops.device)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    at = torch.stack([x, y, torch.ones_like(x)], -1) @ matrix[0].to(crops.dtype).T  # (150, 150, 2) pixels
    size = torch.tensor([width, height], dtype=crops.dtype, device=crops.device)
    grid = ((at + 0.5) / size * 2 - 1).expand(n, -1, -1, -1)
    return functional.grid_sample(crops, grid, mode="bilinear", padding_mode="border", align_corners=False)


def load_dlib(path: Path, *, crop: str = "chip") -> FaceNet:
    """dlib's recogniser from its own file, in evaluation mode.

    Raises WeightsMissing when there is no file, UserFault when it is another one or damaged, NameFault for an unknown
    ``crop``.
    """
    options = DlibOptions(crop=crop)
    body = DlibResnet(options)
    stored = read_dat(path, nest())
    if not np.allclose(stored.mean, SCALINGS["dlib"][0], atol=1e-3) or stored.side != CHIP:
        raise UserFault(f"{path} is made for other input than dlib's face recogniser", fix=FIX)
    learnt = [layer for layer in stored.layers if layer.values.size]
    for layer, (kind, module) in zip(learnt, body.stored(), strict=True):
        _fill(path, layer, kind, module)
    for layer in stored.layers:
        if layer.kind.endswith("_pool") and layer.shape not in _POOLS:
            raise UserFault(f"{path} holds a pool of unknown shape {layer.shape}", fix=FIX)
    return FaceNet("dlib_resnet", options, body, size=CHIP if crop == "chip" else 112).eval()


_POOLS = ((3, 3, 2, 2, 0, 0), (2, 2, 2, 2, 0, 0), (0, 0, 1, 1, 0, 0))


def _fill(path: Path, layer: Layer, kind: str, module: nn.Module) -> None:
    wanted: tuple[int, ...]
    if isinstance(module, nn.Conv2d):
        assert isinstance(module.padding, tuple)
        wanted = (module.out_channels, *module.kernel_size, *module.stride, *module.padding)
    elif isinstance(module, nn.Linear):
        wanted = (module.out_features, module.in_features)
    else:
        assert isinstance(module, Affine)
        wanted = (len(module.weight),)
    if (layer.kind, layer.shape) != (kind, wanted):
        raise UserFault(f"{path} holds {layer.kind} {layer.shape} where {kind} {wanted} belongs", fix=FIX)
    with torch.no_grad():
        values = torch.from_numpy(layer.values)
        if isinstance(module, nn.Linear):
            module.weight.copy_(values.view(module.in_features, module.out_features).T)  # stored inputs first
            return
        assert isinstance(module, (nn.Conv2d, Affine)) and module.bias is not None
        count = module.weight.numel()
        if values.numel() != count + module.bias.numel():
            raise UserFault(f"{path} holds {values.numel()} values in a {kind} of {count}", fix=FIX)
        module.weight.copy_(values[:count].view_as(module.weight))
        module.bias.copy_(values[count:])
