"""The detector's network in PyTorch, for training: layer by layer what ``viot_tools.objects.small`` runs as a graph.

The student learns the teacher's whole answer, not only its boxes (Hinton et al., "Distilling the Knowledge in a Neural
Network", arXiv:1503.02531): at every cell the teacher's soft score of "person" and of "car", where it sees something
its box, and everywhere its features under a linear map that is thrown away afterwards (Romero et al., "FitNets",
arXiv:1412.6550).

Owns the layers, the loss and the folding of batch norms into what ships. Knows no data. A test holds both equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from viot_tools.graph import fold
from viot_tools.objects.small import LEVELS, STAGES

WIDTHS = {"stem": 16, "c1": 32, "c2": 64, "c3": 96, "c4": 128}
PYRAMID = 64
TEACHER = 64
"""Channels of the teacher's features."""
SEEN = 0.05
"""The teacher's score from which a cell's box is learnt."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The teacher's answer on a batch, one tensor a level, finest first.

    ``scores`` (B, 2, h, w) 0..1; ``boxes`` (B, 4, h, w) centre offset and log size in strides; ``features``
    (B, 64, h, w).
    """

    scores: Sequence[Tensor]
    boxes: Sequence[Tensor]
    features: Sequence[Tensor]


class DetectorNet(nn.Module):
    """(B, 3, h, w) normalised RGB to three levels (B, 6, h / s, w / s), s = 8, 16, 32."""

    def __init__(self) -> None:
        super().__init__()

        def conv(a: int, b: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b))

        self.stem = conv(3, WIDTHS["stem"], 2)
        last = WIDTHS["stem"]
        self.body = nn.ModuleDict()
        for stage, blocks in STAGES.items():
            self.body[stage] = conv(last, WIDTHS[stage], 2)
            last = WIDTHS[stage]
            for block in blocks:
                self.body[block] = conv(last, last)
        self.side = nn.ModuleDict({s: nn.Conv2d(WIDTHS[s], PYRAMID, 1) for s in LEVELS})
        self.mix = nn.ModuleDict({s: conv(PYRAMID, PYRAMID) for s in LEVELS})
        self.head = nn.ModuleDict({s: conv(PYRAMID, PYRAMID) for s in LEVELS})
        self.out = nn.ModuleDict({s: nn.Conv2d(PYRAMID, 6, 1) for s in LEVELS})
        self.hint = nn.ModuleDict({s: nn.Conv2d(PYRAMID, TEACHER, 1) for s in LEVELS})  # training only
        for layer in self.out.values():
            assert isinstance(layer, nn.Conv2d) and layer.bias is not None
            nn.init.constant_(layer.bias[:2], -4.0)  # most cells hold nothing
            nn.init.normal_(layer.weight, std=0.01)

    def features(self, x: Tensor) -> list[Tensor]:
        """The pyramid after mixing, (B, 64, h / s, w / s), finest first."""
        x = F.relu(self.stem(x))
        maps = {}
        for stage, blocks in STAGES.items():
            x = F.relu(self.body[stage](x))
            for block in blocks:
                x = x + F.relu(self.body[block](x))
            maps[stage] = x
        above: Tensor | None = None
        found = []
        for stage in reversed(LEVELS):
            here = self.side[stage](maps[stage])
            if above is not None:
                here = here + F.interpolate(above, scale_factor=2.0, mode="nearest")
            above = F.relu(here)
            found.append(F.relu(self.mix[stage](above)))
        return found[::-1]

    def levels(self, features: Sequence[Tensor]) -> list[Tensor]:
        """The answers from :meth:`features`."""
        return [self.out[s](F.relu(self.head[s](x))) for s, x in zip(LEVELS, features, strict=True)]

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.levels(self.features(x))


def loss_of(net: DetectorNet, x: Tensor, targets: Targets, hint: float) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch and its parts; ``hint`` weighs the features.

    Scores: quality focal loss (Li et al., arXiv:2006.04388, eq. 2, beta 2) against the teacher's soft scores. Boxes:
    1 - IoU, and a smooth L1 of the four numbers, weighted by the teacher's score. Features: mean squared error
    between unit vectors.
    """
    features = net.features(x)
    score = box = like = x.new_zeros(())
    weight = x.new_zeros(())
    for i, raw in enumerate(net.levels(features)):
        soft = targets.scores[i]
        logits = raw[:, :2]
        gap = (soft - logits.sigmoid()).abs().pow(2)
        score = score + (gap * F.binary_cross_entropy_with_logits(logits, soft, reduction="none")).sum()
        best = soft.amax(1)
        w = torch.where(best > SEEN, best, torch.zeros_like(best))
        weight = weight + w.sum()
        at = w > 0
        if bool(at.any()):
            mine, theirs = raw[:, 2:].permute(0, 2, 3, 1)[at], targets.boxes[i].permute(0, 2, 3, 1)[at]
            each = (1 - _iou(mine, theirs)) + 0.3 * F.smooth_l1_loss(mine, theirs, reduction="none").sum(1)
            box = box + (w[at] * each).sum()
        hinted = net.hint[LEVELS[i]](features[i])
        theirs_f = targets.features[i]
        like = like + (F.normalize(hinted, dim=1) - F.normalize(theirs_f, dim=1)).pow(2).sum(1).mean()
    weight = weight.clamp(min=1.0)
    total = 4 * score / weight + 2 * box / weight + hint * like
    parts = {k: float((v / weight).detach()) for k, v in (("score", score), ("box", box))} | {
        "like": float(like.detach())
    }
    return total, parts


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of boxes (N, 4) given as centre and log size."""

    def corners(x: Tensor) -> tuple[Tensor, Tensor]:
        half = x[:, 2:].clamp(max=4.0).exp() / 2
        return x[:, :2] - half, x[:, :2] + half

    (a0, a1), (b0, b1) = corners(a), corners(b)
    inter = (torch.minimum(a1, b1) - torch.maximum(a0, b0)).clamp(min=0).prod(1)
    union = (a1 - a0).prod(1) + (b1 - b0).prod(1) - inter
    return inter / union.clamp(min=1e-6)


def folded(net: DetectorNet) -> dict[str, NDArray[np.float32]]:
    """The weights by the names of ``viot_tools.objects.small``, batch norms folded in."""
    found: dict[str, NDArray[np.float32]] = {}

    def numbers(t: Tensor) -> NDArray[np.float32]:
        return t.detach().cpu().numpy().astype(np.float32)

    def put(name: str, block: nn.Module) -> None:
        assert isinstance(block, nn.Sequential)
        conv, norm = block[0], block[1]
        assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None
        found[f"{name}.weight"], found[f"{name}.bias"] = fold(
            numbers(conv.weight),
            numbers(norm.weight),
            numbers(norm.bias),
            numbers(norm.running_mean),
            numbers(norm.running_var),
            norm.eps,
        )

    put("stem", net.stem)
    for name, block in net.body.items():
        put(name, block)
    for stage in LEVELS:
        put(f"{stage}.mix", net.mix[stage])
        put(f"{stage}.head", net.head[stage])
        for part, layers in (("side", net.side), ("out", net.out)):
            layer = layers[stage]
            assert isinstance(layer, nn.Conv2d) and layer.bias is not None
            found[f"{stage}.{part}.weight"], found[f"{stage}.{part}.bias"] = numbers(layer.weight), numbers(layer.bias)
    return found
