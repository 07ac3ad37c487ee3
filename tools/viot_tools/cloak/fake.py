"""A small surrogate with random weights and smooth pictures, for tests of the cloaks and their speed. Nothing here
recognises anybody."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """A residual block as IR-50's: two convolutions, and a 1 x 1 one in the shortcut where the size changes."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inside),
            nn.Conv2d(inside, outside, 3, 1, 1, bias=False),
            nn.PReLU(outside),
            nn.Conv2d(outside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return found


class ToyNet(nn.Module):
    """(N, 3, H, W) in 0..255 to (N, 32): stem, two blocks, dropout, a linear layer; weights from ``seed``."""

    def __init__(self, seed: int = 0, dim: int = 32) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.PReLU(8))
            self.body = nn.Sequential(Block(8, 8, 1), Block(8, 16, 2))
            self.dropout = nn.Dropout(0.5)
            self.head = nn.Linear(16 * 16, dim)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(self.stem((x - 127.5) / 127.5))
        x = nn.functional.adaptive_avg_pool2d(x, 4)
        found: Tensor = self.head(self.dropout(x.flatten(1)))
        return found


def faces(n: int = 6, seed: int = 0, side: int = 16) -> Tensor:
    """(n, 3, side, side) float in 0..255, smooth, whole numbers, some at both ends of the scale."""
    made = torch.rand(n, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    smooth = nn.functional.interpolate(made, size=(side, side), mode="bilinear", align_corners=False)
    return ((smooth - 0.5) * 500 + 127.5).clamp(0, 255).round()
