"""The gait network in PyTorch, for training; ``viot_tools.gait.net`` is the same network as a graph, and a test holds
their outputs equal.

A walk is a *set* of silhouettes (Chao et al., GaitSet, AAAI 2019): no order of pictures is used, since at 5 a second a
step of half a second is seen two or three times, at other phases each time. The set is pooled before the layers, into
the gait energy image (Han and Bhanu, "Individual Recognition Using Gait Energy Image", TPAMI 2006, equation 1: the
mean), the spread about it and the union; three convolutions follow, and every strip of rows has a head of its own, as
in GaitSet's horizontal pyramid. GaitSet's own pooling after the layers costs as many times more as a walk has pictures;
two shared processors had no time for it.

Owns layers and their export. Knows neither walkers nor losses.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from viot_tools.gait.net import DIMENSIONS, LAYERS, SOFT, STRIPS
from viot_tools.graph import fold


def pictures(silhouettes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(T, 64, 44) uint8 to (3, 32, 22): mean, twice the standard deviation, and union of the set, at half the size."""
    x = silhouettes.astype(np.float32) / 255.0
    mean = x.mean(0)
    spread = 2 * np.sqrt(np.maximum((x * x).mean(0) - mean * mean, 0) + SOFT)
    size = (x.shape[2] // 2, x.shape[1] // 2)
    made = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (mean, spread, x.max(0))]
    return np.stack(made).astype(np.float32)


class GaitNet(nn.Module):
    """Pictures (B, 3, 32, 22) to parts (B, P, D): P strips, D numbers each, centred, not normalised."""

    def __init__(self) -> None:
        super().__init__()
        for name, (inside, outside) in LAYERS.items():
            self.add_module(name, nn.Conv2d(inside, outside, 3, 1, 1, bias=False))
            self.add_module(f"{name}_norm", nn.BatchNorm2d(outside))
        self.heads = nn.Parameter(torch.empty(STRIPS, list(LAYERS.values())[-1][1] * 5, DIMENSIONS))
        nn.init.normal_(self.heads, std=self.heads.shape[1] ** -0.5)
        # centres every number of the vector: features after ReLU all point one way, and cosines would be near 1
        self.heads_norm = nn.BatchNorm1d(STRIPS * DIMENSIONS, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        for i, name in enumerate(LAYERS):
            if i:
                x = torch.max_pool2d(x, 2)
            x = torch.relu(self.get_submodule(f"{name}_norm")(self.get_submodule(name)(x)))
        rows = x.permute(2, 0, 1, 3).flatten(2)  # (P, B, C * 5)
        parts = torch.bmm(rows, self.heads).permute(1, 0, 2)
        centred: Tensor = self.heads_norm(parts.flatten(1))
        return centred.reshape(parts.shape)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights as the graph wants them: norms folded into convolutions and heads."""
        norm = self.heads_norm
        assert norm.running_mean is not None and norm.running_var is not None
        scale = (1 / torch.sqrt(norm.running_var + norm.eps)).reshape(STRIPS, 1, DIMENSIONS)
        shift = -norm.running_mean.reshape(scale.shape) * scale
        out: dict[str, NDArray[np.float32]] = {
            "heads": (self.heads.detach() * scale).numpy().copy(),
            "heads_bias": shift.numpy().copy(),
        }
        for name in LAYERS:
            conv = cast(nn.Conv2d, self.get_submodule(name))
            after = cast(nn.BatchNorm2d, self.get_submodule(f"{name}_norm"))
            assert after.running_mean is not None and after.running_var is not None
            weight, bias = fold(
                conv.weight.detach().numpy(),
                after.weight.detach().numpy(),
                after.bias.detach().numpy(),
                after.running_mean.numpy(),
                after.running_var.numpy(),
                after.eps,
            )
            out[f"{name}.weight"], out[f"{name}.bias"] = weight.astype(np.float32), bias.astype(np.float32)
        return out


def unit(parts: Tensor) -> Tensor:
    """(B, P, D) to (B, P * D): every part of length 1, then the whole, so that a cosine is the mean over the parts."""
    vector: Tensor = nn.functional.normalize(parts, dim=2).flatten(1) / parts.shape[1] ** 0.5
    return vector
