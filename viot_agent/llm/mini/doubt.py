"""Whether a first request wants a tool at all: a small reader over what the nets made of it.

The nets learn from every step of many requests, few of which want nothing; told only by their first element, remarks
are taken for requests and hints for remarks. This head reads their states instead (each net's hidden state before its
first element, the mean of its units, and what they say of calling, refusing and asking) and leans them. It is fitted
after them to requests of both kinds (``viot_finetune.mini.doubt``). The weights that ship hold none: then one constant
stands in its place (``leanings.DOUBT``).

Owns what the head is given and how it is run. Knows no grammar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
PARTS = frozenset(("inner.weight", "inner.bias", "outer.weight", "outer.bias"))
"""The arrays of the head."""
MOST = 6.0
"""The farthest that it leans either way, in log-probability."""
FLOOR = -30.0
"""Stands for the log-probability of what the grammar does not leave open."""


def features(hidden: Sequence[Array], states: Sequence[Array], said: Mapping[str, float]) -> Array:
    """What the head reads, (N,): of each net its decoder's state (256,) before the first element and the mean of its
    units' (n, 384), then the nets' mean log-probabilities of ``NEED``, ``NOTOOL`` and ``MISSING``."""
    parts = [
        np.concatenate([h, s.mean(0) if len(s) else np.zeros(s.shape[1:], np.float32)])
        for h, s in zip(hidden, states, strict=True)
    ]
    scores = np.array([said.get(name, FLOOR) for name in ("NEED", "NOTOOL", "MISSING")], np.float32)
    out: Array = np.concatenate([*parts, scores]).astype(np.float32)
    return out


class Doubt:
    """The fitted head: ``arrays`` as they lie in the file."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._w = {name: np.asarray(array, np.float32) for name, array in arrays.items()}

    def lean(self, read: Array) -> float:
        """What is added to the log-probability of calling anything, -MOST to MOST; ``read`` as :func:`features`."""
        inner = np.maximum(self._w["inner.weight"] @ read + self._w["inner.bias"], 0)
        out = float((self._w["outer.weight"] @ inner + self._w["outer.bias"])[0])
        return min(MOST, max(-MOST, out))
