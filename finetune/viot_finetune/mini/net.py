"""The decoder of ``mini`` in PyTorch, for training: name by name the weights that ``llm.mini.decoder`` runs in NumPy.

Owns the batched forward pass and the loss. A test holds its scores equal to the NumPy decoder's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from viot_agent.llm.mini.decoder import (
    ENCODED,
    HEADS,
    INNER,
    LAYERS,
    MIX_LAYERS,
    SLOT_KINDS,
    WIDTH,
    waves,
)
from viot_agent.llm.mini.menu import SYMBOLS
from viot_agent.llm.mini.units import KINDS, SHAPES


@dataclass
class Batch:
    """Padded tensors of B samples; flat indices are of the padded layout.

    ``states`` (B, N, 384), ``kinds`` (B, N, K), ``shapes`` (B, N), ``unit_mask`` (B, N) true where real;
    ``cands`` and ``limits`` (B, C, 384), ``cand_mask``; ``slots`` (B, S, 384), ``slot_kinds`` (B, S);
    ``elements`` (B, L) flat;
    ``gold`` (B, L) flat index of the next element or -100; ``allowed`` (B, L, V) true where the grammar allows;
    ``weight`` (B, L) how much each element counts.
    """

    states: Tensor
    kinds: Tensor
    shapes: Tensor
    unit_mask: Tensor
    cands: Tensor
    limits: Tensor
    cand_mask: Tensor
    slots: Tensor
    slot_kinds: Tensor
    elements: Tensor
    gold: Tensor
    allowed: Tensor
    weight: Tensor


class Block(nn.Module):
    """A pre-norm layer: self attention, cross attention if asked for, inner layer."""

    def __init__(self, cross: bool, dropout: float) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.n1, self.n2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        if cross:
            self.nc = nn.LayerNorm(WIDTH)
            self.c = nn.ModuleDict({n: nn.Linear(WIDTH, WIDTH) for n in ("q", "o")})
            self.ck, self.cv = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.drop = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, mask: Tensor, memory: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        """``mask`` (B, 1 or L, L) true where attention may go; the same for ``memory_mask``."""
        y = self.n1(x)
        x = x + self.drop(self.o(_attend(self.q(y), self.k(y), self.v(y), mask)))
        if memory is not None and memory_mask is not None:
            y = self.nc(x)
            x = x + self.drop(self.c["o"](_attend(self.c["q"](y), self.ck(memory), self.cv(memory), memory_mask)))
        out: Tensor = x + self.drop(self.down(F.gelu(self.up(self.n2(x)), approximate="tanh")))
        return out


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    a, b, c = (t.view(t.shape[0], t.shape[1], HEADS, -1).transpose(1, 2) for t in (q, k, v))
    out = F.scaled_dot_product_attention(a, b, c, attn_mask=mask[:, None])
    return out.transpose(1, 2).reshape(q.shape)


def _small(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape) * 0.3)


class Net(nn.Module):
    """Scores over the flat index for every position."""

    def __init__(self, dropout: float = 0.1, mix: int = MIX_LAYERS) -> None:
        super().__init__()
        self.unit_in, self.unit_norm = nn.Linear(ENCODED, WIDTH), nn.LayerNorm(WIDTH)
        self.kind_emb, self.shape_emb = _small(len(KINDS), WIDTH), _small(len(SHAPES), WIDTH)
        self.anchor, self.pool_in = _small(1, WIDTH), nn.Linear(ENCODED, WIDTH)
        first = Block(False, dropout)
        self.mix = nn.ModuleList([first, *(Block(False, dropout) for _ in range(mix - 1))])
        self.mix_norm = nn.LayerNorm(WIDTH)
        self.cand_in, self.cand_norm = nn.Linear(ENCODED, WIDTH), nn.LayerNorm(WIDTH)
        self.limit_in = nn.Linear(ENCODED, WIDTH, bias=False)
        self.cand_q, self.cand_k = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.slot_in = nn.Linear(ENCODED, WIDTH)
        self.cand_mem, self.cand_emb = _small(WIDTH), _small(WIDTH)
        self.slot_kind = _small(len(SLOT_KINDS), WIDTH)
        self.start_emb, self.end_emb = _small(WIDTH), _small(WIDTH)
        self.sym_emb = _small(len(SYMBOLS), WIDTH)
        self.sym_out = nn.Parameter(torch.randn(len(SYMBOLS), WIDTH) * 0.05)
        self.sym_bias = nn.Parameter(torch.zeros(len(SYMBOLS)))
        self.start_q, self.start_k = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.end_q, self.end_k = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.dec = nn.ModuleList(Block(True, dropout) for _ in range(LAYERS))
        self.dec_norm = nn.LayerNorm(WIDTH)
        with torch.no_grad():
            # slots are unit vectors: scaled up so that they start apart from each other
            self.slot_in.weight.mul_(8)
            self.limit_in.weight.mul_(4)
            # a card and a word that MiniLM finds alike start out alike, and look at each other
            self.cand_in.weight.copy_(self.unit_in.weight * 8)
            first.k.weight.copy_(first.q.weight)

    def forward(self, b: Batch) -> Tensor:
        """Scores (B, L, V)."""
        size, units = b.states.shape[:2]
        x = self.unit_in(b.states) + b.kinds @ self.kind_emb + self.shape_emb[b.shapes]
        real = b.unit_mask[..., None]
        whole = (b.states * real).sum(1, keepdim=True) / real.sum(1, keepdim=True).clamp(min=1)
        x = torch.cat([self.anchor + self.pool_in(whole), self.unit_norm(x)], 1)
        x = x + 0.5 * torch.from_numpy(waves(units + 1)).to(x.device)
        seen = torch.cat([torch.ones(size, 1, dtype=torch.bool, device=x.device), b.unit_mask], 1)
        cards = self.cand_norm(self.cand_in(b.cands) + self.limit_in(b.limits))
        x = torch.cat([x, cards + self.cand_mem], 1)
        mask = torch.cat([seen, b.cand_mask], 1)[:, None]
        for block in self.mix:
            x = block(x, mask)
        memory = self.mix_norm(x)
        spots, cands = memory[:, 1 : units + 1], memory[:, units + 1 :]
        table = torch.cat(
            [
                self.sym_emb.expand(size, -1, -1),
                cards + self.cand_emb,
                self.slot_in(b.slots) + self.slot_kind[b.slot_kinds],
                spots + self.start_emb,
                spots + self.end_emb,
            ],
            1,
        )
        length = b.elements.shape[1]
        places = torch.from_numpy(waves(length)).to(table.device)
        x = table.gather(1, b.elements[..., None].expand(-1, -1, WIDTH)) + 0.5 * places
        causal = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()[None]
        for block in self.dec:
            x = block(x, causal, memory, mask)
        h = self.dec_norm(x)
        scale = 1 / math.sqrt(WIDTH)
        return torch.cat(
            [
                h @ self.sym_out.T + self.sym_bias,
                self.cand_q(h) @ self.cand_k(cands).transpose(1, 2) * scale,
                torch.zeros(size, length, b.slots.shape[1], device=h.device),
                self.start_q(h) @ self.start_k(spots).transpose(1, 2) * scale,
                self.end_q(h) @ self.end_k(spots).transpose(1, 2) * scale,
            ],
            2,
        )


def opinions(scores: Tensor, b: Batch) -> Tensor:
    """Log-probabilities (B, L, V) over what the grammar leaves open at each written position."""
    return F.log_softmax(scores.masked_fill(~b.allowed, -1e9), -1)


def label_loss(said: Tensor, b: Batch) -> Tensor:
    """Weighted mean cross entropy of log-probabilities ``said`` (B, L, V) and the labels."""
    each = F.nll_loss(said.flatten(0, 1), b.gold.flatten(), ignore_index=-100, reduction="none")
    return _mean(each, b)


def opinion_loss(said: Tensor, others: Tensor, b: Batch) -> Tensor:
    """Weighted mean of the divergence KL(others || said): ``said`` log-probabilities, ``others`` probabilities
    (B, L, V) without gradient."""
    each = (others * (others.clamp(min=1e-9).log() - said)).masked_fill(~b.allowed, 0.0).sum(-1)
    return _mean(each.flatten(), b)


def _mean(each: Tensor, b: Batch) -> Tensor:
    weight = b.weight.flatten() * (b.gold.flatten() >= 0)
    return (each * weight).sum() / weight.sum()
