"""Rows of unlike length without padding: all positions lie one after another, (T, D), and no padding is reckoned.

Only attention, where rows may not mix, pads them, a few rows at a time. Here too: dropout whose chance comes in whole
bytes, and an adapted linear layer whose three products are one function, because on two cores PyTorch's own spend most
of their time elsewhere than in the products. Owns these four; knows no model. What each returns equals the padded form
(tests), but for which units dropout takes and, under autocast, for bfloat16's rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Ints = npt.NDArray[np.int64]
TOGETHER = 16
"""Rows that attention pads to the longest of them, on a processor; elsewhere all at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows side by side: where their positions lie (``begin`` to ``end`` of T), how many rows and positions a row
    they are padded to, which of the padded positions are real (end - begin,), and the mask (rows, 1, 1, width)."""

    begin: int
    end: int
    rows: int
    width: int
    real: Tensor
    mask: Tensor


class Rows:
    """Where the rows of a flat (T, D) tensor lie: ``lengths`` of each, at least one position."""

    def __init__(self, lengths: Sequence[int] | Ints, device: torch.device | str = "cpu") -> None:
        self.lengths = np.asarray(lengths, np.int64)
        if not len(self.lengths) or self.lengths.min() < 1:
            raise ValueError("a row of nothing")
        self.begins = np.concatenate([[0], np.cumsum(self.lengths)])
        self.device = torch.device(device)
        size = TOGETHER if self.device.type == "cpu" else len(self.lengths)
        self.parts = [self._part(k, min(k + size, len(self.lengths))) for k in range(0, len(self.lengths), size)]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def places(self) -> Tensor:
        """Each position's place in its row (T,)."""
        return torch.from_numpy(np.arange(self.begins[-1]) - np.repeat(self.begins[:-1], self.lengths)).to(self.device)

    @property
    def owners(self) -> Tensor:
        """Each position's row (T,)."""
        return torch.from_numpy(np.repeat(np.arange(len(self.lengths)), self.lengths)).to(self.device)

    def padded(self, x: Tensor) -> Tensor:
        """(T, D) as (B, N, D), zero where nothing is."""
        width = int(self.lengths.max())
        at = _real(self.lengths, width).to(self.device)
        return _spread(x, at, len(self) * width).view(len(self), width, -1)

    def _part(self, first: int, last: int) -> Part:
        lengths = self.lengths[first:last]
        width = int(lengths.max())
        mask = torch.from_numpy(np.arange(width)[None] < lengths[:, None])[:, None, None].to(self.device)
        begin, end = int(self.begins[first]), int(self.begins[last])
        return Part(begin, end, last - first, width, _real(lengths, width).to(self.device), mask)


def _real(lengths: Ints, width: int) -> Tensor:
    return torch.from_numpy(np.flatnonzero(np.arange(width)[None] < lengths[:, None]))


class _Spread(torch.autograd.Function):
    """Rows of ``x`` to the places ``at`` of ``size``, zero elsewhere; ``at`` names no place twice."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, at: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(at)
        return x.new_zeros(size, x.shape[1]).index_copy_(0, at, x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0].index_select(0, ctx.saved_tensors[0]), None, None


def _spread(x: Tensor, at: Tensor, size: int) -> Tensor:
    return cast(Tensor, _Spread.apply(x, at, size))  # type: ignore[no-untyped-call]


class _Take(torch.autograd.Function):
    """Rows ``at`` of ``x``; ``at`` names none twice, so that their gradients need not be added up."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, at: Tensor) -> Tensor:
        ctx.save_for_backward(at)
        ctx.size = len(x)
        return x.index_select(0, at)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        grad = grads[0]
        return grad.new_zeros(ctx.size, grad.shape[1]).index_copy_(0, ctx.saved_tensors[0], grad), None


