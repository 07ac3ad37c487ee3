"""The skeleton network in PyTorch: a small transformer over the moments of a window.

Each moment's joints become one token (a linear layer sees all 17 joints at once), and attention runs over the ten
tokens (Vaswani et al., "Attention Is All You Need", arXiv:1706.03762; for skeletons: Plizzari et al., "Skeleton-based
action recognition via spatial and temporal transformer networks", arXiv:2008.07404). A graph network of the same size
(ST-GCN) cost eight times as much to train on a CPU, so it was left.

Owns the layers. ``viot_tools.pose.network`` writes the same ones down as ONNX; a test holds both equal.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from viot_tools.pose.network import HEADS, LAYERS, WIDE
from viot_tools.pose.windows import CHANNELS, FRAMES


class Layer(nn.Module):
    """(B, T, WIDE) to the same: attention and two linear layers, each on a normed input and added."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDE), nn.LayerNorm(WIDE)
        self.query, self.key, self.value = (nn.Linear(WIDE, WIDE) for _ in range(3))
        self.mix = nn.Linear(WIDE, WIDE)
        self.up, self.down = nn.Linear(WIDE, 2 * WIDE), nn.Linear(2 * WIDE, WIDE)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm1(x)
        q, k, v = (
            part(h).view(len(x), FRAMES, HEADS, WIDE // HEADS).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        seen = torch.softmax(q @ k.transpose(2, 3) * (WIDE // HEADS) ** -0.5, -1) @ v
        x = x + self.drop(self.mix(seen.transpose(1, 2).reshape(len(x), FRAMES, WIDE)))
        made: torch.Tensor = x + self.drop(self.down(torch.relu(self.up(self.norm2(x)))))
        return made


class ActionNet(nn.Module):
    """(B, 7, 10, 17) features to (B, classes) logits."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.embed = nn.Linear(CHANNELS * 17, WIDE)
        self.place = nn.Parameter(torch.randn(1, FRAMES, WIDE) * 0.02)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDE)
        self.out = nn.Linear(WIDE, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x.transpose(1, 2).reshape(len(x), FRAMES, CHANNELS * 17)) + self.place
        for layer in self.layers:
            x = layer(x)
        made: torch.Tensor = self.out(self.norm(x).mean(1))
        return made


def shipped(net: ActionNet) -> dict[str, NDArray[np.float32]]:
    """The weights by PyTorch's names, as ``viot_tools.pose.network`` reads them."""
    return {k: np.ascontiguousarray(v.detach().numpy(), np.float32) for k, v in net.state_dict().items()}
