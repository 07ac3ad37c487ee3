"""The net of the noise study: small enough that its 36 runs take ten minutes on two cores.

Residual blocks in the order of IR nets and their head (BN-Dropout-FC-BN), on faces of 56x56. Owns the net.
"""

from __future__ import annotations

from torch import Tensor, nn


class _Block(nn.Module):
    """BN-conv-BN-PReLU-conv-BN with a shortcut; the first convolution halves the picture (IR halves
    it in the second, at four times the cost)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, after, 3, 2, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.PReLU(after),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, 2, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.main(x) + self.shortcut(x)
        return y


class SmallNet(nn.Module):
    """(N, 3, 56, 56) float32 RGB 0..255 to (N, dim) float32, not normalised."""

    def __init__(self, dim: int = 64, width: int = 16, dropout: float = 0.2) -> None:
        super().__init__()
        self.dim = dim
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width),
            _Block(width, 2 * width), _Block(2 * width, 4 * width),
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.BatchNorm2d(4 * width),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(4 * width * 49, dim),
            nn.BatchNorm1d(dim),
        )

    def forward(self, faces: Tensor) -> Tensor:
        y: Tensor = self.head(self.body((faces - 127.5) / 127.5))
        return y
