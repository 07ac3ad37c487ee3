"""MobileFaceNet (Chen et al., CCBR 2018, arXiv 1804.07573, table 1): inverted bottlenecks with PReLU and a global
depthwise convolution in place of pooling.

``variant="foamliu"`` is the network of github.com/foamliu/MobileFaceNet, whose weights are supplied: ReLU6, a pointwise
convolution and plain ReLU after the first depthwise one, a bias in the last convolution. The names of the weights are
that repository's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from viot_tools.faces.nets.base import Body, Options, channels

STAGES = ((2, 64, 2), (4, 128, 2), (2, 128, 1), (4, 128, 2), (2, 128, 1))
"""Expansion, channels, stride of the first block of each stage."""


@dataclass(frozen=True)
class MobileFaceNetOptions(Options):
    """``blocks`` of the five stages, ``width`` a factor of all channels, ``dim`` length of the vector."""

    CHOICES: ClassVar = {"variant": ("paper", "foamliu")}

    blocks: tuple[int, int, int, int, int] = (5, 1, 6, 1, 2)
    width: float = 1.0
    dim: int = 128
    variant: str = "paper"


class Bottleneck(nn.Module):
    """Pointwise up, depthwise, pointwise down without activation; added to the input where the shape stays."""

    def __init__(self, inputs: int, depth: int, stride: int, expand: int, act: Callable[[int], nn.Module]) -> None:
        super().__init__()
        inner = inputs * expand
        self.conv = nn.Sequential(
            nn.Sequential(nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner), act(inner)),
            nn.Sequential(
                nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False), nn.BatchNorm2d(inner), act(inner)
            ),
            nn.Conv2d(inner, depth, 1, bias=False),
            nn.BatchNorm2d(depth),
        )
        self._residual = stride == 1 and inputs == depth

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return x + out if self._residual else out


class Depthwise(nn.Module):
    """3x3 depthwise convolution, in foamliu's variant followed by a pointwise one."""

    def __init__(self, depth: int, foamliu: bool) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(depth, depth, 3, 1, 1, groups=depth, bias=False)
        self.bn1 = nn.BatchNorm2d(depth)
        self.act: nn.Module = nn.ReLU() if foamliu else nn.PReLU(depth)
        self._foamliu = foamliu
        if foamliu:
            self.pointwise = nn.Conv2d(depth, depth, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(depth)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.bn1(self.depthwise(x)))
        return self.act(self.bn2(self.pointwise(x))) if self._foamliu else x


class Global(nn.Module):
    """Depthwise convolution over the whole map (equation 1 of the paper), without activation."""

    def __init__(self, depth: int, side: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(depth, depth, side, groups=depth, bias=False)
        self.bn = nn.BatchNorm2d(depth)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.bn(self.depthwise(x))
        return out


class MobileFaceNet(Body):
    """(N, 3, 112, 112) to (N, dim)."""

    def __init__(self, options: MobileFaceNetOptions) -> None:
        super().__init__()
        foamliu = options.variant == "foamliu"
        self.dim = options.dim

        def act(depth: int) -> nn.Module:
            return nn.ReLU6() if foamliu else nn.PReLU(depth)

        inputs, last = channels(64, options.width), channels(512, options.width)
        self.conv1 = nn.Sequential(nn.Conv2d(3, inputs, 3, 2, 1, bias=False), nn.BatchNorm2d(inputs), act(inputs))
        self.dw_conv = Depthwise(inputs, foamliu)
        blocks, side = [], 56
        for (expand, count, stride), times in zip(STAGES, options.blocks, strict=True):
            for i in range(times):
                depth, step = channels(count, options.width), 1 if i else stride
                blocks.append(Bottleneck(inputs, depth, step, expand, act))
                inputs, side = depth, side // step
        self.features = nn.Sequential(*blocks)
        self.conv2 = nn.Sequential(nn.Conv2d(inputs, last, 1, bias=False), nn.BatchNorm2d(last), act(last))
        self.gdconv = Global(last, side)
        self.conv3 = nn.Conv2d(last, options.dim, 1, bias=foamliu)
        self.bn = nn.BatchNorm2d(options.dim)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2(self.features(self.dw_conv(self.conv1(x))))
        return torch.flatten(self.bn(self.conv3(self.gdconv(x))), 1)
