"""Looking up known names in running text: exact, or one edit away, fast for a thousand cameras.

Owns the index: every name under its key, and under that key less any one character (symmetric deletion: two strings one
edit apart meet in such a shortened form). Does not know what is a camera or a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from viot_agent.fleet.words import Token

T = TypeVar("T")

SHORTEST_NEAR = 5  # shorter names have too many neighbours among ordinary words


GAP = re.compile(r"[\s\-_.·/#'’‐‑–]{0,3}")
"""What may stand between the words of one name."""


def shortened(key: str) -> Iterator[str]:
    """``key`` less one character, each way."""
    for i in range(len(key)):
        yield key[:i] + key[i + 1 :]


@dataclass(slots=True)
class NameIndex(Generic[T]):
    """Values by key. ``longest`` is the number of tokens of the longest name."""

    exact: dict[str, list[T]] = field(default_factory=dict)
    longest: int = 1
    _near: dict[str, list[str]] = field(default_factory=dict)

    def add(self, key: str, value: T, n_tokens: int) -> None:
        """Store ``value`` under ``key``; an empty key is left out."""
        if not key:
            return
        if key not in self.exact and len(key) >= SHORTEST_NEAR:
            for short in shortened(key):
                self._near.setdefault(short, []).append(key)
        held = self.exact.setdefault(key, [])
        if value not in held:
            held.append(value)
        self.longest = max(self.longest, n_tokens)

    def near(self, key: str) -> list[tuple[str, float]]:
        """Keys one edit from ``key`` (insertion, deletion, replacement, swap of neighbours), with a score 0..100."""
        if len(key) < SHORTEST_NEAR - 1:
            return []
        from rapidfuzz.distance import OSA

        found: dict[str, float] = {}
        for candidate in self._candidates(key):
            if candidate not in found and candidate != key and OSA.distance(key, candidate, score_cutoff=1) <= 1:
                found[candidate] = 100.0 * (1 - 1 / max(len(key), len(candidate)))
        return list(found.items())

    def _candidates(self, key: str) -> Iterable[str]:
        yield from self._near.get(key, ())
        for short in shortened(key):
            if short in self.exact and len(short) >= SHORTEST_NEAR:
                yield short
            yield from self._near.get(short, ())


def runs(text: str, cut: Sequence[Token], longest: int) -> Iterator[Sequence[Token]]:
    """Neighbouring tokens, up to ``longest`` of them, with nothing but separators between."""
    for i in range(len(cut)):
        for j in range(i + 1, min(len(cut), i + longest) + 1):
            if j - i > 1 and not GAP.fullmatch(text[cut[j - 2].end : cut[j - 1].start]):
                break
            yield cut[i:j]