def take(x: Tensor, at: Tensor) -> Tensor:
    """Rows ``at`` (K,) of ``x`` (T, D); none twice."""
    return cast(Tensor, _Take.apply(x, at))  # type: ignore[no-untyped-call]


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    asking: Rows,
    asked: Rows,
    heads: int,
    *,
    causal: bool = False,
    dropout: float = 0.0,
) -> Tensor:
    """Scaled dot-product attention (Vaswani et al., NeurIPS 2017, equation 1) of ``q`` (T, D) over ``k`` and ``v``
    (S, D), each row over the same row. ``causal``: no position sees a later one. ``dropout``: of what is attended to.
    Returns (T, D)."""
    mixed = [
        _take_part(_attend(_heads(q, a, heads), _heads(k, b, heads), _heads(v, b, heads), b.mask, causal, dropout), a)
        for a, b in zip(asking.parts, asked.parts, strict=True)
    ]
    return torch.cat(mixed)


def _heads(x: Tensor, part: Part, heads: int) -> Tensor:
    """(rows, heads, width, D / heads)."""
    out = _spread(x[part.begin : part.end], part.real, part.rows * part.width)
    return out.view(part.rows, part.width, heads, -1).transpose(1, 2)


def _take_part(mixed: Tensor, part: Part) -> Tensor:
    return take(mixed.transpose(1, 2).reshape(part.rows * part.width, -1), part.real)


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, causal: bool, dropout: float) -> Tensor:
    if causal:
        mask = mask & torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    if not dropout:
        with torch.autocast("cpu", enabled=False):  # in halves its gradient takes three times as long
            return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=mask)
    scores = (q @ k.transpose(2, 3)) * (1 / math.sqrt(q.shape[-1]))
    shares = scores.masked_fill(~mask, -1e9).softmax(-1)
    return dropped(shares, dropout) @ v


def dropped(x: Tensor, share: float) -> Tensor:
    """``x`` with a share of its values at zero and the others made up for it. On a processor the share is the nearest
    of 256 parts, because a random byte is enough there."""
    if x.device.type != "cpu":
        return F.dropout(x, share)
    below = round(256 * share)
    words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= below
    return x * kept.to(x.dtype).mul_(256 / (256 - below))


class Dropout(nn.Module):
    """:func:`dropped`, in training. Raises ValueError for a share that is none."""

    def __init__(self, share: float) -> None:
        super().__init__()
        if not 0 <= share < 1:
            raise ValueError(f"a share of {share} cannot be dropped: from 0 to below 1")
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        return dropped(x, self.share) if self.training and self.share else x


class _Adapted(torch.autograd.Function):
    """``x W' + b + s (x A') B'`` for a weight that stays as it is, whose precision the products have."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
        x, a, b = (t.to(weight.dtype) for t in (x, a, b))
        inner = x @ a.t()
        ctx.save_for_backward(x, inner, weight, a, b)
        ctx.scale = scale
        return torch.addmm(bias, x, weight.t()).addmm_(inner, b.t(), alpha=scale)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, inner, weight, a, b = ctx.saved_tensors
        grad = grads[0].to(weight.dtype)
        within = (grad @ b).mul_(ctx.scale)
        own = (grad @ weight).addmm_(within, a) if ctx.needs_input_grad[0] else None
        return own, None, None, within.t() @ x, (grad.t() @ inner).mul_(ctx.scale), None


def adapted_at_once(model: nn.Module) -> None:
    """Let every adapted linear layer of a peft model reckon base and adapter in one function (LoRA, Hu et al., ICLR
    2022, equation 3, without dropout), for inputs (T, D): the same values and gradients, with no sums in between. On a
    processor under autocast its products are bfloat16's, of a copy of the base's weight that is made once."""
    for layer in adapted(model):
        layer.forward = partial(_at_once, layer, {})


def adapted(model: nn.Module) -> Iterator[Any]:
    """The linear layers of a peft model that have an adapter."""
    from peft.tuners.lora import Linear

    return (layer for layer in model.modules() if isinstance(layer, Linear))


def _at_once(layer: Any, halves: dict[str, Tensor], x: Tensor) -> Tensor:
    base, name = layer.base_layer, "default"
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    weight, bias = base.weight, base.bias
    if torch.is_autocast_enabled("cpu"):
        if not halves:
            halves |= {"weight": weight.bfloat16(), "bias": bias.bfloat16()}
        weight, bias = halves["weight"], halves["bias"]
    with torch.autocast("cpu", enabled=False):
        out = _Adapted.apply(x, weight, bias, a, b, layer.scaling[name])  # type: ignore[no-untyped-call]
    return cast(Tensor, out)
