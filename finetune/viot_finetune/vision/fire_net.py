"""The fire and smoke network in PyTorch, for training: layer by layer what ``viot_tools.fire.model`` runs as a graph.

Owns the layers, the loss and the folding of batch norms into what ships. Knows no data. A test holds both equal.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from viot_tools.fire.model import RESIDUAL_A, RESIDUAL_B, TOP
from viot_tools.graph import fold

YES, NO, IGNORE, SOMEWHERE = 1, 0, -1, 2
"""Labels of a cell. ``SOMEWHERE``: part of a box of which only some cells show the thing."""
GAMMA = 1.5
HARDEST = 0.01
"""Share of the cells without the thing that count a second time: those that look most like it."""


class FireNet(nn.Module):
    """Logits of fire and smoke, (B, 3, h, w) RGB 0..1 to (B, 2, h / 8, w / 8)."""

    def __init__(self, width: int = 48, wide: int = 72) -> None:
        super().__init__()

        def conv(a: int, b: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b))

        self.stem, self.down1, self.down2 = conv(3, 16, 2), conv(16, 24, 2), conv(24, width, 2)
        self.a = nn.ModuleDict({name: conv(width, width) for name in RESIDUAL_A})
        self.down3 = conv(width, wide, 2)
        self.b = nn.ModuleDict({name: conv(wide, wide) for name in RESIDUAL_B})
        self.up = nn.Conv2d(wide, width, 1)
        self.mix = conv(width, width)
        self.head = nn.Conv2d(width, 2, 1)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, -2.0)  # most cells show neither

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.stem, self.down1, self.down2):
            x = F.relu(layer(x))
        for name in RESIDUAL_A:
            x = x + F.relu(self.a[name](x))
        wide = F.relu(self.down3(x))
        for name in RESIDUAL_B:
            wide = wide + F.relu(self.b[name](wide))
        x = x + F.interpolate(self.up(wide), scale_factor=2.0, mode="nearest")
        out: Tensor = self.head(F.relu(self.mix(x)))
        return out


def loss_of(logits: Tensor, labels: Tensor, pictures: Tensor, some_share: float, whole: float = 1.0) -> Tensor:
    """Focal cross-entropy of cells, that of the hardest negative cells again, and that of whole pictures.

    The focal term is that of Lin et al. 2017 ("Focal loss for dense object detection", eq. 4), gamma 1.5.

    ``logits`` (B, 2, h, w); ``labels`` the same shape, YES, NO, IGNORE or SOMEWHERE (there ``some_share`` of the
    picture, the hottest cells, count as YES and the rest is left out); ``pictures`` (B, 2) YES, NO or IGNORE against
    the mean of the ``TOP`` hottest cells, which is how a picture is scored.
    """
    with torch.no_grad():
        target = (labels == YES).float()
        weight = (labels >= 0).float()
        some = labels == SOMEWHERE
        weight[some] = 0
        for picture, kind in some.flatten(2).any(2).nonzero().tolist():
            here = some[picture, kind].flatten().nonzero().squeeze(1)
            values = logits[picture, kind].flatten()[here]
            best = here[values.topk(max(1, int(some_share * len(here)))).indices]
            target[picture, kind].view(-1)[best] = 1
            weight[picture, kind].view(-1)[best] = 1
    plain = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    sure = torch.exp(-plain)
    cells = (1 - sure) ** GAMMA * plain * weight
    yes, no = target * weight, (1 - target) * weight
    # positive and negative cells weigh the same: fire fills a few cells of four hundred
    local = (cells * yes).sum() / yes.sum().clamp(min=1) + 2 * (cells * no).sum() / no.sum().clamp(min=1)
    wrong = (plain * no).flatten()
    local = local + 0.5 * wrong.topk(max(1, int(HARDEST * wrong.numel()))).values.mean()
    hottest = logits.flatten(2).topk(TOP, dim=2).values.mean(2)
    known = (pictures >= 0).float()
    picture = F.binary_cross_entropy_with_logits(hottest, pictures.clamp(min=0).float(), reduction="none")
    return local + whole * (picture * known).sum() / known.sum().clamp(min=1)


def shipped(net: FireNet) -> dict[str, NDArray[np.float16]]:
    """The weights as they ship: batch norms folded in, float16, by the names that the graph uses."""
    made: dict[str, NDArray[np.float16]] = {}
    for name, layer in _layers(net).items():
        if isinstance(layer, nn.Conv2d):
            assert layer.bias is not None
            weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        else:
            conv, norm = layer[0], layer[1]  # type: ignore[index]
            gamma, beta, mean, variance = (
                v.detach().numpy() for v in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
            )
            weight, bias = fold(conv.weight.detach().numpy(), gamma, beta, mean, variance, norm.eps)
        made[f"{name}.weight"], made[f"{name}.bias"] = weight.astype(np.float16), bias.astype(np.float16)
    return made


def restored(arrays: Mapping[str, NDArray[np.generic]]) -> FireNet:
    """The network whose :func:`shipped` form ``arrays`` is. Its batch norms are the identity and a bias: keep it in
    ``eval`` mode and it can be trained further without statistics of batches."""
    net = FireNet()
    with torch.no_grad():
        for name, layer in _layers(net).items():
            weight, bias = (torch.from_numpy(np.asarray(arrays[f"{name}.{k}"], np.float32)) for k in ("weight", "bias"))
            if isinstance(layer, nn.Conv2d):
                assert layer.bias is not None
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
                continue
            conv, norm = layer[0], layer[1]  # type: ignore[index]
            conv.weight.copy_(weight)
            norm.bias.copy_(bias)
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
    return net.eval()


def _layers(net: FireNet) -> dict[str, nn.Module]:
    """Every convolution (with its batch norm) by the name that the graph uses."""
    layers: dict[str, nn.Module] = {n: m for n, m in net.named_children() if not isinstance(m, nn.ModuleDict)}
    return layers | {name: net.a[name] for name in RESIDUAL_A} | {name: net.b[name] for name in RESIDUAL_B}
