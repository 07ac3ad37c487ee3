"""Short conversations in long blocks behind one copy of what they all begin with, none seeing another.

Every conversation opens with the same system text (rules and tool cards, about a thousand tokens). A block holds that
opening once and then several conversations; each attends to the opening and to itself, and its positions go on from
the opening's end. Loss and gradients are those of the conversations one by one (a test compares logits).

Owns blocks, masks and padding. Knows no text.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from viot_agent.errors import UserFault
from viot_finetune.lora.dataset import IGNORED, Tokens


@dataclass(frozen=True, slots=True)
class Block:
    """Tokens of one row of a batch. ``segments``: 0 for the shared opening, 1, 2, ... for the conversations behind it;
    ``positions`` are those each conversation would have alone."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    segments: tuple[int, ...]
    positions: tuple[int, ...]


def alone(sequence: Tokens) -> Block:
    """A block of one conversation."""
    n = len(sequence.ids)
    return Block(sequence.ids, sequence.labels, (0,) * n, tuple(range(n)))


def opening_of(sequences: Sequence[Tokens]) -> int:
    """How many first tokens all sequences share; none of them carries a loss, and each sequence goes on after them."""
    if not sequences:
        return 0
    first = sequences[0]
    n = min(len(s.ids) for s in sequences) - 1
    for s in sequences:
        n = next((i for i in range(n) if s.ids[i] != first.ids[i] or s.labels[i] != IGNORED), n)
    # the token after the opening is given, too: otherwise its loss would reach over from the segment before
    if n > 0 and any(s.labels[n] != IGNORED for s in sequences):
        n -= 1
    return max(n, 0)


def pack(sequences: Sequence[Tokens], length: int, seed: int) -> list[Block]:
    """All sequences, shuffled, in blocks of at most ``length`` tokens (first fit among the last open blocks).

    Raises UserFault when a sequence alone is longer.
    """
    longest = max((len(s.ids) for s in sequences), default=0)
    if longest > length:
        raise UserFault(f"a conversation has {longest} tokens, a block {length}", fix="raise the maximal length")
    shared = opening_of(sequences)
    order = list(range(len(sequences)))
    random.Random(seed).shuffle(order)
    bins: list[list[int]] = []
    room: list[int] = []
    for i in order:
        need = len(sequences[i].ids) - shared
        at = next((b for b in range(max(0, len(bins) - 8), len(bins)) if room[b] >= need), None)
        if at is None:
            bins.append([])
            room.append(length - shared)
            at = len(bins) - 1
        bins[at].append(i)
        room[at] -= need
    return [_block([sequences[i] for i in members], shared) for members in bins]


def _block(members: Sequence[Tokens], shared: int) -> Block:
    ids, labels = list(members[0].ids[:shared]), [IGNORED] * shared
    segments, positions = [0] * shared, list(range(shared))
    for number, s in enumerate(members, 1):
        ids += s.ids[shared:]
        if s.labels[shared] != IGNORED:
            raise AssertionError("a conversation begins with a token that is given")
        labels += s.labels[shared:]
        segments += [number] * (len(s.ids) - shared)
        positions += range(shared, len(s.ids))
    return Block(tuple(ids), tuple(labels), tuple(segments), tuple(positions))


@dataclass(frozen=True, slots=True)
class Collator:
    """Blocks to a batch, padded on the right. Plain conversations get the usual mask (B, L); packed ones a boolean
    mask (B, 1, L, L), which needs the attention implementation ``sdpa``."""

    pad: int

    def __call__(self, blocks: Sequence[Block]) -> dict[str, Any]:
        width = max(len(b.ids) for b in blocks)

        def rows(name: str, filler: int) -> torch.Tensor:
            cells = [list(getattr(b, name)) for b in blocks]
            return torch.tensor([c + [filler] * (width - len(c)) for c in cells])

        batch: dict[str, Any] = {"input_ids": rows("ids", self.pad), "labels": rows("labels", IGNORED)}
        segments = rows("segments", -1)
        if not any(b.segments[-1] for b in blocks):
            batch["attention_mask"] = (segments >= 0).long()
            return batch
        batch["position_ids"] = rows("positions", 0)
        key, query = segments[:, None, :], segments[:, :, None]
        causal = torch.ones(width, width, dtype=torch.bool).tril()
        seen = causal & ((key == query) | (key == 0))
        # padding sees itself only: a row without any key would be not-a-number
        batch["attention_mask"] = seen[:, None]
        return batch
