"""Inception-ResNet-v1 (Szegedy et al., AAAI 2017, figures 9 to 14 and section 3.3 for the scaling of residuals), as
FaceNet's implementations use it for faces: batch norm with epsilon 0.001, a linear embedding without bias and batch
norm after it. Made for 160x160, fed 112x112 here as OPOM does; the mean over the last map takes any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from viot_tools.faces.nets.base import Body, Options, channels

Size = int | tuple[int, int]


@dataclass(frozen=True)
class InceptionOptions(Options):
    """``blocks`` of the three stages (35, 17 and 8 pixels wide at the paper's size), ``width`` a factor of all
    channels, ``dim`` length of the vector, ``dropout`` before the embedding."""

    blocks: tuple[int, int, int] = (5, 10, 5)
    width: float = 1.0
    dim: int = 512
    dropout: float = 0.2


class Conv(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: Size, stride: int = 1, padding: Size = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Branches(nn.Module):
    """Branches side by side; their channels are joined."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class Residual(nn.Module):
    """x + scale * conv1x1(branches(x)), then ReLU unless it is the last of the network."""

    def __init__(self, depth: int, joined: int, scale: float, branches: Branches, relu: bool = True) -> None:
        super().__init__()
        self.inner = branches
        self.up = nn.Conv2d(joined, depth, 1)
        self._scale, self._relu = scale, relu

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self._scale * self.up(self.inner(x))
        return torch.relu(out) if self._relu else out


class InceptionResnet(Body):
    """(N, 3, 112, 112) to (N, dim)."""

    def __init__(self, options: InceptionOptions) -> None:
        super().__init__()
        self.dim = options.dim

        def c(count: int) -> int:
            return channels(count, options.width)

        self.stem = nn.Sequential(
            Conv(3, c(32), 3, 2),
            Conv(c(32), c(32), 3),
            Conv(c(32), c(64), 3, 1, 1),
            nn.MaxPool2d(3, 2),
            Conv(c(64), c(80), 1),
            Conv(c(80), c(192), 3),
            Conv(c(192), c(256), 3, 2),
        )
        d35 = c(256)
        d17 = d35 + c(384) + c(256)
        d8 = d17 + c(384) + 2 * c(256)
        n35, n17, n8 = options.blocks

        def wide() -> Residual:
            a, b, e = c(32), c(32), c(32)
            return Residual(
                d35,
                a + b + e,
                0.17,
                Branches(
                    Conv(d35, a, 1),
                    nn.Sequential(Conv(d35, b, 1), Conv(b, b, 3, 1, 1)),
                    nn.Sequential(Conv(d35, e, 1), Conv(e, e, 3, 1, 1), Conv(e, e, 3, 1, 1)),
                ),
            )

        def long(depth: int, inner: int, length: int, scale: float, relu: bool = True) -> Residual:
            half = length // 2
            return Residual(
                depth,
                2 * inner,
                scale,
                Branches(
                    Conv(depth, inner, 1),
                    nn.Sequential(
                        Conv(depth, inner, 1),
                        Conv(inner, inner, (1, length), 1, (0, half)),
                        Conv(inner, inner, (length, 1), 1, (half, 0)),
                    ),
                ),
                relu,
            )

        self.stage35 = nn.Sequential(*(wide() for _ in range(n35)))
        self.reduce17 = Branches(
            Conv(d35, c(384), 3, 2),
            nn.Sequential(Conv(d35, c(192), 1), Conv(c(192), c(192), 3, 1, 1), Conv(c(192), c(256), 3, 2)),
            nn.MaxPool2d(3, 2),
        )
        self.stage17 = nn.Sequential(*(long(d17, c(128), 7, 0.10) for _ in range(n17)))
        self.reduce8 = Branches(
            nn.Sequential(Conv(d17, c(256), 1), Conv(c(256), c(384), 3, 2)),
            nn.Sequential(Conv(d17, c(256), 1), Conv(c(256), c(256), 3, 2)),
            nn.Sequential(Conv(d17, c(256), 1), Conv(c(256), c(256), 3, 1, 1), Conv(c(256), c(256), 3, 2)),
            nn.MaxPool2d(3, 2),
        )
        self.stage8 = nn.Sequential(
            *(long(d8, c(192), 3, 0.20) for _ in range(n8)), long(d8, c(192), 3, 1.0, relu=False)
        )
        self.dropout = nn.Dropout(options.dropout)
        self.last_linear = nn.Linear(d8, options.dim, bias=False)
        self.last_bn = nn.BatchNorm1d(options.dim, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduce17(self.stage35(self.stem(x)))
        x = self.stage8(self.reduce8(self.stage17(x)))
        out: Tensor = self.last_bn(self.last_linear(self.dropout(x.mean((2, 3)))))
        return out
