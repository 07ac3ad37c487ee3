"""How large a mask may be, declared: its largest change (L-infinity) or its Euclidean norm (L2), on the 0..255 scale.

The two are no substitutes: OPOM and GA keep ``linf 8``; AdvCloak's released masks have an L2 norm of exactly 1200 over
112 x 112 x 3 values and no largest change (arXiv 2312.14407). A full +-8 sign mask of that size has an L2 norm of 1552.
A comparison states which it uses. Owns the fitting of a mask to its budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from viot_agent.errors import UserFault

FILL = 1200 / (8 * (3 * 112 * 112) ** 0.5)
"""Euclidean norm of an L-infinity mask that is fitted, as a share of that of the full sign mask: 0.773. At 8 it is the
paper's L2 budget, so that an AdvCloak mask under either budget is as strong on the whole."""


@dataclass(frozen=True, slots=True)
class Budget:
    """``linf``: no value changes by more than ``size``. ``l2``: the Euclidean norm of the whole mask is ``size``.

    Raises UserFault when ``size`` is not above 0.
    """

    norm: Literal["linf", "l2"]
    size: float

    def __post_init__(self) -> None:
        if self.norm not in ("linf", "l2") or not 0 < self.size < float("inf"):
            raise UserFault(f"a budget of {self.norm} {self.size:g}", fix="linf or l2, and a size above 0")

    def __str__(self) -> str:
        return f"{self.norm} {self.size:g}"


PAPER = Budget("l2", 1200.0)
"""AdvCloak's, for 112 x 112."""


def fit(mask: Tensor, budget: Budget) -> Tensor:
    """``mask`` (..., C, H, W) scaled to the budget, each by itself. ``l2``: to exactly that norm, up as well as down.
    ``linf``: scaled and clipped so that the norm is ``FILL`` of the full sign mask's, or as near as clipping comes.

    Raises UserFault for a mask that is 0 everywhere or not finite: no scale makes it one.
    """
    wide = mask.detach().to("cpu" if mask.device.type == "mps" else mask.device, torch.float64)
    norm = wide.square().sum((-3, -2, -1), keepdim=True).sqrt()
    if not bool(((norm > 0) & norm.isfinite()).all()):
        raise UserFault("a mask is 0 everywhere or not finite, and cannot be scaled", fix="train the generator longer")
    if budget.norm == "l2":
        return (wide * (budget.size / norm)).to(mask)
    unit = wide / wide.abs().amax((-3, -2, -1), keepdim=True)
    wanted = (FILL * budget.size) ** 2 * wide[..., :, :, :].shape[-3:].numel()
    # the norm of the clipped mask grows with the gain: halve the interval of its logarithm
    low, high = torch.full_like(norm, -1.0), torch.full_like(norm, 30.0)
    for _ in range(60):
        middle = (low + high) / 2
        clipped = (unit * budget.size * middle.exp()).clamp(-budget.size, budget.size)
        under = clipped.square().sum((-3, -2, -1), keepdim=True) < wanted
        low, high = torch.where(under, middle, low), torch.where(under, high, middle)
    return (unit * budget.size * low.exp()).clamp(-budget.size, budget.size).to(mask)
