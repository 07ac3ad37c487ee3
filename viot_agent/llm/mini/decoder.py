"""The pointer-copy decoder in NumPy: scores of the next element, given the units, the menu and what is written so far.

Memory is a learned anchor, the units and the candidate tools, through the mixing layers together: a card reads the
request and says by itself whether it is meant, so a tool never trained on can be. The decoder is a two-layer pre-norm
transformer over the elements written so far. Every score but the symbols' is a dot product with what the element stands
for: a tool is chosen by its card as this request reads it, a word by its place.

All elements share one flat index: symbols, candidates, slots, starts, ends, in this order (``Layout``); the trainer
uses the same layout and, name by name, the same weights. Owns the arithmetic. Knows no grammar and no text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viot_agent.llm.mini.menu import SYMBOLS, Element, Menu
from viot_agent.llm.mini.units import KINDS, SHAPES, Unit

Array = npt.NDArray[np.float32]

SLOT_KINDS = (
    "person", "vehicle", "cameras", "time", "plate", "text", "media", "handle", "choice", "scene", "event"
)  # fmt: skip
WIDTH, HEADS, INNER, MIX_LAYERS, LAYERS, ENCODED = 256, 4, 640, 4, 2, 384


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each channel begins in the flat index, for given numbers of candidates, slots and units."""

    candidates: int
    slots: int
    units: int

    def flat(self, element: Element) -> int:
        channel, index = element
        at = len(SYMBOLS)
        if channel == "sym":
            return index
        if channel == "cand":
            return at + index
        at += self.candidates
        if channel == "slot":
            return at + index
        at += self.slots
        return at + index if channel == "start" else at + self.units + index

    @property
    def size(self) -> int:
        return len(SYMBOLS) + self.candidates + self.slots + 2 * self.units


def marks(units: Sequence[Unit]) -> tuple[Array, npt.NDArray[np.int64]]:
    """Multi-hot kinds (N, len(KINDS)) and shape ids (N,)."""
    kinds = np.zeros((len(units), len(KINDS)), np.float32)
    for i, unit in enumerate(units):
        for kind in unit.kinds:
            kinds[i, KINDS.index(kind)] = 1.0
    return kinds, np.array([SHAPES.index(u.shape) for u in units], np.int64)


def slot_kinds(menu: Menu) -> npt.NDArray[np.int64]:
    """The kind id of each slot of the menu."""
    return np.array([SLOT_KINDS.index(arg.kind) for _, arg in menu.slots], np.int64)


