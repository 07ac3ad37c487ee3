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
    Layout,
    waves,
)
from viot_agent.llm.mini.menu import SYMBOLS
from viot_agent.llm.mini.units import KINDS, SHAPES
from viot_finetune.mini.flat import Dropout, Rows, attention, take


@dataclass
class Batch:
    """Tensors of B samples; those of units (U), cards (C) and written elements (E) are flat, sample after sample.

    ``states`` (U, 384), ``kinds`` (U, K), ``shapes`` (U) and how they lie in ``units``; ``cands`` and ``limits``
    (C, 384) in ``cards``; ``memory`` is where B anchors, all units and all cards, in this order, lie when each sample's
    stand together; ``slots`` (S, 384) and ``slot_kinds`` (S) of the slots that are written.
    ``elements`` (E): which rows of symbols, cards, slots, starts and ends, in this order, stand in ``written``.
    Padded, with V the flat index of ``Layout`` for the padded sizes: ``gold`` (B, L) of the next element or -100;
    ``allowed`` (B, L, V) true where the grammar allows; ``weight`` (B, L) how much each element counts; ``layout``.
    """

    states: Tensor
    kinds: Tensor
    shapes: Tensor
    units: Rows
    cands: Tensor
    limits: Tensor
    cards: Rows
    memory: Tensor
    slots: Tensor
    slot_kinds: Tensor
    elements: Tensor
    written: Rows
    gold: Tensor
    allowed: Tensor
    weight: Tensor
    layout: Layout


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
        self.drop = Dropout(dropout)

    def forward(
        self, x: Tensor, rows: Rows, memory: Tensor | None = None, remembered: Rows | None = None, causal: bool = False
    ) -> Tensor:
        """``x`` (T, D) lies in ``rows``, ``memory`` in ``remembered``; ``causal``: no position sees a later one."""
        y = self.n1(x)
        x = x + self.drop(self.o(attention(self.q(y), self.k(y), self.v(y), rows, rows, HEADS, causal=causal)))
        if memory is not None and remembered is not None:
            y = self.nc(x)
            seen = attention(self.c["q"](y), self.ck(memory), self.cv(memory), rows, remembered, HEADS)
            x = x + self.drop(self.c["o"](seen))
        out: Tensor = x + self.drop(self.down(F.gelu(self.up(self.n2(x)), approximate="tanh")))
        return out


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
        """Scores (B, L, V), zero for the slots, which the grammar forces."""
        size, count = len(b.units), len(b.states)
        x = self.unit_in(b.states) + b.kinds @ self.kind_emb + self.shape_emb[b.shapes]
        whole = b.states.new_zeros(size, ENCODED).index_add(0, b.units.owners, b.states)
        lengths = torch.from_numpy(b.units.lengths).to(whole.device)
        anchors = self.anchor + self.pool_in(whole / lengths[:, None])
        places = _waves(int(b.units.lengths.max()) + 1, x.device)
        cards = self.cand_norm(self.cand_in(b.cands) + self.limit_in(b.limits))
        x = torch.cat([anchors + places[0], self.unit_norm(x) + places[1 + b.units.places], cards + self.cand_mem])
        together = Rows(1 + b.units.lengths + b.cards.lengths, x.device)
        x = take(x, b.memory)
        for block in self.mix:
            x = block(x, together)
        memory = self.mix_norm(x)
        back = torch.empty_like(b.memory)
        back[b.memory] = torch.arange(len(back), device=back.device)
        spots, cands = take(memory, back[size : size + count]), take(memory, back[size + count :])
        table = torch.cat(
            [
                self.sym_emb,
                cards + self.cand_emb,
                self.slot_in(b.slots) + self.slot_kind[b.slot_kinds],
                spots + self.start_emb,
                spots + self.end_emb,
            ]
        )
        places = _waves(int(b.written.lengths.max()), x.device)
        x = table[b.elements] + places[b.written.places]
        for block in self.dec:
            x = block(x, b.written, memory, together, causal=True)
        h = self.dec_norm(x)
        scale = 1 / math.sqrt(WIDTH)

        def pointed(asks: Tensor, keys: Tensor, rows: Rows) -> Tensor:
            return b.written.padded(asks) @ rows.padded(keys).transpose(1, 2) * scale

        symbols = b.written.padded(h @ self.sym_out.T + self.sym_bias)
        return torch.cat(
            [
                symbols,
                pointed(self.cand_q(h), self.cand_k(cands), b.cards),
                symbols.new_zeros(size, symbols.shape[1], b.layout.slots),
                pointed(self.start_q(h), self.start_k(spots), b.units),
                pointed(self.end_q(h), self.end_k(spots), b.units),
            ],
            2,
        )


def _waves(length: int, device: torch.device) -> Tensor:
    return 0.5 * torch.from_numpy(waves(length)).to(device)


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