def waves(length: int, width: int = WIDTH) -> Array:
    """Sinusoidal positions (length, width): no longest sequence."""
    rate = np.exp(np.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angle = np.arange(length)[:, None] * rate[None]
    out = np.zeros((length, width), np.float32)
    out[:, 0::2], out[:, 1::2] = np.sin(angle), np.cos(angle)
    return out


def mixing(weights: Mapping[str, Array]) -> int:
    """How many mixing layers these weights hold."""
    return len({name.split(".")[1] for name in weights if name.startswith("mix.")})


class Decoder:
    """One request's decoder: ``start`` reads memory once, ``feed`` takes elements and gives the next scores."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.w = {k: np.ascontiguousarray(v, np.float32) for k, v in weights.items() if not k.startswith("lora.")}
        self._mixing = mixing(self.w)

    def start(
        self, states: Array, units: Sequence[Unit], menu: Menu, candidates: Array, limits: Array, slots: Array
    ) -> None:
        """Read the memory. ``states`` (N, 384) of the units; embeddings of what ``candidates`` are (C, 384), what they
        are not for (C, 384; zero where nothing is said) and of the ``slots`` (S, 384)."""
        w = self.w
        kinds, shapes = marks(units)
        x = self._linear(states, "unit_in") + kinds @ w["kind_emb"] + w["shape_emb"][shapes]
        # the anchor carries the whole request: what it is about, before any word is looked at
        whole = states.mean(axis=0, keepdims=True) if len(units) else np.zeros((1, ENCODED), np.float32)
        anchor = w["anchor"] + self._linear(whole, "pool_in")
        x = np.concatenate([anchor, self._norm(x, "unit_norm")]) + 0.5 * waves(len(units) + 1)
        cards = self._norm(self._linear(candidates, "cand_in") + limits @ w["limit_in.weight"].T, "cand_norm")
        x = np.concatenate([x, cards + w["cand_mem"]])
        for i in range(self._mixing):
            y = self._norm(x, f"mix.{i}.n1")
            x = x + self._attend(y, self._linear(y, f"mix.{i}.k"), self._linear(y, f"mix.{i}.v"), f"mix.{i}")
            x = x + self._inner(x, f"mix.{i}")
        memory = self._norm(x, "mix_norm")
        spots, cands = memory[1 : len(units) + 1], memory[len(units) + 1 :]
        slot_rows = self._linear(slots, "slot_in") + w["slot_kind"][slot_kinds(menu)]
        self.layout = Layout(len(cands), len(slot_rows), len(units))
        self._table = np.concatenate(
            [w["sym_emb"], cards + w["cand_emb"], slot_rows, spots + w["start_emb"], spots + w["end_emb"]]
        )
        self._heads = (self._linear(cands, "cand_k"), self._linear(spots, "start_k"), self._linear(spots, "end_k"))
        self._cross = [
            (self._linear(memory, f"dec.{i}.ck"), self._linear(memory, f"dec.{i}.cv")) for i in range(LAYERS)
        ]
        self._past: list[tuple[Array, Array] | None] = [None] * LAYERS
        self._at = 0

    def feed(self, elements: Sequence[Element]) -> Array:
        """Take elements; return the scores of the next one over the flat index (slots, always forced, score 0)."""
        w = self.w
        n = len(elements)
        x = self._table[[self.layout.flat(e) for e in elements]] + 0.5 * waves(self._at + n)[self._at :]
        mask = np.triu(np.full((n, self._at + n), -1e9, np.float32), 1 + self._at) if n > 1 else None
        for i in range(LAYERS):
            y = self._norm(x, f"dec.{i}.n1")
            k, v = self._linear(y, f"dec.{i}.k"), self._linear(y, f"dec.{i}.v")
            past = self._past[i]
            if past is not None:
                k, v = np.concatenate([past[0], k]), np.concatenate([past[1], v])
            self._past[i] = (k, v)
            x = x + self._attend(y, k, v, f"dec.{i}", mask)
            y = self._norm(x, f"dec.{i}.nc")
            x = x + self._attend(y, *self._cross[i], f"dec.{i}.c")
            x = x + self._inner(x, f"dec.{i}")
        self._at += n
        h = self._norm(x[-1:], "dec_norm")
        cands, starts, ends = self._heads
        scale = np.float32(1 / math.sqrt(WIDTH))
        return np.concatenate(
            [
                (h @ w["sym_out"].T + w["sym_bias"])[0],
                (self._linear(h, "cand_q") @ cands.T)[0] * scale,
                np.zeros(self.layout.slots, np.float32),
                (self._linear(h, "start_q") @ starts.T)[0] * scale,
                (self._linear(h, "end_q") @ ends.T)[0] * scale,
            ]
        )

    def _linear(self, x: Array, name: str) -> Array:
        out: Array = x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]
        return out

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(1e-5))
        out: Array = scaled * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]
        return out

    def _inner(self, x: Array, name: str) -> Array:
        up = self._linear(self._norm(x, f"{name}.n2"), f"{name}.up")
        gate = np.float32(0.5) * up * (1 + np.tanh(np.float32(0.7978845608) * (up + np.float32(0.044715) * up**3)))
        return self._linear(gate, f"{name}.down")

    def _attend(self, x: Array, k: Array, v: Array, name: str, mask: Array | None = None) -> Array:
        q = self._linear(x, f"{name}.q")
        scores = _split(q) @ _split(k).transpose(0, 2, 1) / np.float32(math.sqrt(WIDTH // HEADS))
        if mask is not None:
            scores = scores + mask
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = (scores @ _split(v)).transpose(1, 0, 2).reshape(len(x), WIDTH)
        return self._linear(mixed, f"{name}.o")


def _split(x: Array) -> Array:
    """(N, WIDTH) as (HEADS, N, WIDTH / HEADS)."""
    return x.reshape(len(x), HEADS, WIDTH // HEADS).transpose(1, 0, 2)
